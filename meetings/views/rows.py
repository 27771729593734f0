"""The rows of an agenda as one person may see them: names for who may read the case, else the label, else a number."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from cases import links
from cases.access import readable_cases
from cases.models import Referral
from mdo.directory.models import Organisation
from mdo.kernel.acting import Actor, elevated
from meetings import access, agenda, guests
from meetings.access import Chair
from meetings.forecast import Forecast, forecast
from meetings.models import AgendaItem, Meeting


@dataclass(frozen=True)
class PlannedBreak:
    """A break before a row; ``after``: the item behind which it is planned."""

    starts_at: datetime
    minutes: int
    after: AgendaItem


@dataclass(frozen=True)
class Row:
    """One line of the agenda. ``name`` is the patient's where ``readable``, else the label; of a topic it is the title."""

    item: AgendaItem
    number: int | None
    name: str
    label: str
    organisation: Organisation
    expected_at: datetime | None
    requester: str = ""
    referral: Referral | None = None  # only where the case may be read
    withdrawn: bool = False
    rest: PlannedBreak | None = None
    same_as: tuple[int, ...] = ()  # the numbers of other rows of the same person, where both cases may be read

    @property
    def is_topic(self) -> bool:
        return self.item.topic_id is not None

    @property
    def waits(self) -> bool:
        return self.item.state == AgendaItem.State.SCHEDULED

    @property
    def covered(self) -> bool:
        """Whether it stands under a protocol, to be recorded or recorded without discussion."""
        done = (AgendaItem.State.SCHEDULED, AgendaItem.State.DISCUSSED)
        return bool(self.item.protocol) and self.item.state in done and not self.withdrawn

    @property
    def takes_guests(self) -> bool:
        """Whether somebody may still be invited to it by a link."""
        return self.referral is not None and self.item.state in (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN)

    @property
    def guests(self) -> int:
        """How many were."""
        return getattr(self.item, "invited", None) or 0

    @property
    def place(self) -> int:
        return self.item.position


@dataclass(frozen=True)
class Agenda:
    """What one person sees of one agenda, and when it is expected to end (``None`` for a guest)."""

    rows: list[Row]
    forecast: Forecast | None
    minutes: int | None

    @property
    def readable(self) -> list[tuple[UUID, UUID]]:
        """(hospital, case) of every patient whose name is shown."""
        return [(row.item.hospital_id, row.referral.case_id) for row in self.rows if row.referral is not None]


def agenda_for(by: Actor, meeting: Meeting, place: Chair, *, tumours: bool = False) -> Agenda:
    """The agenda as ``by`` may see it; with the cases' ``tumours`` where what is missing is shown. A constant number of queries,
    whatever the number of items."""
    found = access.visible_items(by, meeting, place)
    found = found.select_related("topic", "referral__case__patient")
    # A few hospitals and requesters stand behind sixty rows: each is read once, not in every row.
    found = found.prefetch_related("hospital", "referral__requester")
    found = found.annotate(invited=guests.how_many())
    if tumours:
        found = found.prefetch_related("referral__case__tumours")
    items: list[AgendaItem] = list(found.order_by("position"))
    every = items if not place.is_guest else list(AgendaItem.objects.filter(meeting=meeting).order_by("position"))
    times = forecast(every, starts_at=meeting.starts_at, started_at=meeting.started_at, closed_at=meeting.closed_at)
    readable = readable_cases(by, [item.referral for item in items if item.referral is not None])
    hidden = _hidden([item for item in items if item.referral_id is not None and item.referral is None])
    numbers = {} if place.is_guest else agenda.numbers(items)
    rests = {} if place.is_guest else _rests(items, times)
    rows = []
    for item in items:
        referral = item.referral or hidden.get(item.referral_id)
        may_read = (
            item.referral is not None
            and item.referral.case_id in readable
            and not place.pseudonyms
            and place.permits_item("read_case", item)
        )
        rows.append(
            Row(
                item=item,
                number=numbers.get(item.pk),
                name=_name(item, referral, may_read=may_read, pseudonyms=place.pseudonyms),
                label=_name(item, referral, may_read=False, pseudonyms=place.pseudonyms),
                organisation=item.hospital,
                expected_at=times.items.get(item.pk),
                requester=referral.requester.display_name
                if referral and not place.pseudonyms and not place.is_guest
                else "",
                referral=item.referral if may_read else None,
                rest=rests.get(item.pk),
                withdrawn=referral is not None and referral.status == Referral.Status.WITHDRAWN,
            )
        )
    if place.is_guest:
        return Agenda(rows, None, None)
    return Agenda(_one_person(meeting, rows), times, agenda.planned_minutes(items))


def _rests(items: list[AgendaItem], times: Forecast) -> dict[UUID, PlannedBreak]:
    found = {}
    for carrier, following in agenda.planned_breaks(items):
        rest = times.breaks.get(following.pk)
        if rest is not None:
            found[following.pk] = PlannedBreak(rest.starts_at, rest.minutes, carrier)
    return found


def _one_person(meeting: Meeting, rows: list[Row]) -> list[Row]:
    """The rows, each with the numbers of those that are about the same person in another hospital."""
    patients = {row.referral.case.patient_id for row in rows if row.referral is not None}
    same: dict[UUID, set[UUID]] = {}
    for one, other in links.among(meeting.board_id, patients):
        same.setdefault(one, set()).add(other)
        same.setdefault(other, set()).add(one)
    if not same:
        return rows
    found = []
    for row in rows:
        linked = same.get(row.referral.case.patient_id, set()) if row.referral is not None else set()
        numbers = [
            each.number for each in rows if each.referral is not None and each.referral.case.patient_id in linked
        ]
        found.append(replace(row, same_as=tuple(number for number in numbers if number is not None)))
    return found


def _hidden(items: list[AgendaItem]) -> dict[UUID | None, Referral]:
    """What row-level security keeps from the actor, read by the house, only to draw its label."""
    if not items:
        return {}
    with elevated("agenda.label"):
        found = Referral.objects.filter(pk__in=[item.referral_id for item in items])
        return {each.pk: each for each in found.select_related("case__patient", "requester")}


def pseudonym(item: AgendaItem) -> str:
    """What a case is called where nobody is to be recognised: for observers, and on paper without names."""
    return _("Case %(number)s") % {"number": item.position}


def _name(item: AgendaItem, referral: Referral | None, *, may_read: bool, pseudonyms: bool) -> str:
    if item.topic is not None:
        return item.topic.title
    if pseudonyms or referral is None:
        return pseudonym(item)
    patient = referral.case.patient
    return patient.display_name if may_read else patient.label

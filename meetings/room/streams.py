"""Which meetings an event belongs to, and what has to be drawn again when it happens.

Each meeting has one stream, of the meeting's own id. Events of ``cases`` know no meetings: those on whose agenda the case
stands, and which were not called off, hear of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from cases.events import CaseCreated, PatientRegistered, PatientsLinked, PatientsUnlinked, ReferralMoved
from cases.models import Link, Referral
from mdo.kernel import journal
from mdo.kernel.events import Event
from meetings.events import MeetingEvent
from meetings.models import AgendaItem, Meeting


def streams_for(event: Event) -> Iterable[UUID]:
    """The ids of the meetings in whose room the event is heard."""
    if isinstance(event, MeetingEvent):
        return (event.meeting_id,)
    if isinstance(event, PatientsLinked | PatientsUnlinked):
        ends = Link.objects.filter(pk=event.link_id).values_list("one", "other")
        touched = Q(referral__case__patient__in=[patient for link in ends for patient in link])
        return _hearing(touched, board=event.board_id)
    if isinstance(event, ReferralMoved) and event.after == Referral.Status.DISCUSSED:
        return ()  # said by the item that closed, in the same breath
    if isinstance(event, PatientRegistered | CaseCreated):
        return ()  # on no agenda yet
    named = {
        name: value for name, value in event.object_ids().items() if name in ("case_id", "referral_id", "patient_id")
    }
    if "referral_id" in named:
        touched = Q(referral=named["referral_id"])
    elif "case_id" in named:
        touched = Q(referral__case=named["case_id"])
    elif "patient_id" in named:
        touched = Q(referral__case__patient=named["patient_id"])
    else:
        return ()
    # A running meeting may want it as a late case.
    late = Q(state=Meeting.State.RUNNING, board=event.board_id) if isinstance(event, ReferralMoved) else Q(pk__in=[])
    return _hearing(touched, late)


def _hearing(touched: Q, more: Q | None = None, **only: UUID) -> tuple[UUID, ...]:
    """The meetings on whose agenda such an item stands."""
    on_agenda = Exists(AgendaItem.objects.filter(touched, meeting=OuterRef("pk")))
    heard = Q(on_agenda) & ~Q(state=Meeting.State.CANCELLED)  # a closed room stays open to look back, and true
    meetings = Meeting.objects.filter(heard | more if more else heard, **only)
    return tuple(meetings.order_by("pk").values_list("pk", flat=True))


journal.register_streams(streams_for)


@dataclass
class Parts:
    """What has to be drawn again: the meeting itself, some items (by id, or by the case or referral behind them), people, …"""

    meeting: bool = False
    items: set[UUID] = field(default_factory=set)
    referrals: set[UUID] = field(default_factory=set)
    cases: set[UUID] = field(default_factory=set)
    patients: set[UUID] = field(default_factory=set)
    all_items: bool = False
    removed: set[UUID] = field(default_factory=set)
    people: set[UUID] = field(default_factory=set)
    all_people: bool = False
    forecast: bool = False
    quorum: bool = False
    candidates: bool = False
    walls: bool = False
    guests: bool = False
    spoken: bool = False  # the items of which a wording stands read back: whose word is missing depends on who is here
    audiences: bool = False  # who sits here in which seat may have changed

    @classmethod
    def everything(cls) -> "Parts":
        return cls(
            meeting=True,
            all_items=True,
            all_people=True,
            forecast=True,
            quorum=True,
            candidates=True,
            walls=True,
            guests=True,
        )

    @classmethod
    def of_all(cls, several: "Iterable[Parts]") -> "Parts":
        """What has to be read for drawing several: whatever one of them draws."""
        parts = list(several)
        found = cls()
        for each in fields(cls):
            values = [getattr(part, each.name) for part in parts]
            merged = set().union(*values) if isinstance(getattr(found, each.name), set) else any(values)
            setattr(found, each.name, merged)
        return found

    def wants(self, item: AgendaItem) -> bool:
        """Whether this item has to be drawn."""
        if self.all_items or item.pk in self.items or (self.spoken and item.read_back_at is not None):
            return True
        referral = item.referral
        return referral is not None and (
            referral.pk in self.referrals or referral.case_id in self.cases or referral.case.patient_id in self.patients
        )

    @property
    def any_people(self) -> bool:
        return bool(self.all_people or self.people or self.quorum or self.spoken or self.guests)

    @property
    def any_items(self) -> bool:
        return bool(self.all_items or self.items or self.referrals or self.cases or self.patients or self.spoken)


def _ids(values: Sequence[str]) -> set[UUID]:
    return {UUID(value) for value in values}


def parts_of(name: str, data: dict[str, Any]) -> Parts:
    """What has to be drawn again after the journaled event ``name`` with its ``data``."""
    item = {UUID(data["item_id"])} if "item_id" in data else set()
    match name:
        case "meeting.started" | "meeting.closed":
            return Parts(meeting=True, forecast=True, quorum=True, candidates=True, guests=True)
        case "agenda.item_added":
            return Parts(items=item, forecast=True, candidates=True, audiences=True, guests=True)
        case "agenda.item_removed":
            return Parts(removed=item, forecast=True, candidates=True, audiences=True, guests=True)
        case "guest.invited" | "guest.confirmed" | "guest.left":
            return Parts(meeting=True, guests=True, audiences=True)
        case "agenda.items_moved":
            return Parts(meeting=True, items=_ids(list(data["positions"])), forecast=True)
        case "agenda.item_parked" | "agenda.protocol_marked":
            return Parts(meeting=True, items=item, forecast=True, quorum=True)
        case "agenda.people_called":
            return Parts(items=_ids(data["item_ids"]))
        case "agenda.step_undone":
            return Parts(
                meeting=True,
                items=_ids(data["item_ids"]),
                forecast=True,
                quorum=True,
                candidates=True,
                audiences=True,
                guests=True,
            )
        case "meeting.chair_handed_over" | "meeting.recording_delegated":
            return Parts(meeting=True, audiences=True)
        case "meeting.presenter_named" | "meeting.breaks_set" | "call.moved" | "call.muted":
            return Parts(meeting=True)
        case "meeting.break_begun" | "meeting.break_ended":
            return Parts(meeting=True, forecast=True)
        case "decision.recorded" | "decision.reopened":
            return Parts(meeting=True, items=item)
        case "wall.paired" | "wall.unpaired":
            return Parts(walls=True)
        case "presence.beside_changed":
            return Parts(people=_ids([data["person_id"]]), quorum=True)
        case "agenda.item_opened" | "agenda.item_closed" | "agenda.item_postponed" | "agenda.item_withdrawn":
            return Parts(meeting=True, items=item, forecast=True, quorum=True, candidates=True, guests=True)
        case "presence.changed":
            return Parts(people=_ids(data["person_ids"]), quorum=True, spoken=True, guests=True)
        case "referral.moved" | "referral.changed":
            return Parts(referrals={UUID(data["referral_id"])}, candidates=True, audiences=True)
        case "preparation.changed":
            return Parts(referrals={UUID(data["referral_id"])})
        case "case.created" | "case.changed" | "document.added" | "document.removed":
            return Parts(cases={UUID(data["case_id"])})
        case "patient.changed" | "patient.registered" | "patient.merged" | "patient.unmerged":
            return Parts(patients={UUID(data["patient_id"])}, candidates=True)
        case "patient.linked" | "patient.unlinked":
            return Parts(all_items=True)  # the event names no patient, and it is rare
    if name.startswith("meeting."):
        return Parts(meeting=True, forecast=True)
    if name.startswith("agenda."):
        return Parts(items=item, forecast=True)
    return Parts(items=item)

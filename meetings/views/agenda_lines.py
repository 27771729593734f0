"""The lines of an agenda's table as they are drawn: the few forms that a line has, and the words that differ from line to line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from mdo.directory.models import Organisation
from mdo.kernel import dates
from meetings.models import AgendaItem, Decision, Meeting
from meetings.views.rows import PlannedBreak, Row
from meetings.views.showing import ANY_ID, with_id
from meetings.views.submissions import how_many_missing

_ROUTES = {
    "minutes": "item_minutes",
    "move": "item_move",
    "remove": "item_remove",
    "postpone": "item_postpone",
    "guests": "guests",
}


@dataclass(frozen=True)
class Table:
    """What holds for every line of one page."""

    editable: bool
    is_guest: bool
    closed: bool
    command_id: UUID  # one for every line: whatever is done, the list comes anew
    csrf_input: str
    reasons: tuple[tuple[str, str], ...]  # why an item can be postponed: code and words
    reason_for_deceased: str


@dataclass(frozen=True)
class Shape:
    """What a line has; its words are what it says there."""

    organisation: Organisation
    state: str
    label: str
    decided: bool
    timed: bool
    readable: bool
    deceased: bool
    same: bool
    topic: bool
    late: bool
    requested: bool
    invites: bool
    invited: bool
    incomplete: bool
    waits: bool
    withdrawn: bool  # the item itself, so that it can be taken off
    noted: bool
    first: bool
    last: bool


@dataclass(frozen=True)
class Line:
    """``rest``: the break that is planned before it."""

    shape: Shape
    words: Mapping[str, object]
    rest: PlannedBreak | None = None


@dataclass(frozen=True)
class Shown:
    """What the page knows of a row beside the row: its decision, what was typed and refused, and what its dossier misses."""

    row: Row
    decision: Decision | None
    typed: str | None
    missing: tuple[str, ...]


def lines(meeting: Meeting, shown: Sequence[Shown], *, can_invite: bool, acting_for: str) -> list[Line]:
    """The lines of a table. No query."""
    addresses = {
        name: reverse(f"meetings:{route}", args=[meeting.pk, ANY_ID]) + acting_for for name, route in _ROUTES.items()
    }
    decision = reverse("meetings:decision", args=[ANY_ID]) + acting_for
    case = reverse("cases:detail", args=[ANY_ID]) + acting_for
    states = {value: str(label) for value, label in AgendaItem.State.choices}
    decided = {value: str(label) for value, label in Decision.State.choices}
    found = []
    for place, each in enumerate(shown):
        row, item, referral = each.row, each.row.item, each.row.referral
        state, label = item.state, states[item.state]
        if row.withdrawn:
            state, label = "withdrawn", _("Withdrawn")
        elif each.decision is not None:
            state, label = each.decision.state, decided[each.decision.state]
        words: dict[str, object] = {name: with_id(address, item.pk) for name, address in addresses.items()}
        words |= {
            "id": item.pk,
            "version": item.version,
            "number": "–" if row.number is None else row.number,
            "at": dates.local(row.expected_at, "H:i") if row.expected_at else "",
            "name": row.name,
            "case": with_id(case, referral.case_id) if referral is not None else "",
            "born": dates.date(referral.case.patient.birth_date, "j M Y") if referral is not None else "",
            "same": ", ".join(map(str, row.same_as)),
            "requester": row.requester,
            "invited": row.guests,
            "missing": ", ".join(each.missing),
            "how_many": how_many_missing(len(each.missing)),
            "shown_minutes": each.typed or item.minutes,
            "planned_minutes": item.minutes,
            "decision": with_id(decision, each.decision.pk) if each.decision is not None else "",
            "note": item.postponed_note,
            "up": row.place - 1,
            "down": row.place + 1,
        }
        shape = Shape(
            organisation=row.organisation,
            state=state,
            label=label,
            decided=each.decision is not None and not row.withdrawn,
            timed=row.expected_at is not None,
            readable=referral is not None,
            deceased=referral is not None and referral.case.patient.deceased_on is not None,
            same=bool(row.same_as),
            topic=row.is_topic,
            late=item.late,
            requested=bool(row.requester),
            invites=can_invite and row.takes_guests,
            invited=bool(row.guests),
            incomplete=bool(each.missing),
            waits=row.waits,
            withdrawn=item.state == AgendaItem.State.WITHDRAWN,
            noted=state == AgendaItem.State.POSTPONED and bool(item.postponed_note),
            first=place == 0,
            last=place == len(shown) - 1,
        )
        found.append(Line(shape, words, row.rest))
    return found

"""The read-back: the wording stands on every screen, and who is at the table confirms it or dissents.

How much is asked is the board's setting: nothing, no objection in the room, or a word of each discipline that is there.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from mdo.directory import disciplines
from mdo.directory.models import BoardRole
from mdo.kernel.errors import RuleBroken
from meetings import attendance
from meetings.attendance import Seat
from meetings.models import AgendaItem, Voice

# The seats whose word is asked (the row "read_back" of the matrix): chair, coordinator, members, requester.
_ASKED = {BoardRole.Role.CHAIR, BoardRole.Role.COORDINATOR, BoardRole.Role.MEMBER, "requester"}


def voices_of(item: AgendaItem) -> list[Voice]:
    """What was said of the wording that stands now, oldest first. One query."""
    found = Voice.objects.filter(item=item, round=item.read_back_round)
    return list(found.select_related("person").order_by("at", "id"))


def missing(present: Iterable[Seat], voices: Iterable[Voice]) -> list[str]:
    """The disciplines (codes) at the table of which nobody has spoken yet, in order. Who only watches is not asked."""
    asked = {seat.person.discipline for seat in present if seat.role in _ASKED and seat.person.discipline}
    return sorted(asked - {voice.discipline for voice in voices})


def present_at(item: AgendaItem) -> list[Seat]:
    """Who is in the room now. Two queries."""
    leases = attendance.leases(item.meeting)
    people = attendance.seats(item.meeting, leases, ())
    return [people[person_id] for person_id in {lease.person_id for lease in leases if lease.ended_at is None}]


def as_kept(voices: Sequence[Voice]) -> list[dict[str, Any]]:
    """The voices as a decision keeps them: ``[{"person", "name", "discipline", "kind", "reason", "at"}]``."""
    return [
        {
            "person": str(voice.person_id),
            "name": voice.person.display_name,
            "discipline": voice.discipline,
            "kind": voice.kind,
            "reason": voice.reason,
            "at": voice.at.isoformat(),
        }
        for voice in voices
    ]


def required(item: AgendaItem) -> list[dict[str, Any]]:
    """The voices to keep with the recommendation of ``item`` (its meeting's board loaded). Raises ``RuleBroken`` when the board's
    read-back is not done: not begun, or a discipline that is there has not spoken."""
    board = item.meeting.board
    if board.read_back == board.ReadBack.OFF:
        return []
    if item.read_back_at is None:
        raise RuleBroken(_("Read the wording back first."), field="item")
    voices = voices_of(item)
    if board.read_back == board.ReadBack.EACH:
        waiting = missing(present_at(item), voices)
        if waiting:
            names = ", ".join(disciplines.words(code) for code in waiting)
            raise RuleBroken(_("Not confirmed yet: %(disciplines)s.") % {"disciplines": names}, field="item")
    return as_kept(voices)


def dissents(kept: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the voices that a decision keeps, those that dissent."""
    return [voice for voice in kept if voice["kind"] == Voice.Kind.DISSENT]

"""Who was there, for which hospital, by which means, from when until when: derived from the leases of the room, and from the stays in
the call that a media server tells of. A stay counts while the socket was cut and picture and sound went on."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from mdo.directory.models import Board, BoardRole, Organisation, Person
from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
from meetings import guests
from meetings.models import AgendaItem, Beside, CallStay, Lease, Meeting
from meetings.quorum import BoardQuorum, Interval, Participant, Quorum, attendance, billing_quorum, board_quorum
from meetings.rulesets import rule_set


@dataclass(frozen=True)
class Seat:
    """A person in the room's list: who they are and what they are there."""

    person: Person
    organisation: Organisation
    role: str  # a BoardRole code, or "requester", "guest"

    def participant(self, intervals: Iterable[Interval]) -> Participant:
        return Participant(
            person_id=self.person.pk,
            profession=self.person.profession,
            discipline=self.person.discipline,
            organisation_id=self.organisation.pk,
            is_coordinator=self.role == BoardRole.Role.COORDINATOR,
            intervals=tuple(intervals),
        )


_RANK = {
    role: rank
    for rank, role in enumerate(("coordinator", "chair", "secretary", "member", "observer", "requester", "guest"))
}


def leases(meeting: Meeting) -> list[Lease]:
    """All connections that the room has had, oldest first. One query."""
    return _leases(meeting=meeting.pk)


@compiled
def _leases(meeting: UUID) -> QuerySet[Lease]:
    beside = Beside.objects.filter(meeting=OuterRef("meeting"))
    stays = CallStay.objects.filter(meeting=OuterRef("meeting"))
    found = Lease.objects.filter(meeting=meeting).annotate(any_beside=Exists(beside), any_stay=Exists(stays))
    return found.select_related("person", "organisation").order_by("opened_at")


def seats(meeting: Meeting, connections: Iterable[Lease], outside: Collection[UUID]) -> dict[UUID, Seat]:
    """Everybody who belongs to the room: the board's people now, and whoever else has come in. One query.

    ``outside``: the people for whom an item of this meeting has a place as a guest.
    """
    at = now()
    found: dict[UUID, Seat] = {}
    for role in _roles(board=meeting.board_id, at=at):
        if role.valid_until is not None and role.valid_until <= at:
            continue
        known = found.get(role.person_id)
        # Who chairs and coordinates is the coordinator: the quorum for billing asks for that one.
        if known is None or _RANK[role.role] < _RANK[known.role]:
            found[role.person_id] = Seat(role.person, role.organisation, role.role)
    members = set(found)
    for lease in connections:
        if lease.person_id not in members:
            found[lease.person_id] = Seat(
                lease.person, lease.organisation, "guest" if lease.person_id in outside else "requester"
            )
    return found


@compiled
def _roles(board: UUID, at: datetime) -> QuerySet[BoardRole]:
    found = BoardRole.objects.filter(board=board, valid_from__lte=at, person__is_active=True)
    return found.select_related("person", "organisation")


def intervals(connections: Iterable[Lease], stays: Iterable[CallStay] = ()) -> dict[UUID, list[Interval]]:
    """Per person the times of their connections to the room, and of their stays in its call."""
    found: dict[UUID, list[Interval]] = {}
    for lease in connections:
        found.setdefault(lease.person_id, []).append(Interval(lease.opened_at, lease.ended_at, lease.means))  # type: ignore[arg-type]
    for stay in stays:
        if stay.person_id in found:  # nobody gets a ticket without a connection
            found[stay.person_id].append(Interval(stay.joined_at, stay.left_at, stay.means))  # type: ignore[arg-type]
    return found


def call_stays(meeting: Meeting, connections: Iterable[Lease]) -> list[CallStay]:
    """All stays in the call of this meeting, in the order in which they began; ``connections`` come from ``leases``. One query, or none."""
    if not any(lease.any_stay for lease in connections):  # type: ignore[attr-defined]
        return []
    return list(CallStay.objects.filter(meeting=meeting).order_by("joined_at", "id"))


def open_times(item: AgendaItem) -> list[Interval]:
    """The times at which an item was on the table."""
    return [
        Interval(datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None)
        for start, end in item.open_intervals
    ]


def of_item(
    item: AgendaItem, connections: list[Lease], stays: Iterable[CallStay] = ()
) -> list[tuple[Seat, list[Interval]]]:
    """Who was there for one item, with their times; ``connections`` and ``stays`` are those of its room. Two queries.

    An item's guest counts; another item's guest was outside the door, and is none of the people of this one.
    """
    by_item = guests.people_by_item(item.meeting)
    own = by_item.pop(item.pk, set())
    elsewhere = set().union(*by_item.values()) - own
    people = seats(item.meeting, connections, own)
    windows = open_times(item)
    there = []
    for person_id, times in intervals(connections, stays).items():
        seat = people[person_id]
        if person_id in elsewhere and seat.role == "requester":
            continue
        found = attendance(times, windows)
        if found:
            there.append((seat, found))
    return sorted(
        there, key=lambda pair: (pair[0].organisation.name, pair[0].person.last_name, pair[0].person.first_name)
    )


def beside_here(beside: Iterable[Beside], here: Mapping[UUID, Lease]) -> list[Participant]:
    """Who sits before somebody's screen now, as the quorums see them: in the room, for as long as that screen is there."""
    return [
        _participant(each, [Interval(max(each.since, here[each.host_id].opened_at), None, "room")])
        for each in beside
        if each.until is None and each.host_id in here
    ]


def _participant(each: Beside, times: list[Interval]) -> Participant:
    known = each.person
    return Participant(
        person_id=known.pk if known else each.pk,
        profession=known.profession if known else "",  # who is only typed counts for the board, not for billing
        discipline=each.discipline,
        organisation_id=each.organisation_id,
        intervals=tuple(times),
    )


def beside_item(
    meeting: Meeting, connections: Iterable[Lease], windows: list[Interval]
) -> list[tuple[Beside, list[Interval]]]:
    """Who sat before somebody's screen while an item was on the table, with their times; ``connections`` come from ``leases``. One query, or
    none."""
    if not any(lease.any_beside for lease in connections):  # type: ignore[attr-defined]
        return []
    by_host = intervals(connections)
    found = []
    for each in Beside.objects.filter(meeting=meeting).select_related("person", "organisation").order_by("since", "id"):
        own = Interval(each.since, each.until, "room")
        screen = [Interval(one.start, one.end, "room") for one in by_host.get(each.host_id, [])]
        times = attendance(attendance(screen, [own]), windows)
        if times:
            found.append((each, times))
    return found


def phones_of_item(stays: Iterable[CallStay], windows: list[Interval]) -> list[tuple[CallStay, list[Interval]]]:
    """Who was there by telephone while an item was on the table, by the name that they came with, with their times. No quorum counts
    somebody whom nobody knows."""
    by_peer: dict[str, list[CallStay]] = {}
    for stay in stays:
        if stay.person_id is None:
            by_peer.setdefault(stay.peer, []).append(stay)
    found = []
    for own in by_peer.values():
        times = attendance([Interval(each.joined_at, each.left_at, "phone") for each in own], windows)
        if times:
            found.append((own[0], times))
    return found


def quorums(
    board: Board, participants: list[Participant], words: dict[str, str] | None = None
) -> tuple[Quorum, Quorum]:
    """The board's own quorum and the one for billing, with their reasons in the language that is active."""
    return board_quorum(BoardQuorum(**board.quorum), participants, words), billing_quorum(
        rule_set(board.rule_set), participants
    )


def frozen(item: AgendaItem) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Attendance and quorums of an item at this moment, as they are kept in its decision.

    A list of ``{"person", "name", "profession", "discipline", "organisation", "organisation_name", "role", "times": [[from, to or
    null, means], …]}``, and ``{"board": …, "billing": …}`` with met, have and need.
    """
    connections = leases(item.meeting)
    stays = call_stays(item.meeting, connections)
    there = of_item(item, connections, stays)
    beside = beside_item(item.meeting, connections, open_times(item))
    phones = phones_of_item(stays, open_times(item))
    rows: list[dict[str, Any]] = [
        {
            "person": str(seat.person.pk),
            "name": seat.person.display_name,
            "profession": seat.person.profession,
            "discipline": seat.person.discipline,
            "organisation": str(seat.organisation.pk),
            "organisation_name": seat.organisation.name,
            "role": seat.role,
            "times": [[one.start.isoformat(), one.end.isoformat() if one.end else None, one.means] for one in found],
        }
        for seat, found in there
    ]
    rows += [
        {
            "person": str(each.person_id) if each.person_id else None,
            "name": each.name,
            "profession": each.person.profession if each.person else "",
            "discipline": each.discipline,
            "organisation": str(each.organisation_id),
            "organisation_name": each.organisation.name,
            "role": "beside",
            "times": [[one.start.isoformat(), one.end.isoformat() if one.end else None, one.means] for one in found],
        }
        for each, found in beside
    ]
    rows += [
        {
            "person": None,
            "name": each.name,
            "profession": "",
            "discipline": "",
            "organisation": None,
            "organisation_name": "",
            "role": "phone",
            "times": [[one.start.isoformat(), one.end.isoformat() if one.end else None, one.means] for one in found],
        }
        for each, found in phones
    ]
    participants = [seat.participant(found) for seat, found in there]
    participants += [_participant(each, found) for each, found in beside]
    return rows, _met(item.meeting.board, participants)


def nobody(board: Board) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The same for what was recorded without discussion: whoever sat in the room took no part."""
    return [], _met(board, [])


def _met(of: Board, participants: list[Participant]) -> dict[str, Any]:
    board, billing = quorums(of, participants)
    return {
        name: {"met": one.met, "have": one.have, "need": one.need}
        for name, one in (("board", board), ("billing", billing))
    }

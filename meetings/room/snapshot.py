"""Drawing the room: from the tables to what one kind of viewer sees.

``load`` reads the state of a room in a constant number of queries, as the house. ``draw`` is pure: it shows an *audience*
what it may see of that state, all of it (a snapshot) or the parts that an event touched (a patch). Both go through the same
functions, so a snapshot and the patches after it are always the fresh snapshot. What is shown of an item that the viewer may
not read the case of is the agenda's label; care content is never in a frame, it is fetched per viewer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from cases.dossiers.board_kinds import BoardKind, board_kind
from cases.models import Referral
from mdo.directory import disciplines
from mdo.directory.models import Organisation
from meetings import attendance
from meetings.attendance import Seat
from meetings.forecast import forecast
from meetings.models import AgendaItem, Decision, Lease, Meeting
from meetings.quorum import Interval
from meetings.room.streams import Parts

State = AgendaItem.State


@dataclass(frozen=True)
class Audience:
    """Everything that a drawing depends on. People with equal audiences get the very same bytes."""

    organisation_id: UUID
    reach: frozenset[UUID]
    can: frozenset[str]
    language: str
    sees_items: bool = True
    pseudonyms: bool = False
    guest_items: frozenset[UUID] | None = None  # None: sits at the table; else a guest of these items and nothing more


@dataclass
class Room:
    """The state of a room as read at one moment."""

    meeting: Meeting
    kind: BoardKind
    items: list[AgendaItem]
    decisions: dict[UUID, Decision]
    people: dict[UUID, Seat]
    here: dict[UUID, Lease]
    organisations: dict[UUID, Organisation]
    candidates: list[Referral]


def load(meeting_id: UUID) -> Room:
    """Read a room, in the door of the house. A constant number of queries, whatever the number of items and people."""
    meeting = Meeting.objects.select_related("board__organiser").get(pk=meeting_id)
    items = list(
        AgendaItem.objects.filter(meeting=meeting)
        .select_related("referral__requester", "referral__case__patient", "topic", "pen_holder")
        .order_by("position")
    )
    decisions = {
        decision.item_id: decision
        for decision in Decision.objects.filter(meeting=meeting)
        .exclude(state=Decision.State.REPLACED)
        .defer("text", "steps", "attendance", "deviation")
        .order_by("version")
    }
    leases = attendance.leases(meeting)
    guests = {item.referral.guest_id for item in items if item.referral and item.referral.guest_id}
    people = attendance.seats(meeting, leases, guests)
    # The oldest connection that is still open tells since when somebody is here.
    here = {lease.person_id: lease for lease in reversed(leases) if lease.ended_at is None}
    wanted = {item.hospital_id for item in items} | {seat.organisation.pk for seat in people.values()}
    candidates: list[Referral] = []
    if meeting.state == Meeting.State.RUNNING:  # before, the agenda's own page brings cases in
        on_agenda = [item.referral_id for item in items if item.referral_id]
        waiting = (Referral.Status.SUBMITTED, Referral.Status.ACCEPTED, Referral.Status.POSTPONED)
        candidates = list(
            Referral.objects.filter(board=meeting.board_id, status__in=waiting)
            .exclude(pk__in=on_agenda)
            .select_related("case__patient")
            .order_by("submitted_at", "id")[:60]
        )
        wanted |= {referral.hospital_id for referral in candidates}
    organisations = {each.pk: each for each in Organisation.objects.filter(pk__in=wanted)}
    return Room(meeting, board_kind(meeting.board.kind), items, decisions, people, here, organisations, candidates)


# --- drawing -----------------------------------------------------------------------------------------------------------


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _meeting(room: Room) -> dict[str, Any]:
    meeting = room.meeting
    return {
        "id": str(meeting.pk),
        "board": meeting.board.name,
        "starts_at": _iso(meeting.starts_at),
        "ends_at": _iso(meeting.ends_at),
        "state": meeting.state,
        "started_at": _iso(meeting.started_at),
        "closed_at": _iso(meeting.closed_at),
        "current": str(meeting.current_item_id) if meeting.current_item_id else None,
        "version": meeting.version,
    }


def sees(audience: Audience, item: AgendaItem) -> bool:
    """Whether the row of this item exists for the audience (``meetings/access.py`` says the rule)."""
    if audience.guest_items is not None:
        return item.pk in audience.guest_items and item.state == State.OPEN
    return audience.sees_items and (item.referral_id is None or item.hospital_id in audience.reach)


def label(item: AgendaItem, *, pseudonyms: bool = False) -> str:
    """How an agenda names an item: initials and year of birth, a number for observers, the title of a topic."""
    if item.topic is not None:
        return item.topic.title
    if pseudonyms or item.referral is None:
        return _("Case %(number)s") % {"number": item.position}
    return item.referral.case.patient.label


def _spent(item: AgendaItem) -> int:
    times = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in item.open_intervals if end]
    return int(sum((end - start).total_seconds() for start, end in times))


def _item(room: Room, audience: Audience, item: AgendaItem) -> dict[str, Any]:
    decision = room.decisions.get(item.pk)
    recorded = decision is not None and decision.state != Decision.State.DRAFT
    referral = item.referral
    guest = audience.guest_items is not None
    return {
        "id": str(item.pk),
        "position": 1 if guest else item.position,
        "kind": "topic" if referral is None else "case",
        "label": label(item, pseudonyms=audience.pseudonyms),
        "organisation": str(item.hospital_id),
        "requester": referral.requester.display_name if referral and not audience.pseudonyms and not guest else None,
        "minutes": item.minutes,
        "state": item.state,
        "late": item.late,
        "opened_at": _iso(item.opened_at),
        "closed_at": _iso(item.closed_at),
        "spent_s": _spent(item),
        "postponed_reason": item.postponed_reason or None,
        "version": item.version,
        # Rises when the case behind the item changed, so that the stage is fetched again.
        "content": referral.version + referral.case.version + referral.case.patient.version if referral else 0,
        "draft": {
            "version": decision.draft_version if decision and not guest else 0,
            "pen": str(item.pen_holder_id) if item.pen_holder_id and not guest else None,
            "pen_name": item.pen_holder.display_name if item.pen_holder and not guest else None,
        },
        "decision": (
            {"id": str(decision.pk), "state": decision.state, "version": decision.version}
            if decision is not None and recorded and not guest
            else None
        ),
    }


def _person(room: Room, person_id: UUID) -> dict[str, Any]:
    seat = room.people[person_id]
    lease = room.here.get(person_id)
    return {
        "id": str(person_id),
        "name": seat.person.display_name,
        "discipline": disciplines.words(seat.person.discipline),
        "organisation": str(seat.organisation.pk),
        "role": seat.role,
        "present": lease is not None,
        "means": lease.means if lease else None,
        "since": _iso(lease.opened_at) if lease else None,
    }


def _forecast(room: Room, audience: Audience) -> dict[str, Any]:
    meeting = room.meeting
    found = forecast(
        room.items,
        starts_at=meeting.starts_at,
        started_at=meeting.started_at,
        closed_at=meeting.closed_at,
    )
    seen = {item.pk for item in room.items if sees(audience, item)}
    return {
        "end": _iso(found.end),
        "items": {str(item_id): _iso(at) for item_id, at in found.items.items() if item_id in seen},
    }


def _quorum(room: Room) -> dict[str, Any]:
    """Whether who is here now is enough: for the open item its guest counts, other guests wait outside."""
    current = next((item for item in room.items if item.state == State.OPEN), None)
    guest = current.referral.guest_id if current and current.referral else None
    participants = [
        seat.participant([Interval(room.here[person_id].opened_at, None, room.here[person_id].means)])  # type: ignore[arg-type]
        for person_id, seat in room.people.items()
        if person_id in room.here and (seat.role != "guest" or person_id == guest)
    ]
    board, billing = attendance.quorums(room.meeting.board, participants, disciplines.all_words())
    return {**board.as_wire(), "billing": billing.as_wire()}


def _organisations(room: Room, audience: Audience) -> dict[str, Any]:
    shown = {seat.organisation.pk for seat in room.people.values()} | audience.reach | {room.meeting.hospital_id}
    return {
        str(each.pk): {"name": each.name, "short": each.short_name, "colour": each.colour}
        for each in room.organisations.values()
        if each.pk in shown
    }


def _candidates(room: Room, audience: Audience) -> list[dict[str, Any]]:
    if "add_late" not in audience.can:
        return []
    return [
        {"referral": str(each.pk), "label": each.case.patient.label, "organisation": str(each.hospital_id)}
        for each in room.candidates
        if each.hospital_id in audience.reach
    ]


def draw(room: Room, audience: Audience, parts: Parts) -> dict[str, Any]:
    """The patch that shows ``parts`` of the room to the audience. Pure; in the audience's language. Empty when it sees none of it."""
    if audience.guest_items is not None:
        raise ValueError("a guest gets no patches: draw the whole small view with draw_guest()")
    patch: dict[str, Any] = {}
    with translation.override(audience.language):
        if parts.meeting:
            patch["meeting"] = _meeting(room)
        if parts.any_items:
            items = [_item(room, audience, item) for item in room.items if parts.wants(item) and sees(audience, item)]
            if items:
                patch["items"] = items
                if parts.audiences:
                    patch["organisations"] = _organisations(room, audience)
        if parts.removed:
            patch["removed"] = [str(item_id) for item_id in sorted(parts.removed)]
        if parts.all_people or parts.people:
            wanted = set(room.people) if parts.all_people else parts.people
            people = [_person(room, person_id) for person_id in sorted(wanted & set(room.people))]
            if people:
                patch["people"] = people
                patch["organisations"] = _organisations(room, audience)
        if parts.forecast:
            patch["forecast"] = _forecast(room, audience)
        if parts.quorum:
            patch["quorum"] = _quorum(room)
        if parts.candidates and "add_late" in audience.can:
            patch["candidates"] = _candidates(room, audience)
    return patch


def draw_room(room: Room, audience: Audience) -> dict[str, Any]:
    """The whole room for somebody at the table: the ``room`` of a snapshot frame."""
    with translation.override(audience.language):
        words = _words(room.kind, audience.language)
        return {
            "meeting": _meeting(room),
            "organisations": _organisations(room, audience),
            "items": [_item(room, audience, item) for item in room.items if sees(audience, item)],
            "people": [_person(room, person_id) for person_id in sorted(room.people)],
            "forecast": _forecast(room, audience),
            "quorum": _quorum(room),
            "candidates": _candidates(room, audience),
            **words,
        }


def _words(kind: BoardKind, language: str) -> Mapping[str, dict[str, str]]:
    return {
        "reasons": dict(kind.choices("postponement_reasons", language)),
        "steps": dict(kind.choices("steps", language)),
        "intents": dict(kind.choices("intents", language)),
    }


def draw_guest(room: Room, audience: Audience) -> dict[str, Any]:
    """All that a guest sees: that the meeting is there, and the own item while it is open. No counts, names or times of others."""
    with translation.override(audience.language):
        items = [_item(room, audience, item) for item in room.items if sees(audience, item)]
        meeting = _meeting(room)
        mine = items[0]["id"] if items else None
        meeting.update(current=mine, version=0, started_at=None, ends_at=meeting["starts_at"])
        shown = {item["organisation"] for item in items}
        organisations = {key: value for key, value in _organisations(room, audience).items() if key in shown}
        return {
            "meeting": meeting,
            "organisations": organisations,
            "items": items,
            "people": [],
            "forecast": None,
            "quorum": None,
            "candidates": [],
            "reasons": {},
            "steps": {},
            "intents": {},
        }

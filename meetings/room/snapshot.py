"""Drawing the room: from the tables to what one kind of viewer sees.

``load`` reads the state of a room in a constant number of queries, as the house. ``draw`` is pure: it shows an *audience*
what it may see of that state, all of it (a snapshot) or the parts that an event touched (a patch). Both go through the same
functions, so a snapshot and the patches after it are always the fresh snapshot. What is shown of an item that the viewer may
not read the case of is the agenda's label; care content is never in a frame, it is fetched per viewer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, OuterRef, Subquery
from django.utils import translation
from django.utils.translation import gettext as _

from cases import links
from cases.dossiers.board_kinds import BoardKind, board_kind
from cases.models import PreparationNote, Referral
from mdo.directory import disciplines
from mdo.directory.models import Board, Organisation
from meetings import attendance, call, guests, readback
from meetings.actions import undoing
from meetings.attendance import Seat
from meetings.forecast import forecast
from meetings.models import AgendaItem, Beside, CallIn, Decision, Delegation, Lease, Meeting, Remark, Voice, WallDisplay
from meetings.quorum import Interval
from meetings.room import relay
from meetings.room.streams import Parts

State = AgendaItem.State

# What the others are told of somebody in the call.
_SHOWN = ("mic", "camera", "screen", "hand", "low", "guest", "speak", "since", "hand_at")

# How many later sittings are offered for postponing.
MOST_SITTINGS = 12


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
    wall: bool = False  # a screen on a wall (``wall.py``): the item on the table, and nothing more


@dataclass
class Room:
    """The state of a room as read at one moment. What nobody asked for (``load(…, parts)``) is empty."""

    meeting: Meeting
    kind: BoardKind
    items: list[AgendaItem]
    decisions: dict[UUID, Decision] = field(default_factory=dict)
    voices: dict[UUID, list[Voice]] = field(default_factory=dict)
    talk: dict[UUID, dict[str, int]] = field(default_factory=dict)
    called: dict[UUID, list[UUID]] = field(default_factory=dict)
    people: dict[UUID, Seat] = field(default_factory=dict)
    here: dict[UUID, Lease] = field(default_factory=dict)
    calls: dict[UUID, list[Lease]] = field(default_factory=dict)
    beside: list[Beside] = field(default_factory=list)
    delegations: list[tuple[UUID, str]] = field(default_factory=list)
    organisations: dict[UUID, Organisation] = field(default_factory=dict)
    candidates: list[Referral] = field(default_factory=list)
    sittings: list[Meeting] = field(default_factory=list)
    walls: list[WallDisplay] = field(default_factory=list)


def load(meeting_id: UUID, parts: Parts | None = None) -> Room:
    """Read a room, in the door of the house: all of it, or what ``parts`` draws. A constant number of queries, whatever the number
    of items and people."""
    wanted = parts or Parts.everything()
    recorded = (
        Decision.objects.filter(meeting=OuterRef("pk")).order_by().values("meeting").annotate(at=Max("recorded_at"))
    )
    meetings = Meeting.objects.select_related("board__organiser").annotate(
        last_recorded=Subquery(recorded.values("at"))
    )
    meeting = meetings.get(pk=meeting_id)
    rows = (
        AgendaItem.objects.filter(meeting=meeting)
        .select_related("referral__requester", "referral__case__patient", "topic", "read_back_by")
        .annotate(prepared=_prepared(), told_same=links.times_told("referral__case__patient", "meeting__board"))
        .order_by("position")
    )
    items = list(guests.with_invitations(rows) if wanted.any_people else rows)
    room = Room(meeting, board_kind(meeting.board.kind), items)
    if wanted.meeting:
        room.delegations = list(
            Delegation.objects.filter(meeting=meeting, ended_at=None)
            .order_by("given_at")
            .values_list("person_id", "kind")
        )
    if wanted.any_items:
        _load_items(room)
    if wanted.any_people or any(item.read_back_at for item in items):
        _load_people(room)
    if wanted.candidates and meeting.state == Meeting.State.RUNNING:  # before, the agenda's own page brings cases in
        room.candidates = _waiting_cases(room)
    if wanted.walls:
        room.walls = list(WallDisplay.objects.filter(meeting=meeting, ended_at=None).order_by("paired_at"))
    if parts is None and meeting.state not in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        later = (Meeting.State.PLANNED, Meeting.State.PUBLISHED)
        sittings = Meeting.objects.filter(board=meeting.board_id, state__in=later, starts_at__gt=meeting.starts_at)
        room.sittings = list(sittings.only("id", "starts_at").order_by("starts_at")[:MOST_SITTINGS])
    if (
        parts is None or wanted.all_people or wanted.people or wanted.audiences
    ):  # drawn with people, and with who comes anew
        shown = {item.hospital_id for item in items} | {seat.organisation.pk for seat in room.people.values()}
        shown |= {referral.hospital_id for referral in room.candidates} | {meeting.hospital_id}
        room.organisations = {each.pk: each for each in Organisation.objects.filter(pk__in=shown)}
    return room


def _prepared() -> Subquery:
    """A number that rises with every change of what was prepared: the rows that there are, and those of them that were replaced."""
    notes = PreparationNote.objects.filter(referral=OuterRef("referral")).order_by().values("referral")
    return Subquery(notes.annotate(n=Count("id") + Count("replaced_at")).values("n"))


def _load_items(room: Room) -> None:
    meeting = room.meeting
    room.decisions = {
        decision.item_id: decision
        for decision in Decision.objects.filter(meeting=meeting)
        .exclude(state=Decision.State.REPLACED)
        .defer("text", "discussion", "steps", "attendance", "deviation", "agreed", "voices")
        .order_by("version")
    }
    spoken = {item.pk: item.read_back_round for item in room.items if item.read_back_at is not None}
    if spoken:
        said = Voice.objects.filter(item__in=spoken).select_related("person").defer("reason").order_by("at", "id")
        for voice in said:
            if voice.round == spoken[voice.item_id]:
                room.voices.setdefault(voice.item_id, []).append(voice)
    counted = Remark.objects.filter(item__in=[item.pk for item in room.items]).values_list("item_id", "kind")
    for item_id, kind, n in counted.annotate(n=Count("id")).order_by():
        room.talk.setdefault(item_id, {})[kind] = n
    for item_id, person_id in CallIn.objects.filter(meeting=meeting).order_by("id").values_list("item_id", "person_id"):
        room.called.setdefault(item_id, []).append(person_id)


def _load_people(room: Room) -> None:
    leases = attendance.leases(room.meeting)
    outside: set[UUID] = set().union(*(guests.guests_of(item) for item in room.items))
    room.people = attendance.seats(room.meeting, leases, outside)
    # The oldest connection that is still open tells since when somebody is here.
    room.here = {lease.person_id: lease for lease in reversed(leases) if lease.ended_at is None}
    for lease in leases:
        if lease.ended_at is None and lease.call is not None:
            room.calls.setdefault(lease.person_id, []).append(lease)
    room.beside = list(
        Beside.objects.filter(meeting=room.meeting, until=None).select_related("person").order_by("since", "id")
    )


def _waiting_cases(room: Room) -> list[Referral]:
    on_agenda = [item.referral_id for item in room.items if item.referral_id]
    waiting = (Referral.Status.SUBMITTED, Referral.Status.ACCEPTED, Referral.Status.POSTPONED)
    return list(
        Referral.objects.filter(board=room.meeting.board_id, status__in=waiting)
        .exclude(pk__in=on_agenda)
        .select_related("case__patient")
        .order_by("submitted_at", "id")[:60]
    )


# --- drawing -----------------------------------------------------------------------------------------------------------


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _meeting(room: Room, audience: Audience) -> dict[str, Any]:
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
        "read_back": meeting.board.read_back,
        "presenter": str(meeting.presenter_id) if meeting.presenter_id else None,
        "break": {"since": _z(meeting.breaks[-1][0]), "until": _iso(meeting.break_until)}
        if meeting.break_until
        else None,
        "breaks": [[_z(since), _z(until)] for since, until in meeting.breaks if until],
        "break_after": meeting.board.break_after,
        "chairs": [str(person) for person, kind in room.delegations if kind == Delegation.Kind.CHAIR],
        "scribes": [str(person) for person, kind in room.delegations if kind == Delegation.Kind.SCRIBE],
        "undo": _undo(meeting),
        "call": _call(room, audience),
        "version": meeting.version,
    }


def _call(room: Room, audience: Audience) -> dict[str, Any]:
    """How picture and sound go. A number to dial in by is for whoever may be in the call now; the address of the hospital's own system
    opens the whole meeting, so it is for nobody's guest."""
    meeting, inside, guest = room.meeting, "call" in audience.can, audience.guest_items is not None
    way = call.way_of(meeting)
    muted = meeting.muted_at
    if guest:  # nothing from before their slot
        current = next((item for item in room.items if sees(audience, item)), None)
        since = current.opened_at if current is not None else None
        muted = muted if muted and since and muted >= since else None
        if not inside or way == call.OWN or (way == call.MESH and not relay.configured()):
            way = call.NONE
    return {
        "way": way,
        "epoch": call.tag(meeting.pk, meeting.call_epoch) if inside else "",
        "muted_at": _iso(muted),
        "muted_by": str(meeting.muted_by_id) if muted and meeting.muted_by_id else None,
        "link": meeting.board.call_link or None if inside and not guest and way == call.OWN else None,
        "dial_in": meeting.board.call_dial_in or None if inside else None,
        "server": call.server_configured(),
    }


def _z(moment: str) -> str:
    return moment.replace("+00:00", "Z")


def _undo(meeting: Meeting) -> dict[str, Any] | None:
    step = undoing.standing(meeting, meeting.last_recorded)  # type: ignore[attr-defined]
    return {"what": step["what"], "until": _z(step["until"]), "by": step["by"]} if step else None


def sees(audience: Audience, item: AgendaItem) -> bool:
    """Whether the row of this item exists for the audience (``meetings/access.py`` says the rule)."""
    if audience.wall:
        return item.state == State.OPEN and (item.referral_id is None or item.hospital_id in audience.reach)
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


def _content(item: AgendaItem, referral: Referral, *, beside: bool) -> int:
    """``beside``: for whoever also reads what was prepared, and that it is somebody whom another hospital knows."""
    told: int = (getattr(item, "prepared", None) or 0) + (getattr(item, "told_same", None) or 0)
    return referral.version + referral.case.version + referral.case.patient.version + (told if beside else 0)


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
        "content": _content(item, referral, beside=not guest and not audience.pseudonyms) if referral else 0,
        "draft": {"version": decision.draft_version if decision and not guest else 0},
        "parked": item.parked and not guest,
        "protocol": "" if guest or audience.pseudonyms else item.protocol,
        "talk": {kind: room.talk.get(item.pk, {}).get(kind, 0) if not guest else 0 for kind in Remark.Kind.values},
        "called": [] if guest else [str(person_id) for person_id in room.called.get(item.pk, ())],
        "read_back": None if guest else _read_back(room, item),
        "decision": (
            {"id": str(decision.pk), "state": decision.state, "version": decision.version}
            if decision is not None and recorded and not guest
            else None
        ),
    }


def _read_back(room: Room, item: AgendaItem) -> dict[str, Any] | None:
    """The wording that stands on the screens: by whom, and who said what of it. The wording and the reasons are fetched."""
    if item.read_back_at is None:
        return None
    voices = room.voices.get(item.pk, [])
    waiting: list[str] = []
    if room.meeting.board.read_back == Board.ReadBack.EACH:
        waiting = readback.missing([seat for person_id, seat in room.people.items() if person_id in room.here], voices)
    return {
        "at": _iso(item.read_back_at),
        "by": str(item.read_back_by_id) if item.read_back_by_id else None,
        "by_name": item.read_back_by.display_name if item.read_back_by else "",
        "round": item.read_back_round,
        "voices": [
            {
                "person": str(voice.person_id),
                "name": voice.person.display_name,
                "discipline": disciplines.words(voice.discipline),
                "kind": voice.kind,
            }
            for voice in voices
        ],
        "missing": [disciplines.words(code) for code in waiting],
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
        "beside": [
            {"id": str(each.pk), "name": each.name, "discipline": disciplines.words(each.discipline)}
            for each in room.beside
            if each.host_id == person_id
        ],
        "calls": [
            {"peer": str(lease.call_peer), **{name: lease.call[name] for name in _SHOWN}}
            for lease in room.calls.get(person_id, ())
            if lease.call is not None
        ],
    }


def _in_call(room: Room) -> list[dict[str, Any]]:
    """Who is in the call, for a guest at the table: name, discipline and house, as everybody is introduced; no times."""
    people = [_person(room, person_id) for person_id in sorted(room.calls) if person_id in room.people]
    return [
        {
            **person,
            "since": None,
            "beside": [],
            "calls": [{**each, "since": None, "hand_at": None} for each in person["calls"]],
        }
        for person in people
    ]


def _forecast(room: Room, audience: Audience) -> dict[str, Any]:
    meeting = room.meeting
    found = forecast(
        room.items,
        starts_at=meeting.starts_at,
        started_at=meeting.started_at,
        closed_at=meeting.closed_at,
        resumes_at=meeting.break_until or _end_of_last_break(meeting),
    )
    seen = {item.pk for item in room.items if sees(audience, item)}
    return {
        "end": _iso(found.end),
        "items": {str(item_id): _iso(at) for item_id, at in found.items.items() if item_id in seen},
        "breaks": {
            str(item_id): {"at": _iso(rest.starts_at), "minutes": rest.minutes}
            for item_id, rest in found.breaks.items()
            if item_id in seen
        },
    }


def _end_of_last_break(meeting: Meeting) -> datetime | None:
    return datetime.fromisoformat(meeting.breaks[-1][1]) if meeting.breaks and meeting.breaks[-1][1] else None


def _quorum(room: Room) -> dict[str, Any]:
    """Whether who is here now is enough: for the open item its guest counts, other guests wait outside."""
    current = next((item for item in room.items if item.state == State.OPEN), None)
    inside = guests.guests_of(current) if current else set()
    participants = [
        seat.participant([Interval(room.here[person_id].opened_at, None, room.here[person_id].means)])  # type: ignore[arg-type]
        for person_id, seat in room.people.items()
        if person_id in room.here and (seat.role != "guest" or person_id in inside)
    ]
    participants += attendance.beside_here(room.beside, room.here)
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


def _sittings(room: Room, audience: Audience) -> list[dict[str, Any]]:
    if "postpone" not in audience.can:
        return []
    return [{"id": str(each.pk), "starts_at": _iso(each.starts_at)} for each in room.sittings]


def _walls(room: Room, audience: Audience) -> list[dict[str, Any]]:
    """The screens that show this meeting, for whoever may let them go."""
    if "run" not in audience.can:
        return []
    return [{"id": str(each.pk), "by": str(each.paired_by_id), "at": _iso(each.paired_at)} for each in room.walls]


def _guests(room: Room, audience: Audience) -> list[dict[str, Any]]:
    """Who was invited by link, for whoever shows guests in and out: of the items that they see."""
    if "run" not in audience.can:
        return []
    return guests.states([item for item in room.items if sees(audience, item)], room.here)


def draw(room: Room, audience: Audience, parts: Parts) -> dict[str, Any]:
    """The patch that shows ``parts`` of the room to the audience. Pure; in the audience's language. Empty when it sees none of it."""
    if audience.guest_items is not None:
        raise ValueError("a guest gets no patches: draw the whole small view with draw_guest()")
    patch: dict[str, Any] = {}
    with translation.override(audience.language):
        if parts.meeting:
            patch["meeting"] = _meeting(room, audience)
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
        if parts.walls and "run" in audience.can:
            patch["walls"] = _walls(room, audience)
        if parts.guests and "run" in audience.can:
            patch["guests"] = _guests(room, audience)
    return patch


def draw_room(room: Room, audience: Audience) -> dict[str, Any]:
    """The whole room for somebody at the table: the ``room`` of a snapshot frame."""
    with translation.override(audience.language):
        words = _words(room.kind, audience.language)
        return {
            "meeting": _meeting(room, audience),
            "organisations": _organisations(room, audience),
            "items": [_item(room, audience, item) for item in room.items if sees(audience, item)],
            "people": [_person(room, person_id) for person_id in sorted(room.people)],
            "forecast": _forecast(room, audience),
            "quorum": _quorum(room),
            "candidates": _candidates(room, audience),
            "sittings": _sittings(room, audience),
            "walls": _walls(room, audience),
            "guests": _guests(room, audience),
            "disciplines": disciplines.all_words(),
            **words,
        }


def _words(kind: BoardKind, language: str) -> Mapping[str, dict[str, str]]:
    return {
        "reasons": dict(kind.choices("postponement_reasons", language)),
        "steps": dict(kind.choices("steps", language)),
        "intents": dict(kind.choices("intents", language)),
        "guidelines": dict(kind.choices("guidelines", language)),
        "trials": dict(kind.choices("trials", language)),
        "informers": dict(kind.choices("informers", language)),
    }


def draw_guest(room: Room, audience: Audience) -> dict[str, Any]:
    """All that a guest sees: that the meeting is there, and the own item while it is open. No counts, names or times of others."""
    if audience.wall:
        return draw_wall(room, audience)
    with translation.override(audience.language):
        items = [_item(room, audience, item) for item in room.items if sees(audience, item)]
        meeting = _meeting(room, audience)
        mine = items[0]["id"] if items else None
        # Nothing that tells of others: no steps, breaks or people; only whom to follow while the own item is open.
        meeting.update(current=mine, version=0, started_at=None, ends_at=meeting["starts_at"], undo=None, breaks=[])
        meeting.update(
            {"break": None, "chairs": [], "scribes": [], "presenter": meeting["presenter"] if mine else None}
        )
        people = _in_call(room) if mine and "call" in audience.can else []
        shown = {item["organisation"] for item in items} | {person["organisation"] for person in people}
        organisations = {key: value for key, value in _organisations(room, audience).items() if key in shown}
        return {
            "meeting": meeting,
            "organisations": organisations,
            "items": items,
            # Where the own item stands: still to come, on the table, or done with.
            "slot": guests.slot(item for item in room.items if item.pk in (audience.guest_items or ())),
            "people": people,
            "forecast": None,
            "quorum": None,
            "candidates": [],
            "sittings": [],
            "disciplines": {},
            "reasons": {},
            "steps": {},
            "intents": {},
            "guidelines": {},
            "trials": {},
            "informers": {},
        }


# What a wall shows of the item on the table, of the meeting, and of a wording that stands.
_WALL_ITEM = (
    "id",
    "kind",
    "label",
    "minutes",
    "state",
    "opened_at",
    "spent_s",
    "version",
    "content",
    "draft",
    "decision",
)
_WALL_MEETING = ("id", "board", "starts_at", "state", "break")


def draw_wall(room: Room, audience: Audience) -> dict[str, Any]:
    """All that a wall shows: the meeting's name and state, and the item on the table. No agenda, people or counts."""
    with translation.override(audience.language):
        item = next((each for each in room.items if sees(audience, each)), None)
        drawn = _meeting(room, audience)
        meeting = {name: drawn[name] for name in _WALL_MEETING}
        meeting |= {"current": str(item.pk) if item else None, "presenter": drawn["presenter"] if item else None}
        return {
            "meeting": meeting,
            "items": [_on_wall(room, audience, item)] if item else [],
            **_wall_words(room, audience),
        }


def _on_wall(room: Room, audience: Audience, item: AgendaItem) -> dict[str, Any]:
    drawn = _item(room, audience, item)
    standing = {"round": item.read_back_round} if item.read_back_at is not None else None
    return {**{name: drawn[name] for name in _WALL_ITEM}, "position": 1, "read_back": standing}


def _wall_words(room: Room, audience: Audience) -> dict[str, dict[str, str]]:
    words = _words(room.kind, audience.language)
    return {name: words[name] for name in ("steps", "intents", "guidelines", "trials", "informers")}

"""Snapshot + patches = fresh snapshot, for every member of the cast, whatever commands come in whatever order.

Hypothesis makes up meetings: commands by several people, sensible and senseless. After each, everybody's room, kept by patches
alone, is held against a fresh drawing of the room for the same person.
"""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cases import states
from cases.models import Referral
from mdo.kernel.acting import System, acting
from mdo.kernel.errors import Refused
from meetings.actions import calls
from meetings.models import AgendaItem, Beside, Decision, Lease, Meeting
from meetings.room import audience, commands, presence, snapshot, streams, work
from meetings.room.audience import Place
from tests import database
from tests.cast import NAMES, Cast, make_cast
from tests.factories import make_item, make_meeting, make_referral, make_topic
from tests.room_client import apply

ACTORS = (
    "chair",
    "secretary",
    "coordinator",
    "radiologist",
    "partner",
    "partnersecretary",
    "requester",
    "guest",
    "observer",
)


class Table:
    """A room, its people, and what each of them sees, kept by patches alone."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        with acting(System("test"), None, "test"):
            cast.board.read_back = "each"
            cast.board.save()
        self.meeting = make_meeting(cast.board)
        requester, partner = cast.requester.person, cast.partner.person
        make_item(
            self.meeting,
            make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=cast.guest.person),
        )
        make_item(self.meeting, make_referral(cast.board, cast.partner_hospital, partner, status="scheduled"))
        make_item(self.meeting, make_referral(cast.board, cast.third, requester, status="scheduled"))
        make_item(self.meeting, topic=make_topic(cast.board))
        self.waiting = [
            make_referral(cast.board, cast.organiser, requester, status="submitted"),
            make_referral(cast.board, cast.partner_hospital, partner, status="accepted"),
        ]
        self.places: dict[str, Place] = {}
        self.rooms: dict[str, dict[str, Any]] = {}
        self.seq = 0
        for name in NAMES:
            member = cast.members[name]
            place = audience.find(member.pk, self.meeting.pk, member.organisation_id)
            if place is not None:
                self.places[name] = place
                self._fresh(name)

    def _fresh(self, name: str) -> None:
        begun = work.start(self.meeting.pk, self.places[name].audience, None)
        assert begun.room is not None
        self.rooms[name], self.seq = begun.room, max(self.seq, begun.seq)

    def items(self) -> list[AgendaItem]:
        with acting(System("test"), None, "test"):
            return list(AgendaItem.objects.filter(meeting=self.meeting).order_by("position"))

    def command(self, name: str, who: str, args: dict[str, Any]) -> str:
        place = self.places.get(who)
        if place is None:
            return "outside"
        try:
            work.run_command(place, self.meeting.pk, uuid4(), name, args)
        except Refused as refusal:
            return refusal.code
        return "ok"

    def hear(self) -> None:
        """Everybody is told what happened since the last time, as the hub does it: read once, drawn for each audience."""
        audiences = [place.audience for place in self.places.values()]
        told = work.news(self.meeting.pk, self.seq, audiences)
        for name, place in list(self.places.items()):
            who = place.audience
            if who.guest_items is not None and told.entries:
                member = self.cast.members[name]
                self.places[name] = audience.find(member.pk, self.meeting.pk, member.organisation_id) or place
                self.rooms[name] = snapshot.draw_guest(_load(self.meeting.pk), self.places[name].audience)
                continue
            for place_in_line, patch in enumerate(told.patches.get(who, []), start=1):
                assert told.entries[place_in_line - 1].seq == self.seq + place_in_line
                apply(self.rooms[name], patch)
        self.seq += len(told.entries)

    def differences(self) -> dict[str, list[str]]:
        """For each person the parts of the room that differ from a fresh drawing. The law says: none."""
        found: dict[str, list[str]] = {}
        fresh = _load(self.meeting.pk)
        for name, place in self.places.items():
            draw = snapshot.draw_room if place.audience.guest_items is None else snapshot.draw_guest
            room = draw(fresh, place.audience)
            parts = [key for key in room if room[key] != self.rooms[name].get(key)]
            if parts:
                found[name] = parts
        return found


@st.composite
def _steps(draw: st.DrawFn) -> list[tuple[str, str, int, int]]:
    names = st.sampled_from(
        [
            *sorted(commands.COMMANDS),
            "agenda.next",
            "agenda.open_item",
            "draft.save",
            "come",
            "go",
            "call",
            "call.move",
            "call.take_way",
            "case",
            "submit",
            "retitle",
        ]
    )
    return draw(
        st.lists(
            st.tuples(names, st.sampled_from(ACTORS), st.integers(0, 5), st.integers(1, 6)), min_size=4, max_size=14
        )
    )


def _do(table: Table, name: str, who: str, pick: int, number: int) -> None:
    items = table.items()
    item = items[pick % len(items)]
    current = next((each for each in items if each.state == "open"), None)
    with acting(System("test"), None, "test"):
        decision = Decision.objects.filter(item=current).exclude(state="replaced").first() if current else None
    version = decision.draft_version if decision else 1
    match name:
        case "agenda.next":
            args: dict[str, Any] = {"from_item": current.pk if current else None}
        case "agenda.open_item":
            args = {"item": item.pk, "version": item.version}
        case "agenda.move_item":
            args = {"item": item.pk, "to": number, "version": item.version}
        case "agenda.postpone":
            args = {
                "item": item.pk,
                "version": item.version,
                "reason": "pathology_missing" if number % 2 else "nonsense",
            }
        case "agenda.add_late":
            args = {"referral": table.waiting[pick % 2].pk, "minutes": number}
        case "agenda.add_topic":
            args = {"title": "Rondvraag" if number % 2 else "  ", "minutes": number}
        case "draft.save":
            steps = [{"kind": "surgery", "text": "links"}] if number % 2 else []
            args = {"item": (current or item).pk, "version": version, "steps": steps}
        case "readback.begin" | "decision.record":
            args = {"item": (current or item).pk, "version": version, "text": 0}
        case "readback.confirm" | "readback.dissent":
            args = {"item": (current or item).pk, "round": (current or item).read_back_round}
            args |= {"reason": "liever afwachten"} if name == "readback.dissent" else {}
        case "readback.withdraw" | "decision.reopen":
            args = {"item": (current or item).pk}
        case "remark.say" | "remark.late":
            args = {"item": item.pk, "text": "Beelden gezien."}
        case "agenda.park" | "agenda.unpark":
            args = {"item": item.pk, "version": item.version}
        case "agenda.mark_protocol":
            args = {"item": item.pk, "version": item.version, "protocol": "DCIS" if number % 2 else ""}
        case "decision.record_protocol":
            args = {"items": [each.pk for each in items if each.protocol] or [item.pk]}
        case "meeting.take_break":
            args = {"minutes": number}
        case "meeting.hand_over" | "meeting.present":
            args = {"person": table.cast.members[ACTORS[pick]].pk}
        case "meeting.delegate_recording":
            args = {"person": table.cast.secretary.pk, "allowed": bool(number % 2)}
        case "presence.beside":
            args = {"name": "An Peeters", "discipline": "radiology"}
        case "presence.beside_leave":
            with acting(System("test"), None, "test"):
                last = Beside.objects.filter(meeting=table.meeting, until=None).first()
            args = {"id": last.pk if last else uuid4()}
        case "come" | "go":
            member = table.cast.members[who]
            if name == "come":
                presence.begin(
                    [presence.Arrival(uuid4(), table.meeting.pk, member.pk, member.organisation_id, "video", "test")]
                )
            else:
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE meetings_lease SET ended_at = now() WHERE person_id = %s", [member.pk])
            work.note_presence(table.meeting.pk, [member.pk])
            return
        case "call":
            _call(table.meeting.pk, table.cast.members[who].pk, number)
            return
        case "call.move" | "call.take_way":
            move: Any = {"call.move": calls.move_call, "call.take_way": calls.take_way}[name]
            way = {} if name == "call.move" else {"way": "mesh" if number % 2 else ""}
            with acting(work.HOUSE, None, "room", action=name):
                epoch = Meeting.objects.get(pk=table.meeting.pk).call_epoch
                move(by=work.HOUSE, meeting_id=table.meeting.pk, from_epoch=epoch, **way)
            return
        case "submit":
            with acting(System("test"), None, "test"):
                _move(table.waiting[pick % 2], number)
            return
        case "case" | "retitle":
            return
        case _:
            args = {}
    table.command(name, who, args)


def _call(meeting_id: UUID, person_id: UUID, number: int) -> None:
    """Somebody who is in the room comes into the call, shows something else there, or leaves it."""
    shown = {name: bool(number % 2) for name in ("mic", "camera", "screen", "hand", "low", "guest", "speak")}
    state = {**shown, "since": "2026-01-01T00:00:00+00:00", "hand_at": None} if number < 5 else None
    here = Lease.objects.filter(meeting=meeting_id, person=person_id, ended_at=None)
    here.update(call=state, call_peer=person_id)
    work.note_presence(meeting_id, [person_id])


def _move(referral: Referral, number: int) -> None:
    """Something outside of the room: the requester's side withdraws or hands in."""
    from mdo.kernel.acting import current
    from mdo.kernel.action import _allow_writes
    from mdo.kernel.ledger import write

    fresh = Referral.objects.get(pk=referral.pk)
    options = states.NEXT[Referral.Status(fresh.status)]
    if not options or fresh.status in ("scheduled", "discussed"):
        return
    to = options[number % len(options)]
    if to in (Referral.Status.SCHEDULED, Referral.Status.DISCUSSED):
        return
    _allow_writes("test")
    event = states.move(fresh, to)
    write(current(), "test", [event], hospital_id=None, detail={}, command_id=None, digest=b"")
    _allow_writes("")


@pytest.fixture
def tables(committed: None):
    return None


@settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # what fails is short enough to be read as it is
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_steps())
def test_snapshot_and_patches_are_the_fresh_snapshot(
    tables: None, reference_tables: frozenset[str], steps: Any
) -> None:
    database.empty(reference_tables)
    table = Table(make_cast())
    assert set(table.places) >= {
        "chair",
        "secretary",
        "radiologist",
        "partner",
        "partnersecretary",
        "requester",
        "guest",
        "observer",
    }
    assert "outsider" not in table.places
    table.command("meeting.start", "chair", {})
    for name, who, pick, number in steps:
        _do(table, name, who, pick, number)
        table.hear()
        assert table.differences() == {}, (name, who)


def test_the_law_can_be_broken(committed: None, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: an event that forgets what it changed is found."""
    table = Table(cast)
    monkeypatch.setattr(work, "parts_of", lambda name, data: streams.Parts())
    table.command("meeting.start", "chair", {})
    table.hear()
    assert table.differences()["chair"] == ["meeting", "forecast", "candidates"]


def test_every_command_of_every_member_has_an_answer(committed: None, cast: Cast) -> None:
    """Nobody gets a fault: each command by each member, on a meeting that waits, is done or refused with a code of the wire."""
    table = Table(cast)
    answers: set[str] = set()
    for who in ACTORS:
        for name in sorted(commands.COMMANDS):
            for number in (1, 2):
                _do(table, name, who, number, number)
                table.hear()
                answers.add(table.command(name, who, {"nonsense": 1}))
    assert table.differences() == {}
    assert answers <= {"ok", "outside", "invalid", "forbidden", "not_found", "rule", "stale"}


def test_places_follow_the_matrix(committed: None, cast: Cast) -> None:
    table = Table(cast)
    can = {name: sorted(place.audience.can) for name, place in table.places.items()}
    member = ["call", "draft", "read_back", "share", "speak"]
    running = sorted([*member, "add_late", "close", "invite", "postpone", "record", "reorder", "run"])
    assert can["chair"] == running
    assert can["coordinator"] == sorted([*running, "sign"])
    assert can["radiologist"] == can["partner"] == member
    assert (can["guest"], can["observer"]) == ([], ["call"])
    assert table.places["observer"].audience.pseudonyms
    guest = table.places["guest"].audience
    assert guest.guest_items is not None
    assert len(guest.guest_items) == 1
    room = snapshot.draw_guest(_load(table.meeting.pk), guest)
    assert room["items"] == []


def _load(meeting_id: UUID) -> snapshot.Room:
    with acting(System("test"), None, "test"):
        return snapshot.load(meeting_id)

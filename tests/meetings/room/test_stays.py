"""What the media server tells by its webhooks: verified, kept once, and counted for attendance."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mdo.kernel.models import AuditEntry
from meetings import attendance
from meetings.actions.staying import Told, note_stay
from meetings.models import AgendaItem, CallRoom, CallStay, Lease, Meeting
from meetings.quorum import Interval
from meetings.room import livekit, stays
from meetings.views.hooks import LARGEST
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral, writing
from tests.meetings.room.media_server import KEY, SECRET

NINE = datetime(2026, 11, 3, 9, tzinfo=UTC)
PEER = uuid4()
ADDRESS = "/hooks/livekit/"


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    settings.MDO_LIVEKIT, settings.MDO_LIVEKIT_API = ["wss://media.example.org"], ["http://127.0.0.1:1"]
    settings.MDO_LIVEKIT_KEY, settings.MDO_LIVEKIT_SECRET = KEY, SECRET


@pytest.fixture
def meeting(db: None, cast: Cast) -> Meeting:
    """The chair is in the room from nine until ten past, and was called PEER in the call."""
    meeting = make_meeting(cast.board)
    CallRoom.objects.create(meeting=meeting, epoch=0)
    CallRoom.objects.create(meeting=meeting, epoch=1)
    connected(meeting, cast.chair, 0, 10, call_peer=PEER, call_ticket_at=at(0))
    return meeting


def connected(meeting: Meeting, who: Any, since: float, until: float | None, **more: Any) -> Lease:
    return Lease.objects.create(
        meeting=meeting,
        person=who.person,
        organisation=who.organisation,
        process="test",
        opened_at=at(since),
        ended_at=None if until is None else at(until),
        **more,
    )


def event(
    meeting: Meeting, what: str, minutes: float, *, epoch: int = 0, sid: str = "PA_1", peer: Any = PEER, **more: Any
) -> dict[str, Any]:
    """As LiveKit writes it: numbers of 64 bits as text (protojson)."""
    joined = int(at(more.pop("joined", minutes)).timestamp())
    return {
        "event": what,
        "id": f"EV_{uuid4()}",
        "createdAt": str(int(at(minutes).timestamp())),
        "room": {"sid": "RM_1", "name": livekit.room_name(meeting.pk, epoch)},
        **(
            {}
            if what.startswith("room_")
            else {"participant": {"sid": sid, "identity": str(peer), "joinedAt": str(joined), **more}}
        ),
    }


def signed(body: bytes, *, secret: str = SECRET, key: str = KEY, lasts: timedelta = timedelta(minutes=5)) -> str:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    until = datetime.now(UTC) + lasts
    return jwt.encode({"iss": key, "nbf": 0, "exp": until, "sha256": digest}, secret, algorithm="HS256")


def post(body: bytes, token: str | None) -> HttpResponse:
    headers = {} if token is None else {"Authorization": token}
    client = Client(enforce_csrf_checks=True)
    return client.post(ADDRESS, body, content_type="application/webhook+json", headers=headers)  # type: ignore[return-value]


def tell(*events: dict[str, Any]) -> None:
    for each in events:
        body = json.dumps(each).encode()
        answer = post(body, signed(body))
        assert (answer.status_code, answer.content) == (200, b"")


def kept() -> list[tuple[Any, ...]]:
    """Person, means, name, and minutes from when until when."""
    return [
        (
            each.person_id,
            each.means,
            each.name,
            (each.joined_at - NINE).total_seconds() / 60,
            None if each.left_at is None else (each.left_at - NINE).total_seconds() / 60,
        )
        for each in CallStay.objects.order_by("joined_at", "session")
    ]


# --- who tells -----------------------------------------------------------------------------------------------------------


def test_what_is_signed_is_kept(meeting: Meeting, cast: Cast) -> None:
    tell(event(meeting, "participant_joined", 2))
    assert kept() == [(cast.chair.pk, "video", "", 2, None)]
    stay = CallStay.objects.get()
    assert (stay.organisation_id, stay.peer, stay.session) == (cast.chair.organisation_id, str(PEER), "0.PA_1")
    audited = AuditEntry.objects.filter(action="call.note_stay").values_list("actor_kind", "actor_id", "hospital_id")
    assert list(audited) == [("system", stays.LIVEKIT.actor_id, meeting.hospital_id)]


@pytest.mark.parametrize(
    "wrong",
    ["no token", "another secret", "another key", "another body", "over", "no digest", "no end", "unsigned", "junk"],
)
def test_what_is_not_signed_is_refused_in_words(meeting: Meeting, wrong: str) -> None:
    body = json.dumps(event(meeting, "participant_joined", 2)).encode()
    until = datetime.now(UTC) + timedelta(minutes=5)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    token = {
        "no token": None,
        "another secret": signed(body, secret="x" * 40),
        "another key": signed(body, key="elsewhere"),
        "another body": signed(body + b" "),
        "over": signed(body, lasts=timedelta(minutes=-2)),  # told before, and told again by somebody who listened
        "no digest": jwt.encode({"iss": KEY, "exp": until}, SECRET, algorithm="HS256"),
        "no end": jwt.encode({"iss": KEY, "sha256": digest}, SECRET, algorithm="HS256"),
        "unsigned": jwt.encode({"iss": KEY, "exp": until, "sha256": digest}, None, algorithm="none"),
        "junk": "Bearer \xff.{}.=",
    }[wrong]
    answer = post(body, token)
    assert answer.status_code == 401
    assert answer.content.decode() in ("The signature is missing.", "The signature does not fit.")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert kept() == []


@pytest.mark.parametrize("body", [b"", b"{", b'{"event": 7}', b'{"room": 3}', b"\xff\xfe", b"[" * 3000])
def test_what_is_signed_and_means_nothing_is_refused_in_words(db: None, body: bytes) -> None:
    answer = post(body, signed(body))
    assert (answer.status_code, answer.content.decode()) == (400, "This message was not understood.")


def test_what_is_too_large_is_refused(meeting: Meeting) -> None:
    fits = json.dumps({**event(meeting, "participant_joined", 2), "pad": ""}).encode()
    fits = fits[:-2] + b"x" * (LARGEST - len(fits)) + fits[-2:]
    assert len(fits) == LARGEST
    assert post(fits, signed(fits)).status_code == 200
    beyond = fits + b" "
    answer = post(beyond, signed(beyond))
    assert (answer.status_code, answer.content.decode()) == (413, "This is too large.")


def test_only_posts_and_only_where_there_is_a_media_server(meeting: Meeting, settings: Any) -> None:
    assert Client().get(ADDRESS).status_code == 405
    settings.MDO_LIVEKIT = []
    body = json.dumps(event(meeting, "participant_joined", 2)).encode()
    answer = post(body, signed(body))
    assert (answer.status_code, answer.content.decode()) == (400, "This site has no media server.")
    assert kept() == []


def test_it_is_told_again_when_nothing_could_be_kept(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_event: Any) -> bool:
        raise OperationalError

    monkeypatch.setattr(stays, "hear", lost)
    body = json.dumps(event(meeting, "participant_joined", 2)).encode()
    answer = post(body, signed(body))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


# --- what is told --------------------------------------------------------------------------------------------------------


def test_the_same_told_again_changes_nothing(meeting: Meeting, cast: Cast) -> None:
    joined, left = event(meeting, "participant_joined", 2), event(meeting, "participant_left", 8, joined=2)
    tell(joined, joined, left, joined, left, event(meeting, "participant_left", 9, joined=2))
    assert kept() == [(cast.chair.pk, "video", "", 2, 8)]
    assert AuditEntry.objects.filter(action="call.note_stay").count() == 2


def test_whoever_left_before_they_came_was_there(meeting: Meeting, cast: Cast) -> None:
    tell(event(meeting, "participant_left", 8, joined=2), event(meeting, "participant_joined", 2))
    assert kept() == [(cast.chair.pk, "video", "", 2, 8)]


def test_from_one_epoch_to_the_next_both_are_stays(meeting: Meeting, cast: Cast) -> None:
    tell(
        event(meeting, "participant_joined", 2),
        event(meeting, "participant_joined", 5, epoch=1, sid="PA_2"),
        event(meeting, "room_finished", 6),
    )
    assert kept() == [(cast.chair.pk, "video", "", 2, 6), (cast.chair.pk, "video", "", 5, None)]


def test_whoever_comes_again_leaves_the_place_that_they_had(meeting: Meeting, cast: Cast) -> None:
    """A node was killed and said no goodbye."""
    tell(event(meeting, "participant_joined", 2), event(meeting, "participant_joined", 4, sid="PA_2"))
    assert kept() == [(cast.chair.pk, "video", "", 2, 4), (cast.chair.pk, "video", "", 4, None)]


def test_the_end_of_a_room_ends_who_was_in_it_and_not_who_came_later(meeting: Meeting, cast: Cast) -> None:
    later = connected(meeting, cast.partner, 7, None, call_peer=uuid4(), call_ticket_at=at(7))
    tell(
        event(meeting, "participant_joined", 2),
        event(meeting, "participant_joined", 9, sid="PA_2", peer=later.call_peer),  # the same room, made anew
        event(meeting, "room_finished", 8),
    )
    assert kept() == [(cast.chair.pk, "video", "", 2, 8), (cast.partner.pk, "video", "", 9, None)]


def test_what_is_about_others_is_no_news(meeting: Meeting) -> None:
    unknown = event(meeting, "participant_joined", 2)
    tell(
        {**unknown, "room": {"name": livekit.room_name(meeting.pk, 7)}},
        {**unknown, "room": {"name": livekit.room_name(uuid4(), 0)}},
        {**unknown, "room": {"name": "somebody's own"}},
        {**unknown, "room": {}},
        {"event": "participant_joined"},
        {},
        {**unknown, "event": "track_published"},
        {**unknown, "event": "something new"},
        event(meeting, "participant_joined", 2, peer="somebody"),
        event(meeting, "participant_joined", 2, peer=uuid4()),
        event(meeting, "participant_joined", 2, sid=""),
        event(meeting, "participant_joined", 2, kind="EGRESS"),
        event(meeting, "participant_joined", 2, kind="AGENT"),
        event(meeting, "room_started", 2),
        event(meeting, "room_finished", 2),
    )
    assert (kept(), AuditEntry.objects.filter(action="call.note_stay").count()) == ([], 0)


def test_a_peer_of_another_meeting_is_nobody_here(meeting: Meeting, cast: Cast) -> None:
    other = make_meeting(cast.board)
    CallRoom.objects.create(meeting=other, epoch=0)
    tell(event(other, "participant_joined", 2))
    assert kept() == []


def test_whoever_came_back_under_the_same_name_is_who_had_it_last(meeting: Meeting, cast: Cast) -> None:
    connected(meeting, cast.chair, 11, None, call_peer=PEER, call_ticket_at=at(11))
    tell(event(meeting, "participant_joined", 11))
    assert kept() == [(cast.chair.pk, "video", "", 11, None)]


def test_a_telephone_is_kept_by_its_name(meeting: Meeting) -> None:
    called = {"peer": "sip_+3225550000", "kind": "SIP", "name": " Zaal\x00 2  Gent "}
    tell(event(meeting, "participant_joined", 2, **called), event(meeting, "participant_left", 8, joined=2, **called))
    tell(event(meeting, "participant_joined", 3, sid="PA_9", peer="sip_+3225550001", kind="SIP"))
    assert kept() == [(None, "phone", "Zaal 2 Gent", 2, 8), (None, "phone", "sip_+3225550001", 3, None)]


def test_a_room_that_ended_without_a_word_ends_its_stays(meeting: Meeting, cast: Cast) -> None:
    tell(event(meeting, "participant_joined", 2))
    CallRoom.objects.filter(epoch=1).update(ended_at=at(5))
    stays.close_forgotten()
    assert kept() == [(cast.chair.pk, "video", "", 2, None)]
    CallRoom.objects.filter(epoch=0).update(ended_at=at(6))
    stays.close_forgotten()
    stays.close_forgotten()
    assert kept() == [(cast.chair.pk, "video", "", 2, 6)]
    assert AuditEntry.objects.filter(action="call.note_stay").count() == 2


# --- attendance ----------------------------------------------------------------------------------------------------------


def discussed(meeting: Meeting, cast: Cast) -> AgendaItem:
    """An item that lay on the table from nine until twenty past."""
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    item = make_item(meeting, referral)
    with writing():
        item.open_intervals = [[at(0).isoformat(), at(20).isoformat()]]
        item.save()
    return item


def stay(meeting: Meeting, who: Any, since: float, until: float | None, **more: Any) -> None:
    with writing():
        CallStay.objects.create(
            meeting=meeting,
            person_id=who and who.pk,
            organisation_id=who and who.organisation_id,
            session=str(uuid4()),
            joined_at=at(since),
            left_at=None if until is None else at(until),
            **({"peer": str(PEER)} | more),
        )


def times(meeting: Meeting, item: AgendaItem) -> dict[str, list[Interval]]:
    connections = attendance.leases(meeting)
    found = attendance.of_item(item, connections, attendance.call_stays(meeting, connections))
    return {seat.role: intervals for seat, intervals in found}


def test_stays_count_beside_connections_and_are_stitched_with_them(meeting: Meeting, cast: Cast) -> None:
    item = discussed(meeting, cast)
    stay(meeting, cast.chair, 1, 12)  # the socket was cut at ten past, picture and sound went on
    connected(meeting, cast.chair, 12.5, 14)  # back within a minute
    stay(meeting, cast.chair, 17, 30)
    assert times(meeting, item) == {"chair": [Interval(at(0), at(14)), Interval(at(17), at(20))]}


def test_without_stays_attendance_is_what_it_was(meeting: Meeting, cast: Cast) -> None:
    item = discussed(meeting, cast)
    assert times(meeting, item) == {"chair": [Interval(at(0), at(10))]}


def test_whoever_never_connected_does_not_count(meeting: Meeting, cast: Cast) -> None:
    item = discussed(meeting, cast)
    stay(meeting, cast.radiologist, 1, 12)
    assert times(meeting, item) == {"chair": [Interval(at(0), at(10))]}


def test_stays_of_another_meeting_do_not_count(meeting: Meeting, cast: Cast) -> None:
    item = discussed(meeting, cast)
    stay(make_meeting(cast.board), cast.chair, 1, 12)
    assert times(meeting, item) == {"chair": [Interval(at(0), at(10))]}


def test_stays_cost_no_question_where_there_are_none(meeting: Meeting, cast: Cast) -> None:
    item = discussed(meeting, cast)
    asked = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            attendance.frozen(item)
        asked.append(len(queries))
        if not number:
            stay(meeting, cast.chair, 1, 12)
    assert asked[1] == asked[0] + 1


def test_a_telephone_is_frozen_by_its_name_and_counts_for_no_quorum(meeting: Meeting, cast: Cast) -> None:
    item = discussed(meeting, cast)
    before, quorum = attendance.frozen(item)
    stay(meeting, None, 5, 9, peer="sip_1", name="Zaal 2", means="phone")
    stay(meeting, None, 9.5, 40, peer="sip_1", name="Zaal 2", means="phone")
    stay(meeting, None, 21, 40, peer="sip_2", name="Te laat", means="phone")
    rows, then = attendance.frozen(item)
    assert rows == [
        *before,
        {
            "person": None,
            "name": "Zaal 2",
            "profession": "",
            "discipline": "",
            "organisation": None,
            "organisation_name": "",
            "role": "phone",
            "times": [[at(5).isoformat(), at(20).isoformat(), "phone"]],
        },
    ]
    assert then == quorum


def test_only_the_house_keeps_stays(meeting: Meeting, cast: Cast) -> None:
    from mdo.kernel.errors import Denied
    from tests.cast import acting_as

    told = Told("joined", 0, at(0), "PA_1", str(PEER))
    with acting_as(cast.chair) as chair, pytest.raises(Denied):
        note_stay(by=chair, meeting_id=meeting.pk, told=told)
    assert kept() == []

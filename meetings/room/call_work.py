"""What the call does with the database: blocking calls, run in the room's own bounded threads (as ``work.py``).

Who is in the call stands in the lease of their connection: like presence it is the room's breath, written outside of ``@action``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import RuleBroken
from meetings import call
from meetings.actions import calls as actions
from meetings.models import CallRoom, Lease, Meeting
from meetings.room import audience, media
from meetings.room.work import HOUSE, LOCK_TIMEOUT_MS

_OVER = (Meeting.State.CLOSED, Meeting.State.CANCELLED)
MESH_BREAKS_AT = 24  # more browsers than this do not carry each other, even with sound alone


@dataclass(frozen=True)
class Entry:
    """How a connection came into the call."""

    peer: UUID
    way: str
    epoch: int
    ticket: dict[str, Any]


@dataclass(frozen=True)
class Asker:
    """Who wants to take part, as ``access`` has judged them."""

    lease_id: UUID
    person_id: UUID
    name: str
    guest: bool
    speak: bool
    language: str


def enter(meeting_id: UUID, asker: Asker, wished: UUID | None, state: dict[str, bool]) -> Entry:
    """Take a connection into the call and give it a ticket. ``wished``: what it was called before a cut.

    Raises ``RuleBroken``: the meeting is over or has no call, it is full, there is nothing for a guest, the server is gone.
    """
    entry = _ticket(meeting_id, asker, _peer(meeting_id, asker, wished), others=_in_call(meeting_id, asker.lease_id))
    at = now().isoformat()
    kept = {
        **state,
        "guest": asker.guest,
        "speak": asker.speak,
        "since": at,
        "hand_at": at if state["hand"] else None,
    }
    # Somebody who comes back takes the place of the connection that was cut.
    Lease.objects.filter(meeting=meeting_id, call_peer=entry.peer).exclude(pk=asker.lease_id).update(call=None)
    _given(asker.lease_id, entry, call=kept)
    return entry


def renew(meeting_id: UUID, asker: Asker, peer: UUID) -> Entry:
    """A fresh ticket for a connection that is in the call. Raises as ``enter``."""
    entry = _ticket(meeting_id, asker, peer, others=_in_call(meeting_id, asker.lease_id))
    _given(asker.lease_id, entry)
    return entry


def _given(lease_id: UUID, entry: Entry, **more: Any) -> None:
    Lease.objects.filter(pk=lease_id).update(call_peer=entry.peer, call_epoch=entry.epoch, call_ticket_at=now(), **more)


def _in_call(meeting_id: UUID, but: UUID) -> QuerySet[Lease]:
    return Lease.objects.filter(meeting=meeting_id, ended_at=None, call__isnull=False).exclude(pk=but)


def _peer(meeting_id: UUID, asker: Asker, wished: UUID | None) -> UUID:
    """What the connection is called: as before where that was theirs a moment ago, so that the others know who comes back."""
    before = Lease.objects.filter(meeting=meeting_id, person=asker.person_id, call_peer=wished)
    if wished is not None and before.filter(call_ticket_at__gt=now() - call.TICKET_LASTS).exists():
        return wished
    return asker.lease_id


def _ticket(meeting_id: UUID, asker: Asker, peer: UUID, others: QuerySet[Lease]) -> Entry:
    with translation.override(asker.language):
        return _worded_ticket(meeting_id, asker, peer, others)


def _worded_ticket(meeting_id: UUID, asker: Asker, peer: UUID, others: QuerySet[Lease]) -> Entry:
    with acting(HOUSE, None, "room"):
        meeting = Meeting.objects.select_related("board").get(pk=meeting_id)
        there = others.count()
    if meeting.state in _OVER:
        raise RuleBroken(_("The meeting is over."), field="over")
    if meeting.call_way and not there:
        meeting = _take_way(meeting, "")  # nobody is disturbed: whether the server is there again can be tried
    way = call.way_of(meeting)
    if way == call.MESH and there >= MESH_BREAKS_AT:
        raise RuleBroken(_("The call is full. A media server would carry more people."), field="full")
    try:
        return Entry(peer, way, meeting.call_epoch, _ask(meeting, way, asker, peer))
    except media.WayDown as error:
        if there >= call.MESH_AT_MOST:
            raise RuleBroken(
                _("The media server does not answer. Call by telephone meanwhile."), field="server_gone"
            ) from error
    meeting = _take_way(meeting, call.MESH)
    way = call.way_of(meeting)  # somebody else may have moved the call meanwhile
    return Entry(peer, way, meeting.call_epoch, _ask(meeting, way, asker, peer))


def _ask(meeting: Meeting, way: str, asker: Asker, peer: UUID) -> dict[str, Any]:
    if way == call.LIVEKIT:
        CallRoom.objects.get_or_create(meeting=meeting, epoch=meeting.call_epoch)
    return media.ticket(
        way,
        media.Ask(
            meeting_id=meeting.pk,
            epoch=meeting.call_epoch,
            peer=peer,
            name=asker.name,
            guest=asker.guest,
            speak=asker.speak,
            encrypted=meeting.board.call_encrypted,
            at=now(),
        ),
    )


def _take_way(meeting: Meeting, way: str) -> Meeting:
    _act(actions.take_way, meeting.pk, from_epoch=meeting.call_epoch, way=way)
    return Meeting.objects.select_related("board").get(pk=meeting.pk)


def _act(action: Any, meeting_id: UUID, **values: Any) -> None:
    with acting(HOUSE, None, "room", action=action.action_name, savepoints=False, lock_timeout_ms=LOCK_TIMEOUT_MS):
        action(by=HOUSE, meeting_id=meeting_id, **values)


def show(lease_id: UUID, state: dict[str, bool]) -> None:
    """What a connection in the call sends and shows now; when a hand goes up, since when."""
    shown: dict[str, Any] | None = Lease.objects.filter(pk=lease_id).values_list("call", flat=True).first()
    if shown is not None:
        since = shown["hand_at"] or now().isoformat()
        kept = {**shown, **state, "hand_at": since if state["hand"] else None}
        Lease.objects.filter(pk=lease_id, call__isnull=False).update(call=kept)


def leave(lease_ids: Iterable[UUID]) -> None:
    """These connections are in the call no more."""
    Lease.objects.filter(pk__in=list(lease_ids)).update(call=None)


def shut_out(meeting_id: UUID, epoch: int, peers: Iterable[UUID]) -> None:
    """Access ended for these, who hold tickets of the media server: they are removed, and the call moves on without them."""
    from meetings.room import livekit

    try:
        for peer in peers:  # first: they are cut now, whoever has the meeting's lock meanwhile
            livekit.remove(meeting_id, epoch, peer)
    finally:
        _act(actions.move_call, meeting_id, from_epoch=epoch)


def leftover(meeting_id: UUID) -> int | None:
    """The epoch of the call, if somebody who has no place in it any more still holds a ticket for it: gone from the room, but not from
    the media server. Opens doors of its own."""
    with acting(HOUSE, None, "room"):
        meeting = Meeting.objects.get(pk=meeting_id)
        holding = Q(call_ticket_at__gt=now() - call.TICKET_LASTS, call_epoch=meeting.call_epoch)
        gone = Lease.objects.filter(holding, meeting=meeting_id).exclude(ended_at=None)
        people = set(gone.values_list("person_id", "organisation_id"))
    for person_id, organisation_id in people:
        place = audience.find(person_id, meeting_id, organisation_id)
        if place is None or "call" not in place.audience.can:
            return meeting.call_epoch
    return None


def end_due() -> None:
    """End the rooms of the media server that everybody has left behind."""
    from meetings.room import livekit

    livekit.end_due()

"""LiveKit: a media server of the house's own through which everybody's picture and sound go, a room there for each epoch of a call.

A token that LiveKit was shown stays good until it ends, whoever is removed; hence epochs (``meetings/call.py``), tokens of ten minutes
for one room, and rooms that nobody but this program makes: LiveKit runs with ``room.auto_create: false``, so an old token brings no
room back. Several servers on one Redis are one LiveKit; whichever answers does.

Blocking, in threads without an event loop of their own. Facts of the server: livekit/protocol (grants, RoomService) and the
configuration sample of livekit-server 1.13.
"""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from mdo.kernel.clock import now
from meetings import call
from meetings.models import CallRoom
from meetings.room import relay
from meetings.room.media import Ask, WayDown

if TYPE_CHECKING:
    from livekit.api.room_service import RoomService

logger = logging.getLogger(__name__)
T = TypeVar("T")

ANSWERS_WITHIN_S: Final = 2.0
READY_WITHIN_S: Final = 2.8  # a ticket may take three seconds; a call that believes its server lost goes on without it
TRIED_AGAIN_AFTER: Final = timedelta(seconds=10)  # a room that could not be ended
ENDED_AT_ONCE: Final = 20
SOURCES: Final = ["microphone", "camera", "screen_share"]

_answered: list[str] = []  # the server that answered last, to be asked first


def room_name(meeting_id: UUID, epoch: int) -> str:
    """What the room of an epoch is called on the media server."""
    return f"{meeting_id}.{call.tag(meeting_id, epoch)}"


def ticket(ask: Ask) -> dict[str, Any]:
    """``{"ice", "relay_only", "urls", "token", "key"}``: where to go, who one is there, and the key of the epoch where the board wants
    picture and sound encrypted from end to end. Makes the epoch's room first, where it is not there. Raises ``WayDown``.
    """
    name = room_name(ask.meeting_id, ask.epoch)
    _make_ready(ask, name)
    return {
        "ice": relay.ice_servers(str(ask.peer), ask.at),
        "relay_only": False,  # nobody's address reaches anybody but the server
        "urls": _urls(ask),
        "token": _token(ask, name),
        "key": _key(ask) if ask.encrypted else None,
    }


def _urls(ask: Ask) -> list[str]:
    """All servers, another one first for another meeting: so several share the work of talking to browsers."""
    urls = list(settings.MDO_LIVEKIT)
    first = int(call.tag(ask.meeting_id, 0)[:8], 16) % len(urls)
    return urls[first:] + urls[:first]


def _token(ask: Ask, name: str) -> str:
    from livekit import api

    grants = api.VideoGrants(
        room_join=True,
        room=name,
        can_publish=ask.speak,
        can_publish_sources=SOURCES if ask.speak else None,
        can_publish_data=False,
        can_subscribe=True,
    )
    token = api.AccessToken(settings.MDO_LIVEKIT_KEY, settings.MDO_LIVEKIT_SECRET)
    return (
        token.with_identity(str(ask.peer)).with_name(ask.name).with_ttl(call.TICKET_LASTS).with_grants(grants).to_jwt()
    )


def _key(ask: Ask) -> str:
    """The same for everybody in the epoch and for nobody in another one; the media server does not get it."""
    digest = salted_hmac("mdo.call.key", f"{ask.meeting_id}:{ask.epoch}", algorithm="sha256").digest()
    return base64.b64encode(digest).decode()


def _make_ready(ask: Ask, name: str) -> None:
    from livekit import api

    async def make(rooms: "RoomService") -> bool:
        if (await rooms.list_rooms(api.ListRoomsRequest(names=[name]))).rooms:
            return False
        await rooms.create_room(api.CreateRoomRequest(name=name))
        return True

    row = CallRoom.objects.filter(meeting=ask.meeting_id, epoch=ask.epoch, ended_at=None)
    if not row.exists():
        raise WayDown("the call moved on")
    if (
        _asked(make, within_s=READY_WITHIN_S) and not row.exists()
    ):  # ended while it was being made: nobody else would end it
        end_room(name)
        raise WayDown("the call moved on")


def end_room(name: str) -> None:
    """Everybody is out of this room and it is gone; nothing happens where there is none. Raises ``WayDown``."""
    from livekit import api

    async def end(rooms: "RoomService") -> None:
        if (await rooms.list_rooms(api.ListRoomsRequest(names=[name]))).rooms:
            # Where the node that carried it is lost, another one takes it: else nobody answers for it.
            await rooms.create_room(api.CreateRoomRequest(name=name))
            await rooms.delete_room(api.DeleteRoomRequest(room=name))

    _asked(end, missing=None)


def remove(meeting_id: UUID, epoch: int, peer: UUID) -> None:
    """Out of the room of this epoch, now; nothing happens to whoever is not in it. Raises ``WayDown``."""
    from livekit import api

    one = api.RoomParticipantIdentity(room=room_name(meeting_id, epoch), identity=str(peer))
    _asked(lambda rooms: rooms.remove_participant(one), missing=None)


def alive() -> bool:
    """Whether a media server answers and knows our key."""
    from livekit import api

    try:
        _asked(lambda rooms: rooms.list_rooms(api.ListRoomsRequest(names=["-"])))
    except WayDown:
        return False
    return True


def end_due() -> None:
    """End the rooms whose time has come. May run as often as one likes and beside itself; what fails is tried again later."""
    for row in _claimed():
        if call.server_configured():
            try:
                end_room(room_name(row.meeting_id, row.epoch))
            except WayDown as error:
                logger.warning("a room of the media server was not ended: %s", error)
                return
        CallRoom.objects.filter(pk=row.pk).update(ended_at=now())


def _claimed() -> list[CallRoom]:
    """Rooms that are due, put off for a moment so that nobody else takes them meanwhile."""
    at = now()
    with transaction.atomic():
        due = CallRoom.objects.select_for_update(skip_locked=True).filter(ended_at=None, ends_at__lte=at)
        rows = list(due.order_by("ends_at")[:ENDED_AT_ONCE])
        CallRoom.objects.filter(pk__in=[row.pk for row in rows]).update(ends_at=at + TRIED_AGAIN_AFTER)
    return rows


_RAISED: Final = object()


def _asked(
    ask: Callable[["RoomService"], Awaitable[T]], *, missing: Any = _RAISED, within_s: float = ANSWERS_WITHIN_S
) -> T:
    """What a server answers, in that time in all. ``missing``: the answer where it does not know such a thing. Raises ``WayDown``."""
    return asyncio.run(_ask(ask, missing, within_s))


async def _ask(ask: Callable[["RoomService"], Awaitable[T]], missing: Any, within_s: float) -> T:
    from aiohttp import ClientError
    from livekit import api

    deadline = asyncio.get_running_loop().time() + within_s
    urls = sorted(settings.MDO_LIVEKIT_API, key=lambda url: url not in _answered)
    fault = "no server is configured"
    for number, url in enumerate(urls, start=1):
        left = deadline - asyncio.get_running_loop().time()
        try:
            async with (
                asyncio.timeout(left if number == len(urls) else left / 2),
                api.LiveKitAPI(url, settings.MDO_LIVEKIT_KEY, settings.MDO_LIVEKIT_SECRET, failover=False) as server,
            ):
                answer = await ask(server.room)
        except api.ServerError as error:
            if error.status == 404 and missing is not _RAISED:
                return missing
            fault = f"answered {error.status} {error.code}"
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            fault = type(error).__name__
        else:
            _answered[:] = [url]
            return answer
    raise WayDown(fault)

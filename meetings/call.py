"""The call of a meeting: by which way picture and sound go, and in which epoch.

**Epochs.** A media server goes on honouring a token that it was shown (TRUST §5.10), so nobody is cut by taking theirs away. Instead
the call moves: whoever may stay gets a ticket for a room of another name, and whoever may not is left behind in the old one, which
ends a moment later. It moves when a guest's slot begins or ends, and when somebody's access ends. What the rooms are called tells
nothing: a name made from the epoch with the site's secret, so that no guest can count who was there before.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

from mdo.directory.models import Board
from meetings.models import AgendaItem, CallRoom, GuestInvitation, Meeting

MESH: Final = Board.Call.MESH.value
LIVEKIT: Final = Board.Call.LIVEKIT.value
OWN: Final = Board.Call.OWN.value
NONE: Final = "none"

TICKET_LASTS: Final = timedelta(minutes=10)
MESH_AT_MOST: Final = 6  # with picture; beyond that sound comes first, and a server would serve better
OLD_ROOM_LASTS: Final = timedelta(seconds=1.5)  # in which everybody has gone over to the new one
LAST_ROOM_LASTS: Final = timedelta(minutes=15)  # after the meeting, to say goodbye


def server_configured() -> bool:
    """Whether this site has a media server at all."""
    return bool(settings.MDO_LIVEKIT)


def way_of(meeting: Meeting) -> str:
    """``mesh``, ``livekit``, ``own`` or ``none``: how this meeting's picture and sound go. Reads ``meeting.board``."""
    wished = meeting.call_way or meeting.board.call
    if wished == Board.Call.LIVEKIT and not server_configured():
        return MESH
    return NONE if wished == Board.Call.OFF else str(wished)


def tag(meeting_id: UUID, epoch: int) -> str:
    """What an epoch is called outside: sixteen characters that tell nothing (HMAC-SHA256 with the site's secret)."""
    return salted_hmac("mdo.call.epoch", f"{meeting_id}:{epoch}", algorithm="sha256").hexdigest()[:16]


def move(meeting: Meeting, at: datetime) -> None:
    """Go on in another epoch. Inside an action that holds the meeting's lock; where no room was made yet, nobody is in one."""
    left = CallRoom.objects.filter(meeting=meeting, ended_at=None, ends_at=None)
    left.update(ends_at=at + OLD_ROOM_LASTS)
    meeting.call_epoch += 1
    meeting.save(update_fields=["call_epoch"])


def move_for_guests(meeting: Meeting, at: datetime, *items: AgendaItem | None) -> None:
    """Go on in another epoch if one of these items, which open or close, has a guest. As ``move``; one query, on a media server only."""
    touched = [item for item in items if item is not None]
    if way_of(meeting) == LIVEKIT and _have_guests(touched):
        move(meeting, at)


def move_for_guest_of(meeting: Meeting, at: datetime, item_id: UUID) -> None:
    """Go on in another epoch because somebody came to the item that lies on the table, or was shown out of it. As ``move``."""
    if meeting.current_item_id == item_id and way_of(meeting) == LIVEKIT:
        move(meeting, at)


def _have_guests(items: Iterable[AgendaItem]) -> bool:
    named = any(item.referral is not None and item.referral.guest_id for item in items)
    invited = GuestInvitation.objects.filter(item__in=[item.pk for item in items], revoked_at=None)
    return named or invited.exists()


def last_words(meeting: Meeting, at: datetime) -> None:
    """The meeting is over: its room ends when everybody has said goodbye. As ``move``."""
    CallRoom.objects.filter(meeting=meeting, ended_at=None, ends_at=None).update(ends_at=at + LAST_ROOM_LASTS)

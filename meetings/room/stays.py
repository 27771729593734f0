"""What the media server tells by its webhooks, as stays in the call. Who tells was verified before (``meetings/views/hooks.py``).

Events are told at least once and in any order (livekit/protocol, ``webhook``): posts that are repeated until they are taken.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from django.db.models import Exists, OuterRef

from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Refused
from meetings import call
from meetings.actions.staying import Told, ended_with, holder, note_stay
from meetings.models import CallRoom, CallStay
from meetings.room import livekit

if TYPE_CHECKING:
    from livekit.api import WebhookEvent
    from livekit.protocol.models import ParticipantInfo

logger = logging.getLogger(__name__)

LIVEKIT: Final = System("livekit")
WHAT: Final[dict[str, Literal["joined", "left", "finished"]]] = {
    "participant_joined": "joined",
    "participant_left": "left",
    "participant_connection_aborted": "left",
    "room_finished": "finished",
}
LONGEST_NAME: Final = 200
TOLD_WITHIN: Final = timedelta(minutes=2)  # after its end, a room has said who left it


def hear(event: "WebhookEvent") -> bool:
    """Keep what is told, in a door of its own; whether it was news. What is about another room or another kind of participant is none."""
    what = WHAT.get(event.event)
    meeting_id, tag = _named(event.room.name)
    if what is None or meeting_id is None:
        return False
    with acting(LIVEKIT, None, "room"):
        epoch = _epoch(meeting_id, tag)
        told = None if epoch is None else _told(what, epoch, event)
        if told is None or not _is_news(meeting_id, told):
            return False
        note_stay(by=LIVEKIT, meeting_id=meeting_id, told=told)
    return True


def _named(room: str) -> tuple[UUID | None, str]:
    meeting, _, tag = room.partition(".")
    try:
        return UUID(meeting), tag
    except ValueError:
        return None, ""


def _epoch(meeting_id: UUID, tag: str) -> int | None:
    epochs = CallRoom.objects.filter(meeting=meeting_id).order_by("-epoch").values_list("epoch", flat=True)
    return next((epoch for epoch in epochs if call.tag(meeting_id, epoch) == tag), None)


def _told(what: Literal["joined", "left", "finished"], epoch: int, event: "WebhookEvent") -> Told | None:
    at = datetime.fromtimestamp(event.created_at, UTC) if event.created_at else now()
    if what == "finished":
        return Told(what, epoch, at)
    from livekit.api import ParticipantInfo

    who = event.participant
    if who.kind not in (ParticipantInfo.STANDARD, ParticipantInfo.SIP) or not who.sid or not who.identity:
        return None
    phone = who.kind == ParticipantInfo.SIP
    return Told(what, epoch, at, who.sid, who.identity, _name(who), phone, _joined_at(who))


def _name(who: "ParticipantInfo") -> str:
    words = " ".join((who.name or who.identity).replace("\0", "").split())
    return words[:LONGEST_NAME]


def _joined_at(who: "ParticipantInfo") -> datetime | None:
    ms = who.joined_at_ms or who.joined_at * 1000
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


def _is_news(meeting_id: UUID, told: Told) -> bool:
    stays = CallStay.objects.filter(meeting=meeting_id)
    if told.what == "finished":
        return ended_with(stays, told).exists()
    known = stays.filter(session=told.key).first()
    if known is None:
        return told.phone or holder(meeting_id, told.peer) is not None
    return told.what == "left" and known.left_at is None


def close_forgotten() -> None:
    """End the stays in rooms that ended a while ago: a server that was lost told of nobody who left. Opens doors of its own."""
    still = CallStay.objects.filter(meeting=OuterRef("meeting"), left_at=None)
    for room in CallRoom.objects.filter(Exists(still), ended_at__lte=now() - TOLD_WITHIN):
        assert room.ended_at is not None
        told = Told("finished", room.epoch, room.ended_at)
        try:
            with acting(LIVEKIT, None, "room"):
                if _is_news(room.meeting_id, told):
                    note_stay(by=LIVEKIT, meeting_id=room.meeting_id, told=told)
        except Refused as error:
            logger.warning("stays of a call were not ended: %s", error.code)


def sweep() -> None:
    """What is left to be done on the media server, and of what it told. May run as often as one likes and beside itself."""
    livekit.end_due()
    close_forgotten()

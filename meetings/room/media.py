"""Picture and sound: what one browser needs to take part, by whichever way the meeting goes.

Each way is a module of its own with one function, ``ticket``; this file chooses, and nothing of one way is known in another. The
hospital's own system is a link, and has no ticket.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.kernel.errors import RuleBroken
from meetings import call


class WayDown(Exception):
    """The server behind a way does not answer."""


@dataclass(frozen=True)
class Ask:
    """Who asks for a ticket, as ``access`` has judged them."""

    meeting_id: UUID
    epoch: int
    peer: UUID
    name: str
    guest: bool
    speak: bool
    encrypted: bool
    at: datetime


def ticket(way: str, ask: Ask) -> dict[str, Any]:
    """What a browser needs to take part: ``{"way", "peer", "epoch", "speak", "expires_at", "ice", "relay_only", …}``.

    Blocking, within 3 s, in a thread of the room's own. Raises ``RuleBroken`` where this way is not open to this person, and
    ``WayDown`` where its server does not answer.
    """
    if way == call.MESH:
        from meetings.room import mesh

        given = mesh.ticket(ask)
    elif way == call.LIVEKIT:
        from meetings.room import livekit

        given = livekit.ticket(ask)
    else:
        raise RuleBroken(_("This board has no picture and sound here."), field="none")
    common = {"way": way, "peer": str(ask.peer), "epoch": call.tag(ask.meeting_id, ask.epoch), "speak": ask.speak}
    expires = (ask.at + call.TICKET_LASTS).isoformat().replace("+00:00", "Z")
    return {**common, "expires_at": expires, **given}

"""The mesh: every browser sends to every other one. What it needs of the server is the room's socket, and a relay where networks are shut.

A guest never meets a member's network: between the two everything goes through the relay, so that neither learns the other's
address, and without a relay there is no picture and sound for a guest.
"""

from typing import Any

from django.utils.translation import gettext as _

from mdo.kernel.errors import RuleBroken
from meetings.room import relay
from meetings.room.media import Ask


def ticket(ask: Ask) -> dict[str, Any]:
    """The relay's address with credentials of this peer's own. Raises ``RuleBroken`` for a guest where there is no relay."""
    if ask.guest and not relay.configured():
        raise RuleBroken(_("There is no picture and sound for guests here."), field="no_relay")
    return {"ice": relay.ice_servers(str(ask.peer), ask.at), "relay_only": ask.guest}

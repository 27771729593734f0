"""What a client may ask for in the room: each command once, with its name, its arguments and the action that it calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from mdo.kernel.acting import Actor
from mdo.kernel.action import Action, Done
from mdo.kernel.errors import Invalid
from meetings import agreed
from meetings.actions import (
    attending,
    calls,
    chairing,
    draft,
    inviting,
    reading_back,
    remarking,
    sitting,
    undoing,
    walls,
)
from meetings.room.protocol import Message, Text, arguments


@dataclass(frozen=True)
class Command:
    """``name`` on the wire, the model of its arguments, and the action; ``rename`` maps wire names to the action's."""

    name: str
    model: type[BaseModel]
    action: Action[Any]
    rename: dict[str, str]

    def run(self, *, by: Actor, meeting_id: UUID, command_id: UUID, args: dict[str, Any]) -> Done:
        """Check the arguments and call the action. Raises what the action raises, and ``Invalid``."""
        given = arguments(self.model, args)
        values = {self.rename.get(field, field): value for field, value in given.model_dump().items()}
        return self.action(by=by, meeting_id=meeting_id, command_id=command_id, **values)


COMMANDS: dict[str, Command] = {}


def command(action: Action[Any], **rename: str) -> Callable[[type[Message]], type[Message]]:
    """Declare a command: its arguments are the decorated model, its name and right are the action's. Doubles fail at import."""

    def declare(model: type[Message]) -> type[Message]:
        name = action.action_name
        if name in COMMANDS:
            raise RuntimeError(f"two commands are named {name}")
        COMMANDS[name] = Command(name, model, action, rename)
        return model

    return declare


def find(name: str) -> Command:
    """The command of that name. Raises ``Invalid``."""
    if name not in COMMANDS:
        raise Invalid({"do": ["There is no such command."]})
    return COMMANDS[name]


Version = Annotated[int, Field(ge=0, lt=2**31)]
Minutes = Annotated[int, Field(ge=1, le=120)]
ONE_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@command(sitting.start_meeting)
class Start(Message):
    """Open the meeting."""


@command(calls.mute_all)
class MuteAll(Message):
    """Switch all microphones off."""


@command(sitting.close_meeting)
class CloseMeeting(Message):
    """End the meeting; ``covered`` says what becomes of the cases under a protocol that wait."""

    covered: Annotated[str, Field(max_length=40)] = ""


@command(sitting.open_item, item="item_id")
class OpenItem(Message):
    """Put an item on the table."""

    item: UUID
    version: Version


@command(sitting.next_item)
class Next(Message):
    """Close the open item, open the next one."""

    from_item: UUID | None


@command(sitting.move_item, item="item_id")
class MoveItem(Message):
    """Give an item another place, counted from 1."""

    item: UUID
    to: Annotated[int, Field(ge=1, le=10_000)]
    version: Version


@command(sitting.postpone_item, item="item_id")
class Postpone(Message):
    """Postpone an item with a coded reason."""

    item: UUID
    version: Version
    reason: Annotated[Text, Field(max_length=40)]
    note: Annotated[Text, Field(max_length=500)] = ""
    to_meeting: UUID | None = None


@command(sitting.add_late_case, referral="referral_id")
class AddLate(Message):
    """Bring a late case onto the agenda."""

    referral: UUID
    minutes: Minutes


@command(sitting.add_late_topic)
class AddTopic(Message):
    """Bring a topic onto the agenda."""

    title: Annotated[Text, Field(max_length=300)]
    minutes: Minutes


class Step(Message):
    """One step of a recommendation."""

    kind: Annotated[Text, Field(max_length=40)]
    text: Annotated[Text, Field(max_length=1000)] = ""


class AgreedAction(Message):
    """Something that somebody does after the meeting. ``owner``: a person's id, empty while it is open; ``due``: an ISO date."""

    id: UUID
    text: Annotated[Text, Field(max_length=500)] = ""
    owner: Annotated[Text, Field(pattern=f"^({ONE_ID})?$")] = ""
    due: Annotated[Text, Field(max_length=10)] = ""


class Agreed(Message):
    """What is agreed beside the steps: codes of the board's lists, with what they leave open."""

    guideline: Annotated[Text, Field(max_length=40)] = ""
    trial: Annotated[Text, Field(max_length=40)] = ""
    trial_name: Annotated[Text, Field(max_length=200)] = ""
    informs: Annotated[Text, Field(max_length=40)] = ""
    informs_who: Annotated[Text, Field(max_length=200)] = ""
    actions: Annotated[list[AgreedAction], Field(max_length=agreed.MOST_ACTIONS)] = Field(default_factory=list)


@command(draft.save_draft, item="item_id", protocol_deviation="deviation")
class SaveDraft(Message):
    """Save the steps, the intent, a deviation from the guideline, and what is agreed beside them."""

    item: UUID
    version: Version
    intent: Annotated[Text, Field(max_length=40)] | None = None
    steps: Annotated[list[Step], Field(max_length=draft.MOST_STEPS)] = Field(default_factory=list)
    protocol_deviation: Annotated[Text, Field(max_length=1000)] = ""
    agreed: Agreed | None = None


@command(draft.record_decision, item="item_id", text="seen")
class Record(Message):
    """Record the recommendation as it stands; ``text`` is the number of the wording's last update that was seen."""

    item: UUID
    version: Version
    text: Version | None = None


@command(draft.reopen_decision, item="item_id")
class Reopen(Message):
    """Write on what was recorded, while its item is on the table."""

    item: UUID


@command(draft.record_protocol)
class RecordProtocol(Message):
    """Record cases that a protocol covers, in one gesture."""

    items: Annotated[list[UUID], Field(min_length=1, max_length=60)]


@command(chairing.mark_protocol, item="item_id")
class MarkProtocol(Message):
    """Say which protocol covers a case; empty: none."""

    item: UUID
    version: Version
    protocol: Annotated[Text, Field(max_length=120)]


@command(chairing.park_item, item="item_id")
class Park(Message):
    """Set an item aside until the others are done."""

    item: UUID
    version: Version


@command(chairing.unpark_item, item="item_id")
class Unpark(Message):
    """Bring a parked item back into the order."""

    item: UUID
    version: Version


@command(undoing.undo_step)
class Undo(Message):
    """Take back the last step, within 30 s."""


@command(chairing.take_break)
class TakeBreak(Message):
    """Begin a break."""

    minutes: Annotated[int, Field(ge=1, le=60)]


@command(chairing.end_break)
class EndBreak(Message):
    """Go on after a break."""


@command(chairing.hand_over)
class HandOver(Message):
    """Let a deputy chair."""

    person: UUID


@command(chairing.take_back_chair)
class TakeBack(Message):
    """The board's own chair leads again."""


@command(chairing.delegate_recording)
class DelegateRecording(Message):
    """Let a secretary record, or no longer."""

    person: UUID
    allowed: bool


@command(chairing.name_presenter)
class Present(Message):
    """Let everybody follow somebody's view; ``null``: nobody's."""

    person: UUID | None


@command(reading_back.begin_read_back, item="item_id", text="seen")
class ReadBack(Message):
    """Put the wording on every screen."""

    item: UUID
    version: Version
    text: Version


@command(reading_back.confirm_wording, item="item_id")
class Confirm(Message):
    """Confirm the wording."""

    item: UUID
    round: Version


@command(reading_back.dissent, item="item_id")
class Dissent(Message):
    """Dissent from the wording, with a reason that is kept."""

    item: UUID
    round: Version
    reason: Annotated[Text, Field(max_length=2000)]


@command(reading_back.withdraw_wording, item="item_id")
class Withdraw(Message):
    """Take the wording off the screens, to change it."""

    item: UUID


@command(remarking.say, item="item_id")
class Say(Message):
    """Write in the chat of an item; it is kept."""

    item: UUID
    text: Annotated[Text, Field(max_length=4000)]


@command(remarking.remark_late, item="item_id")
class LateRemark(Message):
    """Add what came too late for the recommendation."""

    item: UUID
    text: Annotated[Text, Field(max_length=4000)]


@command(attending.sit_beside)
class SitBeside(Message):
    """Somebody sits before one's own screen."""

    name: Annotated[Text, Field(max_length=200)] = ""
    discipline: Annotated[Text, Field(max_length=40)] = ""
    person: UUID | None = None


@command(attending.leave_beside, id="beside_id")
class LeaveBeside(Message):
    """Somebody left one's screen."""

    id: UUID


@command(inviting.eject_guest, guest="guest_id")
class EjectGuest(Message):
    """Show a guest out."""

    guest: UUID


@command(walls.pair_wall)
class PairWall(Message):
    """Let the screen on a wall that shows this code show the meeting."""

    code: Annotated[Text, Field(max_length=20)]


@command(walls.unpair_wall, id="wall_id")
class UnpairWall(Message):
    """Let a screen on a wall go dark."""

    id: UUID

"""What a client may ask for in the room: each command once, with its name, its arguments and the action that it calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from mdo.kernel.acting import Actor
from mdo.kernel.action import Action, Done
from mdo.kernel.errors import Invalid
from meetings.actions import draft, sitting
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


@command(sitting.start_meeting)
class Start(Message):
    """Open the meeting."""


@command(sitting.close_meeting)
class CloseMeeting(Message):
    """End the meeting."""


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


@command(draft.take_pen, item="item_id")
class TakePen(Message):
    """Take the pen of the open item."""

    item: UUID


@command(draft.release_pen, item="item_id")
class ReleasePen(Message):
    """Lay the pen down."""

    item: UUID


class Step(Message):
    """One step of a recommendation."""

    kind: Annotated[Text, Field(max_length=40)]
    text: Annotated[Text, Field(max_length=1000)] = ""


@command(draft.save_draft, item="item_id", protocol_deviation="deviation")
class SaveDraft(Message):
    """Save what the pen wrote."""

    item: UUID
    version: Version
    text: Annotated[Text, Field(max_length=20_000)]
    intent: Annotated[Text, Field(max_length=40)] | None = None
    steps: Annotated[list[Step], Field(max_length=draft.MOST_STEPS)] = Field(default_factory=list)
    protocol_deviation: Annotated[Text, Field(max_length=1000)] = ""


@command(draft.record_decision, item="item_id")
class Record(Message):
    """Record the recommendation as it stands."""

    item: UUID
    version: Version

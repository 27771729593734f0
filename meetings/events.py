"""What happens to meetings, their agenda and their decisions. Every one belongs to the stream of its meeting."""

from typing import ClassVar
from uuid import UUID

from mdo.kernel.events import Event


class MeetingEvent(Event):
    """Base: something happened in or to a meeting."""

    meeting_id: UUID


class MeetingPlanned(MeetingEvent):
    """A sitting was planned, by the series or on its own."""

    name: ClassVar[str] = "meeting.planned"
    board_id: UUID
    version: int


class MeetingMoved(MeetingEvent):
    """A sitting got another time or place."""

    name: ClassVar[str] = "meeting.moved"
    version: int


class MeetingCancelled(MeetingEvent):
    """A sitting was called off."""

    name: ClassVar[str] = "meeting.cancelled"
    version: int


class MeetingPublished(MeetingEvent):
    """The agenda was published, or published again; invitations go out."""

    name: ClassVar[str] = "meeting.published"
    version: int
    calendar_sequence: int


class MeetingStarted(MeetingEvent):
    """The chair's side opened the meeting."""

    name: ClassVar[str] = "meeting.started"
    version: int


class MeetingClosed(MeetingEvent):
    """The meeting ended; reports and minutes are to be made."""

    name: ClassVar[str] = "meeting.closed"
    version: int


class ItemAdded(MeetingEvent):
    """A referral or a topic came onto the agenda."""

    name: ClassVar[str] = "agenda.item_added"
    item_id: UUID
    position: int
    late: bool


class ItemRemoved(MeetingEvent):
    """An item was taken off the agenda before it was discussed."""

    name: ClassVar[str] = "agenda.item_removed"
    item_id: UUID


class ItemsMoved(MeetingEvent):
    """Items changed places: ``positions`` holds every item whose place is another one now."""

    name: ClassVar[str] = "agenda.items_moved"
    positions: dict[str, int]


class ItemChanged(MeetingEvent):
    """The minutes planned for an item changed."""

    name: ClassVar[str] = "agenda.item_changed"
    item_id: UUID
    version: int


class ItemOpened(MeetingEvent):
    """An item is on the table; its guest comes in."""

    name: ClassVar[str] = "agenda.item_opened"
    item_id: UUID
    version: int


class ItemClosed(MeetingEvent):
    """An item left the table; its guest goes out. ``state`` is discussed, or scheduled when it was put back undecided."""

    name: ClassVar[str] = "agenda.item_closed"
    item_id: UUID
    state: str
    version: int


class ItemPostponed(MeetingEvent):
    """An item was postponed with a coded reason."""

    name: ClassVar[str] = "agenda.item_postponed"
    item_id: UUID
    reason: str
    version: int


class ItemWithdrawn(MeetingEvent):
    """The requester's side withdrew the case of an item."""

    name: ClassVar[str] = "agenda.item_withdrawn"
    item_id: UUID
    version: int


class PenTaken(MeetingEvent):
    """Somebody began to write the recommendation of an item."""

    name: ClassVar[str] = "draft.pen_taken"
    item_id: UUID
    person_id: UUID


class PenReleased(MeetingEvent):
    """The pen of an item lies free again."""

    name: ClassVar[str] = "draft.pen_released"
    item_id: UUID


class DraftSaved(MeetingEvent):
    """The draft of a recommendation changed; its content is fetched by those who may see it."""

    name: ClassVar[str] = "draft.saved"
    item_id: UUID
    version: int


class DecisionRecorded(MeetingEvent):
    """The recommendation of an item was stated and frozen, with attendance and quorum."""

    name: ClassVar[str] = "decision.recorded"
    item_id: UUID
    decision_id: UUID
    version: int


class DecisionSigned(MeetingEvent):
    """The coordinator signed a decision; it can no longer change."""

    name: ClassVar[str] = "decision.signed"
    item_id: UUID
    decision_id: UUID
    number: int


class DecisionCorrected(MeetingEvent):
    """A new version of a signed decision was begun, which will name what it replaces."""

    name: ClassVar[str] = "decision.corrected"
    item_id: UUID
    decision_id: UUID
    replaces_id: UUID


class PresenceChanged(MeetingEvent):
    """People came into the room or left it."""

    name: ClassVar[str] = "presence.changed"
    person_ids: list[str]


class ReportMade(MeetingEvent):
    """A report or the minutes lie ready."""

    name: ClassVar[str] = "report.made"
    report_id: UUID
    edition: str


class DeliveryMade(MeetingEvent):
    """A mail left the house."""

    name: ClassVar[str] = "delivery.made"
    delivery_id: UUID

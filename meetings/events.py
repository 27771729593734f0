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


class MeetingBreaksSet(MeetingEvent):
    """The board of a sitting takes its breaks in another way; breaks that are planned stay as they are."""

    name: ClassVar[str] = "meeting.breaks_set"
    after: int
    minutes: int


class MeetingAnswered(MeetingEvent):
    """Somebody said whether they come to a sitting."""

    name: ClassVar[str] = "meeting.answered"
    person_id: UUID
    what: str


class MeetingStarted(MeetingEvent):
    """The chair's side opened the meeting."""

    name: ClassVar[str] = "meeting.started"
    version: int


class MeetingClosed(MeetingEvent):
    """The meeting ended; reports and minutes are to be made."""

    name: ClassVar[str] = "meeting.closed"
    version: int


class CallMoved(MeetingEvent):
    """Picture and sound go on in another epoch of the call, or by another way."""

    name: ClassVar[str] = "call.moved"
    epoch: int


class CallMuted(MeetingEvent):
    """The chair's side switched all microphones off."""

    name: ClassVar[str] = "call.muted"


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
    """The minutes planned for an item changed, or what it asks for in a proposed order."""

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


class ItemParked(MeetingEvent):
    """An item was set aside until the others are done, or brought back into the order."""

    name: ClassVar[str] = "agenda.item_parked"
    item_id: UUID
    parked: bool
    version: int


class ProtocolMarked(MeetingEvent):
    """A case was marked as covered by a protocol, or no longer."""

    name: ClassVar[str] = "agenda.protocol_marked"
    item_id: UUID
    covered: bool
    version: int


class StepUndone(MeetingEvent):
    """The last step at the table was taken back: these items stand again as they did before it."""

    name: ClassVar[str] = "agenda.step_undone"
    what: str
    item_ids: list[str]


class PeopleCalled(MeetingEvent):
    """Who belongs to these items was told that they come soon."""

    name: ClassVar[str] = "agenda.people_called"
    item_ids: list[str]


class BreakBegun(MeetingEvent):
    """The meeting has a break."""

    name: ClassVar[str] = "meeting.break_begun"
    minutes: int


class BreakEnded(MeetingEvent):
    """The meeting goes on after a break."""

    name: ClassVar[str] = "meeting.break_ended"


class ChairHandedOver(MeetingEvent):
    """A deputy chairs this meeting (``person_id``), or the chair was taken back."""

    name: ClassVar[str] = "meeting.chair_handed_over"
    person_id: UUID | None


class RecordingDelegated(MeetingEvent):
    """A secretary may record in this meeting, or may no longer."""

    name: ClassVar[str] = "meeting.recording_delegated"
    person_id: UUID
    allowed: bool


class PresenterNamed(MeetingEvent):
    """Everybody follows the view of this person, or of nobody."""

    name: ClassVar[str] = "meeting.presenter_named"
    person_id: UUID | None


class ReadBackBegun(MeetingEvent):
    """The wording of a recommendation stands on every screen; it cannot change while it does."""

    name: ClassVar[str] = "readback.begun"
    item_id: UUID
    round: int


class ReadBackWithdrawn(MeetingEvent):
    """The wording is changed again; it will be read back anew."""

    name: ClassVar[str] = "readback.withdrawn"
    item_id: UUID
    round: int


class VoiceGiven(MeetingEvent):
    """Somebody confirmed the wording, or dissents; the reason is fetched by those who may see it."""

    name: ClassVar[str] = "readback.voice_given"
    item_id: UUID
    person_id: UUID
    kind: str
    round: int


class RemarkMade(MeetingEvent):
    """Somebody wrote beside an item: chat, or a late remark. The text is fetched by those who may see it."""

    name: ClassVar[str] = "remark.made"
    item_id: UUID
    remark_id: UUID
    kind: str


class DraftSaved(MeetingEvent):
    """The structured part of a recommendation changed; its content is fetched by those who may see it."""

    name: ClassVar[str] = "draft.saved"
    item_id: UUID
    version: int


class DecisionRecorded(MeetingEvent):
    """The recommendation of an item was stated and frozen, with attendance and quorum."""

    name: ClassVar[str] = "decision.recorded"
    item_id: UUID
    decision_id: UUID
    version: int


class DecisionReopened(MeetingEvent):
    """What was recorded is written on before its item leaves the table."""

    name: ClassVar[str] = "decision.reopened"
    item_id: UUID
    decision_id: UUID


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


class BesideChanged(MeetingEvent):
    """Somebody came to sit before another person's screen, or left it."""

    name: ClassVar[str] = "presence.beside_changed"
    person_id: UUID
    beside_id: UUID


class GuestInvited(MeetingEvent):
    """A guest was invited to an item by a personal link, or got a new link or code."""

    name: ClassVar[str] = "guest.invited"
    item_id: UUID
    guest_id: UUID


class GuestConfirmed(MeetingEvent):
    """A guest showed by a code or an identity that the link is theirs."""

    name: ClassVar[str] = "guest.confirmed"
    item_id: UUID
    guest_id: UUID


class GuestLeft(MeetingEvent):
    """A guest was shown out, or their invitation was withdrawn."""

    name: ClassVar[str] = "guest.left"
    item_id: UUID
    guest_id: UUID


class ReportMade(MeetingEvent):
    """A report or the minutes lie ready."""

    name: ClassVar[str] = "report.made"
    report_id: UUID
    edition: str


class DeliveryMade(MeetingEvent):
    """A mail or a report left the house."""

    name: ClassVar[str] = "delivery.made"
    delivery_id: UUID


class WallPaired(MeetingEvent):
    """A screen on a wall shows this meeting from now on."""

    name: ClassVar[str] = "wall.paired"
    wall_id: UUID


class WallUnpaired(MeetingEvent):
    """A screen on a wall shows this meeting no more."""

    name: ClassVar[str] = "wall.unpaired"
    wall_id: UUID


class FollowUpAnswered(MeetingEvent):
    """Somebody said whether what was decided was done."""

    name: ClassVar[str] = "followup.answered"
    item_id: UUID
    follow_up_id: UUID
    version: int


class PatientInformed(MeetingEvent):
    """Somebody said that the patient was told what was decided, or took it back."""

    name: ClassVar[str] = "decision.patient_informed"
    item_id: UUID
    decision_id: UUID
    informed: bool
    version: int


class SummaryHandedOver(MeetingEvent):
    """The summary of a decision was given to the patient."""

    name: ClassVar[str] = "decision.summary_handed_over"
    item_id: UUID
    decision_id: UUID
    handover_id: UUID


class ActionFinished(MeetingEvent):
    """An action of a signed decision is done, or is not after all."""

    name: ClassVar[str] = "action.finished"
    item_id: UUID
    action_id: UUID
    done: bool
    version: int


class RegistrationSaved(MeetingEvent):
    """The registration and billing of a case were saved."""

    name: ClassVar[str] = "registration.saved"
    item_id: UUID
    version: int


class RegistryExported(Event):
    """The registrations or billing lines of a period were put into a file."""

    name: ClassVar[str] = "registration.exported"
    export_id: UUID
    hospital_id: UUID
    what: str
    rows: int


class DecisionImported(Event):
    """An old decision of another system was brought in. It is not signed here and in no chain."""

    name: ClassVar[str] = "decision.imported"
    decision_id: UUID
    board_id: UUID
    hospital_id: UUID

"""Picture and sound: what the chair's side and the house do to the call as a whole. Who is in it is presence, and no action."""

from uuid import UUID

from mdo.directory import access as directory
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.events import Event
from meetings import access, call
from meetings.actions import table
from meetings.events import CallMoved, CallMuted
from meetings.models import Meeting


@action("call.mute_all", row="run")
def mute_all(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Switch everybody's microphone off. Effects: every page but that of whoever asked does so when it hears of it; each may switch
    theirs on again. Refused when the meeting is over."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    meeting.muted_at, meeting.muted_by_id = now(), by.actor_id
    table.save_meeting(meeting, "muted_at", "muted_by")
    return (CallMuted(meeting_id=meeting.pk),)


@action("call.move", row="system")
def move_call(*, by: Actor, meeting_id: UUID, from_epoch: int) -> tuple[Event, ...]:
    """Somebody's access ended who holds a ticket. Effects: the call goes on in another epoch, for which they get none. Nothing happens
    when it moved already."""
    meeting = _locked(by, meeting_id, from_epoch)
    if meeting is None:
        return ()
    call.move(meeting, now())
    return (CallMoved(meeting_id=meeting.pk, epoch=meeting.call_epoch),)


@action("call.take_way", row="system")
def take_way(*, by: Actor, meeting_id: UUID, from_epoch: int, way: str) -> tuple[Event, ...]:
    """The media server was lost (``way`` "mesh"), or is there again ("", the board's own way). Effects: the call goes on by that way in
    another epoch. Nothing happens when it moved already."""
    meeting = _locked(by, meeting_id, from_epoch)
    if meeting is None or meeting.call_way == way:
        return ()
    meeting.call_way = way
    meeting.save(update_fields=["call_way"])
    call.move(meeting, now())
    return (CallMoved(meeting_id=meeting.pk, epoch=meeting.call_epoch),)


def _locked(by: Actor, meeting_id: UUID, from_epoch: int) -> Meeting | None:
    directory.require_system(by)
    meeting = access.access_meeting_for(by, meeting_id, "system")
    return meeting if meeting.call_epoch == from_epoch else None

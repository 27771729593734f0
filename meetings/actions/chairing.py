"""Leading a sitting: setting aside, breaks, a deputy in the chair, who records and who presents, cases under a protocol."""

from datetime import timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory import access as directory
from mdo.directory.access import in_office
from mdo.directory.models import BoardRole, Person
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event
from meetings import access, agenda
from meetings.actions import protocols, table, undoing
from meetings.actions.slots import change_slots
from meetings.events import (
    BreakBegun,
    ChairHandedOver,
    ItemParked,
    PresenterNamed,
    RecordingDelegated,
)
from meetings.models import AgendaItem, Delegation, Meeting, ProtocolRule

State = AgendaItem.State


@action("agenda.park", row="run")
def park_item(*, by: Actor, meeting_id: UUID, item_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Set an item aside until the others are done; one that is open leaves the table undecided. *Next* comes to it at the end.
    Refused when its recommendation was recorded."""
    item = access.access_item_for(by, meeting_id, item_id, "run")
    meeting = item.meeting
    table.running(meeting)
    table.current(item, version)
    if item.state not in (State.SCHEDULED, State.OPEN) or item.parked:
        raise RuleBroken(_("Only an item that waits or is open can be parked."), field="item")
    at = now()
    if item.state == State.OPEN:
        item = table.with_decision(AgendaItem.objects.filter(pk=item.pk)).get()
        item.meeting = meeting
        if table.is_decided(item):
            raise RuleBroken(_("The recommendation was recorded already."), field="item")
    earlier = undoing.before(meeting, [item])
    if item.state == State.OPEN:
        table.leave(item, State.SCHEDULED, at)
        change_slots(meeting, at, closing=item, opening=None)
        meeting.current_item = None
    item.parked = True
    table.save(item, *table.LEFT)
    undoing.keep(meeting, by, "agenda.park", at, earlier, [item])
    return (ItemParked(meeting_id=meeting.pk, item_id=item.pk, parked=True, version=item.version),)


@action("agenda.unpark", row="run")
def unpark_item(*, by: Actor, meeting_id: UUID, item_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Bring a parked item back into the order, at its place."""
    item = access.access_item_for(by, meeting_id, item_id, "run")
    table.running(item.meeting)
    table.current(item, version)
    if not item.parked:
        raise RuleBroken(_("This item is not parked."), field="item")
    earlier = undoing.before(item.meeting, [item])
    item.parked = False
    table.save(item, "parked")
    undoing.keep(item.meeting, by, "agenda.unpark", now(), earlier, [item])
    return (ItemParked(meeting_id=meeting_id, item_id=item.pk, parked=False, version=item.version),)


@action("meeting.take_break", row="run")
def take_break(*, by: Actor, meeting_id: UUID, minutes: int, command_id: UUID) -> tuple[Event, ...]:
    """Begin a break of so many minutes. Effects: an item whose recommendation was recorded leaves the table; the next break that was
    planned is this one. Refused while a case
    lies there undecided: its time would run on."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.running(meeting)
    if not 1 <= minutes <= 60:
        raise Invalid({"minutes": [_("Give between 1 and 60 minutes.")]})
    if meeting.break_until is not None:
        raise RuleBroken(_("There is a break already."))
    at = now()
    events: list[Event] = []
    items = table.all_items(meeting)
    open_now = agenda.open_item(items)
    planned = next((carrier for carrier, _following in agenda.planned_breaks(items)), None)
    touched = [open_now] if planned in (None, open_now) else [open_now, planned]
    earlier = undoing.before(meeting, touched)
    if planned is not None:
        planned.break_after = 0
        planned.save(update_fields=["break_after"])  # no other version of it: nothing that is drawn of the item changed
    if open_now is not None:
        events += table.finish(open_now, at, put_back=False)
        change_slots(meeting, at, closing=open_now, opening=None)
        meeting.current_item = None
    meeting.break_until = at + timedelta(minutes=minutes)
    meeting.breaks = [*meeting.breaks, [at.isoformat(), None]]
    undoing.keep(meeting, by, "meeting.take_break", at, earlier, touched)
    return (*events, BreakBegun(meeting_id=meeting.pk, minutes=minutes))


@action("meeting.end_break", row="run")
def end_break(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Go on after a break. Opening an item does so too."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.running(meeting)
    events = table.end_break(meeting, now())
    if not events:
        raise RuleBroken(_("There is no break now."))
    meeting.last_step = {}
    table.save_meeting(meeting, "break_until", "breaks", "last_step")
    return tuple(events)


def _seat_of(meeting: Meeting, person_id: UUID, roles: tuple[str, ...]) -> BoardRole:
    """The role of somebody who sits at this board now. Raises ``Invalid``: whoever does not is unknown here."""
    for role in in_office(meeting.board):
        if role.person_id == person_id and role.role in roles:
            return role
    raise Invalid({"person": [_("Choose somebody of this board.")]})


@action("meeting.hand_over", row="run")
def hand_over(*, by: Actor, meeting_id: UUID, person: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Let a member of the board chair this meeting as a deputy. Effects: until the meeting ends or the chair is taken back, they may
    what the chair may, within what they may see; a deputy before them is one no more."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    role = _seat_of(meeting, person, (BoardRole.Role.MEMBER, BoardRole.Role.COORDINATOR, BoardRole.Role.CHAIR))
    _end_chair(meeting)
    if role.role == BoardRole.Role.MEMBER:
        _delegate(by, meeting, person, Delegation.Kind.CHAIR)
    table.save_meeting(meeting)
    return (ChairHandedOver(meeting_id=meeting.pk, person_id=person),)


@action("meeting.take_back", row="run")
def take_back_chair(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """The board's own chair leads again. Refused when nobody else does."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    if not _end_chair(meeting):
        raise RuleBroken(_("Nobody chairs as a deputy."))
    table.save_meeting(meeting)
    return (ChairHandedOver(meeting_id=meeting.pk, person_id=None),)


def _end_chair(meeting: Meeting) -> int:
    return Delegation.objects.filter(meeting=meeting, kind=Delegation.Kind.CHAIR, ended_at=None).update(ended_at=now())


def _delegate(by: Actor, meeting: Meeting, person_id: UUID, kind: Delegation.Kind) -> None:
    Delegation(meeting=meeting, person_id=person_id, kind=kind, given_by_id=by.actor_id).save(force_insert=True)


@action("meeting.delegate_recording", row="run")
def delegate_recording(
    *, by: Actor, meeting_id: UUID, person: UUID, allowed: bool, command_id: UUID
) -> tuple[Event, ...]:
    """Let a secretary of the organiser record in this meeting, or no longer. Only who may record may give it away."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    if not access.chair_at(by, meeting).permits("record"):
        raise RuleBroken(_("Only somebody who may record can let another one record."))
    role = _seat_of(meeting, person, (BoardRole.Role.SECRETARY,))
    if role.organisation_id != meeting.board.organiser_id:
        raise Invalid({"person": [_("Choose somebody of this board.")]})
    held = Delegation.objects.filter(meeting=meeting, person=person, kind=Delegation.Kind.SCRIBE, ended_at=None)
    if allowed == held.exists():
        return ()
    if allowed:
        _delegate(by, meeting, person, Delegation.Kind.SCRIBE)
    else:
        held.update(ended_at=now())
    table.save_meeting(meeting)
    return (RecordingDelegated(meeting_id=meeting.pk, person_id=person, allowed=allowed),)


@action("meeting.present", row="run")
def name_presenter(*, by: Actor, meeting_id: UUID, person: UUID | None, command_id: UUID) -> tuple[Event, ...]:
    """Let everybody follow the view of ``person``, who sits in this room with the right to share; of nobody for ``None``."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    if person is not None and not _may_share(meeting, person):
        raise Invalid({"person": [_("Choose somebody who is at the table.")]})
    if meeting.presenter_id == person:
        return ()
    meeting.presenter_id = person
    table.save_meeting(meeting, "presenter")
    return (PresenterNamed(meeting_id=meeting.pk, person_id=person),)


def _may_share(meeting: Meeting, person_id: UUID) -> bool:
    """Whether somebody else may share a view here: asked for the organisation that they sit here for."""
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None:
        return False
    organisation_id = directory.organisation_for(person, meeting.board, None)
    standing = access.standing_at(person, meeting, organisation_id)
    place = access.chair_at(person, meeting, standing)
    return not place.is_guest and place.permits("share", {"agr"} if place.reach else ())


@action("agenda.mark_protocol", row="run")
def mark_protocol(
    *, by: Actor, meeting_id: UUID, item_id: UUID, version: int, protocol: str, command_id: UUID
) -> tuple[Event, ...]:
    """Say by which protocol a case is covered, so that it can be recorded without discussion; empty: by none, it is discussed.

    Effects: a covered case takes no minutes and is not opened. The reference is that of the board's rule of this name, if there is
    one. Refused for what no longer waits, and as stale.
    """
    item = access.access_item_for(by, meeting_id, item_id, "run")
    protocol = " ".join(protocol.split())
    if len(protocol) > protocols.LONGEST_NAME:
        raise Invalid({"protocol": [_("Keep the name within 120 characters.")]})
    protocols.check_coverable(item, version)
    rules = (
        ProtocolRule.objects.filter(board=item.meeting.board_id, name=protocol)
        if protocol
        else ProtocolRule.objects.none()
    )
    return protocols.mark(item, protocol, rules.values_list("reference", flat=True).first() or "")

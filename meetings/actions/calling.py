"""Calling people in: who belongs to the next two items is told so, once. In the page when they are in the room, else by mail.

The worker does it, woken by whoever opened an item and by its own tick: opening waits for nobody's mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mdo.directory import access as directory
from mdo.directory.access import in_office
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from meetings import agenda, guests
from meetings.actions import mailing
from meetings.events import PeopleCalled
from meetings.models import AgendaItem, CallIn, Delivery, Lease, Meeting

AHEAD = 2
MAILED_ONCE = "call"  # for disciplines, who are needed for many items: one mail for the meeting


@dataclass(frozen=True)
class Call:
    """Somebody to be called in for an item: the mail's occasion and detail, for when they are not in the room."""

    item_id: UUID
    person_id: UUID
    by_mail: bool
    occasion: str
    detail: dict[str, str]


def waiting_calls() -> list[UUID]:
    """The meetings in which somebody has to be called in now. In the door of the house."""
    running = Meeting.objects.filter(state=Meeting.State.RUNNING).select_related("board")
    return [meeting.pk for meeting in running if calls_of(meeting)]


@action("agenda.call_people", row="system")
def call_people(*, by: Actor, meeting_id: UUID) -> tuple[Event, ...]:
    """Call in the requesters and guests of the items that come next, and the disciplines which the board's quorum asks for and
    nobody in the room has; for a patient who died only the disciplines. Whoever was called in for an item is not called in for it again; whoever is absent gets one mail, with
    a link and no word about anybody. The house alone does this."""
    directory.require_system(by)
    meeting = Meeting.objects.select_for_update(of=("self",)).select_related("board").get(pk=meeting_id)
    if meeting.state != Meeting.State.RUNNING:
        return ()
    calls = calls_of(meeting)
    mails: dict[str, dict[UUID, dict[str, str]]] = {}
    for call in calls:
        if call.by_mail:
            mails.setdefault(call.occasion, {})[call.person_id] = call.detail
    CallIn.objects.bulk_create(
        [
            CallIn(id=new_id(), meeting=meeting, item_id=each.item_id, person_id=each.person_id, by_mail=each.by_mail)
            for each in calls
        ]
    )
    for occasion, people in mails.items():
        mailing.order(
            Delivery.Kind.CALL_IN, people, meeting=meeting, hospital_id=meeting.hospital_id, occasion=occasion
        )
    called = sorted({str(call.item_id) for call in calls})
    return (PeopleCalled(meeting_id=meeting.pk, item_ids=called),) if called else ()


def calls_of(meeting: Meeting) -> list[Call]:
    """Who has to be called in for the next two items of a running meeting and was not yet. In the door of the house."""
    items = list(
        AgendaItem.objects.filter(meeting=meeting).select_related("referral__case__patient").order_by("position")
    )
    coming = agenda.waiting(items)[:AHEAD]
    if not coming:
        return []
    here = set(Lease.objects.filter(meeting=meeting, ended_at=None).values_list("person_id", flat=True))
    known = set(CallIn.objects.filter(meeting=meeting).values_list("item_id", "person_id"))
    absent = _absent_disciplines(meeting, here)
    outside = guests.people_by_item(meeting)
    calls = []
    for item in coming:
        once = f"call:{item.pk.hex}"
        detail = {"item": str(item.pk)}
        wanted = dict.fromkeys(absent, (MAILED_ONCE, detail))
        if item.referral is not None and item.referral.case.patient.deceased_on is None:
            wanted |= dict.fromkeys(outside.get(item.pk, ()), (once, detail))
            wanted[item.referral.requester_id] = (once, {**detail, "for": str(item.hospital_id)})
        calls += [
            Call(item.pk, person_id, person_id not in here, occasion, told)
            for person_id, (occasion, told) in wanted.items()
            if (item.pk, person_id) not in known
        ]
    return calls


def _absent_disciplines(meeting: Meeting, here: set[UUID]) -> Sequence[UUID]:
    """The board's people of those disciplines that its quorum asks for and nobody in the room has."""
    required = set(meeting.board.quorum.get("required", ()))
    if not required:
        return []
    office = in_office(meeting.board)
    there = {role.person.discipline for role in office if role.person_id in here}
    return [role.person_id for role in office if role.person.discipline in required - there]

"""Calling people in: who belongs to the next two items is told so, once. In the page when they are in the room, else by mail."""

from collections.abc import Sequence
from uuid import UUID

from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from meetings import agenda
from meetings.actions import mailing
from meetings.events import PeopleCalled
from meetings.invited import in_office
from meetings.models import AgendaItem, CallIn, Delivery, Lease, Meeting

AHEAD = 2
MAILED_ONCE = "call"  # for disciplines, who are needed for many items: one mail for the meeting


def call_in(meeting: Meeting, items: Sequence[AgendaItem], *, after: AgendaItem | None) -> list[Event]:
    """Call in the requesters and guests of the items that come next, and the disciplines which the board's quorum asks for and
    nobody in the room has. Inside an action; ``items`` is the whole agenda, ``after`` the one that was opened now.

    Whoever was called in for an item is never called in for it again; whoever is absent gets one mail with a link and no word
    about anybody. Returns the event, if somebody was called.
    """
    coming = _coming(items, after)
    if not coming:
        return []
    here = set(Lease.objects.filter(meeting=meeting, ended_at=None).values_list("person_id", flat=True))
    known = set(CallIn.objects.filter(meeting=meeting).values_list("item_id", "person_id"))
    missing = _missing_disciplines(meeting, here)
    calls: list[CallIn] = []
    mails: dict[str, dict[UUID, dict[str, str]]] = {}
    for item in coming:
        referral = item.referral
        once = f"call:{item.pk.hex}"
        wanted: dict[UUID, tuple[str, dict[str, str]]] = {person_id: (MAILED_ONCE, {}) for person_id in missing}
        if referral is not None:
            wanted[referral.requester_id] = (once, {"for": str(item.hospital_id)})
            if referral.guest_id is not None:
                wanted[referral.guest_id] = (once, {})
        for person_id, (occasion, detail) in wanted.items():
            if (item.pk, person_id) in known:
                continue
            by_mail = person_id not in here
            calls.append(CallIn(id=new_id(), meeting=meeting, item=item, person_id=person_id, by_mail=by_mail))
            if by_mail:
                mails.setdefault(occasion, {})[person_id] = {"item": str(item.pk), **detail}
    CallIn.objects.bulk_create(calls, ignore_conflicts=True)
    for occasion, people in mails.items():
        mailing.order(
            Delivery.Kind.CALL_IN, people, meeting=meeting, hospital_id=meeting.hospital_id, occasion=occasion
        )
    called = sorted({str(call.item_id) for call in calls})
    return [PeopleCalled(meeting_id=meeting.pk, item_ids=called)] if called else []


def _coming(items: Sequence[AgendaItem], after: AgendaItem | None) -> list[AgendaItem]:
    waiting = [item for item in agenda.waiting(items) if after is None or item.pk != after.pk]
    return waiting[:AHEAD]


def _missing_disciplines(meeting: Meeting, here: set[UUID]) -> list[UUID]:
    """The board's people of those disciplines that its quorum asks for and nobody in the room has."""
    required = set(meeting.board.quorum.get("required", ()))
    if not required:
        return []
    office = list(in_office(meeting.board))
    there = {role.person.discipline for role in office if role.person_id in here}
    return [role.person_id for role in office if role.person.discipline in required - there]

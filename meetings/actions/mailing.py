"""Mail: ordered as rows inside the action that causes it, sent by the worker, one action for each mail."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory import access as directory
from mdo.kernel import work
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.errors import RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from meetings import mails
from meetings.actions import digesting
from meetings.delivering import access as delivering
from meetings.events import DeliveryMade
from meetings.invited import invited
from meetings.models import Delivery, Meeting
from meetings.waking import wake

Kind = Delivery.Kind


def order(
    kind: str,
    people: Mapping[UUID, Mapping[str, Any]],
    *,
    meeting: Meeting | None,
    hospital_id: UUID,
    occasion: str,
) -> None:
    """Order one mail of ``kind`` for each person (id → detail: ids and numbers only). Inside an action. What was ordered before
    for the same person, meeting, kind and occasion stays one mail."""
    at = now()
    rows = []
    for person_id, detail in people.items():
        key = new_id()
        rows.append(
            Delivery(
                id=key,
                hospital_id=hospital_id,
                meeting=meeting,
                recipient_id=person_id,
                kind=kind,
                occasion=occasion,
                detail=dict(detail),
                message_id=mails.message_id(key),
                due_at=at,
                created_at=at,
            )
        )
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        wake()


def invite(meeting: Meeting) -> None:
    """Order the invitations of the meeting's present sequence; who was invited before and is no longer gets a cancellation."""
    people = {person: {**detail, "sequence": meeting.calendar_sequence} for person, detail in invited(meeting).items()}
    occasion = f"publish:{meeting.calendar_sequence}"
    order(Kind.INVITATION, people, meeting=meeting, hospital_id=meeting.hospital_id, occasion=occasion)
    _cancel(meeting, [person for person in _reached(meeting) if person not in people])


def call_off(meeting: Meeting) -> None:
    """Order the cancellations of a meeting that was called off."""
    _cancel(meeting, _reached(meeting))


def _cancel(meeting: Meeting, people: list[UUID]) -> None:
    detail = {"sequence": meeting.calendar_sequence}
    order(
        Kind.CANCELLATION,
        dict.fromkeys(people, detail),
        meeting=meeting,
        hospital_id=meeting.hospital_id,
        occasion=f"cancel:{meeting.calendar_sequence}",
    )


def _reached(meeting: Meeting) -> list[UUID]:
    """Who has, or may have, an invitation to this meeting in their calendar: the last that was tried was no cancellation."""
    tried = Delivery.objects.filter(meeting=meeting, kind__in=(Kind.INVITATION, Kind.CANCELLATION))
    last: dict[UUID, str] = {}
    for person_id, kind, attempts in tried.order_by("created_at", "id").values_list("recipient_id", "kind", "attempts"):
        if attempts or kind == Kind.CANCELLATION:
            last[person_id] = kind
    return [person_id for person_id, kind in last.items() if kind == Kind.INVITATION]


@action("delivery.send", row="system")
def deliver(*, by: Actor, delivery_id: UUID) -> tuple[Event, ...]:
    """Send one mail over SMTP. Effects: the row is done, and so are the lines of a digest; in quiet hours it waits for their end. A row that was sent already is left alone; one that nobody needs any
    more (superseded, past, an account without address) is dropped. Raises what the mail server answers: the caller puts the
    row back. Killed after sending and before the commit, the same Message-ID goes out again."""
    directory.require_system(by)
    row = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("recipient", "meeting__board__organiser")
        .get(pk=delivery_id)
    )
    granted("system", hospital_id=row.hospital_id)
    note(delivery_id=str(row.pk), kind=row.kind)
    if row.state != work.State.WAITING:
        return ()
    digest = row.kind == Kind.DIGEST
    if digest:
        if digesting.hold_back(row):
            return ()
        digesting.drop_what_is_done(row)
    message = mails.compose(row)
    if isinstance(message, str):
        note(dropped=message)
        if digest:
            digesting.settle(row, sent=False)
        work.dropped(row, message)
        return ()
    message.send()
    if digest:
        digesting.settle(row, sent=True)
    work.done(row)
    return (DeliveryMade(meeting_id=row.meeting_id, delivery_id=row.pk),) if row.meeting_id else ()


@action("delivery.retry", row="deliver")
def retry_delivery(*, by: Actor, delivery_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Try a mail of a meeting again that failed or was given up. Effects: it is due at once, as if it had never been tried.

    Refused: ``NotFound``, ``Denied``, and a mail that is sent or not wanted any more."""
    row = delivering.access_mail_for_delivering(by, delivery_id)
    if row.state not in (work.State.WAITING, work.State.GIVEN_UP):
        raise RuleBroken(_("This does not wait any more."))
    work.retry(row)
    wake()
    return ()

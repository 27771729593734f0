"""Digests: one mail with everything that somebody is reminded of, at most one for a person and day."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings import digests, mails
from meetings.models import Delivery, DigestLine, Meeting
from meetings.reminders import Hours
from meetings.waking import wake

Kind, Waiting = Delivery.Kind, DigestLine.State.WAITING
# What falls due at the same moment comes into the same digest, although the rows are done one after the other.
COLLECTS = timedelta(seconds=60)


def tell(
    meeting: Meeting, kind: str, people: Collection[UUID], occasion: str, hours: Hours, until: datetime | None
) -> None:
    """A line in the digest of each of these people, once for the occasion. Inside an action.

    The digest goes out at once, after the quiet hours, or on the next day for whoever had one today. A line whose moment
    (``until``) would be past by then is dropped. In the order of their ids, so that two who do this do not wait for each other.
    """
    told = DigestLine.objects.filter(meeting=meeting, kind=kind, occasion=occasion, person__in=people)
    known = set(told.values_list("person_id", flat=True))
    lines = []
    for person_id in sorted(set(people) - known):
        delivery = _digest_of(person_id, meeting, hours, until)
        line = DigestLine(
            id=new_id(),
            hospital_id=meeting.hospital_id,
            meeting=meeting,
            person_id=person_id,
            kind=kind,
            occasion=occasion,
            delivery=delivery,
            added_at=now(),
        )
        if delivery is None:
            line.state, line.why = DigestLine.State.DROPPED, "past"
        lines.append(line)
    DigestLine.objects.bulk_create(lines, ignore_conflicts=True)
    if lines:
        wake()


def _digest_of(person_id: UUID, meeting: Meeting, hours: Hours, until: datetime | None) -> Delivery | None:
    """The digest of a person that is still to go out, locked; ``None`` where it would come too late for what it is about."""
    waiting = Delivery.objects.select_for_update().filter(recipient=person_id, kind=Kind.DIGEST, state="waiting")
    found = waiting.first()
    if found is None:
        at = now()
        today = hours.local(hours.day(at), datetime.min.time())
        had = Delivery.objects.filter(recipient=person_id, kind=Kind.DIGEST, state="done", done_at__gte=today).exists()
        due_at = hours.next_morning(at) if had else hours.allowed(at + COLLECTS)
        if until is not None and due_at >= until:
            return None
        key = new_id()
        row = Delivery(
            id=key,
            hospital_id=meeting.hospital_id,
            recipient_id=person_id,
            kind=Kind.DIGEST,
            occasion=f"day:{hours.day(due_at).isoformat()}",
            message_id=mails.message_id(key),
            due_at=due_at,
            created_at=at,
        )
        Delivery.objects.bulk_create([row], ignore_conflicts=True)  # somebody else may have begun one at this moment
        found = waiting.get()
    elif until is not None and found.due_at >= until:
        return None
    return found


def hold_back(delivery: Delivery) -> bool:
    """Whether a digest has to wait because it is quiet where it comes from now; its row then waits for the morning. Inside the action
    that sends it."""
    at = digests.allowed_at(delivery)
    if at <= now():
        return False
    delivery.due_at, delivery.leased_until, delivery.attempts = at, None, 0
    delivery.save(update_fields=["due_at", "leased_until", "attempts"])
    return True


def drop_what_is_done(delivery: Delivery) -> None:
    """Drop the lines about which nothing is left to do, or whose moment is past. Inside the action that sends the digest."""
    for line, why in digests.superfluous(delivery):
        line.state, line.why = DigestLine.State.DROPPED, why
        line.save(update_fields=["state", "why"])


def drop_lines(meeting: Meeting, kind: str, why: str) -> None:
    """Drop the lines of a reminder that still wait for a digest; what the board asked by hand stays. Inside an action."""
    waiting = DigestLine.objects.filter(meeting=meeting, kind=kind, state=Waiting, occasion__startswith="due:")
    waiting.update(state=DigestLine.State.DROPPED, why=why)


def settle(delivery: Delivery, *, sent: bool) -> None:
    """Note what became of the lines. Inside the action that sent or dropped the digest."""
    lines = DigestLine.objects.filter(delivery=delivery, state=Waiting)
    if sent:
        lines.update(state=DigestLine.State.SENT)
    else:
        lines.update(state=DigestLine.State.DROPPED, why="no_address")

"""Personal calendar feeds: making one's address, renewing it, ending it."""

from uuid import UUID

from mdo.directory import access as directory
from mdo.directory.events import DirectoryChanged
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings.models import CalendarFeed


@action("calendar.renew_feed", row="own_account")
def renew_feed(*, by: Actor, command_id: UUID) -> tuple[Event, ...]:
    """Give oneself an address for a calendar program, or a new one. Effects: an address that was there before is worth nothing."""
    person = directory.access_own_account(by)
    feed = CalendarFeed.objects.filter(person=person).first()
    if feed is None:
        feed = CalendarFeed.objects.create(id=derived_id(command_id, by.actor_id, "feed"), person=person)
    else:
        feed.round, feed.made_at, feed.ended_at = feed.round + 1, now(), None
        feed.save(update_fields=["round", "made_at", "ended_at"])
    return (DirectoryChanged(kind="person", object_id=person.pk, how="feed"),)


@action("calendar.end_feed", row="own_account")
def end_feed(*, by: Actor, command_id: UUID) -> tuple[Event, ...]:
    """End the address: whoever reads there finds nothing. A second time changes nothing."""
    person = directory.access_own_account(by)
    if not CalendarFeed.objects.filter(person=person, ended_at=None).update(ended_at=now()):
        return ()
    return (DirectoryChanged(kind="person", object_id=person.pk, how="feed"),)

"""Searches that somebody keeps under a name of their own."""

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory import access as directory
from mdo.directory.events import DirectoryChanged
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings import access
from meetings.models import SavedSearch

MOST = 30


@action("search.keep", row="own_account")
def keep_search(*, by: Actor, name: str, asked: Mapping[str, str], command_id: UUID) -> tuple[Event, ...]:
    """Keep what was asked under a name. Effects: a search of that name is replaced. Refused: no name, one of more than 80 characters,
    more than thirty of them."""
    person = directory.access_own_account(by)
    name = " ".join(name.split())
    if not name or len(name) > 80 or "\0" in name:
        raise Invalid({"name": [_("Give it a name of at most 80 characters.")]})
    kept = SavedSearch.objects.filter(person=person, name=name).first()
    if kept is None:
        if SavedSearch.objects.filter(person=person).count() >= MOST:
            raise RuleBroken(_("You keep %(count)d searches already: take one out first.") % {"count": MOST})
        kept = SavedSearch(
            id=derived_id(command_id, by.actor_id, "search"),
            hospital_id=access.acting_organisation(),
            person=person,
            name=name,
        )
    kept.asked = dict(asked)
    kept.save()
    return (DirectoryChanged(kind="person", object_id=person.pk, how="search"),)


@action("search.forget", row="own_account")
def forget_search(*, by: Actor, search_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take a kept search out. One that is not there, or not one's own, changes nothing."""
    person = directory.access_own_account(by)
    if not SavedSearch.objects.filter(person=person, pk=search_id).delete()[0]:
        return ()
    return (DirectoryChanged(kind="person", object_id=person.pk, how="search"),)

"""What the site's operator does in Django's admin."""

from typing import Literal

from django.db.models import Model
from django.utils.translation import gettext as _

from mdo.directory import access
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import Person
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import RuleBroken
from mdo.kernel.events import Event


@action("directory.change", row="system")
def change_directory(
    *, by: Actor, record: Model, how: Literal["added", "changed", "removed", "password"]
) -> tuple[Event, ...]:
    """Store one record of the directory as the operator filled it in: a person, role, organisation, network, agreement or board.

    Effects: the row is inserted, updated or (``removed``) deleted; a change of roles, agreements, boards or of who may sign in
    bumps the access epoch by a trigger, so open pages and sockets follow within a second. A person whose password changed or who
    may no longer sign in is signed out everywhere. Raises ``Denied``, and ``RuleBroken`` when no operator would be left.
    """
    access.require_operator(by)
    if how == "removed":
        record_id = record.pk
        record.delete()
    else:
        record.save()
        record_id = record.pk  # Django's admin takes the key of a new record away until it is saved
    if isinstance(record, Person) and not Person.objects.filter(is_active=True, is_staff=True).exists():
        raise RuleBroken(_("The site needs at least one operator who can sign in."))
    return (DirectoryChanged(kind=record._meta.model_name or "", object_id=record_id, how=how),)

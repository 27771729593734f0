"""An organisation's image archive: where it opens a study."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from mdo.directory import access
from mdo.directory.events import DirectoryChanged
from mdo.directory.image_archive import validate_template
from mdo.directory.models import Organisation
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import Invalid, Stale
from mdo.kernel.events import Event


@action("organisation.set_archive", row="administer")
def set_image_archive(
    *, by: Actor, organisation_id: UUID, address: str, before: str, command_id: UUID
) -> tuple[Event, ...]:
    """Say where the own organisation's image archive opens a study; empty takes it away. Effects: worklists of whoever acts for it lead
    there from now on. ``before``: the address that stood there when it was looked at.

    Refused: ``NotFound`` for whoever does not administer the organisation, ``Stale``, ``Invalid`` for anything but an https address with
    its placeholders.
    """
    access.access_organisation_for_administering(by, organisation_id)
    organisation = Organisation.objects.select_for_update().get(pk=organisation_id)
    if organisation.pacs_address != before:
        raise Stale(_("Somebody else changed this address. Compare and save again."), current=0, field="address")
    longest = Organisation._meta.get_field("pacs_address").max_length or 0
    try:
        if address:
            validate_template(address)
        if len(address) > longest:
            raise ValidationError(_("At most %(count)d characters."), params={"count": longest})
    except ValidationError as error:
        raise Invalid({"address": error.messages}) from None
    if address == before:
        return ()
    organisation.pacs_address = address
    organisation.save(update_fields=["pacs_address"])
    return (DirectoryChanged(kind="organisation", object_id=organisation_id, how="changed"),)

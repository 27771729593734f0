"""Licence numbers and postal addresses: said by whoever knows them. And who is an organisation's data manager."""

from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory import access
from mdo.directory.details import Details, checked, others_with
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import Organisation, OrganisationRole, Person
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event


def set_details(owner: Person | Organisation, details: Details, before: Details) -> tuple[Event, ...]:
    """Keep the details of somebody whose row is locked and whom the caller may describe. ``before``: as they stood when they were looked at.
    Effects: they stand in forms, letters and messages from now on. Refused: ``Stale``, ``Invalid`` by field, also a licence number that
    is somebody else's. Inside an action."""
    if Details.of(owner) != before:
        raise Stale(_("Somebody else changed this in between. Compare and save again."), current=0)
    kept, errors = checked(details)
    if (
        isinstance(owner, Person)
        and kept.licence_number
        and not errors
        and others_with(kept.licence_number, owner).exists()
    ):
        errors["licence_number"] = [_("Somebody else has this licence number. Compare it with the card or stamp.")]
    if errors:
        raise Invalid(errors)
    if kept == before:
        return ()
    kept.store(owner)
    kind = "person" if isinstance(owner, Person) else "organisation"
    return (DirectoryChanged(kind=kind, object_id=owner.pk, how="changed"),)


@action("person.set_own_details", row="own_account")
def set_own_details(
    *, by: Actor, owner_details: Details, details_before: Details, command_id: UUID
) -> tuple[Event, ...]:
    """Say where one's own post goes, and one's own licence number where none stands yet: programs find a requester by it, so once it is
    there the organisation's administrator corrects it. Effects and refusals: those of ``set_details``, ``RuleBroken`` for another number.
    """
    person = access.access_own_account(by)
    before = person.licence_number
    events = set_details(person, owner_details, details_before)
    if before and person.licence_number != before:
        raise RuleBroken(_("Your licence number is known. Ask your organisation's administrator to correct it."))
    return events


@action("person.set_details", row="administer")
def set_person_details(
    *, by: Actor, person_id: UUID, owner_details: Details, details_before: Details, command_id: UUID
) -> tuple[Event, ...]:
    """Say the licence number and the postal address of somebody who works at the own organisation. Effects and refusals: those of
    ``set_details``; ``NotFound`` for whoever administers nothing, and for people of others."""
    person = access.access_colleague_for_administering(by, person_id)
    return set_details(person, owner_details, details_before)


@action("organisation.set_details", row="administer")
def set_organisation_details(
    *, by: Actor, organisation_id: UUID, owner_details: Details, details_before: Details, command_id: UUID
) -> tuple[Event, ...]:
    """Say the licence number, enterprise number and postal address of the own organisation. Effects and refusals: those of
    ``set_details``; ``NotFound`` for whoever does not administer it."""
    access.access_organisation_for_administering(by, organisation_id)
    return set_details(Organisation.objects.select_for_update().get(pk=organisation_id), owner_details, details_before)


@action("organisation.set_data_manager", row="administer")
def set_data_manager(*, by: Actor, person_id: UUID, allowed: bool, command_id: UUID) -> tuple[Event, ...]:
    """Make somebody who works at the own organisation its data manager, or end that. Effects: they answer the follow-ups of its cases from
    now on, or no longer (the access epoch moves by a trigger). Nothing happens where it is so already. Refused: ``NotFound`` for whoever
    administers nothing, and for people of others."""
    person = access.access_colleague_for_administering(by, person_id)
    organisation_id = access.access_organisation_for_administering(by, access.acting_for())
    held = access.roles_held(person, organisation_id).filter(role=OrganisationRole.Role.DATA_MANAGER)
    if held.exists() == allowed:
        return ()
    if not allowed:
        held.update(valid_until=now())
        return (DirectoryChanged(kind="organisationrole", object_id=person.pk, how="removed"),)
    if not person.is_active:
        raise NotFound()
    role = OrganisationRole.objects.create(
        person=person, organisation_id=organisation_id, role=OrganisationRole.Role.DATA_MANAGER, valid_from=now()
    )
    return (DirectoryChanged(kind="organisationrole", object_id=role.pk, how="added"),)

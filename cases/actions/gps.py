"""The GP of a patient: what letters and messages need of them, said by whoever knows it."""

from uuid import UUID

from django.utils.translation import gettext as _

from cases import access
from mdo.directory.actions.details import set_details
from mdo.directory.details import Details, warning
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import RuleBroken
from mdo.kernel.events import Event


@action("gp.set_details", row="submit")
def set_gp_details(
    *, by: Actor, case_id: UUID, owner_details: Details, details_before: Details, command_id: UUID
) -> tuple[Event, ...]:
    """Say the licence number and the postal address of the GP of a patient of the own hospital. Effects: those of ``set_details``, for
    every hospital whose patients this GP has. So a hospital says what nobody said yet: a number that fits decides whose eHealthBox opens,
    and an address where the letters of all go.

    Refused: ``NotFound`` and ``Denied`` as the case says, ``NotFound`` where the patient's GP has no guest's role (any more); as
    ``set_details``; ``RuleBroken`` (its field) for another number than the one that fits, and for another address than the one that stands.
    """
    gp = access.access_gp_for_describing(by, case_id)
    before = Details.of(gp)
    events = set_details(gp, owner_details, details_before)
    known = known_of(before)
    if "licence_number" in known and gp.licence_number != before.licence_number:
        raise RuleBroken(
            _("This GP's licence number is known and fits. Ask the site's operator to change it."),
            field="licence_number",
        )
    if "postal_address" in known and gp.postal_address != before.postal_address:
        raise RuleBroken(
            _("This GP's postal address is known. Ask the site's operator to change it."), field="postal_address"
        )
    return events


def known_of(details: Details) -> frozenset[str]:
    """The fields of a GP's details that no hospital changes any more."""
    known = {"licence_number"} if details.licence_number and warning(details.licence_number) is None else set()
    return frozenset(known | ({"postal_address"} if details.postal_address.strip() else set()))

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
    every hospital whose patients this GP has. A number that fits is not changed by a hospital: it decides whose eHealthBox opens.

    Refused: ``NotFound`` and ``Denied`` as the case says, ``NotFound`` where the patient's GP is nobody of the directory; as
    ``set_details``; ``RuleBroken`` for another number than the one that fits.
    """
    gp = access.access_gp_for_describing(by, case_id)
    before = gp.licence_number
    events = set_details(gp, owner_details, details_before)
    if before and warning(before) is None and gp.licence_number != before:
        raise RuleBroken(_("This GP's licence number is known and fits. Ask the site's operator to change it."))
    return events

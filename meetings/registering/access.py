"""Who may register a case and bill it, and take the files out.

**Who.** As the row ``register`` of the matrix says: the organiser's coordinator and secretary for every case within their reach, a partner's
secretary for the own hospital's. A file holds the patients of the acting hospital only, whoever organises the board; it is read again by
whoever may register at every board that it covers.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from cases.access import boards_to_register_at, visible_cases
from mdo.directory import access as directory
from mdo.directory.models import Board
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import granted
from mdo.kernel.errors import Denied, NotFound
from meetings import access
from meetings.access import Chair
from meetings.models import AgendaItem, Meeting, RegistrationForm, RegistryExport


def may_register(place: Chair) -> bool:
    """Whether to offer the page of a meeting: somebody registers some of its cases."""
    return place.permits("register", {"own"} if place.organisation_id in place.reach else ())


def access_meeting_for_registering(by: Actor, meeting_id: UUID) -> tuple[Meeting, Chair]:
    """The meeting and one's place at it. Raises ``NotFound`` or ``Denied``."""
    meeting, place = access.access_meeting_for_reading(by, meeting_id)
    if not may_register(place):
        raise Denied()
    return meeting, place


def visible_items(by: Actor, meeting: Meeting, place: Chair) -> list[AgendaItem]:
    """The cases of a meeting that ``by`` registers, in the order of the agenda."""
    items = access.visible_items(by, meeting, place).filter(referral__case__in=visible_cases(by))
    return [item for item in items.select_related("referral") if place.permits_item("register", item)]


def access_item_for_registering(by: Actor, meeting_id: UUID, item_id: UUID, *, lock: bool = True) -> AgendaItem:
    """The item of a case, under its meeting's lock. Raises ``NotFound`` or ``Denied``."""
    item = access.access_item_for(by, meeting_id, item_id, "register", lock=lock)
    if item.referral is None:  # a topic is nothing to register; nor is a case that row-level security hides
        raise NotFound()
    return item


def access_form_for_printing(by: Actor, form_id: UUID) -> RegistrationForm:
    """The form with its case. Raises ``NotFound`` or ``Denied``."""
    form = RegistrationForm.objects.select_related("item", "case__patient", "hospital").filter(pk=form_id).first()
    if form is None or not visible_cases(by, [form.case_id]).exists():
        raise NotFound()
    access_item_for_registering(by, form.item.meeting_id, form.item_id, lock=False)
    return form


def acting_hospital(by: Actor) -> UUID:
    """The hospital for which ``by`` acts. Raises ``NotFound`` for somebody who acts for none: for them there are no files."""
    organisation_id = current().organisation_id
    if organisation_id is None:
        raise NotFound()
    return organisation_id


def access_hospital_for_registering(by: Actor, organisation_id: UUID) -> Sequence[Board]:
    """The boards at which ``by`` registers the patients of the hospital that they act for. Raises ``NotFound`` for another hospital and for
    whoever sits on no board, ``Denied`` for whoever registers at none."""
    if organisation_id != current().organisation_id or not directory.visible_boards(by):
        raise NotFound()
    boards = boards_to_register_at(by)
    if not boards:
        raise Denied()
    granted("register", hospital_id=organisation_id)
    return boards


def visible_exports(by: Actor) -> QuerySet[RegistryExport]:
    """The files of the acting hospital that cover no board but those at which ``by`` registers, the newest first."""
    boards = [board.pk for board in boards_to_register_at(by)]
    found = RegistryExport.objects.filter(hospital=current().organisation_id, boards__contained_by=boards)
    return found.select_related("made_by").order_by("-made_at", "-pk")


def access_export_for_reading(by: Actor, export_id: UUID) -> RegistryExport:
    """A file, for its bytes. Raises ``NotFound``."""
    export = visible_exports(by).filter(pk=export_id).first()
    if export is None:
        raise NotFound()
    return export

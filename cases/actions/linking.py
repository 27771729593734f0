"""Two hospitals' patients who are one person, for one board: said by who builds its agenda, and taken back by them."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cases.events import PatientsLinked, PatientsUnlinked
from cases.links import known_patients
from cases.models import Link
from mdo.directory import access as directory
from mdo.kernel import audit
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id


@action("patient.link", row="build_agenda")
def link_patients(*, by: Actor, board_id: UUID, one_id: UUID, other_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Say that two patients, of two hospitals that referred them to this board, are one person. Effects: for this board alone, whoever may
    read the cases of both sees that they belong together; both hospitals find it in their access log. A second time changes nothing.
    Refused: ``NotFound`` for a patient whom the board knows no referral of, ``RuleBroken`` for one hospital's or for other numbers."""
    standing = directory.access_board_for(by, board_id, "build_agenda")
    found = list(known_patients(standing).filter(pk__in=(one_id, other_id)).order_by("pk"))
    if len(found) != 2:
        raise NotFound()
    one, other = found
    if one.hospital_id == other.hospital_id:
        raise RuleBroken(_("Both are patients of one hospital. Its secretary can merge them."))
    if not one.national_number or one.national_number != other.national_number:
        raise RuleBroken(_("Only patients with the same national number can be linked."))
    link = Link(
        id=new_id(),
        hospital_id=standing.board.organiser_id,
        board=standing.board,
        one=one,
        one_hospital_id=one.hospital_id,
        other=other,
        other_hospital_id=other.hospital_id,
        made_by_id=by.actor_id,
    )
    if Link.objects.filter(board=board_id, one=one, other=other, ended_at=None).exists():
        return ()
    try:
        with transaction.atomic():
            link.save(force_insert=True)
    except IntegrityError:  # somebody else said so at this very moment
        return ()
    _tell(link, "patient.linked")
    return (PatientsLinked(board_id=board_id, link_id=link.pk, hospital_id=link.hospital_id),)


@action("patient.unlink", row="build_agenda")
def unlink_patients(*, by: Actor, board_id: UUID, link_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take that back. Effects: the two are two patients for this board again; both hospitals find it in their access log."""
    directory.access_board_for(by, board_id, "build_agenda")
    link = Link.objects.select_for_update().filter(pk=link_id, board=board_id).first()
    if link is None:
        raise NotFound()
    if link.ended_at is not None:
        return ()
    link.ended_at, link.ended_by_id = now(), by.actor_id
    link.save(update_fields=["ended_at", "ended_by"])
    _tell(link, "patient.unlinked")
    return (PatientsUnlinked(board_id=board_id, link_id=link.pk, hospital_id=link.hospital_id),)


def _tell(link: Link, what: str) -> None:
    """A row in the log of each of the two hospitals, each naming its own patient only."""
    for hospital_id, patient_id in ((link.one_hospital_id, link.one_id), (link.other_hospital_id, link.other_id)):
        detail = {"link": str(link.pk), "board": str(link.board_id), "patient": str(patient_id)}
        audit.act(what, hospital_id=hospital_id, detail=detail)

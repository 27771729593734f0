"""Preparing a referral for the table: somebody looked at it, and left a note or had nothing to add."""

from uuid import UUID

from django.utils.translation import gettext as _

from cases import access
from cases.events import PreparationChanged
from cases.models import PreparationNote, Referral
from mdo.directory.models import Person
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, RuleBroken, Stale
from mdo.kernel.events import Event

LONGEST = 4000  # characters of a note
OPEN = (
    Referral.Status.SUBMITTED,
    Referral.Status.RETURNED,
    Referral.Status.ACCEPTED,
    Referral.Status.SCHEDULED,
    Referral.Status.POSTPONED,
)


@action("preparation.note", row="prepare")
def write_note(
    *, by: Actor, referral_id: UUID, note_id: UUID, version: int, text: str, command_id: UUID
) -> tuple[Event, ...]:
    """Leave a note for the table, or change the own one. Effects: the referral is seen by its author, the note stands on the case
    and on the stage under the author's discipline, whoever is in the room sees it at once. An empty text takes the words away.

    ``version``: of the own row in force, 0 where there is none. Refused: ``NotFound``, ``Denied``, ``RuleBroken`` before it was
    handed in and after its discussion, ``Stale``, ``Invalid`` for a note that is too long, or empty where there was none.
    """
    referral, mine = _open(by, referral_id, version)
    text = text.strip()
    if len(text) > LONGEST:
        raise Invalid({"text": [_("At most %(count)d characters.") % {"count": LONGEST}]})
    if not text and (mine is None or not mine.text):
        raise Invalid({"text": [_("Write the note first.")]})
    return (_put(by, referral, mine, note_id, text),)


@action("preparation.mark", row="prepare")
def mark_seen(
    *, by: Actor, referral_id: UUID, note_id: UUID, version: int, seen: bool, command_id: UUID
) -> tuple[Event, ...]:
    """Say that one looked at a referral, or that it has to be looked at again. Effects: it is seen as the dossier stands now, and
    an own note stays; or it is open again, and an own note is no longer shown.

    ``version`` as for a note. Refused: ``NotFound``, ``Denied``, ``RuleBroken`` before it was handed in, after its discussion, or
    where there is nothing to open again; ``Stale``.
    """
    referral, mine = _open(by, referral_id, version)
    if seen:
        return (_put(by, referral, mine, note_id, mine.text if mine else ""),)
    if mine is None:
        raise RuleBroken(_("You have not marked this case as seen."))
    mine.replaced_at = now()
    mine.save(update_fields=["replaced_at"])
    return (_said(referral, mine, "open"),)


def _open(by: Actor, referral_id: UUID, version: int) -> tuple[Referral, PreparationNote | None]:
    """The referral, locked, and the own row in force."""
    referral = access.access_referral_for_preparing(by, referral_id)
    if referral.status not in OPEN:
        raise RuleBroken(_("This case does not wait for a discussion."))
    mine = PreparationNote.objects.filter(referral=referral, author=by.actor_id, replaced_at=None).first()
    known = mine.version if mine else 0
    if known != version:
        raise Stale(_("You changed this somewhere else. Look at it again."), current=known)
    return referral, mine


def _put(by: Actor, referral: Referral, mine: PreparationNote | None, note_id: UUID, text: str) -> PreparationChanged:
    organisation_id = current().organisation_id
    if organisation_id is None:
        raise Denied()
    if mine is not None:
        mine.replaced_at = now()
        mine.save(update_fields=["replaced_at"])
    before = PreparationNote.objects.filter(referral=referral, author=by.actor_id).order_by("-version").first()
    note = PreparationNote.objects.create(
        id=note_id,
        hospital_id=referral.hospital_id,
        referral=referral,
        author_id=by.actor_id,
        organisation_id=organisation_id,
        discipline=Person.objects.values_list("discipline", flat=True).get(pk=by.actor_id),
        text=text,
        case_version=referral.case.version,
        version=before.version + 1 if before else 1,
        at=now(),
    )
    return _said(referral, note, "noted" if text else "seen")


def _said(referral: Referral, note: PreparationNote, state: str) -> PreparationChanged:
    return PreparationChanged(
        note_id=note.pk,
        referral_id=referral.pk,
        case_id=referral.case_id,
        hospital_id=referral.hospital_id,
        state=state,
        version=note.version,
    )

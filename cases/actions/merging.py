"""Two records of one patient within one hospital: one goes up in the other, and comes out again if that was a mistake.

Cases move; whatever hangs on a case (tumours, documents, referrals, agenda items, decisions, reports, grants) goes along without being
touched, so a board's chain of signed decisions stays what it was. Every relation to a patient is named in
``tests/cases/test_merging.py``: a new one has to say what a merge does with it.
"""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from cases import access
from cases.events import PatientsMerged, PatientsUnmerged
from cases.models import Case, Link, Merge, Patient
from mdo.kernel.acting import Actor, elevated
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id


@action("patient.merge", row="submit")
def merge_patients(
    *,
    by: Actor,
    patient_id: UUID,
    merged_id: UUID,
    version: int | None = None,
    merged_version: int | None = None,
    command_id: UUID | None = None,
) -> tuple[Event, ...]:
    """Let the record ``merged_id`` go up in ``patient_id``, of the same hospital.

    Effects: its cases, with all that hangs on them, are the surviving patient's; the merged record stays as a pointer that finds the
    survivor by its numbers; the survivor keeps its own data and takes over a day of death. Signed decisions are not touched, reports that
    were made keep the name that they were made with. Refused: ``NotFound`` for another hospital's, ``Denied`` for who is not its
    secretary, ``Stale`` when one of them changed since it was looked at, ``RuleBroken`` for a record that went up in another already.
    """
    survivor, merged = access.access_patients_for_merging(by, patient_id, merged_id)
    if survivor.pk == merged.pk:
        raise RuleBroken(_("This is the same record."), field="number")
    if survivor.merged_into_id is not None or merged.merged_into_id is not None:
        raise RuleBroken(_("One of these records was merged already. Look for the patient again."), field="number")
    for patient, seen in ((survivor, version), (merged, merged_version)):
        if seen is not None and patient.version != seen:
            raise Stale(_("Somebody else changed one of these records. Compare them again."), current=patient.version)
    return (join(by, survivor, merged),)


def join(by: Actor, survivor: Patient, merged: Patient) -> PatientsMerged:
    """Do it, to two locked records in force. Inside an action."""
    cases = list(Case.objects.select_for_update().filter(patient=merged).order_by("pk").values_list("pk", flat=True))
    links = _move_links(Link.objects.filter(ended_at=None), merged, survivor)
    Merge.objects.create(
        id=new_id(),
        hospital_id=survivor.hospital_id,
        survivor=survivor,
        merged=merged,
        case_ids=cases,
        link_ids=links,
        made_by=by.actor_id,
    )
    # Higher than both were, so that a page or room that shows either fetches it anew.
    survivor.version = max(survivor.version, merged.version) + 1
    survivor.deceased_on = survivor.deceased_on or merged.deceased_on
    survivor.save(update_fields=["version", "deceased_on"])
    merged.merged_into = survivor
    merged.version += 1
    merged.save(update_fields=["merged_into", "version"])
    Case.objects.filter(pk__in=cases).update(patient=survivor, version=F("version") + 1, changed_at=now())
    note(cases=[str(each) for each in cases])
    return PatientsMerged(
        patient_id=survivor.pk,
        merged_id=merged.pk,
        hospital_id=survivor.hospital_id,
        cases=len(cases),
        version=survivor.version,
    )


def _move_links(links: QuerySet[Link], old: Patient, new: Patient) -> list[UUID]:
    """Let what a board's secretary linked to one record be linked to the other; a link that the other has already ends. The ids of those
    that moved. Read as the house: links are a board's, and the hospital's secretary sees none of them."""
    moved = []
    with elevated("merge.links"):
        for link in links.select_for_update().filter(Q(one=old) | Q(other=old)).order_by("pk"):
            ends = {link.one_id: link.one_hospital_id, link.other_id: link.other_hospital_id}
            ends = {new.pk if patient == old.pk else patient: hospital for patient, hospital in ends.items()}
            (link.one_id, link.one_hospital_id), (link.other_id, link.other_hospital_id) = sorted(ends.items())
            twin = Link.objects.filter(board=link.board_id, one=link.one_id, other=link.other_id, ended_at=None)
            if link.ended_at is None and twin.exclude(pk=link.pk).exists():
                link.ended_at = now()
                link.save(update_fields=["ended_at"])
                continue
            link.save(update_fields=["one", "one_hospital", "other", "other_hospital"])
            moved.append(link.pk)
    return moved


@action("patient.unmerge", row="submit")
def undo_merge(*, by: Actor, patient_id: UUID, merge_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take a merge into ``patient_id`` back. Effects: the record that went up is one of its own again, with the cases that it had then;
    cases made since stay with the surviving patient, as does a day of death. Refused: as for a merge; when the survivor itself went up
    in another since (that one is undone first), or a number now stands at both."""
    (survivor,) = access.access_patients_for_merging(by, patient_id)
    merge = Merge.objects.select_for_update().filter(pk=merge_id, survivor=survivor).first()
    if merge is None:
        raise NotFound()
    if merge.undone_at is not None:
        return ()
    merged = access.access_patients_for_merging(by, patient_id, merge.merged_id)[1]
    if survivor.merged_into_id is not None:
        raise RuleBroken(_("This patient was merged into another since. Undo that first."))
    merge.undone_at, merge.undone_by = now(), by.actor_id
    merge.save(update_fields=["undone_at", "undone_by"])
    merged.merged_into = None
    merged.version = max(survivor.version, merged.version) + 1
    try:
        with transaction.atomic():
            merged.save(update_fields=["merged_into", "version"])
    except IntegrityError:
        raise RuleBroken(
            _("Both records would have the same number. Correct the surviving patient's number first.")
        ) from None
    back = Case.objects.filter(pk__in=merge.case_ids, patient=survivor)
    cases = list(back.select_for_update().order_by("pk").values_list("pk", flat=True))
    Case.objects.filter(pk__in=cases).update(patient=merged, version=F("version") + 1, changed_at=now())
    _move_links(Link.objects.filter(pk__in=merge.link_ids), survivor, merged)
    note(cases=[str(each) for each in cases])
    return (
        PatientsUnmerged(
            patient_id=merged.pk,
            survivor_id=survivor.pk,
            hospital_id=survivor.hospital_id,
            cases=len(cases),
            version=merged.version,
        ),
    )

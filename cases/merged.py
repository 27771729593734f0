"""Records that went up in another one of the same hospital, for whoever reads the one in force."""

from collections.abc import Collection
from uuid import UUID

from cases.access import visible_patients
from cases.models import Patient
from mdo.kernel.acting import Actor, current


def merged_into(patient_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """By record in force, the records that went up in it directly, as far as they may be seen. One query, none for nobody."""
    found: dict[UUID, list[UUID]] = {}
    if patient_ids:
        rows = Patient.objects.filter(merged_into__in=patient_ids).order_by("pk").values_list("pk", "merged_into")
        for double, survivor in rows:
            assert survivor is not None
            found.setdefault(survivor, []).append(double)
    return found


def visible_merged(by: Actor, patient_ids: Collection[UUID]) -> list[tuple[Patient, Patient]]:
    """**The rule.** Who may read a patient learns which other records of the same hospital went up in theirs: each of these ids that is such a
    record, with the one in force."""
    doubles = Patient.objects.filter(pk__in=patient_ids, merged_into__isnull=False, hospital=current().organisation_id)
    found = []
    for double in doubles.order_by("pk"):
        record: Patient | None = double
        while record is not None and record.merged_into_id is not None:
            record = Patient.objects.filter(pk=record.merged_into_id).first()  # hidden where it may not be read
        if record is not None and visible_patients(by).filter(pk=record.pk).exists():
            found.append((double, record))
    return found

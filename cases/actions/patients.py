"""A patient as one hospital knows them: registering, correcting."""

from dataclasses import dataclass, fields
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cases import access
from cases.coding import national_number
from cases.coding.errors import InvalidNationalNumber
from cases.coding.names import name_key
from cases.events import PatientChanged, PatientRegistered
from cases.models import Patient
from mdo.directory.access import today
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import Invalid, Stale
from mdo.kernel.events import Event

OLDEST = date(1880, 1, 1)


@dataclass(frozen=True, slots=True)
class PatientDetails:
    """Identity and contact of a patient as typed. The national number is eleven digits or empty; then another identifier
    and the reason why there is no number are needed. ``record_number``: the hospital's own, beside either of them."""

    family_name: str
    given_name: str
    birth_date: date
    sex: str
    national_number: str = ""
    other_identifier: str = ""
    other_identifier_reason: str = ""
    language: str = "nl"
    gp_id: UUID | None = None
    gp_name: str = ""
    phone: str = ""
    deceased_on: date | None = None
    record_number: str = ""

    @classmethod
    def of(cls, patient: Patient) -> "PatientDetails":
        """As it is stored now."""
        return cls(**{each.name: getattr(patient, each.name) for each in fields(cls)})

    def problems(self, on: date) -> dict[str, list[str]]:
        """What is wrong, by field; empty when it can be stored. ``on`` is today."""
        found: dict[str, list[str]] = {}
        for field in ("family_name", "given_name"):
            if not getattr(self, field).strip():
                found[field] = [_("Write the name as it stands on the identity card.")]
        if self.birth_date > on:
            found["birth_date"] = [_("The birth date lies in the future.")]
        elif self.birth_date < OLDEST:
            found["birth_date"] = [_("Check the year of birth.")]
        if self.deceased_on is not None and self.deceased_on > on:
            found["deceased_on"] = [_("The day of death lies in the future.")]
        elif self.deceased_on is not None and self.deceased_on < self.birth_date:
            found["deceased_on"] = [_("The day of death lies before the birth.")]
        if self.sex not in Patient.Sex.values:
            found["sex"] = [_("Choose one of the list.")]
        if self.national_number:
            try:
                national_number.parse(self.national_number, today=on)
            except InvalidNationalNumber as error:
                found["national_number"] = [error.sentence]
        elif not self.other_identifier:
            found["national_number"] = [_("Give the national number, or say that there is none.")]
        elif not self.other_identifier_reason:
            found["other_identifier_reason"] = [_("Say why there is no national number.")]
        return found


def _check(details: PatientDetails) -> None:
    problems = details.problems(today())
    if details.gp_id is not None and not access.visible_guests().filter(pk=details.gp_id).exists():
        problems["gp"] = [_("Choose one of the list.")]
    if problems:
        raise Invalid(problems)


def values_of(details: PatientDetails) -> dict[str, object]:
    return {
        "family_name": details.family_name,
        "given_name": details.given_name,
        "name_key": name_key(details.family_name, details.given_name),
        "birth_date": details.birth_date,
        "sex": details.sex,
        "national_number": details.national_number,
        "other_identifier": details.other_identifier,
        "other_identifier_reason": details.other_identifier_reason,
        "language": details.language,
        "gp_id": details.gp_id,
        "gp_name": details.gp_name,
        "phone": details.phone,
        "deceased_on": details.deceased_on,
        "record_number": details.record_number,
    }


def number_taken(error: IntegrityError, details: PatientDetails) -> Invalid:
    """Another patient of the hospital has one of these numbers: which one, by the key that refused it."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    field = constraint.removeprefix("patient_")
    if field not in ("national_number", "other_identifier", "record_number"):
        field = "national_number" if details.national_number else "other_identifier"
    return Invalid({field: [_("Another patient of your hospital has this number.")]})


@action("patient.register", row="submit")
def register_patient(
    *, by: Actor, patient_id: UUID, details: PatientDetails, command_id: UUID | None = None
) -> tuple[Event, ...]:
    """Register a patient in the acting hospital. Effects: the patient can be found by number there, and nowhere else.

    Where the hospital has a patient with that number already (somebody else may be registering at this very moment), nothing is
    changed and there is no event: ``access.find_patient`` gives the one that exists. Refused: ``Denied`` without a role in the
    hospital, ``Invalid`` by field, also when the hospital's own number is another patient's. Other hospitals are not looked at.
    """
    hospital_id = access.access_hospital_for_submitting(by)
    _check(details)
    if _existing(by, details) is not None:
        return ()
    try:
        with transaction.atomic():
            Patient.objects.create(id=patient_id, hospital_id=hospital_id, **values_of(details))
    except IntegrityError as error:
        existing = _existing(by, details)
        if existing is not None and existing.pk != patient_id:
            return ()
        refusal = number_taken(error, details)
        if existing is None and "record_number" in refusal.errors:
            raise refusal from None
        raise  # the same command told twice at once: @action answers it
    return (PatientRegistered(patient_id=patient_id, hospital_id=hospital_id),)


def _existing(by: Actor, details: PatientDetails) -> Patient | None:
    return access.find_patient(by, national_number=details.national_number, other_identifier=details.other_identifier)


@action("patient.change", row="submit")
def change_patient(
    *, by: Actor, patient_id: UUID, version: int, details: PatientDetails, command_id: UUID
) -> tuple[Event, ...]:
    """Correct a patient's identity, contact or GP. Effects: version + 1, every case of the patient shows it from now on. A day of
    death ends reminders and invitations for what is the patient's (``cases.models.living``); taking it away lets them begin anew.

    Refused: ``NotFound`` outside of the own hospital, ``Stale``, ``Invalid`` by field, also when another patient of the same
    hospital has the number.
    """
    patient = access.access_patient_for_submitting(by, patient_id)
    if patient.version != version:
        raise Stale(_("Somebody else changed this patient. Compare and save again."), current=patient.version)
    _check(details)
    for field, value in values_of(details).items():
        setattr(patient, field, value)
    patient.version += 1
    try:
        with transaction.atomic():
            patient.save()
    except IntegrityError as error:
        raise number_taken(error, details) from None
    return (PatientChanged(patient_id=patient.pk, hospital_id=patient.hospital_id, version=patient.version),)

"""What a hospital's record system tells of its patients (ADT): applied to those who are known here.

**The rule.** A record system tells of everybody who comes through the door; here stands only who was brought to a board. So a message
about somebody unknown is acknowledged and forgotten, unless the hospital says that its feed holds nothing but patients for a board
(``RecordSystem.registers``). No message makes a case.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cases import access
from cases.actions.merging import join
from cases.actions.patients import PatientDetails, values_of
from cases.events import PatientChanged, PatientRegistered
from cases.exchange.adt import Admission, Numbers, Said
from cases.models import Patient
from mdo.directory.access import today
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import action, note
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id


@action("patient.receive", row="system")
def receive_admission(
    *, by: Actor, admission: Admission, registers: bool, source_id: UUID, command_id: UUID
) -> tuple[Event, ...]:
    """Apply one ADT message of the acting hospital, all of it or nothing. Effects: the known patient's identity, numbers and day of
    death are what the message says, what it does not say stays; a merge (A40) lets one record go up in the other, as by hand. An
    unknown patient is left alone, or registered where ``registers``. A repetition changes nothing. Refused: ``Denied`` for anybody but
    the house, ``Invalid`` by field, ``RuleBroken`` where the numbers are those of two records."""
    events: list[Event] = []
    unknown = 0
    for said in admission.patients:
        found = _apply(by, said, registers)
        events += found or ()
        unknown += found is None
    note(source=str(source_id), told=admission.event, unknown=unknown)
    return tuple(events)


def _named(by: Actor, numbers: Numbers) -> list[Patient]:
    return access.access_patients_named(by, national_number=numbers.national, own_numbers=numbers.own)


def _apply(by: Actor, said: Said, registers: bool) -> list[Event] | None:
    """What happened; ``None`` where nobody is known by these numbers."""
    known = _named(by, said.numbers)
    prior = _named(by, said.merged) if said.merged else []
    if len(prior) > 1:
        raise _two_records()
    if prior and len(known) > 1:  # the number of the record that goes up already stands at the one that stays
        known = [each for each in known if each.pk != prior[0].pk]
    if len(known) > 1:
        raise _two_records()
    events: list[Event] = []
    if known and prior and known[0].pk != prior[0].pk:
        events.append(join(by, known[0], prior[0]))
    if not known and not prior:
        return _register(said) if registers else None
    patient = (known or prior)[0]  # where only the old number is known, its record gets the new one
    return events + _update(patient, said)


def _two_records() -> RuleBroken:
    return RuleBroken(_("These numbers are those of two patients here."), field="national_number")


def _details(said: Said, before: PatientDetails) -> PatientDetails:
    """What is known, with what was said in its place."""
    return replace(
        before,
        family_name=said.family_name or before.family_name,
        given_name=said.given_name or before.given_name,
        birth_date=said.birth_date or before.birth_date,
        sex=said.sex or before.sex,
        national_number=said.numbers.national or before.national_number,
        deceased_on=_deceased_on(said, before),
    )


def _deceased_on(said: Said, before: PatientDetails) -> date | None:
    if said.death is None:
        return before.deceased_on
    if said.death.state == "alive":
        return None
    return said.death.day or before.deceased_on or said.death.latest


def _update(patient: Patient, said: Said) -> list[Event]:
    before = PatientDetails.of(patient)
    details = _details(said, before)
    _check(details)
    if said.numbers.own and patient.record_number not in said.numbers.own:
        details = replace(details, record_number=said.numbers.own[0])
    values = values_of(details)
    changed = [name for name, value in values.items() if getattr(patient, name) != value]
    if not changed:
        return []
    for name in changed:
        setattr(patient, name, values[name])
    patient.version += 1
    _save(patient, [*changed, "version"])
    return [PatientChanged(patient_id=patient.pk, hospital_id=patient.hospital_id, version=patient.version)]


def _register(said: Said) -> list[Event]:
    missing = [name for name in ("family_name", "given_name", "birth_date", "sex") if not getattr(said, name)]
    if missing:
        raise Invalid({name: [_("A new patient needs this.")] for name in missing})
    assert said.birth_date is not None
    own = said.numbers.own[0] if said.numbers.own else ""
    begun = PatientDetails(said.family_name, said.given_name, said.birth_date, said.sex, record_number=own)
    details = _details(said, begun)
    if not details.national_number:
        details = replace(details, other_identifier=own, other_identifier_reason=_("From the record system"))
    _check(details)
    hospital_id = current().organisation_id
    assert hospital_id is not None
    patient = Patient(id=new_id(), hospital_id=hospital_id, **values_of(details))
    _save(patient, None)
    return [PatientRegistered(patient_id=patient.pk, hospital_id=hospital_id)]


def _check(details: PatientDetails) -> None:
    problems = details.problems(today())
    if problems:
        raise Invalid(problems)


def _save(patient: Patient, fields: Iterable[str] | None) -> None:
    try:
        with transaction.atomic():
            patient.save(update_fields=fields, force_insert=fields is None)
    except IntegrityError:  # somebody else was given the number at this very moment
        raise _two_records() from None

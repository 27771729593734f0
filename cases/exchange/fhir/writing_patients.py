"""A patient as FHIR: the numbers, the name, and whether they live; and a record that went up in another."""

from collections.abc import Iterable
from uuid import UUID

from cases.exchange.fhir import writing
from cases.exchange.fhir.resources import CODES, SYSTEMS
from cases.exchange.fhir.writing import Json
from cases.models import Patient

_SEX = {ours: theirs for theirs, ours in CODES["sex"].items()}


def patient_resource(patient: Patient, doubles: Iterable[UUID] = ()) -> Json:
    """``patient`` with its hospital and GP at hand. ``doubles``: the records that went up in this one. What somebody is known by without a national number says why it is so."""
    hospital = writing.organisation(patient.hospital)
    return writing.resource(
        "Patient",
        patient.pk,
        meta=writing.meta(version=patient.version),
        identifier=[
            {"use": "official", "system": SYSTEMS["national_number"], "value": patient.national_number}
            if patient.national_number
            else None,
            {
                "type": {"text": patient.other_identifier_reason},
                "value": patient.other_identifier,
                "assigner": hospital,
            }
            if patient.other_identifier
            else None,
            {
                "type": writing.concept("identifier_type", "MR"),
                "value": patient.record_number,
                "assigner": hospital,
            }
            if patient.record_number
            else None,
        ],
        active=True,
        name=[
            {
                "use": "official",
                "text": f"{patient.given_name} {patient.family_name}",
                "family": patient.family_name,
                "given": [patient.given_name],
            }
        ],
        telecom=[{"system": "phone", "value": patient.phone}] if patient.phone else [],
        gender=_SEX[patient.sex],
        birthDate=patient.birth_date.isoformat(),
        deceasedDateTime=patient.deceased_on.isoformat() if patient.deceased_on else None,
        communication=[
            {
                "language": {"coding": [{"system": "urn:ietf:bcp:47", "code": patient.language}]},
                "preferred": True,
            }
        ],
        generalPractitioner=[
            writing.person(patient.gp) if patient.gp else {"type": "Practitioner", "display": patient.gp_name}
        ]
        if patient.gp or patient.gp_name
        else [],
        managingOrganization=hospital,
        link=[{"other": writing.to("Patient", each), "type": "replaces"} for each in doubles],
    )


def merged_resource(double: Patient, survivor: Patient) -> Json:
    """A record that went up in another one (FHIR R4, Patient.link ``replaced-by``): no longer in use, and where to go; nothing else of it."""
    return writing.resource(
        "Patient",
        double.pk,
        meta=writing.meta(version=double.version),
        active=False,
        link=[{"other": writing.to("Patient", survivor.pk), "type": "replaced-by"}],
    )

"""A breast case as a hospital's record system hands it in: a FHIR R4 Bundle with mCODE profiles, fictional."""

from __future__ import annotations

import base64
import copy
from datetime import date
from typing import Any

from tests.factories import PDF, insz

NAMING = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/"
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
LICENCE = "11223393140"
BIRTH = date(1958, 7, 9)


def concept(system: str, code: str, **more: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], **more}


def observation(code: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": code,
        "subject": {"reference": "Patient/p"},
        **more,
    }


def category(loinc: str, value: str) -> dict[str, Any]:
    return observation(
        concept(LOINC, loinc),
        focus=[{"reference": "urn:uuid:00000000-0000-4000-8000-000000000002"}],
        valueCodeableConcept={"coding": [{"system": "http://cancerstaging.org", "code": value}]},
        method={"text": "UICC 8"},
    )


def bundle(number: str = "2026-0815") -> dict[str, Any]:
    """All of what is read: patient, practitioner, request, tumour, TNM, stage group, markers, performance status, a report."""
    resources: list[tuple[str, dict[str, Any]]] = [
        (
            "urn:uuid:00000000-0000-4000-8000-000000000001",
            {
                "resourceType": "Patient",
                "id": "p",
                "identifier": [
                    {"system": f"{NAMING}ssin", "value": insz(BIRTH)},
                    {"type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR"), "value": "H-4711"},
                ],
                "name": [{"use": "official", "family": "Vandamme", "given": ["Rosa", "Maria"]}],
                "birthDate": BIRTH.isoformat(),
                "gender": "female",
                "telecom": [{"system": "phone", "value": "0470 12 34 56"}],
                "communication": [{"language": concept("urn:ietf:bcp:47", "fr-BE")}],
                "generalPractitioner": [{"display": "dr. An Lemmens"}],
            },
        ),
        (
            "urn:uuid:00000000-0000-4000-8000-000000000002",
            {
                "resourceType": "Condition",
                "subject": {"reference": "Patient/p"},
                "code": concept(SNOMED, "254837009"),
                "bodySite": [
                    {
                        **concept("http://terminology.hl7.org/CodeSystem/icd-o-3", "C50.4"),
                        "extension": [
                            {
                                "url": f"{MCODE}mcode-laterality-qualifier",
                                "valueCodeableConcept": concept(SNOMED, "7771000"),
                            }
                        ],
                    }
                ],
                "extension": [
                    {
                        "url": f"{MCODE}mcode-histology-morphology-behavior",
                        "valueCodeableConcept": concept("http://terminology.hl7.org/CodeSystem/icd-o-3", "8500/3"),
                    }
                ],
            },
        ),
        (
            "urn:uuid:00000000-0000-4000-8000-000000000003",
            {
                "resourceType": "Practitioner",
                "identifier": [{"system": f"{NAMING}nihdi", "value": LICENCE}],
                "name": [{"family": "Claes"}],
            },
        ),
        (
            "urn:uuid:00000000-0000-4000-8000-000000000004",
            {
                "resourceType": "ServiceRequest",
                "identifier": [{"system": "https://ziekenhuis.example/aanvragen", "value": number}],
                "status": "active",
                "intent": "order",
                "category": [concept(SNOMED, "720006006")],
                "subject": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"},
                "requester": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000003"},
                "authoredOn": "2026-01-05T23:30:00Z",
                "reasonCode": [
                    {
                        "coding": [{"system": "urn:mdo:referral-reason", "code": "new_diagnosis"}],
                        "text": "Neoadjuvante therapie of eerst heelkunde?",
                    }
                ],
                "note": [{"text": "Zelf gevoelde knobbel links."}],
            },
        ),
    ]
    observations = [
        category("21905-5", "cT2"),
        category("21906-3", "N1"),
        category("21907-1", "cM0"),
        observation(concept(LOINC, "21908-9"), valueCodeableConcept={"text": "IIB"}),
        observation(
            concept(LOINC, "85337-4"),
            valueCodeableConcept=concept(SNOMED, "10828004"),
            component=[{"code": concept(LOINC, "85337-4"), "valueQuantity": {"value": 95, "unit": "%", "code": "%"}}],
        ),
        observation(
            concept(LOINC, "85339-0"),
            valueQuantity={"value": 0, "unit": "%"},
            interpretation=[concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "NEG")],
        ),
        observation(concept(LOINC, "85319-2"), valueString="2+"),
        observation(concept(LOINC, "85318-4"), valueCodeableConcept=concept(SNOMED, "260385009")),
        observation(concept(LOINC, "85330-9"), valueQuantity={"value": 32, "unit": "%"}),
        observation(concept(LOINC, "44648-4"), valueInteger=3),
        observation(concept(LOINC, "89247-1"), valueCodeableConcept=concept(LOINC, "LA9623-5")),
    ]
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": concept(LOINC, "60568-3"),
        "subject": {"reference": "Patient/p"},
        "content": [
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "title": "APO 26-1234.pdf",
                    "data": base64.b64encode(PDF).decode(),
                }
            }
        ],
    }
    entries = [{"fullUrl": address, "resource": resource} for address, resource in resources]
    entries += [{"resource": each} for each in (*observations, document)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def resource(value: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first resource of a kind, to change it."""
    found: dict[str, Any] = next(
        each["resource"] for each in value["entry"] if each["resource"].get("resourceType") == kind
    )
    return found


def changed(kind: str, **elements: Any) -> dict[str, Any]:
    """The Bundle with elements of one resource replaced; ``None`` takes one out."""
    value = copy.deepcopy(bundle())
    target = resource(value, kind)
    for name, element in elements.items():
        if element is None:
            target.pop(name, None)
        else:
            target[name] = element
    return value

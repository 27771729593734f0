"""What a Bundle asks for, in this program's own terms, and the reading of it.

Source: FHIR R4 (4.0.1), checked by the R4B models of ``fhir.resources`` (the same for these resources), with the profiles of mCODE STU4
and the Belgian naming systems. Pure: whoever calls says what the hospital has (``Around``), and writes nothing until there are no errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from cases.dossiers import Dossier, Level, clean
from cases.exchange.fhir.documents import Attachment, read_documents
from cases.exchange.fhir.findings import Finding, Findings
from cases.exchange.fhir.numbers import read_numbers
from cases.exchange.fhir.observations import read_observations
from cases.exchange.fhir.patients import Identity, read_patient
from cases.exchange.fhir.requests import Asked, read_request
from cases.exchange.fhir.resources import SYSTEMS, Resources, read_resources
from cases.exchange.fhir.tumours import Answers, read_tumours


@dataclass(frozen=True, slots=True)
class BoardChoice:
    """A board to which the hospital may refer: its dossier, and the codes of the reasons that its kind knows."""

    id: UUID
    dossier: Dossier
    reasons: frozenset[str]


@dataclass(frozen=True, slots=True)
class Around:
    """What the reading has to know of the hospital: its own numbers (digits), its boards, its clinicians by licence number
    (the eight digits that identify), and today."""

    numbers: frozenset[str]
    boards: tuple[BoardChoice, ...]
    clinicians: Mapping[str, UUID]
    today: date


@dataclass(frozen=True, slots=True)
class Submission:
    """A case as another program hands it in: nothing of it was looked up or stored yet."""

    number: tuple[str, str]
    """System and value of the number that the request has in the program that sends it."""
    identity: Identity
    asked: Asked
    case: Answers
    tumours: tuple[Answers, ...]
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """``submission`` is there when nothing is wrong; ``findings`` also hold what is left behind."""

    submission: Submission | None
    findings: tuple[Finding, ...] = field(default=())

    @property
    def errors(self) -> list[Finding]:
        return [each for each in self.findings if each.severity == "error"]


def read_bundle(value: Any, around: Around) -> Reading:
    """Read a decoded Bundle. Whatever it holds, the answer is a reading."""
    findings = Findings()
    if not isinstance(value, Mapping) or value.get("resourceType") != "Bundle":
        findings.refuse("", _("This is not a FHIR Bundle."), "structure")
        return Reading(None, tuple(findings.found))
    if value.get("type") not in ("collection", "transaction"):
        findings.refuse("Bundle.type", _("Send a Bundle of the type “collection” or “transaction”."), "value")
    resources = read_resources(value, findings)
    submission = _submission(value, resources, around, findings) if not findings.errors else None
    return Reading(None if findings.errors else submission, tuple(findings.found))


def _submission(
    bundle: Mapping[str, Any], resources: Resources, around: Around, findings: Findings
) -> Submission | None:
    patient = _one(resources, "Patient", findings)
    request = _one(resources, "ServiceRequest", findings)
    if patient is None or request is None:
        return None
    identity = read_patient(patient, around.numbers, around.today, findings)
    asked = read_request(request, patient, resources, around, findings)
    number = _number(bundle, request.body, request.path, findings)
    board = next((each for each in around.boards if asked and each.id == asked.board_id), None)
    if board is None:
        return None
    tumours = read_tumours(resources, patient, board.dossier, findings)
    case = read_observations(resources, patient, board.dossier, tumours, findings)
    read_numbers(resources, patient, board.dossier, case, findings)
    if asked is not None and asked.summary:
        case.put("clinical_summary", asked.summary, f"{request.path}.note")
    for level, answers in (("case", case), *(("tumour", each) for each in tumours.values())):
        _hold(board.dossier, level, answers, around.today, findings)  # type: ignore[arg-type]
    attachments = read_documents(resources, patient, findings)
    if identity is None or asked is None or number is None:
        return None
    return Submission(number, identity, asked, case, tuple(tumours.values()), attachments)


def _hold(dossier: Dossier, level: Level, answers: Answers, today: date, findings: Findings) -> None:
    """Hold the answers against the dossier's own form, which may refuse each of them."""
    try:
        clean(dossier, level, answers.values, today=today)
    except ValidationError as error:
        for field, sentences in error.message_dict.items():
            for sentence in sentences:
                findings.refuse(answers.places.get(field, "Bundle"), sentence, "business-rule")


def _one(resources: Resources, kind: str, findings: Findings) -> Any:
    found = resources.of(kind)
    if len(found) == 1:
        return found[0]
    sentence = (_("The Bundle holds no %(kind)s.") if not found else _("The Bundle holds more than one %(kind)s.")) % {
        "kind": kind
    }
    findings.refuse("Bundle.entry" if not found else found[1].path, sentence, "required" if not found else "invalid")
    return None


def _number(
    bundle: Mapping[str, Any], request: Mapping[str, Any], path: str, findings: Findings
) -> tuple[str, str] | None:
    """By which the same request is recognised when it comes again."""
    for identifier in (*(request.get("identifier") or ()), bundle.get("identifier")):
        if isinstance(identifier, Mapping):
            system, value = identifier.get("system"), identifier.get("value")
            if isinstance(system, str) and isinstance(value, str) and system and value.strip():
                return system, value.strip()
    findings.refuse(
        f"{path}.identifier",
        _("Give the request or the Bundle an identifier with its system: by it the same request is recognised."),
        "required",
    )
    return None


__all__ = ["SYSTEMS", "Around", "BoardChoice", "Reading", "Submission", "read_bundle"]

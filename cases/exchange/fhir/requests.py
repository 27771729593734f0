"""What is asked of which board, by whom, since when: the ServiceRequest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from cases.exchange.fhir.findings import Findings
from cases.exchange.fhir.resources import CODES, SYSTEMS, Resource, Resources, codings
from mdo.directory import licence_number
from mdo.directory.licence_number import InvalidLicenceNumber

if TYPE_CHECKING:
    from cases.exchange.fhir.submission import Around, BoardChoice

_ZONE = ZoneInfo("Europe/Brussels")
DEFAULT_REASON = "new_diagnosis"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as sent; field names are those of ``Request``. ``summary`` is the clinical summary, or nothing."""

    board_id: UUID
    question: str
    reason: str
    requester_id: UUID
    requested_on: date
    summary: str
    places: Mapping[str, str]


def read_request(
    request: Resource, patient: Resource, resources: Resources, around: Around, findings: Findings
) -> Asked | None:
    """The question is the text of the reason (``reasonCode.text``), the clinical summary the notes. Board and requester are found by
    their numbers; a single board needs not be named."""
    body, path = request.body, request.path
    subject = resources.follow(body.get("subject"), f"{path}.subject", findings, ("Patient",))
    if subject is not None and subject is not patient:
        findings.refuse(f"{path}.subject", _("This is about another patient."))
    if body.get("status") not in ("draft", "active"):
        findings.refuse(f"{path}.status", _("Only a request that is active or a draft can be brought in."), "value")
    if not any(
        (system, code) == (SYSTEMS["snomed"], CODES["category"])
        for number, each in enumerate(body.get("category") or ())
        for system, code, _display, _path in codings(each, f"{path}.category[{number}]")
    ):
        findings.refuse(
            f"{path}.category",
            _("Give the category 720006006 of SNOMED CT (http://snomed.info/sct): cancer care review."),
            "code-invalid",
        )
    board = _board(body, path, around, findings)
    reason = _reason(body, path, board, findings)
    question = _question(body, path, findings)
    requested_on = _day(body, path, around.today, findings)
    requester_id = _requester(body, path, resources, around, findings)
    notes = [str(each.get("text") or "").strip() for each in body.get("note") or ()]
    if board is None or reason is None or not question or requested_on is None or requester_id is None:
        return None
    places = {
        "board": f"{path}.performer",
        "reason": f"{path}.reasonCode",
        "question": f"{path}.reasonCode",
        "requester": f"{path}.requester",
        "requested_on": f"{path}.authoredOn",
    }
    return Asked(board.id, question, reason, requester_id, requested_on, "\n\n".join(filter(None, notes)), places)


def _board(body: Mapping[str, Any], path: str, around: Around, findings: Findings) -> BoardChoice | None:
    for number, performer in enumerate(body.get("performer") or ()):
        identifier = performer.get("identifier") or {}
        if identifier.get("system") != SYSTEMS["uri"]:
            continue
        here = f"{path}.performer[{number}].identifier.value"
        value = str(identifier.get("value") or "")
        found = next((each for each in around.boards if value.lower() == f"urn:uuid:{each.id}"), None)
        if found is None:
            findings.refuse(here, _("Your hospital may not refer to this board, or it does not exist."), "not-found")
        return found
    if len(around.boards) == 1:
        return around.boards[0]
    findings.refuse(
        f"{path}.performer",
        _(
            "Name the board: performer.identifier with the system urn:ietf:rfc:3986 and the value urn:uuid:… of the board."
        ),
        "required",
    )
    return None


def _reason(body: Mapping[str, Any], path: str, board: BoardChoice | None, findings: Findings) -> str | None:
    for number, concept in enumerate(body.get("reasonCode") or ()):
        for system, code, _display, here in codings(concept, f"{path}.reasonCode[{number}]"):
            if system != SYSTEMS["reason"]:
                continue
            if board is not None and code not in board.reasons:
                findings.refuse(f"{here}.code", _("The board knows no such reason."), "code-invalid")
                return None
            return code
    return DEFAULT_REASON


def _question(body: Mapping[str, Any], path: str, findings: Findings) -> str:
    texts = [str(each.get("text") or "").strip() for each in body.get("reasonCode") or ()]
    question = "\n".join(filter(None, texts))
    if not question:
        findings.refuse(f"{path}.reasonCode", _("Write the question to the board in reasonCode.text."), "required")
    return question


def _day(body: Mapping[str, Any], path: str, today: date, findings: Findings) -> date | None:
    text = str(body.get("authoredOn") or "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        findings.refuse(f"{path}.authoredOn", _("Give the day of the written request."), "required")
        return None
    day = moment.astimezone(_ZONE).date() if moment.tzinfo else moment.date()
    if day > today:
        findings.refuse(f"{path}.authoredOn", _("This date lies in the future."), "value")
    return day


def _requester(
    body: Mapping[str, Any], path: str, resources: Resources, around: Around, findings: Findings
) -> UUID | None:
    """A clinician of the hospital, by licence number: in the reference itself or in the Practitioner that it leads to."""
    reference, here = body.get("requester") or {}, f"{path}.requester"
    identifiers, at = [reference.get("identifier") or {}], f"{here}.identifier"
    if reference.get("reference"):
        practitioner = resources.follow(reference, here, findings, ("Practitioner", "PractitionerRole"))
        if practitioner is not None and practitioner.type == "PractitionerRole":
            practitioner = resources.follow(
                practitioner.body.get("practitioner"), f"{practitioner.path}.practitioner", findings, ("Practitioner",)
            )
        if practitioner is None:
            return None
        identifiers, at = list(practitioner.body.get("identifier") or ()), f"{practitioner.path}.identifier"
    for identifier in identifiers:
        if identifier.get("system") == SYSTEMS["licence_number"]:
            try:
                number = licence_number.parse(str(identifier.get("value") or ""))
            except InvalidLicenceNumber as error:
                findings.refuse(at, error.sentence, "value")
                return None
            found = around.clinicians.get(number.identifying)
            if found is None:
                findings.refuse(at, _("No clinician of your hospital has this licence number."), "not-found")
            return found
    findings.refuse(
        at, _("Give the requester's licence number (its system is that of eHealth, ending in “nihdi”)."), "required"
    )
    return None

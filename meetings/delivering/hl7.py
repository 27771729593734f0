"""A report as an HL7 v2.5.1 message to a record system, and its acknowledgement.

MDM^T02 brings a new document, MDM^T10 one that takes the place of another (chapter 9: 9.5.2, 9.5.10; TXA, 9.6.1); ORU^R01 the same as a
result (chapter 7). The PDF stands in OBX-5 as ED, in base64. Whatever somebody typed stays within its field: separators are escaped, line
ends and other control characters become blanks.
"""

import base64
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from cases.exchange import hl7v2
from cases.exchange.fhir.resources import CODES
from cases.models import Patient
from mdo.directory.models import Person
from mdo.kernel.clock import now
from meetings.delivering import mllp
from meetings.delivering.documents import Document, control_id
from meetings.delivering.faults import NotTaken
from meetings.delivering.routes import Hl7, place_of

VERSION: Final = "2.5.1"
_SEX: Final = {"female": "F", "male": "M", "other": "O", "unknown": "U"}  # table 0001
_TYPE: Final = f"{CODES['plan']}^Plan of care note^LN"
_ZONE: Final = ZoneInfo("Europe/Brussels")
_ESCAPES: Final = (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("~", "\\R\\"), ("&", "\\T\\"))


def send(document: Document, settings: Hl7) -> None:
    """Send it and wait for the acknowledgement. Raises ``NotTaken``."""
    secure, host, port = place_of(settings.address)
    number = control_id(document.key)
    taken(mllp.exchange(host, port, message(document, settings, now()), secure=secure), number)


def taken(answer: bytes, number: str) -> None:
    """Whether an answer acknowledges the message with this control id. Raises ``NotTaken``: of a refusal it keeps the code and the
    number of the error alone, since its words may repeat what was sent."""
    try:
        found = hl7v2.read(answer, {"MSA", "ERR"}, charset="UNICODE UTF-8")
        said = found.first("MSA")
        code, about = (said.value(1), said.value(2)) if said else ("", "")
        error = found.first("ERR")
        reason = error.value(3) if error else ""
    except hl7v2.Trouble:
        raise NotTaken("garbled") from None
    if code in ("AA", "CA") and about == number:
        return
    if code not in ("AE", "AR", "CE", "CR") or about not in (number, ""):
        raise NotTaken("garbled")
    digits = reason if reason.isascii() and reason.isdigit() and len(reason) <= 4 else ""
    raise NotTaken(f"refused:{code} {digits}".strip())


def message(document: Document, settings: Hl7, at: datetime) -> bytes:
    """The message as it is sent, without its frame."""
    told = settings.form == "MDM^T02"
    event = "T10" if document.replaces else "T02"
    kind = f"MDM^{event}^MDM_T02" if told else "ORU^R01^ORU_R01"
    head = [
        "MSH", "^~\\&", "MDO", text(settings.sending_facility), text(settings.receiving_application),
        text(settings.receiving_facility), _moment(at), "", kind, control_id(document.key), settings.processing, VERSION,
        "", "", "", "", "", settings.charset,
    ]  # fmt: skip
    pid = _pid(document.patient, settings.authority)
    body = [["EVN", event, _moment(at)], pid, ["PV1", "1", "N"], _txa(document)] if told else [pid, _obr(document)]
    whole = "".join("|".join(each).rstrip("|") + "\r" for each in (head, *body, _obx(document)))
    return whole.encode(hl7v2.CHARSETS[settings.charset], "replace")


def text(value: str) -> str:
    """One component: separators escaped, and no character that would end a field, a segment or the frame."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    for sign, escaped in _ESCAPES:
        plain = plain.replace(sign, escaped)
    return plain


def _moment(at: datetime | None) -> str:
    return at.astimezone(_ZONE).strftime("%Y%m%d%H%M%S%z") if at else ""


def _pid(patient: Patient, authority: str) -> list[str]:
    numbers = [
        f"{text(patient.record_number)}^^^{text(authority)}^MR" if patient.record_number else "",
        f"{text(patient.national_number)}^^^^NNBEL" if patient.national_number else "",
        f"{text(patient.other_identifier)}^^^^U" if patient.other_identifier else "",
    ]
    name = f"{text(patient.family_name)}^{text(patient.given_name)}^^^^^L"
    born = patient.birth_date.strftime("%Y%m%d")
    return ["PID", "1", "", "~".join(filter(None, numbers)), "", name, "", born, _SEX[patient.sex]]


def _name(whom: Person | None) -> list[str]:
    """XCN and the beginning of PPN: licence number, names, title, who gave the number."""
    if whom is None:
        return []
    given_by = "RIZIV" if whom.licence_number else ""
    named = (whom.licence_number, whom.last_name, whom.first_name, "", "", whom.title, "", "", given_by)
    return [text(each) for each in named]


def _txa(document: Document) -> list[str]:
    decision = document.decision
    signer = _name(decision.signed_by)
    by = "^".join(signer).rstrip("^")
    signed = "^".join([*signer, *[""] * (14 - len(signer)), _moment(decision.signed_at)])
    before = f"{document.replaces}^MDO" if document.replaces else ""
    return [
        "TXA", "1", "CN", "AP", _moment(decision.meeting.starts_at), by, _moment(document.made_at), "", "", by, "", "",
        f"{document.number}^MDO", before, "", "", f"{document.number}.pdf", "LA", "", "AV", "", "", signed,
    ]  # fmt: skip


def _obr(document: Document) -> list[str]:
    decision = document.decision
    referral = decision.item.referral
    asked = "^".join(_name(referral.requester if referral else None)).rstrip("^")
    status = "C" if document.replaces else "F"
    return [
        "OBR", "1", "", f"{document.number}^MDO", _TYPE, "", "", _moment(decision.meeting.starts_at), "", "", "", "", "", "", "",
        "", asked, "", "", "", "", "", _moment(decision.signed_at), "", "", status,
    ]  # fmt: skip


def _obx(document: Document) -> list[str]:
    value = f"MDO^application^pdf^Base64^{base64.b64encode(document.body).decode()}"
    status = "C" if document.replaces else "F"
    return ["OBX", "1", "ED", _TYPE, "", value, "", "", "", "", "", status, "", "", _moment(document.made_at)]

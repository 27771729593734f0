"""Documents in a Bundle: DocumentReference with the file inside. No address is ever followed."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from cases.coding.documents import inspect
from cases.coding.errors import InvalidDocument
from cases.exchange.fhir.findings import Findings
from cases.exchange.fhir.resources import CODES, SYSTEMS, Resource, Resources, codings

MOST = 20


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it came; what it is is decided by its content, when it is added."""

    kind: str
    name: str
    content: bytes = field(repr=False)
    place: str


def read_documents(resources: Resources, patient: Resource, findings: Findings) -> tuple[Attachment, ...]:
    """The files of all DocumentReferences, in order."""
    found: list[Attachment] = []
    for document in resources.of("DocumentReference"):
        body, path = document.body, document.path
        subject = resources.follow(body.get("subject"), f"{path}.subject", findings, ("Patient",))
        if subject is not None and subject is not patient:
            findings.refuse(f"{path}.subject", _("This is about another patient."))
        if body.get("status") != "current":
            findings.refuse(f"{path}.status", _("This was withdrawn by whoever wrote it."), "business-rule")
        types = {code for system, code, _d, _p in codings(body.get("type"), "") if system == SYSTEMS["loinc"]}
        kind = next((each for each, codes in CODES["documents"].items() if types & set(codes)), "other")
        for number, content in enumerate(body.get("content") or ()):
            here = f"{path}.content[{number}].attachment"
            attachment = content.get("attachment") or {}
            raw = attachment.get("data")
            if not isinstance(raw, str) or not raw:
                findings.refuse(
                    f"{here}.data", _("Send the file itself in the Bundle: no address is followed."), "required"
                )
                continue
            try:
                decoded = base64.b64decode("".join(raw.split()), validate=True)
            except (binascii.Error, ValueError):
                findings.refuse(f"{here}.data", _("This is not base64."), "value")
                continue
            told = attachment.get("hash")
            if isinstance(told, str) and told:
                sha1 = base64.b64encode(hashlib.sha1(decoded, usedforsecurity=False).digest()).decode()
                if told.strip() != sha1:
                    findings.refuse(f"{here}.hash", _("The file is not the one that this hash was made of."), "value")
            try:
                inspect(decoded)
            except InvalidDocument as error:
                findings.refuse(here, error.sentence, "value")
            name = str(attachment.get("title") or body.get("description") or "document")
            found.append(Attachment(kind, name, decoded, here))
    if len(found) > MOST:
        findings.refuse(found[MOST].place, _("At most %(count)d documents.") % {"count": MOST}, "too-long")
    return tuple(found)

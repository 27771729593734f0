"""A report laid down on a hospital's FHIR R4 server: a DocumentReference that carries the PDF, or the document Bundle of the decision.

It is created on condition that nothing there has its identifier (FHIR R4, http.html#ccreate, ``If-None-Exist``): a repetition finds what is
there. Whom it names stands by name and number, not by an address that the other server would not know. No redirect is followed, the house's
proxy sees no more than host and port, and all of it ends within ten seconds.
"""

import base64
import hashlib
import http.client
import json
import socket
from time import monotonic
from typing import Any, Final

from django.conf import settings as django_settings
from django.utils import translation

from cases.exchange.fhir import writing
from cases.exchange.fhir.resources import CODES, SYSTEMS
from cases.exchange.fhir.writing import Json
from cases.exchange.fhir.writing_patients import patient_resource
from meetings.delivering import mllp
from meetings.delivering.documents import Document
from meetings.delivering.faults import NotTaken
from meetings.delivering.routes import Fhir, base_of
from meetings.exchange.fhir.documents import base, on_table, signed_document
from meetings.exchange.fhir.plans import Signed
from meetings.models import Decision, Report

_TAKEN: Final = (200, 201)
_PROXY_SAYS_AT_MOST: Final = 8192
_DOWN: Final = (401, 403, 404, 429)


def send(document: Document, settings: Fhir, secret: str) -> None:
    """Create it there, once. Raises ``NotTaken``."""
    resource, identifier = resource_of(document, settings)
    status = post(settings.address, resource, identifier, secret)
    if status not in _TAKEN:
        raise NotTaken(f"http:{status}", down=status in _DOWN or status >= 500)


def resource_of(document: Document, settings: Fhir) -> tuple[Json, str]:
    """The resource, and the identifier by which it is one."""
    with translation.override(document.language):
        if settings.form == "Bundle" and document.kind == Report.Kind.CASE:
            bundle = _bundle(document.decision, document.language)
            return bundle, f"urn:uuid:{document.decision.pk}"
        return reference(document), f"urn:uuid:{document.number}"


def _bundle(decision: Decision, language: str) -> Json:
    assert decision.case is not None
    by_now = tuple(each.data for each in decision.case.tumours.all())
    tumours = on_table([decision]).get(decision.item.referral_id) or by_now
    return signed_document(Signed(decision, tumours), base(), language)


def reference(document: Document) -> Json:
    """The DocumentReference with the PDF and the patient in it."""
    decision = document.decision
    assert decision.case is not None
    patient = patient_resource(document.patient)
    patient["id"] = "patient"
    patient.pop("meta", None)
    number = {"system": SYSTEMS["uri"], "value": f"urn:uuid:{document.number}"}
    before = {"system": SYSTEMS["uri"], "value": f"urn:uuid:{document.replaces}"}
    return writing.resource(
        "DocumentReference",
        document.number,
        language=document.language,
        contained=[patient],
        masterIdentifier=number,
        identifier=[number],
        status="current",
        docStatus="amended" if document.replaces else "final",
        type=writing.concept("loinc", CODES["plan"], "Plan of care note"),
        category=[writing.CATEGORY],
        subject={"reference": "#patient", "type": "Patient"},
        date=writing.moment(decision.signed_at),
        author=[writing.person(decision.signed_by)],
        authenticator=writing.person(decision.signed_by),
        custodian=writing.organisation(decision.board.organiser),
        relatesTo=[{"code": "replaces", "target": {"type": "DocumentReference", "identifier": before}}]
        if document.replaces
        else [],
        description=document.title,
        content=[
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "language": document.language,
                    "data": base64.b64encode(document.body).decode(),
                    "size": len(document.body),
                    "hash": base64.b64encode(hashlib.sha1(document.body, usedforsecurity=False).digest()).decode(),
                    "title": document.title,
                    "creation": writing.moment(document.made_at),
                }
            }
        ],
        context={"period": {"start": writing.moment(decision.meeting.starts_at)}},
    )


def post(address: str, resource: Json, identifier: str, secret: str) -> int:
    """The status that the server answers with. Raises ``NotTaken`` where it answers none."""
    secure, host, port, path = base_of(address)
    until = monotonic() + mllp.ALL_S
    headers = {
        "Content-Type": "application/fhir+json; charset=utf-8",
        "Accept": "application/fhir+json",
        "Prefer": "return=minimal",
        "If-None-Exist": f"identifier={SYSTEMS['uri']}|{identifier}",
        "Connection": "close",
    }
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    proxy = django_settings.ENVIRONMENT.proxy_for(host) if secure else None
    try:
        line: Any = mllp.connect(proxy.host, proxy.port) if proxy else mllp.connect(host, port)
    except NotTaken as refused:
        raise (NotTaken("proxy", down=True) if proxy else refused) from None
    try:
        line.settimeout(max(0.1, until - monotonic()))
        with mllp.bounded(line, until):
            if proxy:
                tunnel(line, proxy.request(host, port))
        if secure:
            line = mllp.secured(line, host)
        with mllp.bounded(line, until):
            if secure:
                line.do_handshake()
            connection = http.client.HTTPConnection(host, port)
            connection.sock = line
            connection.request("POST", f"{path}/{resource['resourceType']}", json.dumps(resource).encode(), headers)
            return connection.getresponse().status
    finally:
        line.close()


def tunnel(line: socket.socket, request: bytes) -> None:
    """Let a proxy open the way. Not a byte after its answer is taken: that is the other server's. Raises ``NotTaken`` and ``OSError``."""
    line.sendall(request)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = line.recv(1)
        if not byte or len(answer) > _PROXY_SAYS_AT_MOST:
            raise NotTaken("proxy", down=True)
        answer += byte
    words = answer.split(b" ", 2)
    if not words[0].startswith(b"HTTP/1.") or len(words) < 2 or words[1] != b"200":
        raise NotTaken("proxy", down=True)

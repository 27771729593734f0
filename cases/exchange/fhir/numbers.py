"""The numbers under which laboratories and image archives keep what a case is about: of Specimens, ImagingStudies and the documents of both.

An accession number is an identifier of the type ACSN (HL7 v2, table 0203), or the ``accessionIdentifier`` of a Specimen; whoever gave it
(``assigner.display``) stands behind the number, as people write it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from cases.dossiers import Dossier
from cases.dossiers.worklists import written
from cases.exchange.fhir.findings import Findings
from cases.exchange.fhir.resources import CODES, SYSTEMS, Resource, Resources, codings
from cases.exchange.fhir.tumours import Answers

_BETWEEN: Final = re.compile(r"[,;()\s]+")  # what would end a number, or its place, where several stand in one answer
_WITHDRAWN: Final = ("entered-in-error", "cancelled")


def read_numbers(resources: Resources, patient: Resource, dossier: Dossier, case: Answers, findings: Findings) -> None:
    """Put the numbers of all of them where the dossier keeps them (``codes.yaml``, ``numbers``), each once and in their order."""
    asked = {field.key for field in dossier.fields("case")}
    found: dict[str, dict[str, str]] = {}
    for kind, key in CODES["numbers"]["resources"].items():
        for resource in resources.of(kind):
            _of_patient(resource, patient, resources, findings)
            if resource.body.get("status") in _WITHDRAWN:
                findings.refuse(
                    f"{resource.path}.status", _("This was withdrawn by whoever wrote it."), "business-rule"
                )
                continue
            numbers = list(_numbers(resource.body, resource.path))
            if not numbers or key not in asked:
                findings.say(resource.path, _("This kind of resource is not taken over."))
                continue
            for number, place in numbers:
                found.setdefault(key, {}).setdefault(number, place)
    for document in resources.of("DocumentReference"):
        types = {code for system, code, _d, _p in codings(document.body.get("type"), "") if system == SYSTEMS["loinc"]}
        for kind, key in CODES["numbers"]["documents"].items():
            if types & set(CODES["documents"][kind]) and key in asked:
                for number, place in _numbers(document.body, document.path):
                    found.setdefault(key, {}).setdefault(number, place)
    for key, numbers_of_it in found.items():
        case.put(key, written(numbers_of_it), next(iter(numbers_of_it.values())))


def _of_patient(resource: Resource, patient: Resource, resources: Resources, findings: Findings) -> None:
    if resource.body.get("subject") is None:
        return
    subject = resources.follow(resource.body["subject"], f"{resource.path}.subject", findings, ("Patient",))
    if subject is not None and subject is not patient:
        findings.refuse(f"{resource.path}.subject", _("This is about another patient."))


def _numbers(body: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """The accession numbers of a resource as they are written, and the place of each."""
    own = body.get("accessionIdentifier")
    if own:
        yield from _written(own, f"{path}.accessionIdentifier")
    for number, identifier in enumerate(body.get("identifier") or ()):
        types = {(system, code) for system, code, _d, _p in codings(identifier.get("type"), "")}
        if (SYSTEMS["identifier_type"], CODES["numbers"]["type"]) in types:
            yield from _written(identifier, f"{path}.identifier[{number}]")


def _written(identifier: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    value = _BETWEEN.sub(" ", str(identifier.get("value") or "")).strip()
    by = _BETWEEN.sub(" ", str((identifier.get("assigner") or {}).get("display") or "")).strip()
    if value:
        yield f"{value} ({by})" if by else value, f"{path}.value"

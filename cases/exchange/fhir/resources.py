"""The resources of a Bundle: each valid by its FHIR model, with its place, and found again by the references to it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from cases.coding.words import read_yaml
from cases.exchange.fhir.findings import Findings

CODES: Final[Mapping[str, Any]] = read_yaml("cases.exchange.fhir", "codes.yaml")
SYSTEMS: Final[Mapping[str, str]] = CODES["systems"]
READ: Final = (
    "Patient", "Condition", "Observation", "ServiceRequest", "DocumentReference", "Practitioner", "PractitionerRole",
    "Organization", "Encounter", "EpisodeOfCare", "Specimen", "ImagingStudy",
)  # fmt: skip
MOST_ENTRIES: Final = 200
MOST_FINDINGS: Final = 100
_ELEMENT = re.compile(r"\A[A-Za-z_]\w{0,60}\Z")


@dataclass(frozen=True, slots=True)
class Resource:
    """A valid resource: its content as it came, and the FHIRPath of where it lies."""

    path: str
    body: Mapping[str, Any]
    addresses: frozenset[str]

    @property
    def type(self) -> str:
        return str(self.body["resourceType"])


@dataclass(slots=True)
class Resources:
    """All of them, in order."""

    found: list[Resource] = field(default_factory=list)

    def of(self, kind: str) -> list[Resource]:
        return [each for each in self.found if each.type == kind]

    def follow(self, reference: Any, path: str, findings: Findings, kinds: tuple[str, ...]) -> Resource | None:
        """The resource that a reference leads to; refuses one that leads nowhere in this Bundle, or to another kind of thing."""
        address = reference.get("reference") if isinstance(reference, Mapping) else None
        if not isinstance(address, str):
            findings.refuse(path, _("A reference is missing here."), "required")
            return None
        target = next((each for each in self.found if address in each.addresses), None)
        if target is None:
            findings.refuse(f"{path}.reference", _("This reference leads to nothing in the Bundle."), "not-found")
        elif target.type not in kinds:
            findings.refuse(f"{path}.reference", _("This reference leads to another kind of resource."))
            return None
        return target


def read_resources(bundle: Mapping[str, Any], findings: Findings) -> Resources:
    """The resources of a Bundle that are of use here; what is wrong with any of them is found."""
    found = Resources()
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        findings.refuse("Bundle.entry", _("The Bundle is empty."), "required")
        return found
    if len(entries) > MOST_ENTRIES:
        findings.refuse("Bundle.entry", _("The Bundle has too many entries."), "too-long")
        return found
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        path = f"Bundle.entry[{number}]"
        resource = _resource(entry, path, findings)
        if resource is None:
            continue
        twice = seen & resource.addresses
        if twice:
            findings.refuse(path, _("Two entries of the Bundle have the same address."), "duplicate")
        seen |= resource.addresses
        found.found.append(resource)
    return found


def _resource(entry: Any, path: str, findings: Findings) -> Resource | None:
    body = entry.get("resource") if isinstance(entry, Mapping) else None
    if not isinstance(body, Mapping):
        findings.refuse(f"{path}.resource", _("There is no resource in this entry."), "required")
        return None
    path = f"{path}.resource"
    kind = body.get("resourceType")
    if kind not in READ:
        if isinstance(kind, str) and _known(kind):
            findings.say(path, _("This kind of resource is not taken over."))
        else:
            findings.refuse(f"{path}.resourceType", _("FHIR R4 knows no such resource."), "not-supported")
        return None
    try:
        get_fhir_model_class(str(kind)).model_validate(dict(body))
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False)[: MOST_FINDINGS - len(findings.found)]:
            _explain(each, path, findings)
        return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # A resource contained in this one of which the library knows no model.
        findings.refuse(path, _("This resource is not as FHIR R4 says."), "structure")
        return None
    address = entry.get("fullUrl")
    addresses = {address} if isinstance(address, str) else set()
    if isinstance(body.get("id"), str):
        addresses.add(f"{kind}/{body['id']}")
    return Resource(path, body, frozenset(addresses))


def _known(kind: str) -> bool:
    try:
        get_fhir_model_class(kind)
    except (KeyError, ValueError):
        return False
    return True


def _explain(error: Mapping[str, Any], path: str, findings: Findings) -> None:
    """One complaint of the model in words of ours. What the sender wrote is not quoted, but for names of elements."""
    for part in error["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif isinstance(part, str) and _ELEMENT.match(part):
            path += f".{part}"
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "missing":
        findings.refuse(path, _("This element is required."), "required")
    elif kind == "extra_forbidden":
        findings.refuse(path, _("FHIR R4 knows no such element here."), "structure")
    elif kind.startswith(("date", "time")) or "Date" in message:
        findings.refuse(path, _("There is no such date."), "value")
    else:
        findings.refuse(path, _("The value does not fit this element."), "value")


def codings(concept: Any, path: str) -> Iterator[tuple[str, str, str, str]]:
    """System, code, display and place of each coding of a CodeableConcept."""
    for number, each in enumerate((concept or {}).get("coding") or ()):
        yield each.get("system") or "", each.get("code") or "", each.get("display") or "", f"{path}.coding[{number}]"


def extension(element: Any, url: str) -> Mapping[str, Any] | None:
    """The first extension with that address."""
    return next((each for each in (element or {}).get("extension") or () if each.get("url") == url), None)

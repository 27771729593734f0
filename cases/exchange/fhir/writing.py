"""What every resource that is written has: clean text, codes, references, moments. Pure: rows go in, plain values come out.

Codes and systems are those of ``codes.yaml``, by which a Bundle is read too.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from cases.exchange.fhir.resources import CODES, SYSTEMS
from mdo.directory.models import Organisation, Person

Json = dict[str, Any]

# What no FHIR string may hold: control characters but for tab and line ends, and halves of surrogate pairs.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def clean(value: Any) -> Any:
    """The value without what FHIR does not know: empty texts, lists and objects, ``None``, and characters that no string may hold."""
    if isinstance(value, str):
        text = _UNWRITABLE.sub("", value)
        return text if text.strip() else None
    if isinstance(value, Mapping):
        found = {key: clean(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not None} or None
    if isinstance(value, list | tuple):
        return [each for each in map(clean, value) if each is not None] or None
    return value


def resource(kind: str, key: object, *, language: str | None = None, **elements: Any) -> Json:
    """A resource with its elements, clean."""
    head = {"resourceType": kind, "id": str(key), "language": language}
    found: Json = clean({**head, **elements})
    return found


def meta(*, version: int | None = None, changed_at: datetime | None = None) -> Json:
    return {
        "versionId": str(version) if version is not None else None,
        "lastUpdated": moment(changed_at),
    }


def moment(at: datetime | None) -> str | None:
    """An instant: in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def coding(system: str, code: str, display: str = "") -> Json:
    """``system`` is a key of ``codes.yaml``."""
    return {"system": SYSTEMS[system], "code": code, "display": display}


def concept(system: str, code: str, words: str = "", *, text: str = "") -> Json:
    return {"coding": [coding(system, code, words)], "text": text or words}


def to(kind: str, key: object, display: str = "") -> Json:
    """A reference to what this server answers for, or what lies in the same document."""
    return {"reference": f"{kind}/{key}", "type": kind, "display": display}


def person(whom: Person | None, *, inside: bool = False) -> Json | None:
    """A reference to somebody who works here: by licence number and name. ``inside``: of a document that carries the Practitioner."""
    if whom is None:
        return None
    return {
        "reference": f"urn:uuid:{whom.pk}" if inside else None,
        "type": "Practitioner",
        "identifier": {"system": SYSTEMS["licence_number"], "value": whom.licence_number}
        if whom.licence_number
        else None,
        "display": whom.display_name,
    }


def organisation_number(organisation: Organisation) -> Json | None:
    """The number by which an organisation is known to everybody: the hospital's licence, else the enterprise number."""
    if organisation.licence_number:
        return {"system": SYSTEMS["hospital_licence"], "value": organisation.licence_number}
    if organisation.enterprise_number:
        return {"system": SYSTEMS["enterprise"], "value": organisation.enterprise_number}
    return None


def organisation(which: Organisation, *, inside: bool = False) -> Json:
    """A reference to an organisation: by number and name. ``inside``: of a document that carries the Organization."""
    return {
        "reference": f"urn:uuid:{which.pk}" if inside else None,
        "type": "Organization",
        "identifier": organisation_number(which),
        "display": which.name,
    }


def practitioner_resource(whom: Person) -> Json:
    """The Practitioner of a document."""
    return resource(
        "Practitioner",
        whom.pk,
        identifier=[{"system": SYSTEMS["licence_number"], "value": whom.licence_number}] if whom.licence_number else [],
        name=[
            {
                "text": whom.display_name,
                "family": whom.last_name,
                "given": [whom.first_name],
                "prefix": [whom.title],
            }
        ],
    )


def organisation_resource(which: Organisation) -> Json:
    """The Organization of a document."""
    return resource("Organization", which.pk, identifier=[organisation_number(which)], name=which.name)


def narrative(paragraphs: Iterable[tuple[str, str]], *, language: str | None) -> Json:
    """Headed paragraphs as XHTML; what people typed is escaped, and its lines stay lines."""
    parts = []
    for heading, text in paragraphs:
        plain = clean(text)
        if plain is None:
            continue
        title = f"<b>{escape(heading)}</b><br/>" if heading else ""
        parts.append(f"<p>{title}{'<br/>'.join(map(escape, plain.splitlines()))}</p>")
    told = f' lang="{language}" xml:lang="{language}"' if language else ""
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml"{told}>{"".join(parts) or "<p>–</p>"}</div>',
    }


CATEGORY: Final = {
    "coding": [{"system": SYSTEMS["snomed"], "code": CODES["category"], "display": "Cancer care review"}]
}

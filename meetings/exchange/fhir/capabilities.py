"""The CapabilityStatement: exactly what is answered, taken from the table that answers."""

from typing import Final

from cases.exchange.fhir.writing import Json
from mdo import __version__
from meetings.reading_out import BINARY, DOCUMENT, KINDS

_SINCE: Final = "2026-11-29"  # of this list


def capability_statement(base: str) -> Json:
    """What this server, below ``base``, answers."""
    resources: list[Json] = [
        {
            "type": kind.name,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": name, "type": type_} for name, type_ in kind.parameters.items()],
        }
        for kind in KINDS.values()
    ]
    for each in resources:
        if each["type"] == "Composition":
            each["operation"] = [
                {"name": "document", "definition": "http://hl7.org/fhir/OperationDefinition/Composition-document"}
            ]
    resources += [{"type": name, "interaction": [{"code": "read"}]} for name in (DOCUMENT.name, BINARY)]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _SINCE,
        "kind": "instance",
        "software": {"name": "MDO", "version": __version__},
        "implementation": {"description": "MDO", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": False,
                    "service": [{"text": "Bearer token of the organisation"}],
                    "description": "Authorization: Bearer, with a token of the organisation (scopes fhir.read, fhir.audit).",
                },
                "resource": sorted(resources, key=lambda each: str(each["type"])),
            }
        ],
    }

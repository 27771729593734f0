"""A row of the access log as an AuditEvent: who, when, what of whom, and whether it was done. No care content."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from cases.exchange.fhir import writing
from cases.exchange.fhir.resources import SYSTEMS
from cases.exchange.fhir.writing import Json
from mdo.kernel.models import AuditEntry

# What a thing of the log is in FHIR, where this server answers for it.
_KINDS: Final[Mapping[str, str]] = {"patient": "Patient", "referral": "ServiceRequest", "decision": "CarePlan"}


def audit_resource(entry: AuditEntry, names: Mapping[UUID, str], hospital: str) -> Json:
    """``names`` of people, programs and organisations by their ids; ``hospital`` is whose log it is."""
    read = entry.action.endswith((".read", ".search", ".listed"))
    entities: list[Json] = []
    if entry.patient_id is not None:
        entities.append({"what": writing.to("Patient", entry.patient_id)})
    if entry.object_id is not None and entry.object_id != entry.patient_id:
        kind = _KINDS.get(entry.object_kind)
        what: Json = (
            writing.to(kind, entry.object_id)
            if kind
            else {"identifier": {"system": SYSTEMS["uri"], "value": f"urn:uuid:{entry.object_id}"}}
        )
        entities.append({"what": what, "name": entry.object_kind})
    return writing.resource(
        "AuditEvent",
        entry.uid,
        type=writing.coding("audit_type", "rest", "RESTful Operation"),
        subtype=[writing.coding("act", entry.action)],
        action="R" if read else "E",
        recorded=writing.moment(entry.at),
        outcome="0" if entry.outcome == "ok" else "4",
        outcomeDesc="" if entry.outcome == "ok" else entry.outcome,
        purposeOfEvent=[{"text": entry.purpose}],
        agent=[
            {
                "type": {"text": entry.actor_kind},
                "who": {
                    "identifier": {"system": SYSTEMS["uri"], "value": f"urn:uuid:{entry.actor_id}"},
                    "display": names.get(entry.actor_id, ""),
                },
                "requestor": True,
            },
            {
                "type": {"text": "organisation"},
                "who": {
                    "identifier": {"system": SYSTEMS["uri"], "value": f"urn:uuid:{entry.organisation_id}"},
                    "display": names.get(entry.organisation_id, ""),
                },
                "requestor": False,
            }
            if entry.organisation_id
            else None,
        ],
        source={"site": hospital, "observer": {"type": "Organization", "display": hospital}},
        entity=entities,
    )

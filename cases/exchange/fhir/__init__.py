"""A case as a FHIR R4 Bundle."""

from cases.exchange.fhir.findings import Finding, operation_outcome
from cases.exchange.fhir.submission import Around, BoardChoice, Reading, Submission, read_bundle

__all__ = ["Around", "BoardChoice", "Finding", "Reading", "Submission", "operation_outcome", "read_bundle"]

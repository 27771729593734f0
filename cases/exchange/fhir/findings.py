"""What was found wrong, or left behind, while reading a Bundle: a sentence and the place that it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.functional import Promise

Severity = Literal["error", "information"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``expression`` is a FHIRPath of the element (``Bundle.entry[2].resource.birthDate``); ``code`` one of FHIR's issue types."""

    severity: Severity
    expression: str
    sentence: str
    code: str = "invalid"


@dataclass(slots=True)
class Findings:
    """Collected while reading, in order. Only errors keep a Bundle out."""

    found: list[Finding] = field(default_factory=list)

    def refuse(self, expression: str, sentence: str | Promise, code: str = "invalid") -> None:
        self.found.append(Finding("error", expression, str(sentence), code))

    def say(self, expression: str, sentence: str | Promise) -> None:
        """Something is left behind; the rest is taken."""
        self.found.append(Finding("information", expression, str(sentence), "informational"))

    @property
    def errors(self) -> list[Finding]:
        return [each for each in self.found if each.severity == "error"]

    @property
    def remarks(self) -> list[Finding]:
        return [each for each in self.found if each.severity == "information"]


def operation_outcome(findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings as a FHIR R4 OperationOutcome. None of them quotes what was sent."""
    issues: Sequence[dict[str, Any]] = [
        {
            "severity": each.severity,
            "code": each.code,
            "diagnostics": each.sentence,
            **({"expression": [each.expression]} if each.expression else {}),
        }
        for each in findings
    ]
    return {"resourceType": "OperationOutcome", "issue": list(issues)}

"""One value that a text proposes, with the place where the text says it."""

from dataclasses import dataclass
from typing import Any

FIELDS = (
    "tnm_prefix",
    "t",
    "n",
    "m",
    "tnm_edition",
    "er",
    "pr",
    "er_percent",
    "pr_percent",
    "her2_ihc",
    "her2_ish",
    "ki67_percent",
    "grade",
    "laterality",
    "size_mm",
    "nodes_positive",
    "nodes_examined",
    "icdo3_topography",
    "icdo3_morphology",
    "date",
)
"""The fields of a tumour that are proposed, in the order in which they are shown."""

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Proposal:
    """A field of the tumour with this number, its value, and the characters `text[start:end]` that say so."""

    field: str
    value: Value
    tumour: int
    start: int
    end: int

    def as_json(self) -> dict[str, Any]:
        """As `mdo propose` prints it."""
        return {
            "field": self.field,
            "value": self.value,
            "tumour": self.tumour,
            "start": self.start,
            "end": self.end,
        }

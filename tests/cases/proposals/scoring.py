"""Precision and recall of proposals against texts with answers. Counts only: nothing of a text is ever shown.

What counts as right is said in README.md beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases.coding.proposals import FIELDS, Proposal

FOLDER = Path(__file__).parent
ALL = "all"

Proposer = Callable[[str], list[Proposal]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A line of an answer file."""

    field: str
    value: str | int | float
    tumour: int
    start: int
    end: int


@dataclass(slots=True)
class Score:
    """How many statements were proposed, how many of them are right, and how many there are to find."""

    proposed: int = 0
    right: int = 0
    found: int = 0
    expected: int = 0

    @property
    def precision(self) -> float:
        """Right proposals of all proposals; 1 where nothing was proposed."""
        return self.right / self.proposed if self.proposed else 1.0

    @property
    def recall(self) -> float:
        """Statements found of all statements; 1 where there are none."""
        return self.found / self.expected if self.expected else 1.0

    def add(self, other: Score) -> None:
        """Count another text in."""
        self.proposed += other.proposed
        self.right += other.right
        self.found += other.found
        self.expected += other.expected


def texts(name: str) -> Iterator[tuple[str, list[Answer]]]:
    """Each text of a set with its answers, in the order of their names."""
    for path in sorted((FOLDER / name).glob("*.txt")):
        yield path.read_bytes().decode("utf-8"), answers(path.with_suffix(".jsonl"))


def answers(path: Path) -> list[Answer]:
    """The lines of an answer file."""
    lines = path.read_bytes().decode("utf-8").splitlines()
    return [Answer(**json.loads(line)) for line in lines]


def score(name: str, propose: Proposer) -> dict[str, Score]:
    """The scores of a set by field, and of all fields together."""
    total = {field: Score() for field in (*FIELDS, ALL)}
    for text, expected in texts(name):
        for field, one in score_text(propose(text), expected).items():
            total[field].add(one)
            total[ALL].add(one)
    return total


def score_text(proposals: Iterable[Proposal], expected: Iterable[Answer]) -> dict[str, Score]:
    """The scores of one text by field."""
    wanted, given = _statements(expected), _statements(proposals)
    scores: dict[str, Score] = {}
    for statement, places in given.items():
        one = scores.setdefault(statement[0], Score())
        one.proposed += 1
        one.right += _overlap(places, wanted.get(statement, []))
    for statement, places in wanted.items():
        one = scores.setdefault(statement[0], Score())
        one.expected += 1
        one.found += _overlap(places, given.get(statement, []))
    return scores


def table(scores: dict[str, Score]) -> str:
    """Counts and shares by field, as they stand in docs/measurements.md."""
    rows = ["| field | precision | recall |", "| --- | --- | --- |"]
    for field, one in scores.items():
        precision = f"{one.right} of {one.proposed} = {one.precision:.3f}"
        rows.append(f"| {field} | {precision} | {one.found} of {one.expected} = {one.recall:.3f} |")
    return "\n".join(rows)


def _statements(said: Iterable[Any]) -> dict[tuple[str, str | float, int], list[tuple[int, int]]]:
    """Field, value and tumour, each with its places; numbers are compared as numbers."""
    found: dict[tuple[str, str | float, int], list[tuple[int, int]]] = {}
    for one in said:
        value = one.value if isinstance(one.value, str) else float(one.value)
        found.setdefault((one.field, value, one.tumour), []).append((one.start, one.end))
    return found


def _overlap(ours: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> bool:
    return any(start < other_end and other_start < end for start, end in ours for other_start, other_end in theirs)

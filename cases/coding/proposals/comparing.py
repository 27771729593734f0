"""What several pasted texts say together: which tumours are the same, where they contradict one another, what changed.

Pure, like the rules. A value is never chosen here: what differs is named, and somebody decides.

    >>> texts = [read("pathology", "Mammacarcinoom links, ER 90 % positief"), read("letter", "Mammacarcinoom links, ER negatief")]
    >>> [(c.key, [one.proposal.value for one in c.said]) for c in contradictions(together(texts))]
    [('er', ['positive', 'negative'])]
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cases.coding.proposals.proposal import FIELDS, Proposal, Value
from cases.coding.proposals.proposing import propose_and_overruled

SEVERAL: Final = frozenset({"tnm_prefix", "size_mm", "nodes_positive", "nodes_examined", "date"})
"""Of these a tumour has several that are all right: by each method, of each station, of each examination."""

_PREFIX = re.compile(r"\(?(y?[cp]|r[cp]?|a)\)?(?=[TNM])", re.IGNORECASE)
_REACH = 80  # characters from a prefix, or the word "clinical", to the category for which it still holds


@dataclass(frozen=True, slots=True)
class Text:
    """A text that was read: its name (where it was pasted), what it proposes, and what its own percentages overrule."""

    name: str
    text: str
    proposals: tuple[Proposal, ...]
    overruled: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A proposal with the text that it is from, and the number of its tumour among the tumours of all texts.

    `prefix` is that of the classification to which a T, N or M belongs, where the text says it. `overruled` words are only
    there to be seen: they never fill a field.
    """

    text: str
    tumour: int
    proposal: Proposal
    prefix: str = ""
    overruled: bool = False

    @property
    def key(self) -> str:
        """What is compared: the field, and for T and N the classification too (`cT`, `ypN`; `T` where nothing says which)."""
        if self.proposal.field in ("t", "n"):
            return f"{self.prefix}{self.proposal.field.upper()}"
        return self.proposal.field


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One question about one tumour to which the texts give different answers; one place for each answer."""

    key: str
    tumour: int
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A value that stood before and none of the new values, in the order of the texts."""

    key: str
    tumour: int
    earlier: Value
    values: tuple[Value, ...]


def read(name: str, text: str) -> Text:
    """Read one text. `name` comes back with everything that it says."""
    proposals, overruled = propose_and_overruled(text)
    return Text(name, text, tuple(proposals), tuple(overruled))


def together(texts: Sequence[Text], *, known: Sequence[Mapping[str, Value | None]] = ()) -> list[Said]:
    """Everything that the texts say, in their order, with one numbering of the tumours (from 1).

    `known` are the tumours that somebody knows already, in order, each with its `laterality` and `icdo3_topography`: they are
    the first ones, and what the texts say of another follows behind them.

    Tumours of two texts are the same when their sides, then their places, do not speak against it; the order decides where
    neither is told. Where two texts know one tumour each it is the same one, and another side is a contradiction.
    """
    numbers = _numbering(texts, known)
    found = []
    for index, text in enumerate(texts):
        for proposal in text.proposals:
            found.append(Said(text.name, numbers[index, proposal.tumour], proposal, _prefix(text, proposal)))
        found += [Said(text.name, numbers[index, p.tumour], p, overruled=True) for p in text.overruled]
    return found


def contradictions(said: Sequence[Said]) -> list[Contradiction]:
    """Where two texts, or two places of one, answer one question differently; by tumour, in the order of the fields."""
    answers: dict[tuple[int, str], dict[Value, Said]] = {}
    for one in said:
        if one.proposal.field not in SEVERAL:
            answers.setdefault((one.tumour, one.key), {}).setdefault(one.proposal.value, one)
    found = [Contradiction(key, tumour, tuple(by.values())) for (tumour, key), by in answers.items() if len(by) > 1]
    return sorted(found, key=lambda one: (one.tumour, FIELDS.index(one.said[0].proposal.field), one.key))


def changes(
    values: Mapping[int, Mapping[str, Collection[Value]]], earlier: Mapping[int, Mapping[str, Value]]
) -> list[Change]:
    """Which values of `earlier` the new ones replace; a question that only one of them answers is no change.

    Both are by tumour and question: what somebody compares with (what stood at the last discussion) says which questions.
    """
    return [
        Change(key, tumour, before[key], tuple(new))
        for tumour, before in sorted(earlier.items())
        for key, new in values.get(tumour, {}).items()
        if key in before and new and before[key] not in new
    ]


def values_of(said: Sequence[Said]) -> dict[int, dict[str, list[Value]]]:
    """What is said, by tumour and question, each value once: the first argument of `changes`."""
    found: dict[int, dict[str, list[Value]]] = {}
    for one in said:
        known = found.setdefault(one.tumour, {}).setdefault(one.key, [])
        if not one.overruled and one.proposal.value not in known:
            known.append(one.proposal.value)
    return found


# --- pieces ------------------------------------------------------------------------------------------------------------


def _prefix(text: Text, proposal: Proposal) -> str:
    """The prefix of a category: its own, or the one said last and near before it."""
    if proposal.field not in ("t", "n", "m"):
        return ""
    own = _PREFIX.match(text.text, proposal.start, proposal.end)
    if own:
        return own[1].lower()
    if proposal.field == "m":
        return ""
    last = ""
    for other in text.proposals:
        if other.start > proposal.start:
            break
        if other.field == "tnm_prefix" and proposal.start - other.end <= _REACH:
            last = str(other.value)
    return last


@dataclass(slots=True)
class _Tumour:
    """What is known of the side and place of a tumour."""

    sides: set[Value]
    places: set[Value]

    def likeness(self, other: "_Tumour") -> int:
        """Above 0: the same; below 0: another; 0: nothing says so."""
        score = 0
        if self.sides and other.sides:
            score += 4 if self.sides & other.sides else -4
        if self.places and other.places:
            score += 2 if self.places & other.places else -1
        return score


def _numbering(texts: Sequence[Text], tumours: Sequence[Mapping[str, Value | None]]) -> dict[tuple[int, int], int]:
    """The number among all tumours, by the text's index and the tumour's number in it."""
    known = [
        _Tumour(*({value} if (value := one.get(field)) else set() for field in ("laterality", "icdo3_topography")))
        for one in tumours
    ]
    numbers: dict[tuple[int, int], int] = {}
    for index, text in enumerate(texts):
        own = {number: _tumour(text, number) for number in sorted({one.tumour for one in text.proposals})}
        single = len(own) == 1 and len(known) == 1
        pairs = sorted(
            ((one.likeness(known[at]), -abs(number - 1 - at), number, at) for number, one in own.items() for at in range(len(known))),
            reverse=True,
        )  # fmt: skip
        taken: set[int] = set()
        for likeness, _distance, number, at in pairs:
            if (index, number) not in numbers and at not in taken and (likeness >= 0 or single):
                numbers[index, number] = at + 1
                taken.add(at)
        for number, one in own.items():
            if (index, number) in numbers:
                same = known[numbers[index, number] - 1]
                same.sides |= one.sides
                same.places |= one.places
            else:
                known.append(one)
                numbers[index, number] = len(known)
        numbers |= {(index, one.tumour): 1 for one in text.overruled if (index, one.tumour) not in numbers}
    return numbers


def _tumour(text: Text, number: int) -> _Tumour:
    def all_of(field: str) -> set[Value]:
        return {one.value for one in text.proposals if one.tumour == number and one.field == field}

    return _Tumour(all_of("laterality"), all_of("icdo3_topography"))

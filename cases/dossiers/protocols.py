"""When a board's protocol covers a case: conditions on the answers of its dossier, all of which must hold. Pure.

A condition is ``{"level", "field", "test", "values"}``: a question of the case or of its tumours, what is asked of the answer, and
with which values. One about tumours must hold for every tumour, and there must be one. A question that was not answered holds only
for `empty`: what is not known is never covered. Of a TNM question the field names an axis (`clinical_tnm.t`); `T1` covers T1a to T1mi,
and the topography `C50` every part of the breast.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cases.dossiers.definition import LEVELS, Dossier, Field, Level
from cases.dossiers.fields import choice_words, options_of

Test = Literal["in", "not_in", "at_least", "at_most", "filled", "empty"]

MOST_CONDITIONS = 12
MOST_VALUES = 60
_KNOWN: tuple[Test, ...] = ("filled", "empty")
_TESTS: dict[str, tuple[Test, ...]] = {
    "choice": ("in", "not_in", *_KNOWN),
    "multichoice": ("in", "not_in", *_KNOWN),
    "code": ("in", "not_in", *_KNOWN),
    "tnm": ("in", "not_in", *_KNOWN),
    "integer": ("at_least", "at_most", *_KNOWN),
    "decimal": ("at_least", "at_most", *_KNOWN),
    "date": _KNOWN,
    "text": _KNOWN,
    "longtext": _KNOWN,
}
_AXES = ("t", "n", "m")
_TNM = re.compile(r"\A[TNM](?:X|is|a|[0-9](?:mi|[a-e][0-9]?)?)\Z")
_PREFIX = re.compile(r"\A(?:y?[cp]|r[cp]?|a)(?=[TNM])")
_CATEGORY = re.compile(r"\A[A-Z][0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a condition may ask about. `options`: (value, words) where the answers are a short list."""

    level: Level
    path: str
    label: str
    kind: str
    tests: tuple[Test, ...]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What names the question in a form."""
        return f"{self.level}.{self.path}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as it is kept. `values`: text, of a number its digits."""

    level: Level
    path: str
    test: Test
    values: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level, "field": self.path, "test": self.test, "values": list(self.values)}


class NotConditions(ValueError):
    """Conditions that cannot be used. `problems`: (number of the condition from 0 or None for all of them, sentence)."""

    def __init__(self, problems: Sequence[tuple[int | None, str]]) -> None:
        super().__init__(problems[0][1])
        self.problems = list(problems)


def questions(definition: Dossier, language: str | None) -> list[Question]:
    """Everything a condition may ask about, in the order of the form."""
    found = []
    for level in LEVELS:
        for field in definition.fields(level):
            label = field.label(language)
            if field.kind == "tnm":
                found += [
                    Question(level, f"{field.key}.{axis}", f"{label}: {axis.upper()}", "tnm", _TESTS["tnm"])
                    for axis in _AXES
                ]
                continue
            listed = field.kind in ("choice", "multichoice")
            options = tuple(options_of(definition, field, language)) if listed else ()
            found.append(Question(level, field.key, label, field.kind, _TESTS[field.kind], options))
    return found


def read(definition: Dossier, stored: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    """Conditions out of what was typed or kept, checked against the dossier. Raises ``NotConditions``: for an unknown question, a
    test or value that does not fit it, conditions that no case can meet together, and none at all, which every case would meet."""
    if not stored:
        raise NotConditions([(None, _("Add a condition: without one every case would be covered."))])
    if len(stored) > MOST_CONDITIONS:
        raise NotConditions([(None, _("Use at most %(n)d conditions.") % {"n": MOST_CONDITIONS})])
    known = {(each.level, each.path): each for each in questions(definition, None)}
    found, problems = [], list[tuple[int | None, str]]()
    for number, raw in enumerate(stored):
        question = known.get((raw.get("level"), raw.get("field")))  # type: ignore[arg-type]
        if question is None:
            problems.append((number, _("The dossier of this board does not ask this.")))
        elif raw.get("test") not in question.tests:
            problems.append((number, _("This cannot be asked of this answer.")))
        else:
            values, sentence = _values(definition, question, raw)
            if sentence:
                problems.append((number, sentence))
            found.append(Condition(question.level, question.path, raw["test"], values))
    if not problems:
        problems = [(None, sentence) for sentence in contradictions(definition, found)]
    if problems:
        raise NotConditions(problems)
    return tuple(found)


def _values(definition: Dossier, question: Question, raw: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The values of one condition in the form in which they are kept, and what is wrong with them."""
    if raw["test"] in _KNOWN:
        return (), ""
    given = [str(each).strip() for each in raw.get("values", ()) if str(each).strip()]
    values = tuple(dict.fromkeys(given))
    if not values:
        return (), _("Give at least one value.")
    if len(values) > MOST_VALUES:
        return (), _("Give at most %(n)d values.") % {"n": MOST_VALUES}
    field = _field(definition, question.level, question.path)
    if raw["test"] in ("at_least", "at_most"):
        number = _number(values[0])
        if len(values) > 1 or number is None:
            return (), _("Give one number.")
        assert field.minimum is not None
        assert field.maximum is not None
        if not field.minimum <= number <= field.maximum:
            bounds = {"least": field.minimum, "most": field.maximum}
            return (), _("Give a number from %(least)d to %(most)d.") % bounds
        return (format(number.normalize(), "f"),), ""
    if question.kind == "tnm":
        axis = question.path.rpartition(".")[2].upper()
        values = tuple(dict.fromkeys(_category(each) for each in values))
        wrong = [each for each in values if not _TNM.match(each) or each[0] != axis]
    elif question.kind == "code":
        codes = set(definition.values(field))
        wrong = [each for each in values if each not in codes and not _is_category(each, codes)]
    else:
        wrong = [each for each in values if each not in definition.values(field)]
    return values, _("Not a value of this question: %(values)s.") % {"values": ", ".join(wrong)} if wrong else ""


def _category(text: str) -> str:
    """A TNM category as it is compared: without prefix, the axis a capital, the rest small but for X."""
    text = _PREFIX.sub("", text[:20])
    rest = text[1:]
    return text[:1].upper() + (rest.upper() if rest.upper() == "X" else rest.lower())


def _is_category(value: str, codes: set[str]) -> bool:
    return bool(_CATEGORY.match(value)) and any(code.startswith(f"{value}.") for code in codes)


def contradictions(definition: Dossier, conditions: Sequence[Condition]) -> list[str]:
    """Sentences about conditions that no case can meet together."""
    by_path: dict[tuple[Level, str], list[Condition]] = {}
    for each in conditions:
        by_path.setdefault((each.level, each.path), []).append(each)
    words = {(each.level, each.path): each.label for each in questions(definition, None)}
    return [
        _("No case can ever meet what is asked of “%(question)s”.") % {"question": words[key]}
        for key, found in by_path.items()
        if _impossible(_field(definition, *key), definition, found)
    ]


def _impossible(field: Field, definition: Dossier, found: Sequence[Condition]) -> bool:
    tests = {each.test for each in found}
    if "empty" in tests and len(tests) > 1:
        return True
    least = max((Decimal(each.values[0]) for each in found if each.test == "at_least"), default=None)
    most = min((Decimal(each.values[0]) for each in found if each.test == "at_most"), default=None)
    if least is not None and most is not None and least > most:
        return True
    wanted = [each.values for each in found if each.test == "in"]
    refused = [value for each in found if each.test == "not_in" for value in each.values]
    if field.kind == "multichoice":
        return any(set(values) <= set(refused) for values in wanted)
    if field.kind in ("choice", "code"):
        left = [
            value
            for value in definition.values(field)
            if all(_takes(values, value) for values in wanted) and not _takes(refused, value)
        ]
        return not left
    if field.kind == "tnm" and wanted:
        # Of two categories one must lie within the other; what is refused must leave something of what is wanted.
        first, *rest = wanted
        both = [value for value in first if all(_takes(values, value) or _takes((value,), *values) for values in rest)]
        return all(_takes(refused, value) for value in both)
    return False


def _takes(values: Sequence[str], *answers: str) -> bool:
    """Whether one of the answers is one of these values, or lies within one."""
    return any(_within(answer, value) for answer in answers for value in values)


def _within(answer: str, value: str) -> bool:
    if answer == value or answer.partition(".")[0] == value:
        return True
    return value[-1:].isdigit() and len(value) == 2 and answer.startswith(value) and answer[2:3].isalpha()


def _field(definition: Dossier, level: Level, path: str) -> Field:
    key = path.partition(".")[0]
    return next(field for field in definition.fields(level) if field.key == key)


def reasons(
    definition: Dossier,
    conditions: Sequence[Condition],
    case_data: Mapping[str, Any],
    tumours: Sequence[Mapping[str, Any]],
    language: str | None,
) -> list[str] | None:
    """Why a case is covered, one sentence for each condition in the words of a language; None where it is not covered."""
    shown = {"case": [definition.visible("case", case_data)]}
    shown["tumour"] = [definition.visible("tumour", data) for data in tumours]
    found: list[str] = []
    for condition in conditions:
        of_level = [case_data] if condition.level == "case" else list(tumours)
        answers = [
            _answer(condition.path, data) if condition.path.partition(".")[0] in seen else []
            for data, seen in zip(of_level, shown[condition.level], strict=True)
        ]
        if not answers or not all(_holds(condition, answer) for answer in answers):
            return None
        field = _field(definition, condition.level, condition.path)
        given = dict.fromkeys(_words(field, value, language) for answer in answers for value in answer)
        label = field.label(language)
        found.append(f"{label}: {', '.join(given) if given else pgettext('of an answer', 'empty')}")
    return found if conditions else None


def _answer(path: str, data: Mapping[str, Any]) -> list[str]:
    """The answers to a question as texts; none where it was not answered."""
    key, _dot, axis = path.partition(".")
    value = data.get(key)
    if axis:
        value = value.get(axis) if isinstance(value, Mapping) else None
        value = _PREFIX.sub("", value.partition("(")[0]) if isinstance(value, str) else None
    if value in (None, "", []):
        return []
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _holds(condition: Condition, answers: Sequence[str]) -> bool:
    match condition.test:
        case "filled":
            return bool(answers)
        case "empty":
            return not answers
        case "in":
            return bool(answers) and _takes(condition.values, *answers)
        case "not_in":
            return bool(answers) and not _takes(condition.values, *answers)
        case "at_least" | "at_most":
            number = _number(answers[0]) if len(answers) == 1 else None
            if number is None:
                return False
            bound = Decimal(condition.values[0])
            return number >= bound if condition.test == "at_least" else number <= bound


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and len(text) <= 20 else None


def _words(field: Field, value: str, language: str | None) -> str:
    if field.kind in ("choice", "multichoice"):
        return choice_words(field, value, language, with_code=False)
    if field.kind in ("text", "longtext", "date"):
        return _("filled in")
    return f"{value} {field.unit}".strip()


def told(definition: Dossier, condition: Condition, language: str | None) -> str:
    """One condition as a sentence without a full stop, for whoever reads the rule."""
    field = _field(definition, condition.level, condition.path)
    axis = condition.path.partition(".")[2].upper()
    label = field.label(language) + (f": {axis}" if axis else "")
    values = ", ".join(_words(field, value, language) for value in condition.values)
    match condition.test:
        case "in":
            return _("%(question)s is %(values)s") % {"question": label, "values": values}
        case "not_in":
            return _("%(question)s is known and is not %(values)s") % {"question": label, "values": values}
        case "at_least":
            return _("%(question)s is at least %(values)s") % {"question": label, "values": values}
        case "at_most":
            return _("%(question)s is at most %(values)s") % {"question": label, "values": values}
        case "filled":
            return _("%(question)s was answered") % {"question": label}
        case "empty":
            return _("%(question)s was not answered") % {"question": label}

"""JSON from outside, decoded once, at the edge: whatever the bytes are, they are a value or a sentence about them.

Stock decoding takes what nothing behind it can store or bear (TRUST §5.6): NUL, halves of characters, numbers without end, nesting
without end, NaN, the same key twice.
"""

import json
import re
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DEEPEST: Final = 40
LONGEST_NUMBER: Final = 40  # characters
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_UNSHOWN = re.compile("[\0\ud800-\udfff]")


class InvalidJson(ValueError):
    """What was sent is no JSON, or (``well_formed``) JSON that cannot be taken; ``sentence`` says why."""

    def __init__(self, sentence: str | Promise, *, well_formed: bool = True) -> None:
        super().__init__(str(sentence))
        self.sentence, self.well_formed = sentence, well_formed


def read_json(raw: bytes) -> Any:
    """The value in ``raw`` (UTF-8, with or without a byte order mark). Raises ``InvalidJson``."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidJson(_("The text is not UTF-8."), well_formed=False) from None
    if _depth(text) > DEEPEST:
        raise InvalidJson(_("The text is nested too deeply."))
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refused, parse_int=_integer, parse_float=_real
        )
    except InvalidJson:
        raise
    except ValueError:
        raise InvalidJson(_("This is not JSON."), well_formed=False) from None
    return value


def _depth(text: str) -> int:
    """How deep brackets nest outside of strings: counted before any parser recurses."""
    depth = deepest = 0
    for found in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if found[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson(_("One object holds the same name twice."))
    for key, value in pairs:
        _check(key)
        _check(value)
    return found


def _check(value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _check(each)
    elif isinstance(value, str) and _UNSHOWN.search(value):
        raise InvalidJson(_("Remove the characters that cannot be shown."))


def _refused(word: str) -> Any:
    raise InvalidJson(_("This is not JSON."), well_formed=False)


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise InvalidJson(_("A number is too long."))
    return int(digits)


def _real(text: str) -> float:
    if len(text) > LONGEST_NUMBER:
        raise InvalidJson(_("A number is too long."))
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise InvalidJson(_("A number is too long."))
    return value

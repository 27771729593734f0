"""A tumour in few codes: where it is, its stage group, its receptor profile. For looking back, and for cases that are alike.

A code is ``facet:value``: ``topography:C50``, ``stage:II``, ``receptors:triple_negative``. What is not known has none.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import Field as Bound

from cases.coding.topography import topography_words
from cases.coding.words import Definition, Words, in_language, read_yaml
from cases.dossiers.definition import Condition, Key
from cases.dossiers.derived import stages

_CATEGORY = re.compile(r"C\d\d")
_GROUP = re.compile(r"0|IV|I{1,3}")


class Profile(Definition):
    """One receptor profile: it holds when each of ``all`` does, by any of its conditions."""

    code: Key
    words: Words
    parts: Annotated[tuple[tuple[Condition, ...], ...], Bound(min_length=1, alias="all")]

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Whether a tumour with these answers has it."""
        return all(any(condition.holds(data) for condition in part) for part in self.parts)


class _File(Definition):
    receptors: tuple[Profile, ...]


@cache
def receptor_profiles() -> tuple[Profile, ...]:
    """The receptor profiles, in the order in which they are tried."""
    return _File.model_validate(read_yaml("cases.dossiers", "profile.yaml")).receptors


def profile(data: Mapping[str, Any]) -> list[str]:
    """The codes of a tumour by its canonical answers. Of several classifications the last one counts: after surgery, by the piece."""
    code = data.get("dossier")
    if not isinstance(code, str):
        return []
    found = []
    if place := _CATEGORY.match(str(data.get("topography", ""))):
        found.append(f"topography:{place.group()}")
    groups = [each.stage.group for each in stages(code, data, None) if each.stage is not None]
    if groups and (group := _GROUP.match(groups[-1])):
        found.append(f"stage:{group.group()}")
    if receptors := next((each.code for each in receptor_profiles() if each.holds(data)), ""):
        found.append(f"receptors:{receptors}")
    return found


def topography_category(code: str, language: str | None) -> str:
    """``C50`` with the words of its first part as the list has them, or the code alone."""
    words = topography_words(f"{code}.9", language, "general")
    return code if words == f"{code}.9" else f"{code} {words.partition(',')[0]}"


def receptor_words(code: str, language: str | None) -> str:
    """The words of a receptor profile; the code itself where none has it."""
    return next((in_language(each.words, language) for each in receptor_profiles() if each.code == code), code)


# A broken file stops the start, not the first case.
receptor_profiles()

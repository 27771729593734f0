"""The ICD-O-3 lists that lie beside this file as data, read and checked once."""

from functools import cache
from typing import Annotated

from pydantic import Field, model_validator

from cases.coding.words import Definition, Words, in_language, read_yaml


class Code(Definition):
    """One code with its words; `also` is what people write for it too, in any language: found by it, never shown."""

    code: str
    words: Words
    also: tuple[str, ...] = ()

    def label(self, language: str | None) -> str:
        """The words in a language."""
        return in_language(self.words, language)


class TopographyCode(Code):
    code: Annotated[str, Field(pattern=r"^C[0-9]{2}[.][0-9]$")]


class MorphologyCode(Code):
    code: Annotated[str, Field(pattern=r"^[89][0-9]{3}/[01236]$")]

    @property
    def behaviour(self) -> str:
        """The digit behind the slash: 0 benign, 1 uncertain, 2 in situ, 3 malignant, 6 metastatic."""
        return self.code[-1]


class SiteCodes(Definition):
    """The codes of one site, in the order in which they are offered."""

    edition: str
    topography: tuple[TopographyCode, ...]
    behaviour: dict[str, Words]
    morphology: tuple[MorphologyCode, ...]

    @model_validator(mode="after")
    def _no_code_twice(self) -> "SiteCodes":
        for codes in ([t.code for t in self.topography], [m.code for m in self.morphology]):
            if len(codes) != len(set(codes)):
                raise ValueError("a code stands in the list twice")
        return self


class TopographyList(Definition):
    """Every topography code, as the file holds it."""

    edition: str
    topography: tuple[TopographyCode, ...]


class MorphologyList(Definition):
    """Morphologies of all sites, and other words for codes of the breast's own list."""

    edition: str
    morphology: tuple[MorphologyCode, ...]
    also: dict[str, tuple[str, ...]]


@cache
def site_codes(site: str = "breast") -> SiteCodes:
    """The lists of a site; `general` is every topography with all morphologies. Raises `KeyError` for any other."""
    breast = SiteCodes.model_validate(read_yaml("cases.coding", "icdo3_breast.yaml"))
    if site == "breast":
        return breast
    if site != "general":
        raise KeyError(site)
    places = TopographyList.model_validate(read_yaml("cases.coding", "icdo3_topography.yaml"))
    kinds = MorphologyList.model_validate(read_yaml("cases.coding", "icdo3_morphology.yaml"))
    own = {each.code for each in kinds.morphology}
    more = tuple(each for each in breast.morphology if each.code not in own)
    if unknown := set(kinds.also) - {each.code for each in more}:
        raise ValueError(f"other words for codes that the breast's list does not add: {sorted(unknown)}")
    return SiteCodes(
        edition=places.edition,
        topography=places.topography,
        behaviour=breast.behaviour,
        morphology=(
            *kinds.morphology,
            *(each.model_copy(update={"also": kinds.also.get(each.code, ())}) for each in more),
        ),
    )


def all_topographies() -> tuple[TopographyCode, ...]:
    """Every topography code, in code order."""
    return site_codes("general").topography


def all_morphologies() -> tuple[MorphologyCode, ...]:
    """Every morphology that is known here with words."""
    return site_codes("general").morphology

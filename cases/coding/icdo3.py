"""The ICD-O-3 lists that lie beside this file as data, read and checked once."""

from functools import cache
from typing import Annotated

from pydantic import Field, model_validator

from cases.coding.words import Definition, Words, in_language, read_yaml


class Code(Definition):
    """One code with its words."""

    code: str
    words: Words

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


@cache
def site_codes(site: str = "breast") -> SiteCodes:
    """The lists of a site. Raises `KeyError` for a site that has none."""
    if site != "breast":
        raise KeyError(site)
    return SiteCodes.model_validate(read_yaml("cases.coding", f"icdo3_{site}.yaml"))

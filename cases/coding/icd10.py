"""ICD-10: its codes with words, and the code of a tumour that is coded in ICD-O-3.

A code is derived only where our reading of what WHO prints leaves no doubt (`icd10_rules.yaml`: no published conversion);
everything else is refused with a sentence, and somebody chooses.

    >>> icd10_of("C50.4", "8500/3"), icd10_of("C50.4", "8500/2"), icd10_of("C44.5", "8720/3")
    ('C50.4', 'D05.1', 'C43.5')
"""

import re
from functools import cache
from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import Field, model_validator

from cases.coding.errors import NoICD10
from cases.coding.icdo3 import Code, all_topographies
from cases.coding.morphology import is_morphology
from cases.coding.words import LANGUAGES, Definition, Words, in_language, read_yaml

_TOPOGRAPHY = re.compile(r"\AC[0-9]{2}[.][0-9]\Z", re.ASCII)
Category = Annotated[str, Field(pattern=r"^C[0-9]{2}([.][0-9])?$")]


class ICD10Code(Code):
    code: Annotated[str, Field(pattern=r"^[CD][0-9]{2}([.][0-9])?$")]


class Rule(Definition):
    """Where a tumour is and what it is, and the code; no code refuses."""

    topographies: tuple[Category, ...] = ()
    morphologies: tuple[tuple[int, int], ...] = ()
    code: Annotated[str, Field(pattern=r"^[CD][0-9]{2}([.]([0-9]|\{n\}))?$")] | None = None

    def fits(self, topography: str, histology: int) -> bool:
        """Whether the rule speaks of a tumour."""
        here = not self.topographies or any(code in (topography, topography[:3]) for code in self.topographies)
        return here and (not self.morphologies or any(a <= histology <= b for a, b in self.morphologies))


class SameCode(Definition):
    """Which categories lose their last digit where the topography is the ICD-10 code."""

    without_digit: tuple[Category, ...]


class Rules(Definition):
    same_code: SameCode
    rules: dict[Annotated[str, Field(pattern=r"^[01236]$")], tuple[Rule, ...]]

    def find(self, topography: str, histology: int, behaviour: str) -> str | None:
        """The code, or None where none is certain."""
        for rule in self.rules.get(behaviour, ()):
            if rule.fits(topography, histology):
                return rule.code.replace("{n}", topography[-1]) if rule.code else None
        if behaviour != "3":
            return None
        return topography[:3] if topography[:3] in self.same_code.without_digit else topography


class FramedCode(ICD10Code):
    """A code as the file holds it; `frame` names the words that stand before its own."""

    frame: str = ""


class CodeFile(Definition):
    frames: dict[str, Words]
    codes: tuple[FramedCode, ...]

    @model_validator(mode="after")
    def _coherent(self) -> "CodeFile":
        codes = [each.code for each in self.codes]
        if len(codes) != len(set(codes)):
            raise ValueError("a code stands in the list twice")
        if unknown := {each.frame for each in self.codes} - {"", *self.frames}:
            raise ValueError(f"unknown frames {sorted(unknown)}")
        return self


@cache
def rules() -> Rules:
    """The rules, read and checked once."""
    return Rules.model_validate(read_yaml("cases.coding", "icd10_rules.yaml"))


def icd10_of(topography: str, morphology: str) -> str:
    """The ICD-10 code of a tumour by ICD-O-3 topography and morphology with its behaviour.

    Raises `NoICD10` for texts that are no such codes, and wherever the rule leaves a doubt.
    """
    if not _TOPOGRAPHY.match(topography) or topography not in _known_topographies():
        raise NoICD10(_("“%(code)s” is no ICD-O-3 topography."), code="topography", params={"code": topography[:12]})
    if not is_morphology(morphology):
        raise NoICD10(_("“%(code)s” is no ICD-O-3 morphology."), code="morphology", params={"code": morphology[:12]})
    found = rules().find(topography, int(morphology[:4]), morphology[-1])
    if found is None:
        raise NoICD10(
            _("No ICD-10 code is certain for %(topography)s with %(morphology)s: choose one."),
            code="uncertain",
            params={"topography": topography, "morphology": morphology},
        )
    return found


@cache
def icd10_codes() -> tuple[ICD10Code, ...]:
    """Every code that is known here with words, in code order."""
    file = CodeFile.model_validate(read_yaml("cases.coding", "icd10.yaml"))
    known = {each.code: _framed(each, file.frames.get(each.frame)) for each in file.codes}
    for topography in all_topographies():
        metastatic = topography.code.startswith("C77")
        code = rules().find(topography.code, 8000, "6" if metastatic else "3")
        if code is not None and code not in known and code[:3] == topography.code[:3]:
            frame = file.frames["secondary" if metastatic else "malignant"]
            plain = ICD10Code(code=code, words=topography.words, also=topography.also)
            known[code] = _framed(plain, frame, lower=True)
    return tuple(known[code] for code in sorted(known))


def icd10_words(code: str, language: str | None) -> str:
    """The words of a code, or the code itself when the list does not hold it."""
    return next((in_language(known.words, language) for known in icd10_codes() if known.code == code), code)


@cache
def _known_topographies() -> frozenset[str]:
    return frozenset(each.code for each in all_topographies())


def _framed(each: ICD10Code, frame: dict[str, str] | None, *, lower: bool = False) -> ICD10Code:
    if frame is None:
        return ICD10Code(code=each.code, words=each.words, also=each.also)
    words = {}
    for language in LANGUAGES:
        own = each.words[language]
        # German keeps its capitals; abbreviations and names keep theirs.
        if lower and language != "de" and not own[1:2].isupper():
            own = own[:1].lower() + own[1:]
        words[language] = frame[language].format(own)
    return ICD10Code(code=each.code, words=words, also=(*each.also, *sorted(set(each.words.values()))))

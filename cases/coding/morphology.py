"""ICD-O-3 morphology: what kind of tumour it is, with its behaviour behind the slash."""

import re

from cases.coding.icdo3 import MorphologyCode, site_codes
from cases.coding.words import in_language

SHAPE = re.compile(r"\A[89]\d{3}/[01236]\Z", re.ASCII)


def morphology_codes(site: str = "breast") -> tuple[MorphologyCode, ...]:
    """The common morphologies of a site, the commonest first. Raises `KeyError` for a site without a list."""
    return site_codes(site).morphology


def morphology_words(code: str, language: str | None, site: str = "breast") -> str:
    """The words of a code; a code outside the list gives the words of its behaviour, a malformed one itself."""
    for known in morphology_codes(site):
        if known.code == code:
            return known.label(language)
    return behaviour_words(code[-1], language, site) if is_morphology(code) else code


def behaviour_words(behaviour: str, language: str | None, site: str = "breast") -> str:
    """What the digit behind the slash means. Raises `KeyError` for a digit that is no behaviour."""
    return in_language(site_codes(site).behaviour[behaviour], language)


def is_morphology(code: str) -> bool:
    """Whether a text has the shape of a morphology code with behaviour, such as 8500/3, in the list or not."""
    return SHAPE.match(code) is not None

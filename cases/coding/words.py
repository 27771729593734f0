"""Words in several languages, as the data files hold them, and the one rule for a language that is missing."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

LANGUAGES = ("nl", "en", "fr", "de")
# The same safe reading, eight times as fast where libyaml is there: every process reads these files when it starts.
_Reader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _same_everywhere(value: Any) -> Any:
    # What is the same in every language (HER2, BRCA1) may stand in a file as one plain text.
    return {"nl": value, "en": value, "fr": value, "de": value} if isinstance(value, str) else value


def _complete(value: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(value) - set(LANGUAGES))
    if unknown:
        raise ValueError(f"unknown languages {unknown}")
    for language in ("nl", "en"):
        if not value.get(language, "").strip():
            raise ValueError(f"no words in {language!r}")
    return value


Words = Annotated[dict[str, str], BeforeValidator(_same_everywhere), AfterValidator(_complete)]
"""Words per language; Dutch and English are always there, French and German may be missing."""


class Definition(BaseModel):
    """Base of everything that is read from a data file: nothing unknown is taken, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def in_language(words: Mapping[str, str], language: str | None) -> str:
    """The words in `language` (`nl`, `nl-be`, `fr` …).

    What is missing falls back to English, as the pages do (English is their source language), then to Dutch.
    """
    base = (language or "en").replace("_", "-").split("-")[0].lower()
    return words.get(base) or words.get("en") or words["nl"]


@cache
def read_yaml(package: str, name: str) -> Any:
    """The content of a data file that lies in a package; found in a source tree and in an installed wheel alike."""
    return parse_yaml(files(package).joinpath(name).read_text(encoding="utf-8"))


def parse_yaml(text: str) -> Any:
    """What a text in YAML says, in plain values only; raises yaml.YAMLError."""
    return _Reader(text).get_single_data()

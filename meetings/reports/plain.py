"""The sentences of the summary for a patient: data, checked when they are read first."""

from functools import cache

from cases.coding.words import LANGUAGES, Definition, Words, in_language, read_yaml


class Sentence(Definition):
    """What one code means, in plain words."""

    code: str
    words: Words


class PlainWords(Definition):
    """The sentences of every kind of step and of every aim."""

    steps: tuple[Sentence, ...]
    intents: tuple[Sentence, ...]


@cache
def plain_words() -> PlainWords:
    """The sentences. Raises ``ValueError`` where one lacks a language: a patient has to understand it."""
    found = PlainWords.model_validate(read_yaml("meetings.reports", "plain_words.yaml"))
    for each in (*found.steps, *found.intents):
        if set(each.words) != set(LANGUAGES):
            raise ValueError(f"{each.code} is not said in every language")
    return found


def step_sentence(code: str, language: str | None) -> str:
    """What a kind of step means; of one that is not in the list, that the doctor explains it."""
    return _sentence(plain_words().steps, code, "other", language)


def intent_sentence(code: str, language: str | None) -> str:
    """What it is for, or nothing."""
    return _sentence(plain_words().intents, code, "", language)


def _sentence(sentences: tuple[Sentence, ...], code: str, otherwise: str, language: str | None) -> str:
    known = {each.code: each.words for each in sentences}
    words = known.get(code) or known.get(otherwise)
    return in_language(words, language) if words else ""

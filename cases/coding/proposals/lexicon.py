"""The words of the field in four languages, and what they speak of; typing mistakes that leave no doubt are forgiven.

The lists lie in `words/` as data: a noun of the program (`carcinoma`, `negation`), a language, its words. `*` behind a
word stands for any ending, and what it covers may be a word itself (`mamma*` and `carcinoom`). A short word in capitals
(ER, SN) is meant as such: in small letters it is another word in some language, and is told apart by its mark.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from cases.coding.proposals.letters import plain_word
from cases.coding.words import parse_yaml

LANGUAGES = ("nl", "fr", "en", "de")
PARTS_OF_WORDS = re.compile(r"[^\W_]+")

Meaning = frozenset[str]
NOTHING: Meaning = frozenset()

# Words of this length are looked for with one or two mistakes; shorter ones with two letters swapped only.
_ONE_MISTAKE, _TWO_MISTAKES = 6, 10
_LONGEST = 30
# What a scanner cannot tell apart.
_ALIKE = str.maketrans("i1|0", "lllo")


@dataclass(slots=True)
class _Words:
    """The lists of one language."""

    single: dict[str, Meaning] = field(default_factory=dict)
    capitals: dict[str, Meaning] = field(default_factory=dict)
    beginnings: dict[str, Meaning] = field(default_factory=dict)
    phrases: dict[str, list[tuple[tuple[str, ...], Meaning]]] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()


@cache
def data(name: str) -> dict[str, dict[str, list[str]]]:
    """One list of `words/`, as it was read."""
    text = files("cases.coding.proposals").joinpath("words", f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, list[str]]] = parse_yaml(text)
    return loaded


# Lists of the field come first: only their words are recognised when they are misspelled.
LISTS = ("tumours", "places", "kinds", "receptors", "nodes", "numbers", "speech", "dates")
_OF_THE_FIELD = LISTS[:5]
_IS_ALSO = {"unchanged": "plain_finding"}
_ALSO_FORGIVEN = frozenset(
    [
        "old_report",
        "relative",
        "doubt",
        "gross_part",
        "micro_part",
        "conclusion_part",
        "history_part",
        "family_part",
        "clinical_part",
        "own_date",
    ]
)


def _entries(lists: tuple[str, ...] = LISTS) -> Iterator[tuple[str, str, str]]:
    """(language, noun, word) of every list."""
    for name in lists:
        for noun, languages in data(name).items():
            known = f"number_{noun}" if name == "numbers" else noun
            for language, words in languages.items():
                for word in words:
                    yield language, known, word
                    if known in _IS_ALSO:
                        yield language, _IS_ALSO[known], word


@cache
def _words(language: str) -> _Words:
    found = _Words()
    phrases: dict[tuple[str, ...], set[str]] = {}
    single: dict[str, set[str]] = {}
    capitals: dict[str, set[str]] = {}
    beginnings: dict[str, set[str]] = {}
    for spoken, noun, word in _entries():
        if spoken not in (language, "all"):
            continue
        parts = tuple(PARTS_OF_WORDS.findall(plain_word(word)))
        if word.endswith("*"):
            beginnings.setdefault(parts[0], set()).add(noun)
        elif len(parts) > 1:
            phrases.setdefault(parts, set()).add(noun)
        elif word.isupper() and len(parts[0]) <= 3:
            capitals.setdefault(parts[0], set()).add(noun)
        else:
            single.setdefault(parts[0], set()).add(noun)
    found.single = {word: frozenset(nouns) for word, nouns in single.items()}
    found.capitals = {word: frozenset(nouns) for word, nouns in capitals.items()}
    found.beginnings = {word: frozenset(nouns) for word, nouns in beginnings.items()}
    for parts, nouns in sorted(phrases.items(), key=lambda item: -len(item[0])):
        found.phrases.setdefault(parts[0], []).append((parts, frozenset(nouns)))
    found.parts = frozenset(part for parts in phrases for part in parts)
    return found


class Lexicon:
    """What words mean in a text of one language; words of five letters and more are known in the others as well."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._own = _words(language)
        self._others = [_words(other) for other in LANGUAGES if other != language]
        self._known: dict[str, tuple[str, Meaning]] = {}
        self._known_phrases: dict[str, list[tuple[tuple[str, ...], Meaning]]] = {}
        self._budget = 20_000

    def meaning(self, cased: str) -> tuple[str, Meaning]:
        """The word as it is spelled when it is spelled well, and the nouns that it stands for."""
        found = self._known.get(cased)
        if found is None:
            found = self._known[cased] = self._look_up(cased)
        return found

    def phrases(self, word: str) -> list[tuple[tuple[str, ...], Meaning]]:
        """The phrases that begin with a word, the longest first."""
        found = self._known_phrases.get(word)
        if found is None:
            found = self._own.phrases.get(word)
            if found is None and len(word) >= 5:
                found = next((other.phrases[word] for other in self._others if word in other.phrases), None)
            found = self._known_phrases[word] = found or []
        return found

    def _look_up(self, cased: str) -> tuple[str, Meaning]:
        word = cased.lower()
        if word.isdecimal() or len(word) > _LONGEST:
            return word, NOTHING
        if cased.isupper() and word in self._own.capitals:
            return word, self._own.capitals[word]
        if (found := self._exact(word)) is not None:
            return word, found
        if word in self._own.capitals:
            nouns = self._own.capitals[word]
            written = cased.isupper() or (cased[0].isupper() and len(cased) == 3 and cased[-1].isupper())
            return word, nouns if written else frozenset(f"{noun}?" for noun in nouns)
        if word in self._own.parts:
            return word, NOTHING
        if cased.isupper() and len(word) < 4:
            # RE in a Dutch letter: a French report may be told there, but only its value can show it.
            for other in self._others:
                if word in other.capitals:
                    return word, frozenset(f"{noun}?" for noun in other.capitals[word])
        if (compound := self._compound(word)) is not None:
            return word, compound
        if len(word) >= 5:
            for other in self._others:
                if word in other.single:
                    return word, other.single[word]
                if word in other.parts:
                    return word, NOTHING
            if self._budget and (spelled := self._forgiven(word)) is not None:
                return spelled, self._exact(spelled) or NOTHING
        return word, NOTHING

    def _exact(self, word: str) -> Meaning | None:
        return self._own.single.get(word)

    def _compound(self, word: str) -> Meaning | None:
        """The nouns of a word that is made of known ones: `mammacarcinoom`, `okselklieren`, `niercelcarcinoom`."""
        found = NOTHING
        rest = word
        for length in range(min(len(word), 15), 3, -1):
            if (nouns := self._own.beginnings.get(word[:length])) is not None:
                found, rest = nouns, word[length:]
                break
        for start in range(0 if found else 1, len(rest) - 1):
            end = rest[start:]
            if len(end) < 5 and start:
                break
            nouns = self._exact(end)
            if nouns is None and len(end) >= 6:
                nouns = next((other.single[end] for other in self._others if end in other.single), None)
            if nouns is not None and (start == 0 or len(end) >= 6 or "benign" in nouns):
                return found | nouns
        return (found | self._capital(rest)) or None

    def _capital(self, rest: str) -> Meaning:
        return self._own.capitals.get(rest, NOTHING) if len(rest) > 1 else NOTHING

    def _forgiven(self, word: str) -> str | None:
        self._budget -= 1
        return self._near(_alike(word)) or ("rn" in word and self._near(_alike(word.replace("rn", "m")))) or None

    def _near(self, alike: str) -> str | None:
        """The known word of which this is a misspelling."""
        index = _deletions(self.language)
        allowed = _mistakes(len(alike))
        best: tuple[int, str] | None = None
        for shorter in _shortened(alike, max(allowed, 1)):
            for candidate in index.get(shorter, ()):
                other = _alike(candidate)
                distance = _distance(alike, other, 2)
                limit = min(_mistakes(len(other)), allowed)
                if limit == 0 and distance == 1 and _is_swap(alike, other):
                    limit = 1
                if distance <= limit and (best is None or (distance, candidate) < best):
                    best = (distance, candidate)
        return best[1] if best else None


def language_of(cased: list[str]) -> str:
    """The language in which most of the words are known; Dutch where none is."""
    scores = dict.fromkeys(LANGUAGES, 0)
    small = _small_words()
    for each in cased:
        word = each.lower()
        for language in LANGUAGES:
            if word in small[language] or (each.isupper() and word in _words(language).capitals):
                scores[language] += 2
            elif word in _words(language).single:
                scores[language] += 1
    return max(LANGUAGES, key=lambda language: scores[language])


@cache
def _small_words() -> dict[str, frozenset[str]]:
    return {
        "nl": frozenset(
            [
                "de",
                "het",
                "een",
                "van",
                "en",
                "met",
                "voor",
                "bij",
                "op",
                "wordt",
                "werd",
                "niet",
                "geen",
                "naar",
                "ook",
                "uit",
                "aan",
                "dat",
                "zijn",
                "haar",
                "wij",
            ]
        ),
        "fr": frozenset(
            [
                "le",
                "la",
                "les",
                "des",
                "du",
                "et",
                "est",
                "une",
                "un",
                "avec",
                "pour",
                "dans",
                "pas",
                "sur",
                "au",
                "aux",
                "par",
                "sans",
                "que",
                "qui",
                "elle",
                "nous",
            ]
        ),
        "en": frozenset(
            [
                "the",
                "of",
                "and",
                "with",
                "for",
                "is",
                "was",
                "were",
                "no",
                "not",
                "to",
                "has",
                "had",
                "from",
                "by",
                "this",
                "that",
                "her",
                "on",
                "at",
                "been",
                "she",
            ]
        ),
        "de": frozenset(
            [
                "der",
                "die",
                "das",
                "und",
                "mit",
                "von",
                "ist",
                "nicht",
                "kein",
                "keine",
                "ein",
                "eine",
                "eines",
                "im",
                "am",
                "bei",
                "wurde",
                "zur",
                "zum",
                "nach",
                "vom",
            ]
        ),
    }


def _alike(word: str) -> str:
    return word.translate(_ALIKE)


def _mistakes(length: int) -> int:
    return 2 if length >= _TWO_MISTAKES else 1 if length >= _ONE_MISTAKE else 0


@cache
def _deletions(language: str) -> dict[str, tuple[str, ...]]:
    """The words of a language under each form that they have with letters left out."""
    index: dict[str, list[str]] = {}
    written = {word.rstrip("*") for spoken, _, word in _entries(_OF_THE_FIELD) if spoken in (language, "all")}
    # Of the other words only the long ones: a short one is a word of every day with a letter changed.
    written |= {
        word
        for spoken, noun, word in _entries()
        if spoken in (language, "all") and noun in _ALSO_FORGIVEN and len(word) > _ONE_MISTAKE and " " not in word
    }
    for word in sorted({part for each in written for part in PARTS_OF_WORDS.findall(plain_word(each))}):
        if len(word) >= 5 and not word[0].isdecimal():
            alike = _alike(word)
            for shorter in _shortened(alike, max(_mistakes(len(alike)), 1)):
                index.setdefault(shorter, []).append(word)
    return {shorter: tuple(found) for shorter, found in index.items()}


def _shortened(word: str, times: int) -> set[str]:
    """A word with up to one or two letters left out."""
    places = range(len(word))
    found = {word, *(word[:place] + word[place + 1 :] for place in places)}
    if times > 1:
        found.update(
            word[:one] + word[one + 1 : other] + word[other + 1 :] for one in places for other in places[one + 1 :]
        )
    return found


def _is_swap(one: str, other: str) -> bool:
    return len(one) == len(other) and sorted(one) == sorted(other)


def _distance(one: str, other: str, limit: int) -> int:
    """Letters changed, left out, added or swapped with their neighbour; anything above `limit` is `limit + 1`."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        current = [i]
        for j, b in enumerate(other, 1):
            cost = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, row = row, current
    return min(row[-1], limit + 1)

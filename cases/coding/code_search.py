"""Find ICD-O-3 and ICD-10 codes by words in Dutch, English, French or German, by a part of a word, or by the code.

Pure and fast: an index of our own lists is made once in each process. Accents, capitals, spelling of the four languages
(`karzinom` and `carcinoom`, `oesophagus` and `esophagus`), the order of the words, compounds (`longbovenkwab`), words
that are not finished and small typing errors make no difference; what fits better comes first.

    >>> [hit.code for hit in find_codes("bovenkwab long", "topography", limit=1)]
    ['C34.1']
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from math import log
from typing import Literal

from cases.coding.icd10 import icd10_codes
from cases.coding.icdo3 import Code, all_morphologies, all_topographies
from cases.coding.spelling import tokens, within
from cases.coding.words import LANGUAGES, in_language, read_yaml

System = Literal["topography", "morphology", "icd10"]

LONGEST = 120
# Less than this part of what was asked found in the words of a code is no hit.
_ENOUGH = 0.55
# How much a hit may be worse than the best one.
_BESIDE = 0.72
_CODE = re.compile(r"\A(?:[CD][0-9]{1,2}(?:[.]?[0-9])?|[89][0-9]{1,3}(?:/?[0-9])?)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hit:
    """One code with its words in the language that was asked for. `score` is above 0 and at most 1."""

    system: System
    code: str
    words: str
    score: float


@dataclass(frozen=True, slots=True)
class _Phrase:
    code: int
    language: str
    tokens: tuple[str, ...]


def find_codes(query: str, system: System, *, language: str | None = None, limit: int = 10) -> tuple[Hit, ...]:
    """The codes of a list that fit a query, the best first; none for a query without a letter or digit.

    `language` is that of the words shown, and decides between what fits equally well; any language is understood.
    """
    index = _index(system)
    text = " ".join(query.split())[:LONGEST]
    if _CODE.match(text):
        found = index.by_code(text)
    else:
        found = index.by_words(_bare(tokens(text)), (language or "en")[:2].lower())
    return tuple(
        Hit(system, index.codes[place].code, in_language(index.codes[place].words, language), round(score, 3))
        for place, score in found[:limit]
    )


class _Index:
    """The words of one list, folded, with everything that is looked up in them."""

    def __init__(self, codes: tuple[Code, ...], light: Mapping[str, float]) -> None:
        self.codes = codes
        self.phrases = tuple(chain.from_iterable(_phrases(place, code) for place, code in enumerate(codes)))
        self.postings: dict[str, list[int]] = defaultdict(list)
        for number, phrase in enumerate(self.phrases):
            for token in set(phrase.tokens):
                self.postings[token].append(number)
        # In how many codes a word stands: the rarer, the more it says.
        spread = {token: len({self.phrases[n].code for n in numbers}) for token, numbers in self.postings.items()}
        most = log(len(codes) + 1)
        self.weights = {token: light.get(token, max(0.35, 1 - log(count) / most)) for token, count in spread.items()}
        self.light = light
        self.starts: dict[str, list[str]] = defaultdict(list)
        self.ends: dict[str, list[str]] = defaultdict(list)
        self.pairs: dict[str, list[str]] = defaultdict(list)
        for token in self.postings:
            for length in range(2, len(token) + 1):
                self.starts[token[:length]].append(token)
            for length in range(4, len(token)):
                self.ends[token[-length:]].append(token)
            for pair in _pairs(token):
                self.pairs[pair].append(token)

    def by_code(self, text: str) -> list[tuple[int, float]]:
        """Codes that begin with what was typed, in order."""
        wanted = re.sub(r"[./]", "", text).upper()
        plain = [(place, re.sub(r"[./]", "", code.code)) for place, code in enumerate(self.codes)]
        found = [(place, len(wanted) / len(code)) for place, code in plain if code.startswith(wanted)]
        return sorted(found, key=lambda each: self.codes[each[0]].code)

    def by_words(self, asked: tuple[str, ...], language: str) -> list[tuple[int, float]]:
        """Codes by how much of the question stands in their words, and how much of their words in the question."""
        parts = tuple(chain.from_iterable(self._split(token) for token in asked))
        if not parts:
            return []
        likeness = [self._like(part) for part in parts]
        weights = [self._weight(part, like) for part, like in zip(parts, likeness, strict=True)]
        if not sum(weights):
            return []
        best: dict[int, tuple[float, int, int]] = {}
        for number, (said, used) in self._matched(likeness, weights).items():
            phrase = self.phrases[number]
            question = said / sum(weights)
            if question < _ENOUGH:
                continue
            own = sum(self.weights[token] for token in set(phrase.tokens))
            answer = min(1.0, sum(self.weights[token] for token in used) / own)
            score = 0.75 * question + 0.25 * answer
            rank = (round(score, 4), int(phrase.language == language), -number)
            if phrase.code not in best or rank > best[phrase.code]:
                best[phrase.code] = rank
        if not best:
            return []
        top = max(best.values())[0]
        kept = [(place, rank) for place, rank in best.items() if rank[0] >= top * _BESIDE]
        kept.sort(key=lambda each: (-each[1][0], -each[1][1], each[0]))
        return [(place, rank[0]) for place, rank in kept]

    def _matched(
        self, likeness: list[dict[str, float]], weights: list[float]
    ) -> dict[int, tuple[float, frozenset[str]]]:
        found: dict[int, tuple[float, frozenset[str]]] = {}
        for like, weight in zip(likeness, weights, strict=True):
            here: dict[int, tuple[float, str]] = {}
            for token, factor in like.items():
                for number in self.postings[token]:
                    if factor > here.get(number, (0.0, ""))[0]:
                        here[number] = (factor, token)
            for number, (factor, token) in here.items():
                said, used = found.get(number, (0.0, frozenset()))
                found[number] = (said + factor * weight, used | {token})
        return found

    def _weight(self, part: str, like: Mapping[str, float]) -> float:
        if part in self.light:
            return self.light[part]
        if not like:
            # What nobody knows takes little away: a name, a side, a word in between.
            return 0.3
        return max(self.weights[token] * factor for token, factor in like.items())

    def _like(self, part: str) -> dict[str, float]:
        """The words of the list that a word of the question may mean, with how surely."""
        found = {part: 1.0} if part in self.postings else {}
        if len(part) >= 2:
            for token in self.starts.get(part, ()):
                found.setdefault(token, 0.7 + 0.25 * len(part) / len(token))
        for token in self.ends.get(part, ()):
            # The other half of a compound: `Kopf` in `Pankreaskopf`.
            found.setdefault(token, 0.6 + 0.25 * len(part) / len(token))
        for length in range(max(4, len(part) - 3), len(part)):
            # Endings: `klieren` for `klier`, `mammae` for `mamma`.
            if part[:length] in self.postings:
                found.setdefault(part[:length], 0.85)
        if len(part) >= 5 and part not in self.postings:
            errors = 1 if len(part) < 8 else 2
            for token in self._candidates(part, errors):
                if token not in found and (distance := within(part, token, errors)) is not None:
                    found[token] = 0.9 - 0.1 * distance
        return found

    def _candidates(self, part: str, errors: int) -> Iterable[str]:
        """Words that share so many pairs of letters that they can be within so many errors."""
        shared = Counter(chain.from_iterable(self.pairs.get(pair, ()) for pair in set(_pairs(part))))
        least = len(part) + 1 - 3 * errors
        return (token for token, count in shared.items() if count >= least and abs(len(token) - len(part)) <= errors)

    def _split(self, token: str) -> tuple[str, ...]:
        """The parts of a compound that begins no word of the list but is made of its words; else the word itself."""
        if token in self.starts or token in self.light or len(token) < 7:
            return (token,)
        for length in range(len(token) - 3, 2, -1):
            head, tail = token[:length], token[length:]
            if head not in self.postings and head not in self.light:
                continue
            for joint in ("", "s", "n", "en", "e"):
                rest = tail.removeprefix(joint)
                if tail.startswith(joint) and len(rest) >= 3:
                    inner = self._split(rest)
                    if all(one in self.postings or one in self.light for one in inner):
                        return (head, *inner)
        return (token,)


def _pairs(token: str) -> tuple[str, ...]:
    edged = f"^{token}$"
    return tuple(edged[place : place + 2] for place in range(len(edged) - 1))


def _phrases(place: int, code: Code) -> Iterable[_Phrase]:
    """What is said of a code, each way for itself, and last everything together."""
    seen: dict[tuple[str, tuple[str, ...]], None] = {}
    for language, words in (*((each, code.words[each]) for each in LANGUAGES), *(("", other) for other in code.also)):
        said = _bare(tokens(words))
        if said and (language, said) not in seen:
            seen[language, said] = None
            yield _Phrase(place, language, said)
    yield _Phrase(place, "", tuple(dict.fromkeys(chain.from_iterable(said for _language, said in seen))))


def _bare(said: tuple[str, ...]) -> tuple[str, ...]:
    """Without "not otherwise specified" behind it: that is what somebody means who says "lung"."""
    for tail in _words("unspecified"):
        if len(said) > len(tail) and said[-len(tail) :] == tail:
            return said[: -len(tail)]
    return said


@cache
def _words(name: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tokens(words) for words in read_yaml("cases.coding", "code_search.yaml")[name])


def _light(system: System) -> dict[str, float]:
    """Words that say little in a list: sides everywhere, cancer among places, places among kinds of tumour."""
    words = {token: 0.1 for phrase in _words("sides") for token in phrase}
    if system == "morphology":
        kinds = Counter(
            chain.from_iterable({t for p in _phrases(0, code) for t in p.tokens} for code in all_morphologies())
        )
        places = {t for code in all_topographies() for phrase in _phrases(0, code) for t in phrase.tokens}
        kept = {token for phrase in _words("kinds") for token in phrase}
        tumours = tuple(token for phrase in _words("cancer") for token in phrase)
        words |= {
            token: 0.15 for token in places if token not in kept and kinds[token] < 8 and not token.endswith(tumours)
        }
    else:
        words |= {token: 0.1 for phrase in _words("cancer") for token in phrase}
    return words


@cache
def _index(system: System) -> _Index:
    lists: dict[System, tuple[Code, ...]] = {
        "topography": all_topographies(),
        "morphology": all_morphologies(),
        "icd10": icd10_codes(),
    }
    return _Index(lists[system], _light(system))

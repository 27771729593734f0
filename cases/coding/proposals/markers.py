"""The markers of a sentence, and how far each reaches: to the next one, or to the end of what is said."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Mention, Sentence

KINDS = ("her2", "ish", "ki67", "er", "pr", "hormone_receptors", "other_marker")
# What says of a marker no more than that another one follows.
_JOINERS = frozenset(
    [
        "en",
        "et",
        "and",
        "und",
        "a",
        "la",
        "de",
        "des",
        "du",
        "aux",
        "les",
        "der",
        "die",
        "of",
        "receptor",
        "receptoren",
        "recepteurs",
        "recepteur",
        "receptors",
        "rezeptor",
        "rezeptoren",
        "zijn",
        "sont",
        "are",
        "sind",
        "is",
        "est",
        "ist",
        "status",
        "op",
        "alsook",
        "evenals",
        "sowie",
        "both",
        "zowel",
        "als",
        "le",
        "l",
    ]
)
_REACH = 160
_FOR = re.compile(
    r"(?:[ ](?:ceux|those|die)(?=[ ]))?[ ]?(?:voor|pour|for|fur|von|des|aux|van|de(?=[ ]la))(?:[ ](?:de|het|les|la|die|den|the|aankleuring))?[ ]?(?:recepteurs[ ](?:aux|des|de|a la)[ ])?"
)
_IN = re.compile(
    r"(?<![a-z])(?:in|dans|bij|par|voor|zu|for|pour|a)[ ](?:ca\.?[ ]|ongeveer[ ]|environ[ ]|etwa[ ]|[>~<][ ]?)?$"
)
_EXPRESSES = re.compile(
    r"[ ][a-z ]{2,40}?[ ](?:expri|express|aankleur|kleur|stain|marqu|farb|aufweis|immunreakt)[^.;:,0-9%]{0,60}"
)
_ARTICLE = re.compile(
    r"[ ](?:(?:de|het|les|the|der|die|des|aux|van|of)[ ]){0,2}(?:recepteurs[ ](?:aux|des|de|a la)[ ])?"
)
_GOES_ON = re.compile(
    r"[ ]?(?:[<>~]|ca\.?|circa|[0-9]|intens|sterk|zwak|matig|fort|faible|strong|weak|stark|allred|irs|score)"
)
_HYPHEN = re.compile(r"-[ ]?(?:en|et|and|und|/)[ ]")

_WORDS = re.compile(r"[a-z]+")
_SIGN_OR_FIGURE = re.compile(r"[0-9]|[+](?![ ]?[a-z]{2})|(?<![a-z ])-(?![a-z])|[ ]-(?=[ ]?[,/)])")
_VALUE_AT_ONCE = re.compile(r"[ ]?[:=]?[ ]?(?:[<>≥±~]|ca\.?)?[ ]?(?:[0-9]{1,3}[ ]?%|[+]|-(?![a-z0-9])|pos|neg|laag)")


@dataclass(slots=True)
class Marker:
    """A marker with its kind, and the stretch behind it in which its value is looked for."""

    kind: str
    mention: Mention
    start: int
    end: int
    before: int
    is_claimed: bool = False

    @property
    def place(self) -> int:
        return self.mention.start


def markers(reading: Reading, sentence: Sentence) -> list[Marker]:
    """The markers of a sentence in order; two names of one (Ki-67, MIB-1) are one."""
    found: list[Marker] = []
    for mention in sentence.mentions:
        kind = _kind(reading, mention)
        if kind is None:
            continue
        if found and kind == found[-1].kind and not _figures(sentence, found[-1].start, mention.start):
            # HER2 and HER2-gene, ER and oestrogen receptor: the later name goes on with the same marker.
            found[-1].start = mention.end
            continue
        found.append(Marker(kind, mention, mention.end, sentence.end, sentence.start))
    for this, following in itertools.pairwise(found):
        this.end = following.mention.start
        following.before = this.start
    value_first = bool(found) and _percent_at_once(reading, sentence, found[0]) is not None
    for place, marker in enumerate(found):
        claimed = _claimed(reading, sentence, marker)
        if claimed is None and value_first:
            claimed = _percent_at_once(reading, sentence, marker)
        if claimed is not None:
            marker.is_claimed, marker.before = True, max(claimed, marker.before)
            if place:
                found[place - 1].end = min(found[place - 1].end, claimed)
    for marker in found:
        marker.end = min(marker.end, _semicolon(reading, marker), marker.start + _REACH)
    return found


def _claimed(reading: Reading, sentence: Sentence, marker: Marker) -> int | None:
    """Where "negative for" begins, when it stands right before a marker and is said of it and of no other."""
    for mention in sentence.within(max(marker.before, marker.place - 50), marker.place):
        if mention.any(("positive", "negative", "staining")) and _FOR.fullmatch(reading.low, mention.end, marker.place):
            start = sentence.clause(mention.start)[0]
            negated = [m for m in sentence.within(max(start, mention.start - 12), mention.start) if "negation" in m]
            percents = [
                figure
                for figure in sentence.figures
                if figure.kind == "percent" and max(start, mention.start - 45) <= figure.start < mention.start
            ]
            return min([mention.start, *(m.start for m in negated), *(f.start for f in percents)])
    for figure in sentence.figures:
        if figure.kind == "percent" and marker.before <= figure.start < marker.place:
            if _FOR.fullmatch(reading.low, figure.end, marker.place) and reading.low[figure.end : marker.place].strip():
                return figure.start  # en 40 % voor de progesteronreceptor
            if _EXPRESSES.fullmatch(reading.low, figure.end, marker.place):
                return figure.start  # 90 % des cellules expriment les recepteurs des oestrogenes
            led = _IN.search(reading.low, max(marker.before, figure.start - 8), figure.start)
            if led and _ARTICLE.fullmatch(reading.low, figure.end, marker.place):
                return led.start()  # in 60 % de oestrogeenreceptor, en in 10 % de progesteronreceptor
    return None


def _percent_at_once(reading: Reading, sentence: Sentence, marker: Marker) -> int | None:
    """Where a percentage stands right before a marker: `95 % ER-positief en 40 % PR-positief`."""
    if marker.kind not in ("er", "pr", "ki67"):
        return None
    for figure in sentence.figures:
        if figure.kind != "percent" or not marker.before <= figure.start < marker.place:
            continue
        if not reading.low[figure.end : marker.place].strip(" ("):
            return figure.start
    return None


def _semicolon(reading: Reading, marker: Marker) -> int:
    """The first semicolon behind a marker that does not stand in brackets."""
    depth = 0
    for place in range(marker.start, min(marker.end, marker.start + _REACH)):
        character = reading.low[place]
        depth += (character == "(") - (character == ")")
        if character == ";" and depth <= 0 and not _GOES_ON.match(reading.low, place + 1, marker.end):
            return place
    return marker.end


def _kind(reading: Reading, mention: Mention) -> str | None:
    for kind in KINDS:
        if kind in mention:
            return kind
    for kind in ("er", "pr"):
        # In small letters these are words of every day, so their value has to follow at once.
        if f"{kind}?" in mention:
            after = reading.low[mention.end : mention.end + 14]
            if _VALUE_AT_ONCE.match(after):
                return kind
    return None


def groups(reading: Reading, found: list[Marker], kinds: tuple[str, ...]) -> Iterator[list[Marker]]:
    """Markers of which something is said together (`ER en PR positief`), and each other one alone."""
    place = 0
    while place < len(found):
        group = [found[place]]
        while (
            place + 1 < len(found)
            and found[place].kind in kinds
            and found[place + 1].kind in kinds
            and _only_joins(reading, found[place], found[place + 1])
            and not found[place + 1].is_claimed
        ):
            place += 1
            group.append(found[place])
        yield group
        place += 1


def _only_joins(reading: Reading, marker: Marker, following: Marker) -> bool:
    between = reading.low[marker.start : marker.end]
    if _HYPHEN.match(between) and (
        len(marker.mention.word) > 5 or re.match(r"-[a-z]", reading.low[following.start : following.start + 2])
    ):
        between = between[1:]  # ER- en PR-positief, oestrogeen- en progesteronreceptor
    words = _WORDS.findall(between)
    return all(word in _JOINERS for word in words) and not _SIGN_OR_FIGURE.search(between)


def _figures(sentence: Sentence, start: int, end: int) -> list[Quantity]:
    return [figure for figure in sentence.figures if start <= figure.start < end]

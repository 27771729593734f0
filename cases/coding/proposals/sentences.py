"""A text as it is read: lines, sentences, the cells of a table, and the known words and figures in each.

A sentence is the reach of what is said: a marker finds its value in it, a size its owner, a negation what it denies. A
line of a form is a sentence of its own; a line that was only wrapped goes on in the next.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cases.coding.proposals.letters import Plain
from cases.coding.proposals.lexicon import PARTS_OF_WORDS, Lexicon, Meaning, language_of
from cases.coding.proposals.quantities import Quantity, quantities

# A sentence without an end is cut: no statement reaches further, and work stays bounded.
LONGEST = 600
_WRAPPED = 45

_RULER = re.compile(r"[ ]*[-=_*~]{3,}")
_SEPARATOR = re.compile(r"[ ]*[-=_*~#.+–]{4,}[ ]*\Z")
_LABEL = re.compile(
    r"[ ]*(?:[-*•>]{1,2}[ ]*|[0-9A-Z]{1,2}[.)][ ]+)?([^:\n.;]{1,60}?)(?:[ .]{0,40}:(?!//)|[ ]?\.{3,60})"
)
_ITEM = re.compile(
    r"[ ]*(?:[-*•][ ]*)?(?:(?i:staal|stuk|pot|potje|container|specimen|biopt|biopsie|biopsy|flacon|prelevement|echantillon|probe|praparat"
    r"|part|deel|monster|recipient|material|materiaal|core)[ ](?:nr\.?[ ]|n°[ ]?|no\.?[ ])?)?(?P<item>[1-9]|[A-F]|I{1,3}|IV|V)[ ]?(?:[.):/][ ]?(?=[^\s0-9])|[.)][ ]+(?=[0-9]))|[ ]*(?P<part>[A-F])[ ]-[ ]"
)
_ITEM_ALONE = re.compile(r"[ ]*(?:[1-9]|[A-F]|I{1,3}|IV|V)\.\Z")
_END = re.compile(r"[.!?](?=[ ]+[^ ])|\n")
_CELL = re.compile(r"[ ]{2,}|\t|[ ]?\|[ ]?")
_BOUNDARY = re.compile(
    r"[;()\[\]]|,(?![0-9])|[ ](?:maar|mais|but|aber|terwijl|tandis|while|wahrend)[ ]|[ ]-[ ]|\n|(?<=[a-z0-9%)]{3})\.[ ]"
)
_TNM_LINE = re.compile(r"(?:y?[pc]|r)[TNM][0-4Xxi]")
_SHORT = frozenset(
    [
        "dr",
        "prof",
        "nr",
        "no",
        "ca",
        "max",
        "min",
        "med",
        "gr",
        "resp",
        "incl",
        "bijv",
        "bv",
        "vs",
        "pt",
        "mevr",
        "dhr",
        "st",
        "geb",
        "tel",
        "fig",
        "lat",
        "sup",
        "inf",
        "li",
        "re",
        "ggf",
        "bzw",
        "evtl",
        "vnl",
        "d",
        "o",
        "a",
        "b",
        "t",
        "h",
        "i",
        "v",
        "m",
        "z",
        "u",
        "e",
        "g",
        "cf",
        "mme",
        "mr",
        "mrs",
        "s",
        "zgn",
        "excl",
        "tgo",
        "obs",
        "geb",
        "ds",
        "lks",
        "gche",
        "dte",
        "dt",
        "env",
        "num",
        "ref",
        "zw",
        "st",
        "vo",
        "pat",
        "hr",
        "fr",
        "m",
        "or",
        "jan",
        "feb",
        "mrt",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "okt",
        "oct",
        "nov",
        "dec",
        "dez",
        "oa",
        "mod",
        "cq",
        "bijv",
        "ong",
        "ongev",
        "afm",
        "diam",
        "ggz",
    ]
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A known word or phrase: where it stands, what it stands for, and how it is spelled when it is spelled well."""

    start: int
    end: int
    nouns: Meaning
    word: str

    def __contains__(self, noun: object) -> bool:
        return noun in self.nouns

    def any(self, nouns: Iterable[str]) -> bool:
        """Whether it stands for one of these."""
        return not self.nouns.isdisjoint(nouns)


@dataclass(slots=True)
class Sentence:
    """A stretch of the plain text, or two of them where a cell of a table is read with the head of its row."""

    start: int
    end: int
    paragraph: int
    line: int
    label_end: int = 0
    item: str = ""
    column: int = 0
    first_of_line: bool = True
    mentions: list[Mention] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    nouns: frozenset[str] = frozenset()
    figures: list[Quantity] = field(default_factory=list)
    boundaries: list[int] = field(default_factory=list)

    def clause(self, place: int) -> tuple[int, int]:
        """Where the clause around a place begins and ends."""
        index = bisect_right(self.boundaries, place)
        start = self.boundaries[index - 1] if index else self.start
        end = self.boundaries[index] if index < len(self.boundaries) else self.end
        return start, end

    def within(self, start: int, end: int) -> list[Mention]:
        """The mentions from `start` to `end`."""
        return self.mentions[bisect_left(self.starts, start) : bisect_left(self.starts, end)]

    def has(self, *nouns: str) -> bool:
        """Whether any of these is spoken of."""
        return not self.nouns.isdisjoint(nouns)

    def first(self, *nouns: str) -> Mention | None:
        """The first mention of any of these."""
        return next((mention for mention in self.mentions if mention.any(nouns)), None)


class Document:
    """A text with everything that was recognised in it."""

    def __init__(self, text: str) -> None:
        self.plain = Plain(text)
        self.low, self.cased = self.plain.low, self.plain.cased
        self.lines: list[tuple[int, int]] = []
        self._ruled: dict[int, int | None] = {}
        self._goes_on_after = self._unwrap()
        tokens = [(match.start(), match.end(), match.group()) for match in PARTS_OF_WORDS.finditer(self.cased)]
        self.language = language_of([word for _, _, word in tokens[:4000]])
        self.mentions = list(_mentions(tokens, self.cased, Lexicon(self.language)))
        self._starts = [mention.start for mention in self.mentions]
        self.figures = list(quantities(self.low))
        self.sentences: list[Sentence] = []
        self._split()
        self._fill()

    def line_text(self, number: int) -> str:
        """A line as it stands."""
        start, end = self.lines[number]
        return self.cased[start:end]

    def ruled_after(self, place: int) -> int | None:
        """Where the first line behind a place begins that is drawn, with or without a title: what follows was pasted."""
        if place not in self._ruled:
            lines = (start for start, end in self.lines if start > place and _RULER.match(self.low, start, end))
            self._ruled[place] = next(lines, None)
        return self._ruled[place]

    # ------------------------------------------------------------------------------------------------------ sentences

    def _unwrap(self) -> frozenset[int]:
        """The lines that go on in the next; the break between them becomes a space."""
        position = 0
        for line in self.low.split("\n"):
            self.lines.append((position, position + len(line)))
            position += len(line) + 1
        wrapped = frozenset(number for number in range(len(self.lines) - 1) if self._goes_on(number))
        if wrapped:
            low, cased = list(self.low), list(self.cased)
            for number in wrapped:
                low[self.lines[number][1]] = cased[self.lines[number][1]] = " "
            self.low, self.cased = "".join(low), "".join(cased)
        return wrapped

    def _split(self) -> None:
        paragraph = 0
        number = 0
        while number < len(self.lines):
            start, end = self.lines[number]
            line = self.low[start:end]
            if not line.strip():
                paragraph += 1
                number += 1
                continue
            first = number
            while number in self._goes_on_after and end - start < 20_000:
                number += 1
                end = self.lines[number][1]
            self._sentences_of(start, end, paragraph, first)
            number += 1

    def _goes_on(self, number: int) -> bool:
        """Whether a line was only wrapped and goes on in the next."""
        this, following = self.line_text(number).rstrip(), self.line_text(number + 1)
        nxt = following.strip()
        if (
            not nxt
            or not this
            or is_separator(this)
            or is_separator(nxt)
            or nxt[0] in ">-*•|"
            or this.lstrip()[:1] == ">"
        ):
            return False
        if this[-1] in ".:;!?" and not (this[-1] == "." and _is_short(this[-12:])):
            return False
        if _LABEL.match(following) or _ITEM.match(following) or _has_cells(following):
            return False
        if _TNM_LINE.match(nxt):
            return False
        if nxt[0].islower() or nxt[0] in "(<>≥≤,":
            return len(this) > 30 or nxt[0].islower()
        last = this.split("  ")[-1].strip()
        if (
            len(this) < 30
            and (len(this) < 8 or not any(c.isdigit() for c in this))
            and nxt[0].isdigit()
            and len(nxt) < 30
        ):
            # A label and its value, one below the other.
            return len(last.split()) <= 4
        return len(this) >= _WRAPPED and not _has_cells(self.line_text(number)) and len(this) + len(nxt.split()[0]) > 68

    def _sentences_of(self, start: int, end: int, paragraph: int, line: int) -> None:
        first = True
        position = start
        while position < end:
            stop = self._end_of_sentence(position, end)
            if self.low[position:stop].strip(" .!?,;:-"):
                sentence = Sentence(position, stop, paragraph, line, first_of_line=first)
                label = _LABEL.match(self.cased, position, stop)
                sentence.label_end = label.end() if label else position
                if first and (item := _ITEM.match(self.cased, position, stop)):
                    sentence.item = item["item"] or item["part"] or ""
                self.sentences.append(sentence)
                first = False
            position = stop

    def _end_of_sentence(self, start: int, end: int) -> int:
        for match in _END.finditer(self.low, start, min(end, start + LONGEST)):
            if match.group() == "\n":
                continue
            place = match.start()
            before = self.cased[max(start, place - 12) : place]
            after = self.cased[match.end() : match.end() + 24].lstrip()
            if match.group() == "." and (
                _is_short(before + ".")
                or _ITEM_ALONE.match(self.cased[start : match.end()])
                or self._is_ordinal(start, place, after)
            ):
                continue
            if match.group() == "." and after[:1].islower() and not (before[-1:].isdigit() or _TNM_LINE.match(after)):
                continue
            return match.end()
        if end > start + LONGEST:
            cut = self.low.rfind(" ", start + LONGEST // 2, start + LONGEST)
            return cut + 1 if cut > 0 else start + LONGEST
        return end

    def _is_ordinal(self, start: int, place: int, after: str) -> bool:
        """Whether a full stop behind a figure makes it the eighth edition, the third of May, or the first of a list."""
        before = self.low[max(start, place - 4) : place].lstrip()
        if not before[-1:].isdigit():
            return False
        number = re.search(r"[0-9]+$", before)
        if number is None or len(number.group()) > 2:
            return False
        if place - len(number.group()) <= start + 2:
            return True
        return re.match(r"[A-Za-z]+", after) is not None and _ORDINAL.match(after.lower()) is not None

    # ---------------------------------------------------------------------------------------------------------- words

    def _fill(self) -> None:
        figures = [figure.start for figure in self.figures]
        for sentence in self.sentences:
            sentence.mentions = self.between(sentence.start, sentence.end)
            sentence.starts = [mention.start for mention in sentence.mentions]
            sentence.nouns = frozenset().union(*(mention.nouns for mention in sentence.mentions))
            first = bisect_left(figures, sentence.start)
            last = bisect_left(figures, sentence.end)
            sentence.figures = self.figures[first:last]
            sentence.boundaries = [match.end() for match in _BOUNDARY.finditer(self.low, sentence.start, sentence.end)]

    def between(self, start: int, end: int) -> list[Mention]:
        """The mentions from one place to another."""
        return self.mentions[bisect_left(self._starts, start) : bisect_left(self._starts, end)]


_ORDINAL = re.compile(
    r"(?:auflage|editie|edition|ausgabe|jan|feb|mar|apr|mai|may|mei|jun|jul|aug|sep|okt|oct|nov|dez|dec|zyklus|woche|uhr)"
)


def _is_short(text: str) -> bool:
    """Whether a text ends with a word that is shortened with a full stop."""
    word = re.search(r"([^\W_]+)\.$", text)
    return word is not None and (word[1].lower() in _SHORT or (len(word[1]) == 1 and word[1].isupper()))


def is_separator(line: str) -> bool:
    """Whether a line is drawn and says nothing."""
    return _SEPARATOR.match(line) is not None


def _has_cells(line: str) -> bool:
    return len([cell for cell in _CELL.split(line.strip()) if cell.strip()]) > 1


def _mentions(tokens: list[tuple[int, int, str]], cased: str, lexicon: Lexicon) -> Iterator[Mention]:
    meanings = [lexicon.meaning(word) for _, _, word in tokens]
    place = 0
    while place < len(tokens):
        word, nouns = meanings[place]
        start, end, _ = tokens[place]
        length = 1
        for parts, meaning in lexicon.phrases(word):
            if _is_phrase(parts, tokens, meanings, place, cased):
                length, nouns = len(parts), meaning
                end = tokens[place + length - 1][1]
                word = " ".join(parts)
                break
        if nouns:
            yield Mention(start, end, nouns, word)
        place += length


def _is_phrase(
    parts: tuple[str, ...],
    tokens: list[tuple[int, int, str]],
    meanings: list[tuple[str, Meaning]],
    place: int,
    cased: str,
) -> bool:
    if place + len(parts) > len(tokens):
        return False
    for offset, part in enumerate(parts):
        if meanings[place + offset][0] != part:
            return False
        if offset and not _joins(cased[tokens[place + offset - 1][1] : tokens[place + offset][0]]):
            return False
    return True


def _joins(gap: str) -> bool:
    return len(gap) <= 3 and all(c in " -'./&\n" for c in gap)

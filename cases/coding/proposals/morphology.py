"""The kind of a tumour as an ICD-O-3 code: as it was written, or by the words that name it without doubt.

WHO, International Classification of Diseases for Oncology, third edition, second revision (ICD-O-3.2). "Infiltrating" is
"invasive". A kind that is only suspected, or not there, is not proposed; the in situ part only where nothing is invasive.
"""

from collections.abc import Iterator

from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence

_NOUNS = (
    "carcinoma", "adenocarcinoma", "invasive", "ductal", "lobular", "ductolobular", "nst", "idc", "ilc", "tubular",
    "mucinous", "metaplastic", "dcis", "melanoma", "malignant", "not_invasive", "kind_label", "tumour",
)  # fmt: skip
_SPECIAL = {"tubular": "8211/3", "mucinous": "8480/3", "metaplastic": "8575/3"}
_TOGETHER = 44


def morphology(reading: Reading) -> Iterator[Finding]:
    """The findings of the kind; `dcis` is the source of an in situ code."""
    for figure in reading.document.figures:
        if figure.kind == "morphology" and reading.is_own(figure.start):
            number = _sentence_of(reading, figure.start)
            yield Finding("icdo3_morphology", figure.text, figure.start, figure.end, number, "code")
    for number, sentence in reading.own():
        mentions = [
            m
            for m in sentence.mentions
            if m.any(_NOUNS)
            and reading.is_own(m.start)
            and not ("invasive" in m and reading.is_denied(sentence, m.start, m.end, 16))
        ]
        for group in _groups(reading, mentions):
            found = _kind(reading, sentence, group)
            if found is None:
                continue
            code, first, last = found
            if reading.is_denied(sentence, first.start, last.end) or reading.is_doubted(
                sentence, first.start, last.end
            ):
                continue
            source = "dcis" if code.endswith("2") else "words"
            yield Finding("icdo3_morphology", code, first.start, last.end, number, source)


def _sentence_of(reading: Reading, place: int) -> int:
    sentences = reading.document.sentences
    low, high = 0, len(sentences)
    while high - low > 1:
        middle = (low + high) // 2
        if sentences[middle].start <= place:
            low = middle
        else:
            high = middle
    return low


def _groups(reading: Reading, mentions: list[Mention]) -> Iterator[list[Mention]]:
    """Words that stand together and name one thing: none reaches over a full stop, a semicolon or another figure."""
    group: list[Mention] = []
    for mention in mentions:
        if group and not _together(reading, group[-1], mention):
            yield group
            group = []
        group.append(mention)
    if group:
        yield group


def _together(reading: Reading, one: Mention, other: Mention) -> bool:
    between = reading.low[one.end : other.start]
    if len(between) > _TOGETHER or any(c in between for c in ";\n") or any(c.isdigit() for c in between):
        return False
    return not ("|" in between or "   " in between.strip(" :.") or ". " in between)


def _kind(reading: Reading, sentence: Sentence, group: list[Mention]) -> tuple[str, Mention, Mention] | None:
    """The code that a group of words names, and the first and last of the words that name it."""

    def all_of(*nouns: str) -> list[Mention]:
        return [m for m in group if m.any(nouns)]

    if all_of("dcis", "not_invasive") and not all_of("invasive", "nst", "idc", "ilc"):
        dcis = all_of("dcis")
        if dcis and _is_ductal(dcis[0], group):
            return "8500/2", dcis[0], dcis[-1]
        return None
    if abbreviation := all_of("idc"):
        return "8500/3", abbreviation[0], abbreviation[0]
    if abbreviation := all_of("ilc"):
        return "8520/3", abbreviation[0], abbreviation[0]
    if all_of("ductolobular"):
        return None
    named = all_of("carcinoma", "adenocarcinoma")
    invasive = all_of("invasive")
    if named and reading.is_of_breast:
        for noun, code in _SPECIAL.items():
            if special := all_of(noun):
                return code, *_ends([special[0], named[0]])
    lobular, ductal, nst = all_of("lobular"), all_of("ductal"), all_of("nst")
    if lobular and ductal:
        lobular, ductal = _nearest(named or invasive, lobular, ductal)
    if invasive and lobular:
        return "8520/3", *_ends([invasive[0], lobular[0], *named[:1]])
    if nst and (invasive or named or all_of("kind_label") or _stands_alone(reading, sentence, nst[0])):
        return "8500/3", *_ends([*invasive[:1], *named[:1], nst[0]])
    if invasive and ductal:
        return "8500/3", *_ends([invasive[0], ductal[0], *named[:1]])
    if (cancer := all_of("adenocarcinoma")) and not reading.is_of_breast:
        return "8140/3", cancer[0], cancer[0]
    if (melanoma := all_of("melanoma")) and (malignant := all_of("malignant")):
        return "8720/3", *_ends([melanoma[0], malignant[0]])
    return None


def _is_ductal(mention: Mention, group: list[Mention]) -> bool:
    if any("lobular" in m for m in group):
        return False
    word = mention.word
    return any(part in word for part in ("duct", "dukt", "canal", "dcis", "ccis"))


def _stands_alone(reading: Reading, sentence: Sentence, mention: Mention) -> bool:
    """Whether NST is the value of a row: nothing but its label before it."""
    before = reading.low[sentence.start : mention.start].strip(" .:")
    behind = reading.low[mention.end : mention.end + 2].strip()
    if before.endswith(",") and (not behind or behind[0] in ",;."):
        return True
    return before == "" or sentence.label_end >= mention.start - 2 or before.endswith("carcinoom,")


def _nearest(
    anchors: list[Mention], lobular: list[Mention], ductal: list[Mention]
) -> tuple[list[Mention], list[Mention]]:
    """Of two kinds in one group, the one that stands nearer to the noun; neither where there is no noun."""
    if not anchors:
        return [], []
    place = anchors[0].start
    if abs(lobular[0].start - place) <= abs(ductal[0].start - place):
        return lobular, []
    return [], ductal


def _ends(mentions: list[Mention]) -> tuple[Mention, Mention]:
    ordered = sorted(mentions, key=lambda m: m.start)
    return ordered[0], ordered[-1]

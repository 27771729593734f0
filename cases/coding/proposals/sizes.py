"""The size of the invasive tumour in millimetres: its largest measure, by whichever method measures it now.

CAP, Protocol for the Examination of Resection Specimens from Patients with Invasive Carcinoma of the Breast: the size is
that of the invasive part, by microscope where there is one. Every measure has an owner: the noun right behind it, else
the nearest before it. Nodes, margins, specimens, cores, the tumour bed, the extent with DCIS and benign things are none.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from cases.coding.proposals.bystanders import (
    is_before_treatment,
    is_called_benign,
    is_classed_benign,
    is_labelled_otherwise,
    is_of_other_organ,
    is_plainly_bounded,
    is_with_in_situ,
)
from cases.coding.proposals.distances import is_along, is_along_core, is_between_or_along, is_distance
from cases.coding.proposals.earlier import is_past
from cases.coding.proposals.owners import OTHERS, OWNERS, TUMOUR, WEAK
from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence
from cases.coding.proposals.unsure import is_unsure

_NEVER_IN_LABEL = (
    "margin",
    "node",
    "axilla",
    "specimen",
    "biopsy",
    "benign",
    "bed",
    "metastasis",
    "gap",
    "core_length",
)
_STOPS = frozenset(
    [
        "op",
        "in",
        "van",
        "de",
        "du",
        "des",
        "of",
        "from",
        "von",
        "vom",
        "met",
        "avec",
        "with",
        "mit",
        "en",
        "et",
        "and",
        "und",
        "naast",
        "naar",
        "to",
        "sur",
        "bij",
        "au",
        "aux",
        "a",
        "is",
        "ist",
        "est",
        "was",
        "maar",
        "dans",
        "auf",
        "im",
        "am",
        "links",
        "rechts",
        "gauche",
        "droit",
        "droite",
        "door",
        "par",
        "by",
        "durch",
        "zonder",
        "sans",
        "without",
        "ohne",
        "tot",
        "waarvan",
        "dont",
        "in",
    ]
)
_CATEGORY = re.compile(r"[pc]t[1-4][a-d]?(?:mi)?[ ]?\((?:m[ ,;]{1,2})?$")
_UNIT_IN_LABEL = re.compile(r"[ (](?P<unit>mm|cm)\)?[ ]?:?[ ]{0,60}$")
_EXCEPT = re.compile(r"(?:excl[a-z]{0,7}\.?|zonder|sans|without|ohne|exklusive|hors)[ ]$")
_BEHIND = 26


def sizes(reading: Reading) -> Iterator[Finding]:
    """The findings of the size; `gross` is the source of one by the naked eye, `stated` of one in the row that asks for it."""
    for number, sentence in reading.own():
        for figure in _measures(reading, sentence):
            if figure.is_range or not reading.is_own(figure.start):
                continue
            value = max(figure.values)
            if 0 < value <= 400 and _is_of_tumour(reading, number, sentence, figure):
                source = _source(reading, number, sentence, figure)
                if is_unsure(reading, number, sentence, figure, source):
                    continue
                shown = int(value) if value == int(value) else value
                yield Finding("size_mm", shown, figure.start, figure.end, number, source)


def _measures(reading: Reading, sentence: Sentence) -> Iterator[Quantity]:
    """The measures of a sentence; a bare number counts where its label names the unit, as in `Grootte (mm): 17`."""
    for figure in sentence.figures:
        if figure.kind == "measure":
            yield figure
        elif figure.kind == "number" and (unit := _UNIT_IN_LABEL.search(reading.low, sentence.start, figure.start)):
            factor = 1 if unit["unit"] == "mm" else 10
            yield replace(figure, kind="measure", values=tuple(value * factor for value in figure.values))


def _is_of_tumour(reading: Reading, number: int, sentence: Sentence, figure: Quantity) -> bool:
    if is_distance(reading, sentence, figure) or is_past(reading, sentence, figure):
        return False
    if is_classed_benign(reading, number, sentence, figure) or is_with_in_situ(reading, sentence, figure):
        return False
    if is_plainly_bounded(reading, sentence, figure) or is_called_benign(reading, sentence, figure):
        return False
    if is_along_core(reading, sentence, figure):
        return False
    if is_labelled_otherwise(reading, sentence, figure) or is_before_treatment(reading, number, sentence):
        return False
    if is_along(reading, sentence, figure):
        return False
    behind = _behind(reading, sentence, figure)
    if behind is not None:
        reach = 30 if reading.is_of_breast else 14
        elsewhere = ("other_finding", "unpaired_organ", *(("paired_organ",) if reading.is_of_breast else ()))
        if any(m.any(elsewhere) for m in sentence.within(behind.end, behind.end + reach)):
            return False  # a lesion in hepatic segment 2
        return behind.any(TUMOUR) and not behind.any(("dcis", "other_finding", "node", "benign"))
    if is_between_or_along(reading, sentence, figure):
        return False
    if _CATEGORY.search(reading.low, max(sentence.start, figure.start - 14), figure.start):
        return True
    before = [m for m in sentence.within(sentence.start, figure.start) if m.any(OWNERS)]
    owner = _owner(sentence, before, figure)
    if owner is None:
        return _opens_item(reading, sentence, figure) or _inherits(reading, number, sentence, 1)
    if owner.end <= sentence.label_end and not _is_label_of_tumour(reading, sentence):
        return False
    if "region" in owner and reading.is_imaging:
        return any(m.any(("tumour", "suspicious_finding")) for m in before)
    if owner.any((*OTHERS, "paired_organ", "unpaired_organ")) and not owner.any(("invasive", "carcinoma")):
        return False
    if owner.any(TUMOUR):
        if reading.is_denied(sentence, owner.start, owner.start, 16):
            return False
        return not (
            _is_in_core(reading, number, sentence, figure) or is_of_other_organ(reading, sentence, owner, figure)
        )
    return _weak(reading, number, sentence, before, owner, figure)


# ---------------------------------------------------------------------------------------------------------------- owners


def _owner(sentence: Sentence, before: list[Mention], figure: Quantity) -> Mention | None:
    """The nearest noun before a measure; a size word or a method hands it on to the noun of which it is the size."""
    if not before:
        return None
    first, _ = sentence.clause(figure.start)
    strong = [m for m in before if not m.any(WEAK) or m.any(TUMOUR)]
    if strong and (strong[-1].start >= first or before[-1].start < first):
        return strong[-1]
    if "imaging" in before[-1] and before[-1].start >= first:
        return before[-1]
    # `een massa, op 4 cm van de tepel, met een diameter van 18 mm`: the size is not the nipple's.
    passed_on = [m for m in strong if not m.any(("distance", "gap"))] if "size_word" in before[-1] else strong
    return passed_on[-1] if passed_on else before[-1]


def _behind(reading: Reading, sentence: Sentence, figure: Quantity) -> Mention | None:
    """The noun right behind a measure that is its owner: `23 mm mass`, `een 9 mm groot letsel`, `18 mm kliertje`."""
    adjectives: set[int] = set()
    for mention in sentence.within(figure.end, min(sentence.end, figure.end + _BEHIND + 20)):
        between = reading.low[figure.end : mention.start]
        # Only from one adjective to the next does a comma lead on: `19 mm grote, spiculaire massa`.
        commas = [figure.end + place for place, character in enumerate(between) if character == ","]
        if any(c in between for c in ".;:()|\n") or "  " in between or not adjectives.issuperset(commas):
            return None
        words = between.replace(",", " ").split()
        if any(word in _STOPS for word in words):
            return None
        if mention.any(("suspicious_finding", *WEAK)) and not mention.any(("tumour", "carcinoma")):
            adjectives.add(mention.end)
            continue
        if mention.any(OWNERS):
            return mention
        if len(words) > 3:
            return None
    return None


def _is_label_of_tumour(reading: Reading, sentence: Sentence) -> bool:
    """Whether the label of a row asks for the tumour's size: not `marge invasief`, nor `grootte inclusief DCIS`."""
    label = list(sentence.within(sentence.start, sentence.label_end))
    if any(m.any(_NEVER_IN_LABEL) for m in label):
        return False
    return all(_EXCEPT.search(reading.low, sentence.start, m.start) for m in label if m.any(("dcis", "extent")))


def _weak(
    reading: Reading, number: int, sentence: Sentence, before: list[Mention], owner: Mention, figure: Quantity
) -> bool:
    """A size word or a method alone: the size of what the row, its block, or the sentence before is about."""
    if any(m.any(("node", "margin", "specimen", "benign", "bed", "biopsy", "metastasis", "surgery")) for m in before):
        return False
    if "imaging" in owner:
        return True
    if not sentence.first_of_line:
        return _inherits(reading, number, sentence)
    return _heads_of_tumour(reading, number, sentence) and not _is_in_core(reading, number, sentence, figure)


def _heads_of_tumour(reading: Reading, number: int, sentence: Sentence) -> bool:
    """Whether the rows above, up to the head of the block, are of nothing else than the tumour."""
    for previous in reversed(reading.document.sentences[max(0, number - 12) : number]):
        if previous.paragraph != sentence.paragraph:
            return True
        if previous.label_end == previous.start and not previous.figures:
            return not previous.has("node", "axilla", "margin", "dcis", "specimen", "benign", "metastasis")
    return True


def _opens_item(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a line of a list begins with the size and goes on with what is known of a tumour."""
    lead = reading.low[sentence.start : figure.start].strip(" -*•")
    return (
        sentence.first_of_line
        and len(lead) <= 3
        and sentence.has("quadrant", "nst", "invasive", "grade_word", "upper_outer", "idc", "ilc")
    )


def _inherits(reading: Reading, number: int, sentence: Sentence, reach: int = 3) -> bool:
    """Whether a measure without an owner in its sentence belongs to the tumour of the sentence before."""
    if reading.document.sentences[number].has("unpaired_organ", "paired_organ", "other_finding"):
        return False
    for previous in reversed(reading.document.sentences[max(0, number - reach) : number]):
        if previous.line != sentence.line:
            return False
        owners = [m for m in previous.mentions if m.any(OWNERS) and not m.any(WEAK)]
        if owners:
            return owners[-1].any(TUMOUR) and not owners[-1].any(OTHERS)
    return False


def _is_in_core(reading: Reading, number: int, sentence: Sentence, figure: Quantity) -> bool:
    """Whether what is measured is tumour in a core: in a report of a biopsy that tells of no image and no operation."""
    first, last = sentence.clause(figure.start)
    if not reading.is_biopsy or reading.section(number) == "clinical":
        return False
    if any("imaging" in m for m in sentence.within(first, last)):
        return False
    return sentence.has("invasive", "carcinoma", "nst", "biopsy") or reading.section(number) in ("micro", "conclusion")


def _source(reading: Reading, number: int, sentence: Sentence, figure: Quantity) -> str:
    """`seen` on images or by hand, `gross` by the naked eye, `micro` in all other words of a pathologist."""
    first, last = sentence.clause(figure.start)
    if any("gross_part" in m for m in sentence.within(max(first - 2, figure.start - 40), min(last, figure.end + 24))):
        return "gross"
    if sentence.start < sentence.label_end <= figure.start and _names_invasive_size(sentence):
        return "stated"
    if any("micro_part" in m for m in sentence.within(first, min(last, figure.end + 24))):
        return "micro"
    if reading.section(number) == "gross":
        return "gross"
    if sentence.has("imaging") or reading.section(number) == "clinical" or reading.is_imaging:
        return "seen"
    if figure.start < reading.microscope_from and not sentence.has("invasive", "nst", "idc", "ilc", "grade_word"):
        return "gross"
    return "gross" if _is_of_specimen(reading, number, sentence) else "micro"


def _names_invasive_size(sentence: Sentence) -> bool:
    """Whether the label of a row asks for the size of the invasive tumour, whatever part of the report it stands in."""
    label = list(sentence.within(sentence.start, sentence.label_end))
    return (
        any(m.any(("invasive", "tumour", "carcinoma")) for m in label)
        and any("size_word" in m for m in label)
        and not any("gross_part" in m for m in label)
    )


_KINDS = (
    "invasive",
    "nst",
    "idc",
    "ilc",
    "ductal",
    "lobular",
    "adenocarcinoma",
    "melanoma",
    "grade_word",
    "dcis",
    "kind_label",
    "er",
    "her2",
)


def _is_of_specimen(reading: Reading, number: int, sentence: Sentence) -> bool:
    """Whether a tumour is told of as part of a specimen, before it is named: its size by the naked eye."""
    if reading.section(number) in ("micro", "conclusion") or sentence.has(*_KINDS):
        return False
    if sentence.label_end > sentence.start and sentence.first_of_line:
        return False
    around = [sentence]
    if number and reading.document.sentences[number - 1].line == sentence.line:
        around.append(reading.document.sentences[number - 1])
    return any(each.has("specimen", "margin", "distance", "surgery") for each in around)

"""Sizes of what lies beside the tumour: benign things, other organs, what is in situ, what was there before treatment."""

import re

from cases.coding.proposals.owners import TUMOUR
from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Mention, Sentence
from cases.coding.proposals.sides import birads

_ORGANS = ("other_finding", "metastasis", "paired_organ", "unpaired_organ", "node", "axilla", "limb")
_PLACES = ("breast", "quadrant", "upper_outer", "upper_inner", "lower_outer", "lower_inner", "tumorous", "surgery")
_VERTEBRA = re.compile(r"(?<![a-z0-9])(?:t|d|l|th|bwk|lwk|hwk)[ ]?(?:1[0-2]|[1-9])(?![0-9a-z])")
_IN_VERTEBRA = re.compile(
    r"[ ](?:in|op|en|dans|of|at|im|von|van|thv|t\.?h\.?v\.?)[ ](?:the |de |het |la |le |der )?(?:corpus |wervel )?(?:t|d|l|s|c|th|bwk|lwk|hwk)[ ]?(?:1[0-2]|[1-9])(?![0-9a-z])"
)
JOINED = re.compile(r"[ ](?:en|et|and|und|met|avec|with|mit|sans|zonder|without|ohne|geen|pas|no|kein|keine)[ ]|[,;]")
_BESIDE = re.compile(
    r"[ ](?:[a-z]{2,12}[ ]){0,2}?(?:rond|rondom|naast|nabij|bij|tegen|around|beside|adjacent|near|next|autour|pres|a cote|au contact"
    r"|um|neben|nahe|bei|angrenzend)[ ]"
)
_WITH = re.compile(
    r"[ ]?[,(]?[ ]?(?:samen |tout |total[a-z]* |insgesamt |overall )?(?:met|inclusief|incl\.?|mee|avec|y compris|with|including|together with|mit"
    r"|inklusive|inkl\.?|einschlie(?:ss|ß)lich|unter einschluss|en comptant|en incluant|when|si)[ ]"
)
_SUPPOSED = re.compile(
    r"(?<![a-z])(?:vermoedelijke?|wellicht|waarschijnlijke?|passend|typische?|dd|meest|probabl[ey]|probablement|likely|typical|consistent|compatible|evoqu[a-z]*"
    r"|wahrscheinlich|vereinbar|typisch|am ehesten|a\.e|vermutlich|in favou?r|suggesti[a-z]*|suggestief|aspect)(?![a-z])"
)
_ELSE_IN_LABEL = ("dcis", "node", "axilla", "margin", "bed", "metastasis", "gap", "benign", "distance")


def is_classed_benign(reading: Reading, number: int, sentence: Sentence, figure: Quantity) -> bool:
    """Whether the finding is given a BI-RADS class of something benign: behind it, or in the next few words."""
    following = [each.start for each in sentence.figures if each.kind == "measure" and each.start > figure.end]
    given = birads(reading, figure.end, following[0] if following else min(sentence.end + 24, len(reading.low)))
    if given is not None:
        return 1 <= given <= 3
    after = reading.document.sentences[number + 1 : number + 2]
    if following or not after or after[0].line != sentence.line or after[0].figures:
        return False
    # A sentence of its own: `Probably benign.`
    return after[0].end - after[0].start < 40 and after[0].has("benign")


def is_called_benign(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a thing on an image is taken for something benign: `a benign-looking 8 mm nodule`, `14 mm, vermoedelijk cyste`."""
    first, _last = sentence.clause(figure.start)
    if any("benign" in m for m in sentence.within(max(first, figure.start - 24), figure.start)):
        return not any(m.any(TUMOUR) for m in sentence.within(max(first, figure.start - 24), figure.start))
    following = [each.start for each in sentence.figures if each.kind == "measure" and each.start > figure.end]
    stop = min(sentence.end, figure.end + 70, *following)
    benign = next((m for m in sentence.within(figure.end, stop) if "benign" in m), None)
    if benign is None:
        return False
    supposed = _SUPPOSED.search(reading.low, figure.end, benign.start) is not None
    return supposed and not any("suspicious_finding" in m for m in sentence.within(figure.end, benign.start))


def is_plainly_bounded(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether an image shows a smooth thing of which nothing bad is said: `een welomschreven opaciteit van 11 mm`."""
    first, last = sentence.clause(figure.start)
    if not any("circumscribed" in m for m in sentence.within(first, last)):
        return False
    return not sentence.has("suspicious_finding", "carcinoma", "invasive", "malignant")


def is_of_other_organ(reading: Reading, sentence: Sentence, owner: Mention, figure: Quantity) -> bool:
    """Whether a lesion is one of the liver, the lung, a node: named beside it, or behind its size."""
    kinds = _ORGANS if reading.is_of_breast else ("node", "axilla", "other_finding")
    if any(m.any((*kinds, "benign", "metastasis")) for m in sentence.within(owner.start - 16, owner.start)):
        return True
    if _is_around_tumour(reading, sentence, owner):
        return True
    if reading.is_of_breast and _VERTEBRA.search(reading.low, owner.end, figure.start):
        return True
    if reading.is_of_breast and not owner.any(("carcinoma", "invasive", "nst", "idc", "ilc")):
        anchors = [m for m in sentence.within(sentence.start, owner.start) if m.any((*_ORGANS, *_PLACES))]
        if anchors and not anchors[-1].any(_PLACES):
            return True
        if _IN_VERTEBRA.match(reading.low, figure.end, sentence.end):
            return True
    between = list(sentence.within(owner.end, figure.start))
    if any(m.any(kinds) and not m.any(("axilla", "node")) for m in between):
        return True
    _, last = sentence.clause(figure.start)
    joined = JOINED.search(reading.low, figure.end, min(last, figure.end + 40))
    for mention in sentence.within(figure.end, joined.start() if joined else min(last, figure.end + 40)):
        if mention.any(("breast", "quadrant", "tumour")):
            return False
        if mention.any(kinds) and "limb" not in mention:
            return True
    return False


def _is_around_tumour(reading: Reading, sentence: Sentence, owner: Mention) -> bool:
    """Whether the tumour only says where something else lies: `DCIS rond haard A`, `a cyst beside the mass`."""
    before = [m for m in sentence.within(owner.start - 40, owner.start) if m.any(("dcis", "benign", "node", "bed"))]
    return bool(before) and _BESIDE.match(reading.low, before[-1].end, owner.start) is not None


def is_with_in_situ(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a measure takes in what is not invasive: `22 mm met in-situcomponent`, `30 mm y compris le CCIS`."""
    _, last = sentence.clause(figure.end)
    joined = _WITH.match(reading.low, figure.end, min(last, figure.end + 40))
    if joined is None:
        return False
    return any("dcis" in m for m in sentence.within(joined.end(), joined.end() + 6))


def is_labelled_otherwise(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether the label of a row says that all of it is of something else: `DCIS: rest van 2 mm`."""
    if not sentence.start < sentence.label_end <= figure.start:
        return False
    label = [m for m in sentence.within(sentence.start, sentence.label_end) if m.any((*TUMOUR, *_ELSE_IN_LABEL))]
    if any(f.kind == "measure" and f.end <= sentence.label_end for f in sentence.figures):
        label = [m for m in label if "distance" not in m]  # `links, 4 cm van de tepel: massa van 18 mm`
    return bool(label) and any(m.any(_ELSE_IN_LABEL) for m in label) and not any(m.any(TUMOUR) for m in label)


def is_before_treatment(reading: Reading, number: int, sentence: Sentence) -> bool:
    """Whether the request of a pathologist tells what there was before chemotherapy: `na NACT voor een tumor van 35 mm`."""
    if reading.section(number) != "clinical" or reading.is_imaging:
        return False
    return sentence.has("neoadjuvant") and not sentence.has("now")

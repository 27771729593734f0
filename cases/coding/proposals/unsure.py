"""Measures that may be the tumour's and may as well be something else's: nothing is proposed then.

What is left out here was seen to be wrong as often as right: a few millimetres on an image, a lower bound, a place, a thing that
has not changed for years, the naked eye against the microscope, a size that the stage contradicts.
"""

import re

from cases.coding.proposals.bystanders import JOINED
from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Sentence

SMALL_MM = 5
_AT_LEAST = re.compile(
    r"(?:minstens|minimaal|minimale?|minimum|tenminste|ten minste|meer dan|au moins|plus de|at least|more than|over|mindestens|wenigstens|mehr als|ruim|(?<![-=])[<>≥≤]=?)[ ]{0,2}$"
)
_LIES = re.compile(
    r"(?:lies|located|situated|sits|starts|ligt|gelegen|gesitueerd|bevindt zich|situee?|siegeant|distante?|liegt|gelegen|sitzt|befindet sich)[ ]{1,2}(?:op |a |at |about |ca\.? )?$"
)
_AWAY = re.compile(
    r"[ ](?:(?:more |weiter |meer |verder |plus )?(?:anterior|posterior|lateral|medial|inferior|superior|ventral|dorsal|kaudal|kranial|caudal|cranial)(?:ly|aal)?(?:[ ](?:davon|hiervon|daarvan|hiervan|ervan|to|of|von|van))?"
    r"|higher|lower|deeper|apart|away|deep|hoger|lager|dieper|verder|plus (?:haut|bas|loin)|hoher|tiefer)[ ]?(?=[,.;)]|$|ligt|lies|a |is |een |davon|daarvan)"
)
_AT = re.compile(r"(?<![a-z])(?:op|at|auf|bei)[ ]{1,2}(?:ca\.? |circa |ongeveer |about |etwa |around )?$")
_MEASURED = re.compile(
    r"(?:gemeten|geschat|begroot|afgenomen|gedaald|measured|estimated|reduced|geschatzt|gemessen|beziffert|verkleinert|reduziert|abgenommen)[ a-z]{0,14}$"
)
_COMPARES = re.compile(
    r"[ ]*(?:in )?(?:compar|vergel[ie]|vergleich|im vergleich|en comparaison|voronderzoek|voraufnahme|examen anterieur|vorig onderzoek|prior|previous)"
)
_MONTH = re.compile(r"(?<![0-9/.-])(?P<month>0?[1-9]|1[0-2])[/.-](?P<year>(?:19|20)[0-9]{2})(?![0-9])")
_FOUND_THEN = re.compile(
    r"(?<![a-z])(?:ed|erstdiagnose|primardiagnose|bij diagnose|at diagnosis|au diagnostic|baseline|voor chemo|avant chimio)(?![a-z])[^.;]{0,40}$"
)
_RECENT_MONTHS = 2
_SURE = ("invasive", "carcinoma", "adenocarcinoma", "nst", "idc", "ilc", "melanoma")
PATHOLOGICAL = ("p", "yp", "pr", "rp")
_MILLIMETRES = {"1mi": (0, 1), "1a": (1, 5), "1b": (5, 10), "1c": (10, 20), "1": (0, 20), "2": (20, 50), "3": (50, 400)}


def is_unsure(reading: Reading, number: int, sentence: Sentence, figure: Quantity, source: str) -> bool:
    """Whether a measure that nothing else claims is still not surely the tumour's."""
    low = reading.low
    before = max(sentence.start, figure.start - 30)
    if _AT_LEAST.search(low, before, figure.start) or _LIES.search(low, before, figure.start):
        return True
    if _AWAY.match(low, figure.end, min(sentence.end, figure.end + 30)):
        return True
    if _AT.search(low, before, figure.start) and not _MEASURED.search(
        low, max(sentence.start, figure.start - 44), figure.start
    ):
        return True
    if _COMPARES.match(low, sentence.start, figure.start):
        return True
    if (
        max(figure.values) <= SMALL_MM
        and source != "stated"
        and not (source == "micro" and sentence.has(*_SURE, "bed"))
    ):
        return True
    return source == "seen" and (_is_of_old(reading, sentence, figure) or _is_told_harmless(reading, sentence, figure))


def _is_of_old(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether it was measured at the diagnosis, or is of a thing that was there before."""
    first, _ = sentence.clause(figure.start)
    lead = sentence.within(sentence.start, figure.start)
    if any("now" in m for m in lead):
        return False
    if _FOUND_THEN.search(reading.low, sentence.start, figure.start):
        return True
    if any("at_start" in m for m in sentence.within(sentence.start, max(sentence.label_end, sentence.start))):
        return True
    month = _MONTH.search(reading.low, sentence.start, min(figure.start, sentence.start + 30))
    latest = reading.speech.latest
    if month is not None and latest is not None:
        since = 12 * (latest.year - int(month["year"])) + latest.month - int(month["month"])
        if since > _RECENT_MONTHS:
            return True
    return any(m.any(("earlier_word",)) for m in sentence.within(first, figure.start))


def _is_told_harmless(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether what follows up to the next measure calls it stable or benign."""
    following = [each.start for each in sentence.figures if each.kind == "measure" and each.start > figure.end]
    stop = min(sentence.end, figure.end + 80, *following)
    for mention in sentence.within(figure.end, stop):
        if "suspicious_finding" in mention or mention.any(_SURE):
            return False
        if mention.any(("benign", "plain_finding")):
            return JOINED.search(reading.low, figure.end, mention.start) is None or "plain_finding" in mention
    return False


def contradicts_stage(stages: set[str], finding: Finding) -> bool:
    """Whether a size that was cut and measured fits none of the pT that the text gives of its tumour."""
    spans = [_MILLIMETRES[stage] for stage in stages if stage in _MILLIMETRES]
    if not spans or len(spans) < len(stages) or finding.source == "seen":
        return False
    size = float(finding.value)
    return not any(low <= size <= high for low, high in spans)

"""Sentences that say values of no tumour, or of one as it was told before: what a laboratory explains, what was reported earlier."""

import re

from cases.coding.proposals.sentences import Document, Sentence

_SCORE = re.compile(r"(?<![0-9])[0-3][ ]?\+")
_BOUND = re.compile(r"[<>≥≤]|[0-9][ ]?-[ ]?1?0")
_MEANS = re.compile(r"[0-3][ ]?\+?[ ]?=[ ]?[a-z0-9]")
_GRADES = re.compile(r"(?<![a-z])(?:grade|graad|grad|g)[ ]?(?P<grade>[1-3]|iii|ii|i)(?![a-z0-9])")
_FROM_ON = re.compile(r"posit[a-z]{2,4} (?:vanaf|from|if|when|a partir d|des|ab|wenn|indien|zodra) ")
_EARLIER = frozenset(
    ["eerder", "vroeger", "voorheen", "aanvankelijk", "auparavant", "precedemment", "anterieurement", "initialement", "previously", "earlier", "initially",
     "originally", "zuvor", "fruher", "ursprunglich", "initial"]
)  # fmt: skip
_REPORTED = re.compile(
    r"(?:gerapporteerd|gemeld|doorgegeven|medegedeeld|beschreven|vermeld|gescoord|rapportee?s?|decrite?s?|mentionnee?s?|communiquee?s?|reported|described|stated"
    r"|scored|berichtet|beschrieben|mitgeteilt|angegeben|befundet)(?![a-z])"
)


def explains(document: Document, sentence: Sentence) -> bool:
    """Whether a sentence says what a laboratory means by its categories."""
    if not sentence.has("er", "pr", "her2", "ki67", "score", "grade_word"):
        return False
    low = document.low[sentence.start : sentence.end]
    scores = {match.group()[0] for match in _SCORE.finditer(low)}
    both = sentence.has("positive") and sentence.has("negative")
    if sentence.has("explains") or _FROM_ON.search(low) or (len(scores) > 1 and both and sentence.has("her2")):
        return True
    percents = {figure.values[0] for figure in sentence.figures if figure.kind == "percent"}
    if percents and percents <= {1.0, 10.0} and (both or sentence.has("low_positive")) and len(_BOUND.findall(low)) > 1:
        return True
    classes = sentence.has("ki67") and len(percents) > 1 and len(_BOUND.findall(low)) > 1
    grades = {match["grade"] for match in _GRADES.finditer(low)}
    return classes or len(grades) > 2 or len(_MEANS.findall(low)) > 1


def reported_earlier(document: Document, sentence: Sentence) -> tuple[int, int] | None:
    """What was reported before and is told again beside what holds now: `eerder werd HER2 2+ gerapporteerd`."""
    earlier = next((m for m in sentence.mentions if m.word in _EARLIER), None)
    if earlier is None or not _REPORTED.search(document.low, sentence.start, sentence.end):
        return None
    now = next((m for m in sentence.mentions if "now" in m and m.start > earlier.end), None)
    return sentence.clause(earlier.start)[0], now.start if now is not None else sentence.end

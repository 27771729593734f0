"""Measures that are no size: how far something lies, how long a stretch is, how much of a core is filled."""

import re

from cases.coding.proposals.owners import OWNERS, WEAK
from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Sentence

_APPROXIMATELY = r"(?:ca\.?[ ]|circa[ ]|environ[ ]|ongeveer[ ]|about[ ]|etwa[ ]|min\.?[ ]|minimaal[ ])?"
_AT = re.compile(
    rf"(?:^|[ (,:])(?:op|a|at|auf|in|tot op|within|binnen|sur)[ ](?:een afstand van[ ]|une distance de[ ]|a distance of[ ])?{_APPROXIMATELY}$"
)
_AWAY = re.compile(
    r"[ ]?(?:van|vanaf|de la|du|des|de l'|d'|from|von|vom|zur|zum|hiervan|daarvan|ervan|afstand|tepel|caudaa?l|craniaa?l|kaudal|kranial"
    r"|mediaa?l|lateraa?l|ventraa?l|dorsaa?l|posterior|anterior|inferior|superior|deep|diep|boven|onder|achter|above|below|behind"
    r"|sous[ ]la|au-dessus|en arriere|en avant|en dedans|en dehors|plus (?:bas|haut)|behind|dahinter|davor|en dessous|entfernt|unterhalb|oberhalb|retroareolair)(?![a-z])"
)
_DIRECTION = re.compile(
    r"[ ](?:posterior|anterior|inferior|superior|lateral|medial|caudal|cranial|deep|distal|proximal)(?:ly)?[ ](?:to|of)[ ]"
    r"|[ ](?:beyond|voorbij|au-dela d|jenseits)"
    r"|[ ](?:caudaal|craniaal|mediaal|lateraal|dorsaal|ventraal|achter|onder|boven)(?:[ ]van|[ ]de|[ ]het)[ ]"
    r"|[ ](?:en dessous|au-dessus|en dehors|en dedans|en arriere)[ ]d"
    r"|[ ](?:kaudal|kranial|lateral|medial|dorsal|ventral|oberhalb|unterhalb|seitlich)[ ](?:von|vom|der|des|davon|hiervon|dazu)"
    r"|[ ](?:caudaal|craniaal|mediaal|lateraal|dorsaal|ventraal|verder)[ ](?:hiervan|daarvan|ervan)"
)
_NIPPLE = re.compile(r"[ ]?(?:fn|ftn|cmfn|from nipple|nac|tepelafstand|mam\.?abstand)(?![a-z])")
_THAN = re.compile(
    r"(?:kleiner|groter|minder|meer|dikker)[ ](?:dan|als)[ ]$|(?:smaller|larger|less|more|greater|bigger)[ ]than[ ]$|(?:kleiner|grosser|weniger|mehr)[ ]als[ ]$"
    r"|(?:inferieure?s?|superieure?s?|plus petite?|plus grande?)[ ](?:a|que|de)[ ]$"
)
_ALONG = re.compile(
    rf"(?:^|[ (,])(?:over|sur|uber|auf)[ ](?:(?:een|une|a|eine[rs]?)[ ][a-z]{{4,12}}[ ](?:van|de|of|von)[ ])?{_APPROXIMATELY}$"
)
_TO_OTHERS = re.compile(
    r"[ ]?(?:van|tot|du|de la|des|de|from|to|von|vom|zur|zum|bis|a la)(?:[ ](?:de|het|la|le|the|der|dem|den))?[ ]?"
)
_IN_CORE = re.compile(r"[ ](?:in|dans|im|op|sur|van|of)[ ]")
_EXTENDS = re.compile(
    r"(?:extend|uitstrek|uitgebreid|s'eten|etend|erstreck|ausgedehn)[a-z]{0,8}[ ](?:zich |sich )?(?:over|sur|uber|auf)[ ]"
)
_HOLDS = re.compile(r"(?:bevat(?:te|ten)?|contient|contenait|contain(?:s|ed|ing)?|enthalt|enthielt)[ ][a-z ]{0,20}$")


def is_distance(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """`op 4 mm van het snijvlak`, `à 5 cm du mamelon`, `35 mm from the nipple`, `3 mm breed`."""
    low = reading.low
    stop = min(sentence.end, figure.end + 30)
    at = _AT.search(low, max(sentence.start, figure.start - 34), figure.start) is not None
    if _NIPPLE.match(low, figure.end, stop) or _DIRECTION.match(low, figure.end, stop):
        return True
    if at and _AWAY.match(low, figure.end, stop):
        return True
    away = _TO_OTHERS.match(low, figure.end, stop)
    if away is not None:
        following = next(iter(sentence.within(away.end(), away.end() + 24)), None)
        if following is not None and following.any(("distance", "margin", "axilla")):
            return True
    following = next(iter(sentence.within(figure.end, figure.end + 14)), None)
    return (
        following is not None
        and following.any(("distance", "margin"))
        and not low[figure.end : following.start].strip()
    )


def is_between_or_along(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """A distance between two things, the length in a core."""
    first, last = sentence.clause(figure.start)
    if _THAN.search(reading.low, max(sentence.start, figure.start - 24), figure.start):
        return True
    margins = [m for m in sentence.within(first, figure.start) if "margin" in m]
    if margins and not any(
        m.any(("size_word", "tumour", "carcinoma", "adenocarcinoma"))
        for m in sentence.within(margins[-1].end, figure.start)
    ):
        return True
    if any("gap" in m for m in sentence.within(max(first, figure.start - 44), min(last, figure.end + 22))):
        return True
    behind = sentence.within(figure.end, min(last, figure.end + 30))
    return _IN_CORE.match(reading.low, figure.end, last) is not None and any(
        m.any(("biopsy", "core_length")) for m in behind
    )


def is_along(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a stretch is told: `over 15 mm`, where it is not the size of the tumour itself."""
    along = _ALONG.search(reading.low, max(sentence.start, figure.start - 44), figure.start)
    return along is not None and not _is_spread(reading, sentence, figure)


def _is_spread(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether `over 62 mm` is the size after all: on images, and of an invasive carcinoma that extends so far in a specimen."""
    first, _ = sentence.clause(figure.start)
    before = [m for m in sentence.within(first, figure.start) if m.any(OWNERS) or "extent" in m]
    if reading.is_imaging:
        return not any("extent" in m for m in before)
    owners = [m for m in before if not m.any(WEAK)]
    invasive = (
        bool(owners) and owners[-1].any(("carcinoma", "invasive", "nst", "idc", "ilc")) and "dcis" not in owners[-1]
    )
    return invasive and not reading.is_biopsy and _EXTENDS.search(reading.low, first, figure.start) is not None


def is_along_core(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a length is told, or what a core holds: `over een lengte van 8 en 6 mm`, `het langste fragment bevatte 9 mm tumor`."""
    first, last = sentence.clause(figure.start)
    if any("core_length" in m for m in sentence.within(first, min(last, figure.end + 16))):
        return True
    return _HOLDS.search(reading.low, max(first, figure.start - 40), figure.start) is not None and any(
        "biopsy" in m for m in sentence.within(first, figure.start)
    )

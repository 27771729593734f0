"""All rules on one text, and what is left where they say different things."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from cases.coding.proposals.dates import dates
from cases.coding.proposals.grades import grades
from cases.coding.proposals.her2 import her2, ki67
from cases.coding.proposals.morphology import morphology
from cases.coding.proposals.nodes import nodes
from cases.coding.proposals.proposal import FIELDS, Proposal, Value
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.receptors import receptors
from cases.coding.proposals.sides import LEFT, RIGHT, birads
from cases.coding.proposals.sizes import sizes
from cases.coding.proposals.tnm import editions, tnm
from cases.coding.proposals.topography import topography
from cases.coding.proposals.tumours import Tumours, tumours
from cases.coding.proposals.unsure import PATHOLOGICAL, contradicts_stage

_RULES = (tnm, editions, receptors, her2, ki67, grades, sizes, nodes, topography, morphology, dates)
_ONE_ANSWER = frozenset(
    ["t", "n", "m", "size_mm", "er", "pr", "er_percent", "pr_percent", "her2_ihc", "her2_ish", "ki67_percent", "grade", "icdo3_topography",
     "icdo3_morphology", "nodes_positive", "nodes_examined"]
)  # fmt: skip
_CANCER = ("carcinoma", "adenocarcinoma", "melanoma", "dcis", "nst", "idc", "ilc", "her2", "ki67")
_BREAST_CANCER = ("tumorous", "suspicious_finding", "quadrant", "er", "bed")
# A lump may be anything; these words are only used of what may be cancer.
_TUMOUR = re.compile(r"(?:tumor|tumeur|tumour|recidief|recidive|rezidiv|recurrence)")
_CLINIC = re.compile(r"(?<![A-Za-z0-9])[PMU][345](?![0-9A-Za-z])")


def propose(text: str) -> list[Proposal]:
    """What a text proposes, in the order of the text; `start` and `end` count its characters.

    Pure and deterministic; the time grows with the length of the text and no faster.
    """
    return propose_and_overruled(text)[0]


def propose_and_overruled(text: str) -> tuple[list[Proposal], list[Proposal]]:
    """What `propose` gives, and beside it what a text says of a receptor in words elsewhere, against its own percentage.

    The percentage decides; that another sentence denies it (90 % here, negative there) is for somebody to see.
    """
    if not text.strip():
        return [], []
    reading = Reading(text)
    found = tumours(reading)
    findings = [finding for rule in _RULES for finding in rule(reading)]
    findings.extend(_lateralities(reading, found))
    if not _speaks_of_cancer(reading, found, findings):
        return [], []
    if _is_benign_imaging(reading):
        findings = [finding for finding in findings if finding.field == "date"]
    numbered, _halves = _with_both_counts([(found.number(f.start, f.field, f.sentence), f) for f in findings])
    said, second = _first_only(reading, list(_settled(reading, numbered)))
    # Of 1/2 and 1/11 the text says one number of positive nodes and two of examined ones: the one is half of either count.
    said, halves = _with_both_counts(said)
    return _in_order(reading, said), _in_order(reading, [*_overruled(numbered), *second, *halves])


def _in_order(reading: Reading, numbered: Iterable[tuple[int, Finding]]) -> list[Proposal]:
    span = reading.document.plain.span
    proposals = {Proposal(f.field, f.value, tumour, *span(f.start, f.end)) for tumour, f in numbered}
    return sorted(proposals, key=lambda p: (p.start, p.end, FIELDS.index(p.field), p.tumour, str(p.value)))


def _speaks_of_cancer(reading: Reading, found: Tumours, findings: list[Finding]) -> bool:
    """Whether a tumour is what the text is about; elsewhere a date or a grade means something else."""
    if any(
        f.field in ("t", "n", "m", "er", "pr", "her2_ihc", "her2_ish", "icdo3_morphology", "icdo3_topography")
        for f in findings
    ):
        return True
    if any(side.weight >= 3 for side in found.sides):
        return True
    nouns = (*_CANCER, *_BREAST_CANCER) if reading.is_of_breast else _CANCER
    named = [
        (sentence, mention)
        for _, sentence, mention in reading.own_mentions(*nouns, "tumour")
        if mention.any(nouns) or reading.is_imaging or _TUMOUR.search(mention.word)
    ]
    if reading.is_of_breast and _CLINIC.search(reading.cased):
        return True
    if any((birads(reading, sentence.start, sentence.end) or 0) >= 4 for _, sentence in reading.own()):
        return True
    return any(
        not reading.is_denied(sentence, mention.start, mention.end, 60) and "benign" not in mention
        for sentence, mention in named
        if reading.is_of_breast or mention.any(_CANCER)
    )


def _is_benign_imaging(reading: Reading) -> bool:
    """Whether every class that is given to an image is one of something benign, and no cancer is spoken of."""
    classes = [
        found for _, sentence in reading.own() if (found := birads(reading, sentence.start, sentence.end)) is not None
    ]
    if not reading.is_imaging or not classes or max(classes) > 3 or min(classes) == 0:
        return False
    return not any(
        not reading.is_denied(sentence, mention.start, mention.end, 60)
        for _, sentence, mention in reading.own_mentions(*_CANCER)
    )


def _lateralities(reading: Reading, found: Tumours) -> Iterator[Finding]:
    """The sides of the tumours."""
    if not reading.is_of_breast and not _is_of_pair(reading):
        return
    told = [sum(side.weight for side in found.sides if side.side == which) for which in (LEFT, RIGHT)]
    if not found.keys and told[0] == told[1]:
        return  # as much is said of the one as of the other
    for side in found.sides:
        told_of_one = len(found.keys) > 1 and side.weight >= 1 and found.key(side.start) != ""
        if side.weight and (found.by_side or told_of_one or side.side == found.side):
            yield Finding("laterality", side.side, side.start, side.end, side.sentence)


def _with_both_counts(
    numbered: list[tuple[int, Finding]],
) -> tuple[list[tuple[int, Finding]], list[tuple[int, Finding]]]:
    """Without half of a count of nodes, and these halves: whoever looked at them by microscope says how many, and in how many there is
    something."""
    counted = {(tumour, finding.field) for tumour, finding in numbered}
    other = {"nodes_positive": "nodes_examined", "nodes_examined": "nodes_positive"}
    kept: list[tuple[int, Finding]] = []
    halves: list[tuple[int, Finding]] = []
    for tumour, finding in numbered:
        is_half = finding.field in other and (tumour, other[finding.field]) not in counted
        (halves if is_half else kept).append((tumour, finding))
    return kept, halves


def _is_of_pair(reading: Reading) -> bool:
    """Whether the organ that a text names most is one of two."""
    pair = sum(1 for _ in reading.own_mentions("limb", "paired_organ"))
    return pair > sum(1 for _ in reading.own_mentions("unpaired_organ"))


def _settled(reading: Reading, numbered: list[tuple[int, Finding]]) -> Iterator[tuple[int, Finding]]:
    """Without what gives way: gross size to a microscopic one, DCIS to the invasive tumour, words to a percentage."""
    fields: dict[tuple[int, str], set[str]] = {}
    measured: dict[tuple[int, str], set[Value]] = {}
    stages: dict[int, set[str]] = {}
    for tumour, finding in numbered:
        fields.setdefault((tumour, finding.field), set()).add(finding.source)
        if finding.field == "t" and finding.source in PATHOLOGICAL:
            stages.setdefault(tumour, set()).add(str(finding.value))
        if finding.source == "percent":
            measured.setdefault((tumour, finding.field), set()).add(finding.value)
    for tumour, finding in numbered:
        sources = fields[tumour, finding.field]
        if finding.field == "size_mm" and finding.source == "gross" and sources & {"micro", "stated"}:
            continue
        if (
            finding.field == "size_mm"
            and reading.is_of_breast
            and contradicts_stage(stages.get(tumour, set()), finding)
        ):
            continue
        in_situ = finding.source == "dcis" and finding.field in ("grade", "icdo3_morphology")
        if in_situ and (reading.invasive or sources - {"dcis"}):
            continue
        if finding.source in ("words", "triple") and finding.field in ("er", "pr"):
            decided = measured.get((tumour, finding.field))
            if decided and finding.value not in decided:
                continue
        yield tumour, finding


def _first_only(
    reading: Reading, numbered: list[tuple[int, Finding]]
) -> tuple[list[tuple[int, Finding]], list[tuple[int, Finding]]]:
    """What a report says first of a field that has one answer, and what it says against it further on: of another tumour, of
    another time, or a slip of the pen. A report that is pasted below is heard for itself."""
    said: list[tuple[int, Finding]] = []
    second: list[tuple[int, Finding]] = []
    first: dict[tuple[int, str, str, int], Value] = {}
    undecided = _undecided(reading, numbered)
    # The row that asks for the size of the tumour comes before what prose says of it.
    for tumour, finding in sorted(numbered, key=lambda one: (one[1].source != "stated", one[1].start)):
        if finding.field in _ONE_ANSWER:
            key = (tumour, finding.field, _kind_of(reading, finding), reading.report(finding.start))
            if first.setdefault(key, finding.value) != finding.value or key in undecided:
                second.append((tumour, finding))
                continue
        said.append((tumour, finding))
    return said, second


def _undecided(reading: Reading, numbered: list[tuple[int, Finding]]) -> set[tuple[int, str, str, int]]:
    """Where a report says different things of one field, and none more often than the others: two tumours, two times, a slip."""
    told: dict[tuple[int, str, str, int], list[Finding]] = {}
    for tumour, finding in numbered:
        if finding.field in _ONE_ANSWER:
            key = (tumour, finding.field, _kind_of(reading, finding), reading.report(finding.start))
            told.setdefault(key, []).append(finding)
    found = set()
    before_treatment = any(True for _ in reading.own_mentions("neoadjuvant"))
    for key, findings in told.items():
        counted = Counter(finding.value for finding in findings).most_common(2)
        if len(counted) < 2 or counted[0][1] > counted[1][1]:
            continue
        if key[1] == "size_mm":
            stated = any(finding.source == "stated" for finding in findings)
            # What comes first and is the largest is the tumour, unless it was so before a treatment.
            first = min(findings, key=lambda finding: finding.start)
            largest = first.value == max(float(finding.value) for finding in findings)
            if stated or (largest and not before_treatment):
                continue
        if key[1] not in ("er", "pr"):
            found.add(key)
    return found


def _kind_of(reading: Reading, finding: Finding) -> str:
    """Of what a field has one answer: a T or N of each classification, a size of each method that saw it."""
    if finding.field in ("t", "n"):
        return finding.source
    if finding.field == "size_mm":
        return reading.method(finding.start) if finding.source == "seen" else "cut"
    return ""


def _overruled(numbered: list[tuple[int, Finding]]) -> Iterator[tuple[int, Finding]]:
    """The words that say negative where a percentage of another sentence does not, or the other way round."""
    negative: dict[tuple[int, str], set[bool]] = {}
    sentences: dict[tuple[int, str], set[int]] = {}
    for tumour, finding in numbered:
        if finding.source == "percent" and finding.field in ("er", "pr"):
            negative.setdefault((tumour, finding.field), set()).add(finding.value == "negative")
            sentences.setdefault((tumour, finding.field), set()).add(finding.sentence)
    for tumour, finding in numbered:
        key = (tumour, finding.field)
        if finding.source not in ("words", "triple") or key not in negative:
            continue
        if negative[key] == {finding.value != "negative"} and finding.sentence not in sentences[key]:
            yield tumour, finding


def fields_of(proposals: Iterable[Proposal]) -> dict[tuple[int, str], list[Proposal]]:
    """The proposals of each field of each tumour, in the order of the text."""
    grouped: dict[tuple[int, str], list[Proposal]] = {}
    for proposal in proposals:
        grouped.setdefault((proposal.tumour, proposal.field), []).append(proposal)
    return grouped

"""What is told of the fictional patients: dossiers after ``cases/dossiers/definitions/breast.yaml``, questions, recommendations.

Each of the plots (``plots.py``) is told with another side, place and size as often as needed.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from cases.dossiers.form import clean
from mdo.demo.plots import PLOTS, Outcome


@dataclass(frozen=True)
class Story:
    """One case: the person behind it, what is asked, the dossier (canonical) and what would come of it."""

    title: str
    age: int
    sex: str
    question: str
    reason: str
    case: dict[str, Any]
    tumours: tuple[dict[str, Any], ...]
    outcome: Outcome
    trial: str


_SIDES = {"left": "links", "right": "rechts"}
_QUADRANTS = (
    ("C50.4", "superolateraal"),
    ("C50.2", "superomediaal"),
    ("C50.5", "inferolateraal"),
    ("C50.1", "retroareolair"),
    ("C50.3", "inferomediaal"),
)


BILATERAL = next(n for n, plot in enumerate(PLOTS) if plot.other_side)


def story(n: int, today: date) -> Story:
    """The story number ``n``, always the same but for its dates; ``today`` is the day on which it is told."""
    plot, turn = PLOTS[n % len(PLOTS)], n // len(PLOTS)
    side = ("left", "right")[(n + turn) % 2]
    topography, place = _QUADRANTS[3] if plot.sex == "male" else _QUADRANTS[(n + 2 * turn) % len(_QUADRANTS)]
    age = plot.ages[0] + (5 * turn + 3) % (plot.ages[1] - plot.ages[0])
    size, ki67 = plot.size + (turn * 3) % 5 - 2, max(1, plot.ki67 + turn * 2 - 3)
    words = {
        "side": _SIDES[side],
        "place": place,
        "size": size,
        "age": age,
        "ki67": ki67,
        "report": f"B{today:%y}-{2100 + 137 * n % 7000:04d}",
    }
    incidence = today - timedelta(days=16 + 5 * (n % 4))
    tumour = {
        "laterality": side,
        "topography": topography,
        "incidence_date": incidence.isoformat(),
        "basis_of_diagnosis": "2",
        "morphology": "8500/3",
        "size_imaging": str(size),
        "ki67": ki67,
        **plot.tumour,
    }
    tumours = [tumour]
    if plot.other_side:
        other = "right" if side == "left" else "left"
        tumours.append({**tumour, "laterality": other, "topography": "C50.4", **plot.other_side})
    case = {
        "clinical_summary": plot.summary.format(**words),
        "comorbidity": plot.comorbidity or "Geen relevante comorbiditeit.",
        "family_history": plot.family or "Geen borst- of ovariumcarcinoom in de familie.",
        "menopause": "not_applicable" if plot.sex == "male" else "post" if age >= 52 else "pre",
        "performance_status": plot.performance,
        "imaging_findings": plot.imaging.format(**words),
        "image_references": f"MG-{104000 + 11 * n}, US-{104001 + 11 * n}",
        "pathology_findings": plot.pathology.format(**words),
        # One in four stands in the report only, as in a dossier of before there was a question for it.
        "pathology_numbers": words["report"] if n % 4 else "",
        "wishes": plot.wishes,
        "psychosocial": plot.psychosocial,
        "trial_considered": "yes" if plot.trial else "no",
        "trial_name": plot.trial,
    }
    return Story(
        title=plot.title,
        age=age,
        sex=plot.sex,
        question=plot.question.format(**words),
        reason=plot.reason,
        case=clean("breast", "case", case, today=today),
        tumours=tuple(clean("breast", "tumour", each, today=today) for each in tumours),
        outcome=plot.outcome,
        trial=plot.trial,
    )

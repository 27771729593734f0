"""What the demonstration's boards agreed beside their steps, and what its people later say became of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from mdo.demo.dossiers import Told, door
from mdo.demo.network import Town
from mdo.kernel.ids import new_id
from meetings.actions.following_up import answer_follow_up, finish_action
from meetings.models import AgendaItem, DecisionAction, FollowUp

# By the kind of a step: what somebody does for it, and within how many days. Fictional; nobody is advised by it.
_ACTIONS: Mapping[str, tuple[str, int]] = {
    "examination": ("Onderzoek aanvragen en de uitslag doorgeven", 10),
    "chemotherapy": ("Intake op de dagkliniek vastleggen", 7),
    "radiotherapy": ("Afspraak op radiotherapie vragen", 14),
    "surgery": ("Operatiedatum met de patiënt vastleggen", 14),
}

_FORGOTTEN = 7  # one of so many actions is overdue

# What became of the first decisions, in turn; the rest still waits for an answer.
_ANSWERS: Sequence[tuple[str, str, str]] = (
    ("carried_out", "", ""),
    ("carried_out", "", ""),
    ("partly", "patient_condition", "Tweede middel gestopt wegens neuropathie."),
    ("carried_out", "", ""),
    ("not", "patient_wish", "Wil eerst met haar familie overleggen en komt later terug."),
)


def agreed(told: Told, item: AgendaItem, day: datetime) -> dict[str, Any]:
    """Guideline, trial, who informs the patient, and the actions, as the secretary writes them."""
    outcome, trial = told.story.outcome, told.story.trial
    requester = item.referral.requester_id if item.referral is not None else None
    kinds = [kind for kind, _text in outcome.steps if kind in _ACTIONS]
    actions = [
        {
            "id": str(new_id()),
            "text": _ACTIONS[kind][0],
            "owner": str(requester),
            "name": "",
            "due": (day + timedelta(days=_ACTIONS[kind][1])).date().isoformat(),
        }
        for kind in dict.fromkeys(kinds)
    ]
    return {
        "guideline": "deviation" if outcome.deviation else "none" if outcome.intent == "palliative" else "followed",
        "trial": "proposed" if trial else "none_fits" if told.number % 3 == 0 else "",
        "trial_name": trial,
        "informs": "gp" if told.number % 5 == 4 else "requester",
        "informs_who": "",
        "actions": actions[: 1 + told.number % 2],
    }


def answer(town: Town, meeting_id: UUID, at: datetime) -> None:
    """The organiser's secretary says what became of the first decisions of a sitting, and that what was due is done, but for a few."""
    with door(town, "secretary", at) as secretary:
        rows = FollowUp.objects.filter(decision__meeting=meeting_id).order_by("item__position")
        for row, (outcome, reason, words) in zip(rows, _ANSWERS, strict=False):
            answer_follow_up(
                by=secretary,
                follow_up_id=row.pk,
                version=row.version,
                outcome=outcome,
                reason=reason,
                note_text=words,
                command_id=new_id(),
            )
        due = DecisionAction.objects.filter(due_on__lt=at.date()).order_by("due_on", "pk")
        for n, each in enumerate(due):
            if n % _FORGOTTEN:
                finish_action(by=secretary, action_id=each.pk, version=each.version, done=True, command_id=new_id())

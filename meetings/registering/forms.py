"""Which form registers a tumour. Pure; decided apart from the billing code: every new cancer is registered, discussed or not."""

from __future__ import annotations

from dataclasses import dataclass

from meetings.registering.facts import NONE, Discussed, Past, TumourFacts
from meetings.registering.reasons import Reason
from meetings.rulesets.registration import Registration


@dataclass(frozen=True, slots=True)
class FormVerdict:
    """``kind``: the code of the form, empty where none applies."""

    kind: str
    reasons: tuple[Reason, ...]


def form_for(rules: Registration, discussed: Discussed, tumour: TumourFacts, past: Past) -> FormVerdict:
    """The form of one tumour after one decision, with what speaks for it or against. What somebody chose counts before the rules."""
    if tumour.chosen:
        kind = "" if tumour.chosen == NONE else tumour.chosen
        return FormVerdict(kind, (Reason("chosen", bool(kind)),))
    if tumour.behaviour and tumour.behaviour not in rules.behaviours:
        return FormVerdict("", (Reason("benign", False),))
    new, follow_up = discussed.reason in rules.new, discussed.reason in rules.follow_up
    if not new and not follow_up:
        return FormVerdict("", (Reason("unknown_reason", False),))
    if not discussed.with_discussion:
        return _without_discussion(new=new, past=past)
    if new:
        return FormVerdict("new_diagnosis", (Reason("second_discussion" if past.new else "new_cancer", True),))
    if discussed.reason in rules.keeps_new and past.registered and not past.went_on:
        return FormVerdict("new_diagnosis", (Reason("still_new", True),))
    reasons = [Reason("follow_up", True)]
    if not past.registered:
        reasons.append(Reason("not_registered_here", False))
    return FormVerdict("follow_up", tuple(reasons))


def _without_discussion(*, new: bool, past: Past) -> FormVerdict:
    if not new:
        return FormVerdict("", (Reason("not_discussed", False), Reason("not_new", False)))
    if past.registered:
        return FormVerdict("", (Reason("already_registered", False),))
    return FormVerdict("without_discussion", (Reason("new_cancer", True), Reason("not_discussed", True)))

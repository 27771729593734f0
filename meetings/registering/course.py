"""A patient's discussions in their order: what each one is depends on those before it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meetings.registering.billing import BillingVerdict, billing_for
from meetings.registering.facts import Discussed, Id, Past, TumourFacts
from meetings.registering.forms import FormVerdict, form_for
from meetings.rulesets import RuleSet


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one decision gives: the form of each tumour, in their order, and the billing of the case."""

    forms: tuple[tuple[TumourFacts, FormVerdict], ...]
    billing: BillingVerdict


class _Cancers:
    """The cancers of one patient: a tumour is the same one by its id, and in another case by its place and side."""

    def __init__(self) -> None:
        self.by_tumour: dict[str, Past] = {}
        self.by_looks: dict[tuple[str, str], tuple[Id, Past]] = {}

    def of(self, case: Id, tumours: Sequence[TumourFacts]) -> list[Past]:
        """One past for each tumour. Within a case two tumours that look alike are two."""
        if not tumours:
            return [self.by_tumour.setdefault(f"case:{case}", Past())]
        found: list[Past] = []
        for tumour in tumours:
            past = self.by_tumour.get(str(tumour.id))
            if past is None and tumour.looks is not None:
                elsewhere = self.by_looks.get(tumour.looks)
                if elsewhere is not None and elsewhere[0] != case and not any(elsewhere[1] is each for each in found):
                    past = elsewhere[1]
            past = past or Past()
            self.by_tumour[str(tumour.id)] = past
            found.append(past)
        for tumour, past in zip(tumours, found, strict=True):
            if tumour.looks is not None:
                self.by_looks.setdefault(tumour.looks, (case, past))
        return found


def verdicts(discussions: Iterable[tuple[RuleSet, Discussed]]) -> dict[Id, Verdict]:
    """By item, for the signed decisions of one patient, each under the rules of its board. A rule set without registration gives none."""
    cancers, found = _Cancers(), {}
    for rules, discussed in sorted(discussions, key=lambda pair: (pair[1].at, str(pair[1].item))):
        if rules.registration is None:
            continue
        past = cancers.of(discussed.case, discussed.tumours)
        forms = tuple(
            (tumour, form_for(rules.registration, discussed, tumour, each))
            for tumour, each in zip(discussed.tumours, past, strict=False)
        )
        billing = billing_for(rules, discussed, past)
        found[discussed.item] = Verdict(forms, billing)
        went_on = discussed.reason in rules.registration.follow_up - rules.registration.keeps_new
        for each, (_tumour, form) in zip(past, forms, strict=False):
            each.new |= form.kind == "new_diagnosis"
            each.registered |= bool(form.kind)
            each.went_on |= went_on and bool(form.kind)
            if discussed.reason in rules.registration.new and form.kind:
                each.went_on = False
        for each in past:
            if billing.applies or discussed.elsewhere:
                each.first_held = True
            if billing.applies:
                each.held_at.add(discussed.organiser)
    return found

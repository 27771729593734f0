"""The dossier as it was discussed: kept when a board had it on the table, and carried forward when it comes back.

Called inside actions, which hold the locks and asked for the right.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, TextField
from django.db.models.functions import Cast, JSONObject

from cases.dossiers import Dossier, Level, clean, dossier
from cases.models import Case, Discussion, Referral, Tumour
from mdo.directory.access import today
from mdo.kernel.clock import now

KEPT = (Referral.Status.DISCUSSED, Referral.Status.POSTPONED)


def keep(referral: Referral) -> None:
    """Keep the dossier as it lies on the table now, with what became of the referral. Effects: one row."""
    tumours = Tumour.objects.filter(case=OuterRef("pk")).order_by("position")
    together = JSONObject(id=Cast("pk", TextField()), data="data")
    case = Case.objects.annotate(lying=ArraySubquery(tumours.values(one=together))).get(pk=referral.case_id)
    Discussion.objects.create(
        hospital_id=case.hospital_id,
        case=case,
        referral=referral,
        outcome=referral.status,
        at=now(),
        dossier=case.dossier,
        dossier_version=case.dossier_version,
        data=case.data,
        tumours=case.lying,
    )


def forget_last(referral: Referral) -> None:
    """Take the newest one of the referral away again: the step that made it is undone a moment later."""
    newest = referral.discussions.order_by("-at", "-pk").first()
    if newest is not None:
        newest.delete()


def carried(form: Dossier, level: Level, data: Mapping[str, Any]) -> dict[str, Any]:
    """Answers of an earlier discussion by the newest form: what it does not take any more is left out."""
    known = {field.key for field in form.fields(level)}
    answers = {key: value for key, value in data.items() if key in known}
    while True:
        try:
            return clean(form, level, answers, today=today())
        except ValidationError as refused:
            wrong = set(refused.message_dict) & set(answers)
            if not wrong:
                return clean(form, level, {}, today=today())
            answers = {key: value for key, value in answers.items() if key not in wrong}


def to_confirm(form: Dossier, level: Level, data: Mapping[str, Any]) -> list[str]:
    """Which carried answers somebody has to confirm: those that the dossier says may be others by now."""
    return [field.key for field in form.fields(level) if field.confirm_when_copied and data.get(field.key)]


def begin_from(case: Case, discussion: Discussion, tumour_ids: Iterable[UUID]) -> None:
    """Fill a new case with the answers of an earlier discussion of the same patient. Effects: its answers and tumours, marked."""
    form = dossier(case.dossier, case.dossier_version)
    case.data = carried(form, "case", discussion.data)
    case.carried_from, case.to_confirm = discussion, to_confirm(form, "case", case.data)
    case.save(update_fields=["data", "carried_from", "to_confirm"])
    ids = zip(tumour_ids, discussion.tumours, strict=False)
    for position, (tumour_id, earlier) in enumerate(ids, start=1):
        data = carried(form, "tumour", earlier["data"])
        Tumour.objects.create(
            id=tumour_id,
            hospital_id=case.hospital_id,
            case=case,
            position=position,
            data=data,
            to_confirm=to_confirm(form, "tumour", data),
        )


def bring_back(case: Case) -> bool:
    """Mark the answers of a case that was discussed before and goes to a board again. Whether there was such a discussion."""
    last = case.discussions.filter(outcome=Referral.Status.DISCUSSED).order_by("-at").first()
    if last is None or case.carried_from_id == last.pk:
        return False
    form = dossier(case.dossier, case.dossier_version)
    case.carried_from, case.to_confirm = last, to_confirm(form, "case", case.data)
    case.save(update_fields=["carried_from", "to_confirm"])
    for tumour in case.tumours.all():
        tumour.to_confirm = to_confirm(form, "tumour", tumour.data)
        tumour.save(update_fields=["to_confirm"])
    return True


def still_to_confirm(waiting: Iterable[str], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What waits on after a change: an answer that was given anew or taken away needs no confirmation."""
    return [key for key in waiting if key in after and after[key] == before.get(key)]

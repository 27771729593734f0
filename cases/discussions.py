"""The dossier as it was discussed: kept when a board had it on the table, and carried forward when it comes back.

Called inside actions, which hold the locks and asked for the right.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection

from cases.dossiers import Dossier, Level, clean, dossier
from cases.models import Case, Discussion, Referral, Tumour
from mdo.directory.access import today
from mdo.kernel.ids import new_id

KEPT = (Referral.Status.DISCUSSED, Referral.Status.POSTPONED)


_MOVE_AND_KEEP = """
WITH moved AS (
    UPDATE cases_referral SET status = %(status)s, version = %(version)s, changed_at = %(at)s, returned_reason = %(returned)s
    WHERE id = %(referral)s RETURNING id, case_id, hospital_id
)
INSERT INTO cases_discussion (id, hospital_id, case_id, referral_id, outcome, at, dossier, dossier_version, data, tumours)
SELECT %(id)s, c.hospital_id, c.id, moved.id, %(status)s, %(at)s, c.dossier, c.dossier_version, c.data, coalesce(
    (SELECT jsonb_agg(jsonb_build_object('id', t.id::text, 'data', t.data, 'profile', t.profile) ORDER BY t.position)
     FROM cases_tumour t WHERE t.case_id = c.id), '[]')
FROM moved JOIN cases_case c ON c.id = moved.case_id
"""


def move_and_keep(referral: Referral) -> None:
    """Store where the referral stands now, and with it the dossier as it lies on the table. One statement for both: a command of the
    room has few, and the dossier does not travel here and back."""
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_AND_KEEP,
            {
                "id": new_id(),
                "referral": referral.pk,
                "status": referral.status,
                "version": referral.version,
                "at": referral.changed_at,
                "returned": referral.returned_reason,
            },
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

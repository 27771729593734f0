"""The page on which one answer of a dossier is given: its address names the question by a number that tells nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.crypto import salted_hmac

from cases.dossiers import Level, dossier
from cases.dossiers.definition import Field
from cases.models import Case, Tumour


@dataclass(frozen=True, slots=True)
class Question:
    """One question of one case: its level, its field and, on the level of tumours, the tumour with its number from 1."""

    level: Level
    field: Field
    tumour: Tumour | None = None
    number: int | None = None


def answer_id(case_id: UUID, tumour_id: UUID | None, key: str) -> UUID:
    """How an address or a mail names a question. Which questions are asked tells of the answers that are known (HER2 by ISH: IHC is
    2+), so that the key itself stands nowhere outside of the page."""
    return UUID(bytes=salted_hmac("mdo.answers", f"{case_id}:{tumour_id}:{key}", algorithm="sha256").digest()[:16])


def address(case_id: UUID, tumour_id: UUID | None, key: str) -> str:
    """The path of the page that asks this one question."""
    return reverse("cases:answer", args=[case_id, answer_id(case_id, tumour_id, key)])


def question(case: Case, tumours: Sequence[Tumour], wanted: UUID) -> Question | None:
    """The question of a case with that number; ``None`` where it has none."""
    form = dossier(case.dossier, case.dossier_version)
    for field in form.fields("case"):
        if answer_id(case.pk, None, field.key) == wanted:
            return Question("case", field)
    for number, tumour in enumerate(tumours, start=1):
        for field in form.fields("tumour"):
            if answer_id(case.pk, tumour.pk, field.key) == wanted:
                return Question("tumour", field, tumour, number)
    return None

"""What changed in a dossier since it was last on a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from cases.access import visible_discussions
from cases.dossiers import Change, Level, changes
from cases.models import Case, Discussion, Document, Referral, Tumour
from cases.views.dossier import definition, heads, shown_fields
from mdo.kernel.acting import Actor


@dataclass(frozen=True, slots=True)
class Since:
    """Answer by answer, the tumour's name before its questions where there are several; documents that came since."""

    at: datetime
    board: str
    postponed: bool
    changes: tuple[Change, ...]
    documents: tuple[Document, ...]
    tumours_before: int
    tumours_now: int


def last_discussion(by: Actor, case: Case, referral: Referral | None = None) -> Discussion | None:
    """The last time that the case, or the one whose answers it carries, lay on a table as far as ``by`` may know of it.

    While ``referral`` is on the table that is the time before: what is kept of its own discussion does not count.
    """
    found = visible_discussions(by).select_related("referral__board")
    own = found.filter(case=case)
    if referral is not None:
        own = own.exclude(referral=referral, outcome=Referral.Status.DISCUSSED)
    return own.order_by("-at").first() or (
        found.filter(pk=case.carried_from_id).first() if case.carried_from_id is not None else None
    )


def since(
    by: Actor,
    case: Case,
    tumours: Sequence[Tumour],
    documents: Sequence[Document],
    language: str | None,
    *,
    referral: Referral | None = None,
    guest: bool = False,
    pseudonyms: bool = False,
) -> Since | None:
    """What changed since then; ``None`` where the case was on no table yet. One query, two for a case that carries answers."""
    last = last_discussion(by, case, referral)
    if last is None:
        return None
    found = _changes(case, "case", last.data, case.data, language, guest, pseudonyms)
    before = tumours_then(last, case, tumours)
    several = len(tumours) > 1
    for head, tumour in zip(heads(case, tumours, language), tumours, strict=True):
        if str(tumour.pk) not in before:
            found.append(Change("tumour", head.title, "", _("another tumour")))
            continue
        earlier = before[str(tumour.pk)]
        for change in _changes(case, "tumour", earlier, tumour.data, language, guest, pseudonyms):
            label = f"{head.title}: {change.label}" if several else change.label
            found.append(replace(change, label=label))
    return Since(
        at=last.at,
        board=last.referral.board.name,
        postponed=last.outcome == Referral.Status.POSTPONED,
        changes=tuple(found),
        documents=tuple(each for each in documents if each.uploaded_at > last.at),
        tumours_before=len(last.tumours),
        tumours_now=len(tumours),
    )


def tumours_then(last: Discussion, case: Case, tumours: Sequence[Tumour]) -> dict[str, Mapping[str, Any]]:
    """The answers of each tumour as they were discussed, by the id that it has now."""
    if last.case_id == case.pk:
        return {each["id"]: each["data"] for each in last.tumours}
    # Copied tumours have ids of their own; they stand in the same order.
    return {str(tumour.pk): each["data"] for tumour, each in zip(tumours, last.tumours, strict=False)}


def _changes(
    case: Case,
    level: Level,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    language: str | None,
    guest: bool,
    pseudonyms: bool,
) -> list[Change]:
    form = definition(case)
    shown = shown_fields(form, level, guest=guest, pseudonyms=pseudonyms)
    return [each for each in changes(form, level, before, after, language) if each.key in shown]


def copied_from(by: Actor, case: Case) -> dict[str, Any] | None:
    """For a case that carries answers: from which discussion, as far as ``by`` may know, and how many wait to be confirmed."""
    if case.carried_from_id is None:
        return None
    found = visible_discussions(by).select_related("referral__board").filter(pk=case.carried_from_id).first()
    return {
        "at": found.at if found is not None else None,
        "board": found.referral.board.name if found is not None else "",
        "own": found is not None and found.case_id == case.pk,
        "waiting": waiting_in(case, case.tumours.all()),
    }


def waiting_in(case: Case, tumours: Iterable[Tumour]) -> int:
    """How many copied answers are still to be confirmed."""
    return len(case.to_confirm) + sum(len(tumour.to_confirm) for tumour in tumours)


def discussion_words(discussion: Discussion) -> str:
    """A discussion as a choice: when, by which board, and what was asked."""
    return _("the answers of %(day)s, %(board)s: “%(question)s”") % {
        "day": date_format(localtime(discussion.at), "D j M Y"),
        "board": discussion.referral.board.name,
        "question": Truncator(discussion.referral.question).chars(80),
    }

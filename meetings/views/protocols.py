"""Protocol cases: which cases of an agenda the board's rules propose, and the rules themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases.access import visible_referrals
from cases.dossiers import dossier
from cases.dossiers.protocols import MOST_CONDITIONS, Condition, Question, questions, told
from cases.models import Referral
from mdo.directory import access as directory
from mdo.directory.access import Standing
from mdo.directory.models import Board
from mdo.kernel.errors import Invalid
from mdo.kernel.ids import new_id
from meetings.access import Chair
from meetings.actions import chairing, protocols
from meetings.covering import Covered, conditions_of, covering, rules_of
from meetings.forms import CoverForm, ProtocolRuleForm, VersionedForm
from meetings.models import Meeting, ProtocolRule
from meetings.views.proposed_order import BUILT, anew, built
from meetings.views.rows import Row, agenda_for
from meetings.views.showing import (
    SHOWN,
    acting_for,
    carry_out,
    did,
    person,
    private,
    put_on,
    renew,
    trace,
)

# --- the cases of an agenda --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Proposed:
    """One case that a rule covers."""

    row: Row
    covered: Covered


def _page(
    request: HttpRequest,
    meeting: Meeting,
    place: Chair,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    editable = meeting.state in BUILT
    rules = rules_of(meeting.board)
    shown = agenda_for(person(request), meeting, place, tumours=True)
    trace("agenda.protocols_proposed", shown.readable, meeting=str(meeting.pk))
    waiting = [row for row in shown.rows if row.waits and not row.withdrawn]
    proposed = []
    for row in waiting if editable else ():
        if row.referral is not None and not row.item.protocol:
            found = covering(rules, meeting.board, row.referral.case, get_language())
            if found is not None:
                proposed.append(Proposed(row, found))
    discussed = [row for row in waiting if row.item.referral_id is not None and not row.item.protocol]
    context: dict[str, Any] = {
        "meeting": meeting,
        "board": meeting.board,
        "rules": rules,
        "proposed": proposed,
        "place": place,
        "covered": [(row, None) for row in waiting if row.item.protocol],
        "everything": bool(proposed) and len(proposed) == len(discussed),
        "editable": editable,
        "errors": errors or [],
        "new_id": new_id,
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/protocol_cases.html", context, status=status)


@private
@require_GET
def cases(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """The cases that the board's rules propose, each with why; and those that stand under a protocol. Changes nothing."""
    meeting, place = built(request, meeting_id)
    return _page(request, meeting, place)


@private
@require_GET
def count(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """How many cases the rules propose, for the agenda's page to fetch after it is shown: a number, and nobody's name."""
    meeting, place = built(request, meeting_id)
    rules = rules_of(meeting.board) if meeting.state in BUILT else []
    found = 0
    if rules:
        rows = agenda_for(person(request), meeting, place, tumours=True).rows
        cases = [row.referral.case for row in rows if row.waits and row.referral is not None and not row.item.protocol]
        found = sum(covering(rules, meeting.board, case, None) is not None for case in cases)
    return render(request, "meetings/protocol_count.html", {"found": found})


@private
@require_POST
def cover(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """Put one case under the protocol that was proposed for it."""
    return carry_out(
        request,
        CoverForm(request.POST),
        lambda data: protocols.cover_item(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            version=data["version"],
            rule_id=data["rule"],
            command_id=data["command_id"],
        ),
        anew(request, meeting_id, _page),
        _cases(request, meeting_id),
        _("Under the protocol: it is recorded without discussion."),
    )


@private
@require_POST
def uncover(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """Move a case from under its protocol back among those that are discussed."""
    return carry_out(
        request,
        VersionedForm(request.POST),
        lambda data: chairing.mark_protocol(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            version=data["version"],
            protocol="",
            command_id=data["command_id"],
        ),
        anew(request, meeting_id, _page),
        _cases(request, meeting_id),
        _("It is discussed again."),
    )


def _cases(request: HttpRequest, meeting_id: UUID) -> str:
    return reverse("meetings:protocol_cases", args=[meeting_id]) + acting_for(request)


# --- the rules of a board ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RuleRow:
    """One rule in words; ``covers`` of the cases that wait. ``sentences`` None: it does not fit the board's dossier any more."""

    rule: ProtocolRule
    sentences: list[str] | None
    covers: int


def _standing(request: HttpRequest, board_id: UUID) -> Standing:
    return directory.access_board_for(person(request), board_id, "build_agenda")


def _waiting(request: HttpRequest, board: Board) -> list[Referral]:
    """The cases by which a rule is tried: what was handed in, accepted or stands on an agenda."""
    waits = (Referral.Status.SUBMITTED, Referral.Status.ACCEPTED, Referral.Status.SCHEDULED, Referral.Status.POSTPONED)
    found = visible_referrals(person(request)).filter(board=board, status__in=waits)
    return list(found.select_related("case").prefetch_related("case__tumours")[:500])


@private
@require_GET
def rules(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """The rules of a board, each with how many of the cases that wait it would cover: no case is named."""
    board = _standing(request, board_id).board
    waiting = _waiting(request, board)
    rows = []
    any_rule = set[UUID]()
    for rule in ProtocolRule.objects.filter(board=board):
        conditions = conditions_of(rule, board)
        covers = 0
        if conditions is not None:
            covered = [
                each.pk for each in waiting if covering([(rule, conditions)], board, each.case, None) is not None
            ]
            covers = len(covered)
            any_rule |= set(covered) if rule.active else set()
        words = None if conditions is None else [_told(board, each) for each in conditions]
        rows.append(RuleRow(rule, words, covers))
    context = {
        "board": board,
        "rows": rows,
        "waiting": len(waiting),
        "everything": len(waiting) > 1 and len(any_rule) == len(waiting),
    }
    return render(request, "meetings/protocol_rules.html", context)


def _told(board: Board, condition: Condition) -> str:
    return told(dossier(board.dossier), condition, get_language())


@dataclass(frozen=True)
class ConditionRow:
    """One condition on the form: its question, what was typed, and what is wrong with it."""

    number: int
    question: Question
    test: str
    values: Sequence[str]
    errors: Sequence[str] = ()

    @property
    def tests(self) -> list[tuple[str, str]]:
        words = {
            "in": _("is one of"),
            "not_in": _("is known and is none of"),
            "at_least": _("is at least"),
            "at_most": _("is at most"),
            "filled": _("was answered"),
            "empty": _("was not answered"),
        }
        return [(test, words[test]) for test in self.question.tests]

    @property
    def text(self) -> str:
        return ", ".join(self.values)


@private
@require_http_methods(["GET", "POST"])
def rule(request: HttpRequest, board_id: UUID, rule_id: UUID) -> HttpResponse:
    """One rule, an old or a new one. Conditions are added and taken off without anything being saved; then all is saved at once."""
    board = _standing(request, board_id).board
    stored = ProtocolRule.objects.filter(pk=rule_id, board=board).first()
    asked = {each.key: each for each in questions(dossier(board.dossier), get_language())}
    if request.method == "POST":
        return _typed(request, board, rule_id, stored, asked)
    form = ProtocolRuleForm(
        initial={
            "name": stored.name if stored else "",
            "reference": stored.reference if stored else "",
            "active": stored.active if stored else True,
            "version": stored.version if stored else 0,
        }
    )
    kept = stored.conditions if stored else []
    rows: list[ConditionRow] = [
        ConditionRow(number, asked[key], each["test"], each["values"])
        for number, each in enumerate(kept)
        if (key := f"{each['level']}.{each['field']}") in asked
    ]
    return _rule_page(request, board, rule_id, stored, asked, form, rows)


def _typed(
    request: HttpRequest,
    board: Board,
    rule_id: UUID,
    stored: ProtocolRule | None,
    asked: dict[str, Question],
) -> HttpResponse:
    form = ProtocolRuleForm(request.POST)
    rows = _rows(request.POST, asked)
    do = request.POST.get("do", "save")
    if do == "add":
        wanted = asked.get(request.POST.get("question", ""))
        if wanted is not None and len(rows) < MOST_CONDITIONS:
            rows.append(ConditionRow(len(rows), wanted, wanted.tests[0], ()))
        return _rule_page(request, board, rule_id, stored, asked, _unjudged(request), rows)
    if do.startswith("drop-"):
        rows = [row for row in rows if do != f"drop-{row.number}"]
        rows = [ConditionRow(number, row.question, row.test, row.values) for number, row in enumerate(rows)]
        return _rule_page(request, board, rule_id, stored, asked, _unjudged(request), rows)
    errors: dict[str, list[str]] = {}
    if form.is_valid():
        data = form.cleaned_data
        try:
            if do == "remove":
                protocols.remove_rule(
                    by=person(request),
                    board_id=board.pk,
                    rule_id=rule_id,
                    version=data["version"],
                    command_id=data["command_id"],
                )
                return did(request, reverse("meetings:protocol_rules", args=[board.pk]), _("The rule was taken away."))
            protocols.save_rule(
                by=person(request),
                board_id=board.pk,
                rule_id=rule_id,
                version=data["version"],
                name=data["name"],
                reference=data["reference"],
                conditions=[
                    {
                        "level": row.question.level,
                        "field": row.question.path,
                        "test": row.test,
                        "values": list(row.values),
                    }
                    for row in rows
                ],
                active=data["active"],
                command_id=data["command_id"],
            )
            return did(request, reverse("meetings:protocol_rules", args=[board.pk]), _("The rule was saved."))
        except SHOWN as refusal:
            status = refusal.status
            if isinstance(refusal, Invalid):
                errors = {key: refusal.errors.pop(key) for key in list(refusal.errors) if key.startswith("conditions")}
            put_on(form, refusal)
            renew(form, stored.version if stored else 0)
            for sentence in errors.get("conditions", ()):
                form.add_error(None, sentence)
            rows = [
                ConditionRow(row.number, row.question, row.test, row.values, errors.get(f"conditions.{row.number}", ()))
                for row in rows
            ]
            return _rule_page(request, board, rule_id, stored, asked, form, rows, status=status)
    return _rule_page(request, board, rule_id, stored, asked, form, rows, status=422)


def _unjudged(request: HttpRequest) -> ProtocolRuleForm:
    """What was typed, without a word about what is not filled in yet."""
    kept = ("name", "reference", "version")
    initial: dict[str, Any] = {key: request.POST.get(key, "")[:1000] for key in kept}
    return ProtocolRuleForm(initial={**initial, "active": "active" in request.POST})


def _rows(typed: QueryDict, asked: dict[str, Question]) -> list[ConditionRow]:
    rows: list[ConditionRow] = []
    for number in range(MOST_CONDITIONS):
        question = asked.get(typed.get(f"question-{number}", ""))
        if question is not None:
            given = [value[:100] for value in typed.getlist(f"values-{number}")[:100]]
            if not question.options:  # one line, with commas; of a number the comma is the decimal one
                numeric = question.kind in ("integer", "decimal")
                given = given[:1] if numeric else [part.strip() for text in given for part in text.split(",")][:100]
            values = [value for value in given if value]
            rows.append(ConditionRow(len(rows), question, typed.get(f"test-{number}", "")[:20], values))
    return rows


def _rule_page(
    request: HttpRequest,
    board: Board,
    rule_id: UUID,
    stored: ProtocolRule | None,
    asked: dict[str, Question],
    form: ProtocolRuleForm,
    rows: list[ConditionRow],
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "board": board,
        "rule_id": rule_id,
        "stored": stored,
        "form": form,
        "rows": rows,
        "asked": asked.values(),
        "full": len(rows) >= MOST_CONDITIONS,
        "back": reverse("meetings:protocol_rules", args=[board.pk]),
    }
    return render(request, "meetings/protocol_rule.html", context, status=status)


@private
@require_GET
def new_rule(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """A new rule: its address is that of a rule that is not there yet, so that a double click makes one."""
    _standing(request, board_id)
    return did(request, reverse("meetings:protocol_rule", args=[board_id, new_id()]))

"""Which cases of an agenda a board's protocols cover: the rules as they stand, held against what the dossiers say now."""

from collections.abc import Iterable
from dataclasses import dataclass

from cases.dossiers import dossier
from cases.dossiers.protocols import Condition, NotConditions, read, reasons
from cases.models import Case
from mdo.directory.models import Board
from meetings.models import ProtocolRule


@dataclass(frozen=True)
class Covered:
    """One rule that covers a case, with a sentence for each of its conditions."""

    rule: ProtocolRule
    reasons: list[str]


def rules_of(board: Board) -> list[tuple[ProtocolRule, tuple[Condition, ...]]]:
    """The rules of a board that count, each with its conditions. One query. One that the dossier of today cannot read (the board
    changed its dossier) counts for nothing."""
    found = []
    for rule in ProtocolRule.objects.filter(board=board, active=True):
        conditions = conditions_of(rule, board)
        if conditions is not None:
            found.append((rule, conditions))
    return found


def conditions_of(rule: ProtocolRule, board: Board) -> tuple[Condition, ...] | None:
    """The conditions of a rule; None where they do not fit the board's dossier any more."""
    try:
        return read(dossier(board.dossier), rule.conditions)
    except NotConditions:
        return None


def covering(
    rules: Iterable[tuple[ProtocolRule, tuple[Condition, ...]]], board: Board, case: Case, language: str | None
) -> Covered | None:
    """The first rule that covers a case; only a case with the board's own dossier. No query where its tumours were prefetched."""
    if case.dossier != board.dossier:
        return None
    tumours = [tumour.data for tumour in case.tumours.all()]
    for rule, conditions in rules:
        why = reasons(dossier(board.dossier), conditions, case.data, tumours, language)
        if why is not None:
            return Covered(rule, why)
    return None

"""Protocols: the rules of a board, and the cases that somebody puts under one. A rule only proposes; a person decides.

A case under a protocol stands in a part of its own, takes no minutes of discussion and is not opened; it is recorded with
``draft.record_protocol``, or moved back.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cases.dossiers import dossier
from cases.dossiers.protocols import NotConditions, read
from cases.models import Case
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.errors import IdReused, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import access, covering
from meetings.actions import table
from meetings.events import ProtocolMarked
from meetings.models import AgendaItem, Meeting, ProtocolRule

MOST_RULES = 40
LONGEST_NAME = 120
LONGEST_REFERENCE = 200


# --- the rules of a board ----------------------------------------------------------------------------------------------


@action("protocol.save_rule", row="build_agenda")
def save_rule(
    *,
    by: Actor,
    board_id: UUID,
    rule_id: UUID,
    version: int,
    name: str,
    reference: str = "",
    conditions: Sequence[dict[str, Any]],
    active: bool,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say when a protocol of the board covers a case. ``version``: 0 for a new rule. ``conditions`` as ``cases.dossiers.protocols``
    has them.

    Effects: from now on it proposes; what stands under a protocol already stays so. Refused without a name, with one that another
    rule has, with conditions that fit no question, that no case can meet or that every case would, and as stale.
    """
    board = access.access_board_for_planning(by, board_id)
    name, reference = " ".join(name.split()), " ".join(reference.split())
    errors: dict[str, list[str]] = {}
    if not name:
        errors["name"] = [_("Give the protocol a name.")]
    elif len(name) > LONGEST_NAME:
        errors["name"] = [_("Keep the name within 120 characters.")]
    if len(reference) > LONGEST_REFERENCE:
        errors["reference"] = [_("Keep the reference within 200 characters.")]
    try:
        read_conditions = read(dossier(board.dossier), conditions)
    except NotConditions as refused:
        for number, sentence in refused.problems:
            errors.setdefault("conditions" if number is None else f"conditions.{number}", []).append(sentence)
    if errors:
        raise Invalid(errors)
    rules = list(ProtocolRule.objects.select_for_update().filter(board=board).order_by("pk"))
    rule = next((each for each in rules if each.pk == rule_id), None)
    if (rule.version if rule else 0) != version:
        raise Stale(_("Somebody else changed this rule. Look again."), current=rule.version if rule else 0)
    if any(each.name.casefold() == name.casefold() and each.pk != rule_id for each in rules):
        raise Invalid({"name": [_("Another rule of this board has this name.")]})
    if rule is None:
        if len(rules) >= MOST_RULES:
            raise RuleBroken(_("This board has as many rules as it can have."))
        if ProtocolRule.objects.filter(pk=rule_id).exists():
            raise IdReused()
        rule = ProtocolRule(pk=rule_id, board=board, version=0)
    rule.name, rule.reference, rule.active = name, reference, active
    rule.conditions = [each.as_json() for each in read_conditions]
    rule.version += 1
    rule.save()
    note(rule_id=str(rule.pk), version=rule.version)
    return ()


@action("protocol.remove_rule", row="build_agenda")
def remove_rule(*, by: Actor, board_id: UUID, rule_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Take a rule away. Effects: it proposes nothing any more; what stands under the protocol already stays so. Refused as stale."""
    board = access.access_board_for_planning(by, board_id)
    rule = ProtocolRule.objects.select_for_update().filter(pk=rule_id, board=board).first()
    if rule is None:
        raise NotFound()
    if rule.version != version:
        raise Stale(_("Somebody else changed this rule. Look again."), current=rule.version)
    note(rule_id=str(rule.pk))
    rule.delete()
    return ()


# --- the cases of an agenda --------------------------------------------------------------------------------------------


@action("agenda.cover_item", row="build_agenda")
def cover_item(
    *, by: Actor, meeting_id: UUID, item_id: UUID, version: int, rule_id: UUID, command_id: UUID
) -> tuple[Event, ...]:
    """Put a case under the protocol that a rule of the board proposes for it.

    Effects: as for ``chairing.mark_protocol``, with the rule's reference. Refused when the rule does not cover the case as its
    dossier stands now, for what no longer waits, and as stale.
    """
    item = access.access_item_for(by, meeting_id, item_id, "build_agenda")
    meeting = item.meeting
    check_coverable(item, version)
    assert item.referral is not None
    rule = ProtocolRule.objects.filter(pk=rule_id, board=meeting.board_id, active=True).first()
    if rule is None:
        raise RuleBroken(_("This rule is not in force any more."), field="rule")
    conditions = covering.conditions_of(rule, meeting.board)
    case = Case.objects.filter(pk=item.referral.case_id).first()
    if case is None or conditions is None or covering.covering([(rule, conditions)], meeting.board, case, None) is None:
        raise RuleBroken(_("The dossier changed: this protocol does not cover the case any more."), field="rule")
    note(rule_id=str(rule.pk))
    return mark(item, rule.name, rule.reference)


def check_coverable(item: AgendaItem, version: int) -> None:
    """Refuse what no protocol can cover now."""
    table.not_over(item.meeting)
    table.current(item, version)
    if item.state != AgendaItem.State.SCHEDULED or item.referral is None or table.is_withdrawn(item):
        raise RuleBroken(_("Only a case that still waits can be put under a protocol."), field="item")


def mark(item: AgendaItem, protocol: str, reference: str) -> tuple[Event, ...]:
    """Put an item under a protocol, or under none. While the agenda is built, what is covered comes after what is discussed: people
    have no paper in their hands yet, and the numbers of the discussion stay without gaps."""
    if item.protocol == protocol and item.protocol_reference == reference:
        return ()
    meeting = item.meeting
    events: tuple[Event, ...] = ()
    items = table.all_items(meeting)
    found = next(each for each in items if each.pk == item.pk)
    found.protocol, found.protocol_reference = protocol, reference
    if meeting.state in (Meeting.State.PLANNED, Meeting.State.PUBLISHED):
        events += tuple(table.hand_break_on(items, found))
        rest = [each for each in items if each is not found]
        at = len(rest) if protocol else next((n for n, each in enumerate(rest) if each.protocol), len(rest))
        events += table.reordered(meeting, [*rest[:at], found, *rest[at:]])
    table.save(found, "protocol", "protocol_reference", "break_after")
    return (
        *events,
        ProtocolMarked(meeting_id=meeting.pk, item_id=found.pk, covered=bool(protocol), version=found.version),
    )

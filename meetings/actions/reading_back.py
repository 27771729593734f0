"""Reading back: the wording is shown to everybody, confirmed, dissented from, or taken back to be changed."""

from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory.models import Person
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import access, texts
from meetings.actions import table
from meetings.actions.draft import on_the_table
from meetings.events import ReadBackBegun, ReadBackWithdrawn, VoiceGiven
from meetings.models import AgendaItem, Decision, Voice


@action("readback.begin", row="run")
def begin_read_back(
    *, by: Actor, meeting_id: UUID, item_id: UUID, version: int, seen: int, command_id: UUID
) -> tuple[Event, ...]:
    """Put the wording on every screen, as it stands at ``version`` (steps) and ``seen`` (its last update that the caller has seen).

    Effects: it cannot be typed on while it stands; a new round of voices begins. Refused without a step or a text, as stale,
    where the board has no read-back, and when it stands already.
    """
    item = access.access_item_for(by, meeting_id, item_id, "run")
    decision = on_the_table(item)
    board = item.meeting.board
    if board.read_back == board.ReadBack.OFF:
        raise RuleBroken(_("This board records without reading back."), field="item")
    if decision.state == Decision.State.RECORDED:
        raise RuleBroken(_("The recommendation was recorded already."), field="item")
    if item.read_back_at is not None:
        raise RuleBroken(_("The wording is being read back."), field="item")
    if decision.draft_version != version:
        raise Stale(_("The text changed in between. Read it again."), current=decision.draft_version)
    held = texts.freeze(item, [texts.RECOMMENDATION], seen)
    if not held:  # nobody has come to the text yet: it is begun now, so that it stands still from here on
        texts.begin(item, decision)
        held = texts.freeze(item, [texts.RECOMMENDATION])
    wording = held[texts.RECOMMENDATION][1]
    if not decision.steps and not wording.strip():
        raise RuleBroken(_("Write the recommendation first."), field="text")
    item.read_back_at, item.read_back_by_id = now(), by.actor_id
    item.read_back_round += 1
    table.save(item, "read_back_at", "read_back_by", "read_back_round")
    return (ReadBackBegun(meeting_id=meeting_id, item_id=item.pk, round=item.read_back_round),)


def _standing(item: AgendaItem, round: int) -> None:
    on_the_table(item)
    if item.read_back_at is None:
        raise RuleBroken(_("The wording is not being read back."), field="item")
    if item.read_back_round != round:
        raise Stale(_("The wording changed meanwhile. Read it again."), current=item.read_back_round)


def _say(by: Actor, item: AgendaItem, kind: Voice.Kind, reason: str) -> tuple[Event, ...]:
    """Keep somebody's word; saying something else replaces it, for as long as the wording stands."""
    person = Person.objects.get(pk=by.actor_id)
    Voice.objects.update_or_create(
        item_id=item.pk,
        person=person,
        round=item.read_back_round,
        defaults={
            "hospital_id": item.hospital_id,
            "board_id": item.meeting.board_id,
            "case_id": item.referral.case_id if item.referral else None,
            "discipline": person.discipline,
            "kind": kind,
            "reason": reason,
            "at": now(),
        },
    )
    return (
        VoiceGiven(
            meeting_id=item.meeting_id, item_id=item.pk, person_id=person.pk, kind=kind, round=item.read_back_round
        ),
    )


@action("readback.confirm", row="read_back")
def confirm_wording(*, by: Actor, meeting_id: UUID, item_id: UUID, round: int, command_id: UUID) -> tuple[Event, ...]:
    """Confirm the wording that stands read back in ``round``. Refused as stale for another round."""
    item = access.access_item_for(by, meeting_id, item_id, "read_back")
    _standing(item, round)
    return _say(by, item, Voice.Kind.CONFIRM, "")


@action("readback.dissent", row="read_back")
def dissent(
    *, by: Actor, meeting_id: UUID, item_id: UUID, round: int, reason: str, command_id: UUID
) -> tuple[Event, ...]:
    """Dissent from the wording that stands read back in ``round``, with a reason that stays in the record."""
    item = access.access_item_for(by, meeting_id, item_id, "read_back")
    _standing(item, round)
    reason = reason.strip()
    if not reason:
        raise Invalid({"reason": [_("Say why; it is kept in the record.")]})
    if len(reason) > 2000:
        raise Invalid({"reason": [_("Keep the reason within 2,000 characters.")]})
    return _say(by, item, Voice.Kind.DISSENT, reason)


@action("readback.withdraw", row="draft")
def withdraw_wording(*, by: Actor, meeting_id: UUID, item_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take the wording off the screens to change it. Effects: it can be typed on; what was said of it counts no more."""
    item = access.access_item_for(by, meeting_id, item_id, "draft")
    on_the_table(item)
    if item.read_back_at is None:
        raise RuleBroken(_("The wording is not being read back."), field="item")
    table.end_read_back(item)
    table.save(item, "read_back_at", "read_back_by")
    return (ReadBackWithdrawn(meeting_id=meeting_id, item_id=item.pk, round=item.read_back_round),)

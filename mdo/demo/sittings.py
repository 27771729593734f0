"""The sittings of the demonstration, held through the actions of ``meetings`` with the clock set to their time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from cases.models import Referral
from mdo.demo import agreements
from mdo.demo.archive import writing
from mdo.demo.dossiers import HOUSE, Told, door
from mdo.demo.network import PEOPLE, Town
from mdo.kernel.acting import Proof, acting
from mdo.kernel.clock import frozen
from mdo.kernel.ids import new_id
from mdo.kernel.work import State
from meetings import chain, texts
from meetings.actions.agenda_building import accept_referral, publish_meeting, schedule_referral
from meetings.actions.draft import record_decision, save_draft
from meetings.actions.informing import inform_patient
from meetings.actions.reading_back import begin_read_back
from meetings.actions.reporting import make_report
from meetings.actions.signing import sign_decisions
from meetings.actions.sitting import close_meeting, next_item, postpone_item, start_meeting
from meetings.models import AgendaItem, Decision, Delivery, Lease, Meeting, Report


@dataclass
class Sitting:
    """One meeting of the past as it went: which cases of the agenda were decided, which postponed, who was there."""

    town: Town
    meeting_id: UUID
    starts_at: datetime
    decided: list[Told]
    postponed: list[tuple[Told, str]] = field(default_factory=list)
    to_meeting: UUID | None = None
    unsigned: int = 0  # of the last ones
    uninformed: int = 1  # of the last ones that were signed: nobody said yet that the patient knows
    absent: tuple[str, ...] = ()

    def hold(self) -> None:
        """Publish the agenda, hold the meeting, sign, and make the reports."""
        publish(self.town, self.meeting_id, self._before(2, 15))
        closed = self._sit()
        self._sign(closed + timedelta(minutes=6))
        self._finish(closed + timedelta(minutes=10))
        self._inform(closed + timedelta(hours=1))
        self._finish(closed + timedelta(hours=2))

    def _before(self, days: int, hour: int) -> datetime:
        return (self.starts_at - timedelta(days=days)).replace(hour=hour, minute=0)

    def _sit(self) -> datetime:
        at = self.starts_at
        self._come_in(at - timedelta(minutes=4))
        with door(self.town, "chair", at) as chair:
            start_meeting(by=chair, meeting_id=self.meeting_id, command_id=new_id())
        open_now: UUID | None = None
        for n, told in enumerate(self.decided):
            with door(self.town, "chair", at) as chair:
                next_item(by=chair, meeting_id=self.meeting_id, from_item=open_now, command_id=new_id())
            open_now = self._item_of(told)
            at = self._decide(told, open_now, at, minutes=4 + n % 3)
            if n == 4:
                self._leave("partnersurgeon", at)  # to her consultation
        at += timedelta(minutes=1)
        for told, reason in self.postponed:
            with door(self.town, "chair", at) as chair:
                item = AgendaItem.objects.get(meeting=self.meeting_id, referral=told.referral_id)
                postpone_item(
                    by=chair,
                    meeting_id=self.meeting_id,
                    item_id=item.pk,
                    version=item.version,
                    reason=reason,
                    to_meeting=self.to_meeting,
                    command_id=new_id(),
                )
        with door(self.town, "chair", at) as chair:
            close_meeting(by=chair, meeting_id=self.meeting_id, command_id=new_id())
        for name in self._present():
            self._leave(name, at)
        return at

    def _item_of(self, told: Told) -> UUID:
        with acting(HOUSE, None, "work"):
            return AgendaItem.objects.values_list("pk", flat=True).get(
                meeting=self.meeting_id, referral=told.referral_id
            )

    def _decide(self, told: Told, item_id: UUID, at: datetime, *, minutes: int) -> datetime:
        """The secretary writes, the coordinator reads it back and records it."""
        here: dict[str, Any] = {"meeting_id": self.meeting_id, "item_id": item_id}
        outcome = told.story.outcome
        with door(self.town, "secretary", at + timedelta(minutes=1)) as secretary:
            item = AgendaItem.objects.select_related("referral").get(pk=item_id)
            version = Decision.objects.values_list("draft_version", flat=True).get(item=item_id)
            save_draft(
                by=secretary,
                **here,
                version=version,
                intent=outcome.intent,
                steps=[{"kind": kind, "text": text} for kind, text in outcome.steps],
                deviation=outcome.deviation,
                agreed=agreements.agreed(told, item, at),
                command_id=new_id(),
            )
            texts.write(item, texts.RECOMMENDATION, outcome.text, secretary)
            seen = texts.current(item, texts.RECOMMENDATION)[0]
        with door(self.town, "coordinator", at + timedelta(minutes=minutes - 1, seconds=20)) as coordinator:
            begin_read_back(by=coordinator, **here, version=version + 1, seen=seen, command_id=new_id())
        with door(self.town, "coordinator", at + timedelta(minutes=minutes - 1, seconds=40)) as coordinator:
            record_decision(by=coordinator, **here, version=version + 1, seen=seen, command_id=new_id())
        return at + timedelta(minutes=minutes)

    def _sign(self, at: datetime) -> None:
        with door(self.town, "coordinator", at, Proof("demonstration", at)) as coordinator:
            rows = Decision.objects.filter(meeting=self.meeting_id, state=Decision.State.RECORDED)
            ready = list(rows.order_by("item__position"))
            ready = ready[: len(ready) - self.unsigned]
            sign_decisions(
                by=coordinator,
                meeting_id=self.meeting_id,
                decisions=[(row.pk, chain.seen(row)) for row in ready],
                command_id=new_id(),
            )

    def _inform(self, at: datetime) -> None:
        """The requesters say that they told their patients."""
        with acting(HOUSE, None, "work"):
            found = Decision.objects.filter(meeting=self.meeting_id, state=Decision.State.SIGNED, case__isnull=False)
            rows = list(found.select_related("item__referral__requester").order_by("item__position"))
        for n, row in enumerate(rows[: len(rows) - self.uninformed]):
            assert row.item.referral is not None
            asks = row.item.referral.requester
            with door(self.town, asks.username, at + timedelta(minutes=4 * n)) as by:
                inform_patient(
                    by=by,
                    decision_id=row.pk,
                    statement_id=new_id(),
                    version=0,
                    informed=True,
                    informer=asks.display_name,
                    informed_on=at.date(),
                    manner="phone" if n % 3 else "visit",
                    command_id=new_id(),
                )

    # What follows has no action of its own: presence belongs to the room's processes, and old work is simply done.

    def _present(self) -> list[str]:
        members = [name for name, each in PEOPLE.items() if each.seat and name != "observer"]
        return [name for name in [*members, "requester"] if name not in self.absent]

    def _come_in(self, at: datetime) -> None:
        with acting(HOUSE, None, "work"):
            Lease.objects.bulk_create(
                Lease(
                    meeting_id=self.meeting_id,
                    person=self.town.people[name],
                    organisation=self.town.workplace(name),
                    means="room" if PEOPLE[name].place == "organiser" else "video",
                    process="demo",
                    opened_at=at + timedelta(seconds=25 * n),
                    seen_at=at + timedelta(seconds=25 * n),
                )
                for n, name in enumerate(self._present())
            )

    def _leave(self, name: str, at: datetime) -> None:
        with acting(HOUSE, None, "work"):
            here = Lease.objects.filter(meeting=self.meeting_id, person=self.town.people[name], ended_at=None)
            here.update(ended_at=at, seen_at=at)

    def _finish(self, at: datetime) -> None:
        """Make the reports that are the last of their kind, and note the mails of that week as sent."""
        with frozen(at), writing():
            waiting = Report.objects.filter(meeting=self.meeting_id, state=State.WAITING)
            replaced = waiting.filter(edition="recorded", decision__state=Decision.State.SIGNED)
            replaced.update(state=State.DROPPED, done_at=at, last_error="the signed report takes its place")
            ids = list(waiting.order_by("created_at", "id").values_list("pk", flat=True))
        for report_id in ids:
            with frozen(at), acting(HOUSE, None, "work", savepoints=False):
                make_report(by=HOUSE, report_id=report_id)
        settle(self.meeting_id)


def settle(meeting_id: UUID) -> None:
    """Note every mail about a sitting of the past as sent: nobody wants it today."""
    with writing():
        Delivery.objects.filter(meeting=meeting_id, state=State.WAITING).update(
            state=State.DONE, attempts=1, done_at=F("due_at")
        )


def schedule(town: Town, meeting_id: UUID, cases: list[Told], at: datetime) -> None:
    """The organiser's secretary accepts cases and puts them on the agenda of a sitting, in this order."""
    for told in cases:
        accept(town, told, at)
        with door(town, "secretary", at + timedelta(minutes=1)) as secretary:
            schedule_referral(
                by=secretary,
                meeting_id=meeting_id,
                referral_id=told.referral_id,
                version=_version(told),
                item_id=new_id(),
                command_id=new_id(),
            )


def accept(town: Town, told: Told, at: datetime) -> None:
    """The organiser's secretary accepts a case."""
    with door(town, "secretary", at) as secretary:
        accept_referral(by=secretary, referral_id=told.referral_id, version=_version(told), command_id=new_id())


def _version(told: Told) -> int:
    return Referral.objects.values_list("version", flat=True).get(pk=told.referral_id)


def publish(town: Town, meeting_id: UUID, at: datetime) -> None:
    """The organiser's secretary publishes the agenda."""
    with door(town, "secretary", at) as secretary:
        version = Meeting.objects.values_list("version", flat=True).get(pk=meeting_id)
        publish_meeting(by=secretary, meeting_id=meeting_id, version=version, command_id=new_id())

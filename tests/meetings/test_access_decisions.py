"""Who reads, signs and prints what was decided: the rule above meetings/access.py, case by case."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.models import AuditEntry
from mdo.kernel.work import State
from meetings import access
from meetings.models import AgendaItem, Decision, Lease, Report, Series
from tests.cast import Cast, Member, acting_as
from tests.factories import (
    make_case,
    make_decision,
    make_item,
    make_referral,
    writing,
)
from tests.meetings.tables import ALL, HOUSE, Table


@pytest.fixture
def decisions(cast: Cast, table: Table) -> dict[str, Decision]:
    with writing():
        return {
            "own": make_decision(table.own),
            "partner": make_decision(table.partner),
            "third": make_decision(table.third, state=Decision.State.DRAFT),
            "topic": make_decision(table.topic, text="Afspraak over wachttijden."),
        }


KNOWS = {
    **dict.fromkeys(("chair", "coordinator", "secretary", "radiologist", "partner"), ALL),
    "requester": {"own"},
    "partnersecretary": {"partner"},
    "guest": {"own"},
    "observer": {"own"},
}


def test_decisions(cast: Cast, table: Table, decisions: dict[str, Decision]) -> None:
    for name, member in cast.members.items():
        knows = KNOWS.get(name, set())
        with acting_as(member) as by:
            assert set(access.visible_decisions(by)) == {decisions[key] for key in knows}, name
            for key, decision in decisions.items():
                if key in knows and key != "third":  # a draft is no decision yet
                    assert access.access_decision_for_reading(by, decision.pk) == decision
                else:
                    with pytest.raises(NotFound):
                        access.access_decision_for_reading(by, decision.pk)
    reads = AuditEntry.objects.filter(action="decision.read", actor_id=cast.chair.pk).order_by("id")
    assert [(row.object_id, row.patient_id is None) for row in reads] == [
        (decisions["own"].pk, False),
        (decisions["partner"].pk, False),
        (decisions["topic"].pk, True),
    ]


def test_the_right_to_sign(cast: Cast, decisions: dict[str, Decision]) -> None:
    for name, member in cast.members.items():
        with acting_as(member) as by:
            if name == "coordinator":
                for lock in (True, False):
                    found = access.access_decision_for(by, decisions["partner"].pk, "sign", lock=lock)
                    assert (found, found.meeting.board) == (decisions["partner"], cast.board)
            else:
                known = "partner" in KNOWS.get(name, set())
                with pytest.raises(Denied if known else NotFound):
                    access.access_decision_for(by, decisions["partner"].pk, "sign")


def add_report(decision: Decision, **values: Any) -> Report:
    values = {
        "edition": "recorded",
        "storage_name": f"aa/{uuid4().hex}",
        "state": State.DONE,
        "due_at": now(),
        "hospital_id": decision.hospital_id,
        "meeting_id": decision.meeting_id,
        "kind": Report.Kind.CASE,
        **values,
    }
    with writing():
        return Report.objects.create(decision=decision, **values)


# A guest and an observer read while the item is open; the report goes to them by letter, if at all.
REPORTS = {
    **{name: {"own", "partner", "topic"} for name in ("chair", "coordinator", "secretary")},
    "radiologist": {"own", "topic"},
    "partner": {"partner", "topic"},
    "requester": {"own"},
    "partnersecretary": {"partner"},
}


def test_reports(cast: Cast, decisions: dict[str, Decision]) -> None:
    ready = {key: add_report(decisions[key]) for key in ("own", "partner", "topic")}
    for name, member in cast.members.items():
        with acting_as(member) as by:
            for key, report in ready.items():
                if key in REPORTS.get(name, set()):
                    assert access.access_report_of(by, decisions[key].pk) == (decisions[key], report), (name, key)
                else:
                    known = key in KNOWS.get(name, set())
                    with pytest.raises(Denied if known else NotFound):
                        access.access_report_of(by, decisions[key].pk)


def test_the_newest_report_that_is_there(cast: Cast, decisions: dict[str, Decision]) -> None:
    with acting_as(cast.chair) as by, pytest.raises(NotFound):
        access.access_report_of(by, decisions["own"].pk)
    add_report(decisions["own"], created_at=now() - timedelta(hours=1))
    signed = add_report(decisions["own"], edition="signed")
    add_report(
        decisions["own"], edition="signed", language="fr", storage_name="", created_at=now() + timedelta(hours=1)
    )
    with acting_as(cast.chair) as by:
        assert access.access_report_of(by, decisions["own"].pk) == (decisions["own"], signed)
    with acting(HOUSE, None, "work"):
        assert access.may_read_report(HOUSE, decisions["own"])


MINUTES = {"chair", "coordinator", "secretary", "radiologist", "partner", "partnersecretary"}


def may_read_minutes(member: Member, meeting_id: UUID) -> bool | None:
    with acting_as(member) as by:
        try:
            access.access_minutes_for_reading(by, meeting_id)
        except Denied:
            return False
        except NotFound:
            return None
        return True


def test_minutes(cast: Cast, table: Table) -> None:
    found = {name: may_read_minutes(member, table.meeting.pk) for name, member in cast.members.items()}
    assert {name for name, may in found.items() if may} == MINUTES
    assert {name for name, may in found.items() if may is False} == {"requester", "guest", "observer"}
    entry = AuditEntry.objects.order_by("id").first()
    assert entry is not None
    assert (entry.action, entry.object_id, entry.hospital_id) == ("minutes.read", table.meeting.pk, cast.organiser.pk)


def test_minutes_need_every_item_within_reach(cast: Cast, table: Table) -> None:
    """Somebody who may not know of one case on it reads none of the minutes, unless they ran the meeting."""
    with writing():
        foreign = make_referral(cast.board, cast.outside, cast.outsider.person, status="discussed")
        item = make_item(table.meeting, foreign)
    found = {name: may_read_minutes(cast.members[name], table.meeting.pk) for name in MINUTES}
    assert {name for name, may in found.items() if may} == {"chair", "coordinator", "secretary"}
    with writing():
        AgendaItem.objects.filter(pk=item.pk).update(state=AgendaItem.State.WITHDRAWN)
    assert all(may_read_minutes(cast.members[name], table.meeting.pk) for name in MINUTES)


# --- rows keep quiet ---------------------------------------------------------------------------------------------------


def test_rows_name_nobody(cast: Cast, table: Table, decisions: dict[str, Decision]) -> None:
    topic = table.topic.topic
    lease = Lease(meeting=table.meeting, person=cast.chair.person, organisation=cast.organiser)
    for row in (table.meeting, table.own, topic, decisions["own"], add_report(decisions["own"]), lease):
        assert row is not None
        assert str(row) == str(row.pk)
    series = Series(board=cast.board, rule="FREQ=WEEKLY;BYDAY=WE")
    assert str(series) == "Borst-MOC: FREQ=WEEKLY;BYDAY=WE"
    assert make_case(cast.organiser, cast.requester.person).pk

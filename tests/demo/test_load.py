"""The demonstration holds what the issue names, in a state that the product itself would have brought about."""

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from django.contrib.auth import authenticate
from django.test import Client

from cases.coding import national_number
from cases.dossiers import board_kind, missing
from cases.models import Case, Document, Patient, Referral, Tumour
from mdo import demo
from mdo.demo.network import PEOPLE
from mdo.demo.patients import identity
from mdo.demo.stories import BILATERAL, story
from mdo.demo.world import _next_quarter
from mdo.directory.access import boards_open_to
from mdo.directory.models import Board, Organisation, Person
from mdo.kernel import audit
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import frozen, now
from mdo.kernel.models import AuditEntry, AuditSeal
from mdo.kernel.storage import storage
from mdo.kernel.work import State
from meetings import chain
from meetings.models import (
    AgendaItem,
    BillingLine,
    Decision,
    DecisionAction,
    Delivery,
    FollowUp,
    GuestInvitation,
    InformedStatement,
    Lease,
    Meeting,
    Report,
)
from tests.factories import BRUSSELS
from tests.parts import until

WEDNESDAY = 2


@pytest.mark.parametrize(
    ("at", "starts"),
    [
        ("09:00", "09:15"),
        ("09:07", "09:15"),
        ("09:15", "09:30"),
        ("23:44", "23:45"),
        ("23:50", "23:45"),
    ],
)
def test_the_sitting_starts_at_the_next_quarter_of_today(at: str, starts: str) -> None:
    day = datetime(2026, 3, 4, tzinfo=BRUSSELS)
    hour, minute = map(int, at.split(":"))
    assert f"{_next_quarter(day.replace(hour=hour, minute=minute)):%H:%M}" == starts


def test_every_story_is_complete_and_every_patient_has_a_number() -> None:
    today = date(2026, 11, 21)
    required = board_kind("tumour_board").required_items["breast"]
    for n in range(60):
        told = story(n, today)
        assert missing("breast", told.case, told.tumours, items=required) == [], told.title
        assert told == story(n, today)
        who = identity(n, age=told.age, sex=told.sex, today=today)
        number = national_number.parse(who.national_number, today=today)
        assert (number.birth.agrees_with(who.birth_date), number.sex) == (True, told.sex)
        had_birthday = (who.birth_date.month, who.birth_date.day) <= (today.month, today.day)
        assert today.year - who.birth_date.year - (not had_birthday) == told.age
    assert len(story(BILATERAL, today).tumours) == 2
    numbers = [identity(n, age=50 + n % 9, sex="female", today=today).national_number for n in range(60)]
    assert len(set(numbers)) == 60


def test_the_accounts_are_named_and_printed() -> None:
    text = demo.accounts_text()
    assert {account.username for account in demo.ACCOUNTS} - set(PEOPLE) == {"operator"}
    assert all(account.username in text for account in demo.ACCOUNTS)
    assert demo.PASSWORD in text
    for account in demo.ACCOUNTS[:-1]:
        who = PEOPLE[account.username]
        assert account.name == " ".join(filter(None, (who.title, who.given, who.family)))


@pytest.mark.parametrize(
    "present", [None, datetime(2026, 11, 18, 10, 5, tzinfo=BRUSSELS)], ids=["today", "a Wednesday"]
)
def test_load(committed: None, present: datetime | None) -> None:
    """One loading, looked at from all sides: it takes a while."""
    if present is None:
        present = now()
        demo.load()
    else:
        with frozen(present):
            demo.load()
    _directory()
    with acting(System("look"), None, "work"):
        _past(present)
        _today(present)
        _next_week(present)
        _papers()
        (board,) = Board.objects.all()
        assert chain.verify(board.pk) == []
    until(
        lambda: audit.seal() == 0 and AuditSeal.objects.count() == AuditEntry.objects.count(),
        "all rows sealed",
        within_s=240,
    )
    assert audit.verify() == []
    with pytest.raises(RuntimeError, match="empty database"):
        demo.load()


def _directory() -> None:
    assert Counter(Organisation.objects.values_list("kind", flat=True)) == {"hospital": 4, "gp_practice": 1}
    assert Person.objects.filter(is_superuser=False, visitor=False).count() == 21
    assert Person.objects.get(is_superuser=True).username == "operator"
    (board,) = Board.objects.all()
    open_to = {each.short_name for each in Organisation.objects.all() if boards_open_to(each.pk) == [board]}
    assert open_to == {"SG", "DL", "MD"}
    for account in demo.ACCOUNTS:
        assert authenticate(username=account.username, password=demo.PASSWORD) is not None
    able = {person.username for person in Person.objects.all() if person.has_usable_password()}
    assert able == {account.username for account in demo.ACCOUNTS}


def _past(present: datetime) -> None:
    closed = list(Meeting.objects.filter(state=Meeting.State.CLOSED).order_by("starts_at"))
    assert len(closed) == 4
    for meeting in closed:
        local = meeting.starts_at.astimezone(BRUSSELS)
        assert (local.weekday(), f"{local:%H:%M}") == (WEDNESDAY, "14:00")
        assert meeting.starts_at < present
        assert meeting.series is not None
        assert Lease.objects.filter(meeting=meeting, ended_at=None).count() == 0
    assert Counter(Decision.objects.values_list("state", flat=True)) == {"signed": 30, "recorded": 2}
    signed = Decision.objects.filter(state="signed").order_by("number")
    assert list(signed.values_list("number", flat=True)) == list(range(1, 31))
    for decision in Decision.objects.all():
        assert len(decision.attendance) >= 8
        assert decision.quorum["board"]["met"]
        assert decision.quorum["billing"]["met"]
        (report,) = Report.objects.filter(decision=decision, kind=Report.Kind.CASE, state=State.DONE)
        assert report.edition == decision.state
        with storage.open(report.storage_name) as file:
            assert file.read(5) == b"%PDF-"
    assert {decision.agreed["guideline"] for decision in signed} == {"followed", "deviation", "none"}
    assert {"", "none_fits", "proposed"} == {decision.agreed["trial"] for decision in signed}
    # All that were signed, but for the last sitting's last three: these wait for their requester.
    assert InformedStatement.objects.filter(informed=True).count() == 27
    assert set(BillingLine.objects.values_list("saved_by", flat=True)) == {None}  # proposed by the signatures
    answered = FollowUp.objects.filter(decision__meeting=closed[0]).exclude(answered_at=None)
    assert Counter(answered.values_list("outcome", flat=True)) == {"carried_out": 3, "partly": 1, "not": 1}
    overdue = DecisionAction.objects.filter(done_at=None, due_on__lt=present.astimezone(BRUSSELS).date())
    assert 0 < overdue.count() < DecisionAction.objects.exclude(done_at=None).count()
    minutes = Report.objects.filter(kind=Report.Kind.MINUTES, state=State.DONE)
    assert {report.meeting_id for report in minutes} == {meeting.pk for meeting in closed}
    assert not Report.objects.filter(state=State.WAITING).exists()
    assert AgendaItem.objects.filter(state=AgendaItem.State.POSTPONED).count() == 2
    assert not Delivery.objects.filter(meeting__in=closed, state=State.WAITING).exists()


def _today(present: datetime) -> None:
    (meeting,) = Meeting.objects.filter(series=None)
    assert meeting.state == Meeting.State.PUBLISHED
    assert meeting.starts_at.astimezone(BRUSSELS).date() == present.astimezone(BRUSSELS).date()
    assert abs(meeting.starts_at - present) <= timedelta(minutes=15)
    items = list(meeting.items.select_related("referral__case").order_by("position"))
    assert [item.position for item in items] == list(range(1, 13))
    assert Counter(item.state for item in items) == {"scheduled": 12}
    assert [item.late for item in items] == [False] * 11 + [True]
    assert [item.referral is None for item in items].count(True) == 1
    cases = [item.referral.case for item in items if item.referral]
    tumours = {case.pk: list(case.tumours.values_list("data", flat=True)) for case in cases}
    assert sorted(len(found) for found in tumours.values()) == [1] * 10 + [2]
    gaps = [missing("breast", case.data, tumours[case.pk]) for case in cases]
    assert [bool(found) for found in gaps].count(True) == 1
    assert [item.referral.guest is not None for item in items if item.referral].count(True) == 1
    assert {item.hospital.short_name for item in items} == {"SG", "DL", "MD"}
    assert Delivery.objects.filter(meeting=meeting, state=State.WAITING).count() > 10
    [invitation] = GuestInvitation.objects.filter(meeting=meeting)
    assert (invitation.confirmed_at, invitation.person.visitor) == (None, True)


def _next_week(present: datetime) -> None:
    following = Meeting.objects.filter(starts_at__gt=present, series__isnull=False).order_by("starts_at").first()
    assert following is not None
    assert following.state == Meeting.State.PLANNED
    assert following.starts_at.astimezone(BRUSSELS).date() > present.astimezone(BRUSSELS).date()
    assert following.items.count() == 4
    before_the_board = Counter(Referral.objects.values_list("status", flat=True))
    assert before_the_board == {
        "discussed": 32,
        "scheduled": 11 + 4,
        "accepted": 2,
        "submitted": 2,
        "returned": 1,
        "draft": 1,
    }
    assert Patient.objects.count() == Case.objects.count() == 53
    assert Tumour.objects.count() > 53


def _papers() -> None:
    kinds = Counter(Document.objects.values_list("content_type", flat=True))
    assert set(kinds) == {"application/pdf", "image/png", "image/jpeg"}
    beginnings = {"application/pdf": b"%PDF", "image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff\xe0"}
    for document in Document.objects.all():
        with storage.open(document.storage_name) as file:
            assert file.read(4) == beginnings[document.content_type]


def test_the_sign_in_page_offers_the_accounts(db: None) -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert all(account.username in page for account in demo.ACCOUNTS)

"""Preparing a referral: seen, noted, open again; who may, who reads it, what stays of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from cases import access
from cases.actions.preparation import mark_seen, write_note
from cases.models import PreparationNote, Referral
from mdo.kernel.action import Done
from mdo.kernel.errors import Denied, Invalid, NotFound, Refused, RuleBroken, Stale
from mdo.kernel.ids import new_id
from tests.cases.acts import audited, names, row
from tests.cast import NAMES, Cast, Member, acting_as
from tests.database import as_owner
from tests.factories import make_case, make_grant, make_referral


@pytest.fixture
def referral(db: None, cast: Cast) -> Referral:
    case = make_case(cast.partner_hospital, cast.partner.person)
    return make_referral(cast.board, cast.partner_hospital, cast.partner.person, case=case, status="scheduled")


def note(member: Member, referral: Referral, **values: Any) -> Done:
    values = {"note_id": new_id(), "version": 0, "text": " Tweede letsel op 3 uur. ", "command_id": new_id()} | values
    with acting_as(member) as by:
        return write_note(by=by, referral_id=referral.pk, **values)


def mark(member: Member, referral: Referral, **values: Any) -> Done:
    values = {"note_id": new_id(), "version": 0, "seen": True, "command_id": new_id()} | values
    with acting_as(member) as by:
        return mark_seen(by=by, referral_id=referral.pk, **values)


def in_force(referral: Referral) -> list[tuple[str, int]]:
    found = PreparationNote.objects.filter(referral=referral, replaced_at=None).order_by("at")
    return list(found.values_list("text", "version"))


def test_a_note_is_seen_and_every_version_of_it_stays(cast: Cast, referral: Referral) -> None:
    first = mark(cast.radiologist, referral)
    done = note(cast.radiologist, referral, version=1)
    gone = note(cast.radiologist, referral, version=2, text="")
    opened = mark(cast.radiologist, referral, version=3, seen=False)
    assert [names(each) for each in (first, done, gone, opened)] == [["preparation.changed"]] * 4
    states = [(each.events[0].state, each.events[0].version) for each in (first, done, gone, opened)]  # type: ignore[attr-defined]
    assert states == [("seen", 1), ("noted", 2), ("seen", 3), ("open", 3)]
    with acting_as(cast.radiologist):
        kept = PreparationNote.objects.filter(referral=referral).order_by("version")
        assert list(kept.values_list("text", "version", "discipline", "organisation", "hospital")) == [
            (text, version, "radiology", cast.organiser.pk, cast.partner_hospital.pk)
            for text, version in (("", 1), ("Tweede letsel op 3 uur.", 2), ("", 3))
        ]
        assert in_force(referral) == []
    again = mark(cast.radiologist, referral)
    assert again.events[0].version == 4  # type: ignore[attr-defined]
    last = done.events[0]
    assert audited("preparation.note")[0] == row(
        "preparation.note",
        cast.radiologist,
        cast.partner_hospital.pk,
        ["preparation.changed"],
        note_id=last.note_id,  # type: ignore[attr-defined]
        referral_id=referral.pk,
        case_id=referral.case_id,
        hospital_id=cast.partner_hospital.pk,
    )


def test_marking_again_keeps_the_note_and_takes_the_dossier_as_it_is(cast: Cast, referral: Referral) -> None:
    note(cast.radiologist, referral)
    mark(cast.radiologist, referral, version=1)
    with acting_as(cast.radiologist):
        assert in_force(referral) == [("Tweede letsel op 3 uur.", 2)]


def test_two_tellings_of_one_command_are_one_note(cast: Cast, referral: Referral) -> None:
    sent = {"note_id": new_id(), "command_id": new_id()}
    note(cast.radiologist, referral, **sent)
    assert note(cast.radiologist, referral, **sent).replayed
    with acting_as(cast.radiologist):
        assert in_force(referral) == [("Tweede letsel op 3 uur.", 1)]


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"version": 1}, Stale),
        ({"text": "  "}, Invalid),
        ({"text": "x" * 4001}, Invalid),
    ],
)
def test_a_note_is_refused(cast: Cast, referral: Referral, values: dict[str, Any], refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        note(cast.radiologist, referral, **values)


def test_what_is_not_before_a_board_is_not_prepared(cast: Cast) -> None:
    for status in ("draft", "discussed"):
        referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=status)
        with pytest.raises(RuleBroken):
            mark(cast.requester, referral)
    with pytest.raises(RuleBroken):
        mark(cast.radiologist, make_referral(cast.board, cast.organiser, cast.requester.person), seen=False)


def answer(member: Member, referral: Referral) -> str:
    with transaction.atomic():
        try:
            mark(member, referral)
        except (NotFound, Denied) as refused:
            return type(refused).__name__
        finally:
            transaction.set_rollback(True)
    return "done"


def test_who_prepares_is_who_sits_there(cast: Cast, referral: Referral) -> None:
    """The row ``prepare`` of the matrix; a guest and an observer do not even while the case is on the table."""
    for each in (cast.guest, cast.observer):
        make_grant(referral.case, each.person)
    expected = dict.fromkeys(NAMES, "done") | dict.fromkeys(
        ("requester", "outsider", "privacy", "admin", "datamanager"), "NotFound"
    )
    expected |= {"guest": "Denied", "observer": "Denied"}
    assert {name: answer(cast.members[name], referral) for name in NAMES} == expected


READERS = {"chair", "coordinator", "secretary", "radiologist", "partner", "partnersecretary"}


def readers(cast: Cast, referral: Referral, *, raw: bool) -> set[str]:
    found = set()
    for name in NAMES:
        with acting_as(cast.members[name]) as by:
            rows = PreparationNote.objects.filter(replaced_at=None) if raw else access.visible_preparation(by)
            if rows.filter(referral=referral).exists():
                found.add(name)
    return found


def test_a_note_is_read_by_whoever_reads_the_case_in_full(cast: Cast, referral: Referral) -> None:
    """By the code and by the database alone; not by a guest or observer while the case is on the table."""
    note(cast.radiologist, referral)
    for each in (cast.guest, cast.observer):
        make_grant(referral.case, each.person)
    assert readers(cast, referral, raw=False) == READERS
    assert readers(cast, referral, raw=True) == READERS


@contextmanager
def without_policy() -> Iterator[None]:
    with as_owner() as owner:
        owner.execute("ALTER TABLE cases_preparationnote DISABLE ROW LEVEL SECURITY")
        try:
            yield
        finally:
            owner.execute("ALTER TABLE cases_preparationnote ENABLE ROW LEVEL SECURITY")


def test_without_the_policy_everybody_would(committed: None, cast: Cast) -> None:
    """The negative control: the code alone says the same, the raw query no longer does."""
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    note(cast.radiologist, referral)
    make_grant(referral.case, cast.guest.person)
    with without_policy():
        by_code = readers(cast, referral, raw=False)
        assert by_code == READERS - {"partnersecretary"} | {"requester"}
        assert readers(cast, referral, raw=True) == set(NAMES)

"""Who may know of a case. The rule stands in prose above cases/access.py, the expectation by hand in world.py; the code, the
database alone, and the code without the database must all say the same."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Model, QuerySet

from cases import access
from cases.models import Case, Document, Grant, Patient, Referral, Tumour
from mdo.directory.access import today
from mdo.directory.models import Agreement, AgreementBoard, AgreementParty, Board, BoardRole, OrganisationRole
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound
from mdo.kernel.ids import new_id
from meetings.access import visible_decisions
from meetings.models import Decision
from tests.cases.world import BOARD, HOUSE, KNOWN, ORGANISER, PARTNER, SEEN, THIRD, World, make_world, names
from tests.cast import Cast, Member, acting_as
from tests.database import as_owner
from tests.factories import make_case, make_document, make_grant, make_patient, make_referral, writing

SECURED = (
    "cases_case", "cases_referral", "cases_patient", "cases_preparationnote", "cases_tumour", "cases_document", "meetings_decision",
)  # fmt: skip


def seen(world: World, member: Member) -> dict[str, set[str]]:
    """What somebody sees in each table: by the code (`visible`) and by the database alone (`raw`)."""
    with acting_as(member) as by:
        return {
            "visible": names(access.visible_cases(by), world.cases),
            "raw": names(Case.objects.all(), world.cases),
            "visible referrals": names(access.visible_referrals(by), world.referrals),
            "raw referrals": names(Referral.objects.all(), world.referrals),
            "visible tumours": names_of_cases(access.visible_tumours(by), world),
            "raw tumours": names_of_cases(Tumour.objects.all(), world),
            "visible decisions": names(visible_decisions(by), world.decisions),
            "raw decisions": names(Decision.objects.all(), world.decisions),
            "readable": {
                name
                for name, case in world.cases.items()
                if case.pk in access.readable_cases(by, list(world.referrals.values()))
            },
        }


def names_of_cases(rows: QuerySet[Any], world: World) -> set[str]:
    by_key = {case.pk: name for name, case in world.cases.items()}
    return {by_key[key] for key in rows.values_list("case_id", flat=True)}


def of_referrals(world: World, cases: set[str], member: str) -> set[str]:
    """The referrals that go with these cases: those known to the board, and of the own hospital or by oneself all."""
    found = {name for name in world.referrals if name in cases}
    if member == "partnersecretary":
        found.add("P_colleague again")
    return found


# --- the three of them agree -------------------------------------------------------------------------------------------


def test_code_and_database_say_what_is_written_down(cast: Cast) -> None:
    world = make_world(cast)
    by_key = {case.pk: name for name, case in world.cases.items()}
    referred = {by_key[referral.case_id] for referral in world.referrals.values()}
    for member, cases in SEEN.items():
        referrals = of_referrals(world, cases, member)
        decisions = {name for name in world.decisions if name in cases}
        if member in ("chair", "coordinator", "secretary", "radiologist", "partner", "thirdmember", "both"):
            decisions.add("topic")
        assert seen(world, world.people[member]) == {
            "visible": cases,
            "raw": cases,
            "visible referrals": referrals,
            "raw referrals": referrals,
            "visible tumours": cases,
            "raw tumours": cases,
            "visible decisions": decisions,
            "raw decisions": decisions,
            "readable": cases & referred,
        }, member


def test_the_house_sees_all(cast: Cast) -> None:
    world = make_world(cast)
    with acting(HOUSE, None, "work"):
        for visible, known in (
            (access.visible_cases(HOUSE), world.cases),
            (access.visible_referrals(HOUSE), world.referrals),
            (visible_decisions(HOUSE), world.decisions),
            (Document.objects.all(), world.documents),
        ):
            assert names(visible, known) == set(known)
        removed = {name for name in world.documents if name.endswith("removed")}
        assert names(access.visible_documents(HOUSE), world.documents) == set(world.documents) - removed
        assert access.visible_tumours(HOUSE).count() == len(world.cases)


def _everything(model: type[Model], by: Any, among: Collection[UUID] | None = None) -> QuerySet[Any]:
    return model._default_manager.all() if among is None else model._default_manager.filter(pk__in=among)


@pytest.fixture
def permissive(monkeypatch: pytest.MonkeyPatch) -> None:
    """access.py as if somebody had forgotten every filter."""
    for name, model in (
        ("visible_cases", Case),
        ("visible_referrals", Referral),
        ("visible_tumours", Tumour),
        ("visible_documents", Document),
        ("visible_patients", Patient),
    ):
        monkeypatch.setattr(access, name, partial(_everything, model))


def test_with_permissive_code_the_database_still_holds(cast: Cast, permissive: None) -> None:
    world = make_world(cast)
    for member, cases in SEEN.items():
        with acting_as(world.people[member]) as by:
            assert names(access.visible_cases(by), world.cases) == cases, member
            for name in {"O_draft", "T_withdrawn", "X_sneaked"} - cases:
                with pytest.raises(NotFound):
                    access.access_case_for_reading(by, world.cases[name].pk)


@contextmanager
def policies_off() -> Iterator[None]:
    """As the owner: the tables without row-level security."""
    with as_owner() as owner:
        for table in SECURED:
            owner.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        try:
            yield
        finally:
            for table in SECURED:
                owner.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def test_without_policies_the_code_alone_says_the_same(committed: None, cast: Cast) -> None:
    """The code's rule by itself; and the negative control: without policies the raw query does show more."""
    world = make_world(cast)
    with policies_off():
        for member, cases in SEEN.items():
            found = seen(world, world.people[member])
            assert found["raw"] == set(world.cases)
            assert found["raw referrals"] == set(world.referrals)
            assert found["raw decisions"] == set(world.decisions)
            if member == "inactive":
                continue  # nobody who is inactive gets as far as a door; the database refuses them all the same
            assert found["visible"] == found["visible tumours"] == cases, member
            assert found["visible referrals"] == of_referrals(world, cases, member), member
    assert seen(world, world.people["outsider"])["raw"] == SEEN["outsider"]


# --- what moves the rule -----------------------------------------------------------------------------------------------


def end(agreement: Agreement, how: str, cast: Cast) -> None:
    if how == "ended":
        agreement.status = Agreement.Status.ENDED
    elif how == "past":
        agreement.ends_on = today() - timedelta(days=1)
    elif how == "declaration":
        agreement.status = Agreement.Status.DECLARATION
    elif how == "not begun":
        agreement.starts_on = today() + timedelta(days=1)
    elif how == "other board":
        AgreementBoard.objects.filter(agreement=agreement).update(board=Board.objects.get(name="Long-MOC"))
    else:
        AgreementParty.objects.filter(agreement=agreement, organisation=cast.organiser).update(signed_on=None)
    agreement.save()


@pytest.mark.parametrize("how", ["ended", "past", "declaration", "not begun", "other board", "organiser did not sign"])
def test_when_the_agreement_ends_each_hospital_is_alone(cast: Cast, how: str) -> None:
    world = make_world(cast)
    end(cast.agreement, how, cast)
    alone = {"O_submitted", "O_chair", "O_via"}
    expected = {
        "chair": alone | {"O_other_board"},
        "coordinator": alone,
        "secretary": ORGANISER,
        "requester": SEEN["requester"],
        "partner": {"P_submitted", "P_draft"},  # as their requester
        "partnersecretary": PARTNER,
        "thirdmember": THIRD,
        "both": set(),
        "outsider": SEEN["outsider"],
    }
    for member, cases in expected.items():
        found = seen(world, world.people[member])
        assert (found["visible"], found["raw"]) == (cases, cases), member


def test_a_with_b_and_b_with_c_give_no_a_with_c(cast: Cast) -> None:
    world = make_world(cast)
    AgreementParty.objects.filter(agreement=cast.agreement, organisation=cast.third).delete()
    second = Agreement.objects.create(
        network=cast.network, title="Andere", status=Agreement.Status.SIGNED, starts_on=today()
    )
    for place in (cast.organiser, cast.third):
        AgreementParty.objects.create(agreement=second, organisation=place, signed_on=today())
    AgreementBoard.objects.create(agreement=second, board=cast.board)
    organiser = {"O_submitted", "O_chair", "O_via"}
    expected = {
        "coordinator": BOARD,
        "partner": organiser | {"P_submitted", "P_colleague", "P_draft"},
        "both": organiser | {"P_submitted", "P_colleague"},
        "thirdmember": organiser | THIRD,
    }
    for member, cases in expected.items():
        found = seen(world, world.people[member])
        assert (found["visible"], found["raw"]) == (cases, cases), member


def test_somebody_of_two_hospitals_acts_for_one(cast: Cast) -> None:
    world = make_world(cast)
    both = world.people["both"].person
    found = seen(world, Member(both, cast.organiser))
    assert (found["visible"], found["raw"]) == (set(), set())
    with acting(both, None, "care"):
        assert names(Case.objects.all(), world.cases) == names(access.visible_cases(both), world.cases) == set()


def test_a_seat_that_ends_takes_the_cases_along(cast: Cast) -> None:
    world = make_world(cast)
    BoardRole.objects.filter(person=cast.radiologist.pk).update(valid_until=now() - timedelta(minutes=5))
    OrganisationRole.objects.filter(person=cast.partnersecretary.pk).update(valid_until=now() - timedelta(minutes=5))
    for member in (cast.radiologist, cast.partnersecretary):
        found = seen(world, member)
        assert (found["visible"], found["raw"]) == (set(), set())


def test_a_grant_opens_and_ends(cast: Cast) -> None:
    world = make_world(cast)
    (grant, *_), guest = world.grants, cast.guest
    assert seen(world, guest)["raw"] == {"O_submitted"}
    with writing():
        Grant.objects.filter(pk=grant.pk).update(ended_at=now())
    assert seen(world, guest)["visible"] == seen(world, guest)["raw"] == set()
    with writing():
        Grant.objects.filter(pk=grant.pk).update(ended_at=None, until=now() - timedelta(minutes=5))
    assert seen(world, guest)["visible"] == seen(world, guest)["raw"] == set()


def test_a_grant_shows_no_draft_that_is_meant_for_another_board(cast: Cast) -> None:
    """Neither in the code nor, asked by itself, in the database."""
    case = make_case(cast.organiser, cast.requester.person)
    known = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="draft")
    make_grant(case, cast.guest.person)
    with acting_as(cast.guest) as guest:
        assert list(access.visible_referrals(guest).values_list("pk", flat=True)) == [known.pk]
        assert list(Referral.objects.filter(case=case).values_list("pk", flat=True)) == [known.pk]


# --- the database by itself --------------------------------------------------------------------------------------------


def as_an_action(statement: str, values: list[Any]) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mdo.action', 'test.forged', true)")
        cursor.execute(statement, values)
        return cursor.rowcount


def test_what_one_cannot_see_one_cannot_change(cast: Cast) -> None:
    world = make_world(cast)
    case = world.cases["T_submitted"]
    with acting_as(cast.partnersecretary):
        assert as_an_action("UPDATE cases_case SET version = 99 WHERE id = %s", [case.pk]) == 0
        assert as_an_action("DELETE FROM cases_tumour WHERE case_id = %s", [case.pk]) == 0


def test_nobody_writes_a_row_into_another_hospital(cast: Cast) -> None:
    patient = make_patient(cast.third)
    with acting_as(cast.partnersecretary), pytest.raises(DatabaseError, match="row-level security"):
        as_an_action(
            "INSERT INTO cases_patient (id, hospital_id, family_name, given_name, name_key, birth_date, sex, national_number,"
            " other_identifier, other_identifier_reason, language, gp_name, phone, version)"
            " VALUES (%s, %s, 'a', 'b', 'a b', '1960-01-01', 'female', '60010100254', '', '', 'nl', '', '', 1)",
            [new_id(), cast.third.pk],
        )
    with acting_as(cast.partnersecretary):
        assert not Patient.objects.filter(pk=patient.pk).exists()


@pytest.mark.parametrize("column", ["patient", "case"])
def test_a_row_refers_only_to_rows_of_its_own_hospital(committed: None, cast: Cast, column: str) -> None:
    foreign = make_case(cast.third, cast.outsider.person)
    here = cast.organiser, cast.requester.person
    with pytest.raises(DatabaseError, match="same_hospital"):
        _ = (
            make_case(*here, patient=foreign.patient)
            if column == "patient"
            else make_referral(cast.board, *here, case=foreign)
        )


# --- rows keep quiet ---------------------------------------------------------------------------------------------------


def test_rows_name_nobody(cast: Cast) -> None:
    """What reaches a log by accident is an id."""
    case = make_case(cast.organiser, cast.requester.person)
    document, grant = make_document(case), make_grant(case, cast.guest.person)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case)
    rows: list[Model] = [case, case.patient, document, grant, referral]
    assert [str(row) for row in rows] == [str(row.pk) for row in rows]
    with acting_as(cast.requester):
        tumour = case.tumours.get()
        assert str(tumour) == str(tumour.pk)
    patient = Patient(family_name="Van den Broeck", given_name="maria", birth_date=case.patient.birth_date)
    assert (patient.display_name, patient.label) == ("Van den Broeck maria", f"M.V. {patient.birth_date.year}")
    assert KNOWN < THIRD

"""Who may know of a case. The rule stands in prose above cases/access.py, the expectation by hand in world.py; the code, the
database alone, and the code without the database must all say the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Model, Q, QuerySet

from cases import access
from cases.models import Case, Document, Grant, ImportJob, Patient, Referral, Tumour
from mdo.directory.access import today, visible_tokens
from mdo.directory.matrix import Seat
from mdo.directory.models import Agreement, AgreementBoard, AgreementParty, Board, BoardRole, OrganisationRole
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings.access import visible_decisions
from meetings.models import Decision
from tests.cases.world import BOARD, KNOWN, ORGANISER, PARTNER, SEEN, THIRD, World, make_world
from tests.cast import Cast, Member, acting_as
from tests.database import as_owner
from tests.factories import insz, make_case, make_document, make_grant, make_patient, make_referral, writing

HOUSE = System("sweep")
SECURED = (
    "cases_case", "cases_referral", "cases_patient", "cases_preparationnote", "cases_tumour", "cases_document", "meetings_decision",
)  # fmt: skip


def names(rows: QuerySet[Any], known: dict[str, Any]) -> set[str]:
    by_key = {row.pk: name for name, row in known.items()}
    return {by_key[key] for key in rows.values_list("pk", flat=True)}


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


DOCUMENTS = {
    "secretary": ("O_draft", "O_submitted", "P_submitted", "T_discussed"),
    "requester": ("O_draft", "O_submitted"),
    "partner": ("O_submitted", "P_submitted", "T_discussed"),
    "partnersecretary": ("P_submitted",),
    "outsider": ("X_own_board",),
    "privacy": (),
}


def test_documents(cast: Cast) -> None:
    """A guest sees what is shared with guests. The database does not know of removal: what was removed stays in the record."""
    world = make_world(cast)
    for member in (*DOCUMENTS, "guest", "observer"):
        if member == "guest":
            visible, raw = {"O_submitted shared"}, {"O_submitted shared"}
        elif member == "observer":
            visible, raw = {"T_discussed shared"}, {"T_discussed shared"}
        else:
            visible = {f"{name}{more}" for name in DOCUMENTS[member] for more in ("", " shared")}
            raw = visible | {f"{name} removed" for name in DOCUMENTS[member]}
        with acting_as(world.people[member]) as by:
            assert names(access.visible_documents(by), world.documents) == visible, member
            assert names(Document.objects.all(), world.documents) == raw, member


def test_patients(cast: Cast) -> None:
    """The patients of visible cases. The database adds, for clinicians and secretaries, the identities of the own hospital:
    a patient is found again by number there; the cases stay behind their own policy."""
    world = make_world(cast)
    everybody = [(case.patient_id, case.hospital_id) for case in world.cases.values()]
    everybody += [(patient.pk, patient.hospital_id) for patient in world.lonely.values()]
    for member, cases in SEEN.items():
        person = world.people[member]
        of_cases = {world.cases[name].patient_id for name in cases}
        works_there = OrganisationRole.objects.filter(
            Q(valid_until=None) | Q(valid_until__gt=now()),
            person=person.pk,
            person__is_active=True,
            organisation=person.organisation_id,
            role__in=["clinician", "secretary"],
        ).exists()
        own = {patient for patient, hospital in everybody if works_there and hospital == person.organisation_id}
        with acting_as(person) as by:
            assert set(access.visible_patients(by).values_list("pk", flat=True)) == of_cases, member
            assert set(Patient.objects.values_list("pk", flat=True)) == of_cases | own, member


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
        monkeypatch.setattr(access, name, lambda by, model=model: model._default_manager.all())


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


# --- the right to one case ---------------------------------------------------------------------------------------------

# Whoever sees the case of this name: with these seats before it, and with this right of the matrix or without.
PLACES: list[tuple[str, str, set[Seat], set[str], bool]] = [
    # member, case, seats, facts, may change (row `submit`)
    ("chair", "O_submitted", {Seat.CHAIR}, {"agr", "own", "set"}, False),
    ("chair", "O_other_board", {Seat.REQUESTER}, {"own"}, True),
    ("coordinator", "P_submitted", {Seat.COORDINATOR}, {"agr", "set"}, True),
    ("secretary", "O_draft", {Seat.PARTNER_SECRETARY}, {"own"}, True),
    ("secretary", "O_submitted", {Seat.SECRETARY, Seat.PARTNER_SECRETARY}, {"agr", "own", "set"}, True),
    ("secretary", "T_accepted", {Seat.SECRETARY}, {"agr", "set"}, True),
    ("requester", "O_submitted", {Seat.REQUESTER}, {"own"}, True),
    ("requester", "O_via", {Seat.REQUESTER}, {"own"}, True),
    ("radiologist", "O_submitted", {Seat.MEMBER}, {"agr", "own", "set"}, True),
    ("radiologist", "P_submitted", {Seat.MEMBER}, {"agr", "set"}, False),
    ("partner", "P_submitted", {Seat.PARTNER_MEMBER, Seat.REQUESTER}, {"agr", "own", "set"}, True),
    ("partner", "O_submitted", {Seat.PARTNER_MEMBER}, {"agr", "set"}, False),
    ("partnersecretary", "P_submitted", {Seat.PARTNER_SECRETARY}, {"agr", "own", "set"}, True),
    ("partnersecretary", "P_colleague_draft", {Seat.PARTNER_SECRETARY}, {"own"}, True),
    ("guest", "O_submitted", {Seat.GUEST}, {"slot"}, False),
    ("observer", "T_discussed", {Seat.OBSERVER}, {"agr", "set", "slot"}, False),
]


def test_places(cast: Cast) -> None:
    world = make_world(cast)
    for member, name, seats, facts, may_change in PLACES:
        case = world.cases[name]
        with acting_as(world.people[member]) as by:
            place = access.place(by, case)
            assert (place.seats, place.facts) == (seats, facts), (member, name)
            assert place.permits("submit") is may_change, (member, name)
            assert place.is_guest is (member == "guest")
            assert place.pseudonyms is (member == "observer")
            assert access.access_case_for_reading(by, case.pk) == case
            if may_change:
                assert access.access_case_for_submitting(by, case.pk) == case
            else:
                with pytest.raises(Denied):
                    access.access_case_for_submitting(by, case.pk)
    read = AuditEntry.objects.filter(action="case.read").order_by("id").values_list("object_id", flat=True)
    assert list(read) == [world.cases[name].pk for _, name, *_ in PLACES]


def test_what_one_may_not_know_of_does_not_exist(cast: Cast) -> None:
    world = make_world(cast)
    some = {"O_draft", "O_other_board", "P_draft", "P_submitted", "T_withdrawn", "X_own_board"}
    for member in ("requester", "partnersecretary", "guest", "outsider", "admin", "former"):
        with acting_as(world.people[member]) as by:
            for name in some - SEEN[member]:
                with pytest.raises(NotFound):
                    access.access_case_for_reading(by, world.cases[name].pk)
                with pytest.raises(NotFound):
                    access.access_referral_for_submitting(by, world.referrals[name].pk)
            with pytest.raises(NotFound):
                access.access_case_for_submitting(by, uuid4())
    assert not AuditEntry.objects.exists()


def test_the_house_may_touch_any_case(cast: Cast) -> None:
    world = make_world(cast)
    with acting(HOUSE, None, "work"):
        for case in world.cases.values():
            assert access.access_case_for(HOUSE, case.pk, "system") == case
        assert access.access_referral_for(HOUSE, world.referrals["O_draft"].pk, "build_agenda").case_id
        with pytest.raises(NotFound):
            access.access_case_for(HOUSE, uuid4(), "system")


AGENDA: list[tuple[str, str, type[Exception] | None]] = [
    ("secretary", "T_submitted", None),
    ("chair", "P_submitted", None),
    ("coordinator", "O_submitted", None),
    ("secretary", "O_draft", None),  # of her own hospital, before her own board
    ("secretary", "O_other_board", Denied),  # she has no seat there
    ("chair", "O_other_board", Denied),
    ("partnersecretary", "P_submitted", Denied),
    ("requester", "O_submitted", Denied),
    ("partner", "O_submitted", Denied),
    ("guest", "O_submitted", Denied),
    ("observer", "T_discussed", Denied),
    ("outsider", "O_submitted", NotFound),
]


def test_building_the_agenda(cast: Cast) -> None:
    world = make_world(cast)
    for member, name, error in AGENDA:
        referral = world.referrals[name]
        with acting_as(world.people[member]) as by:
            if error is None:
                assert access.access_referral_for_agenda(by, referral.pk) == referral
                assert access.access_referral_for(by, referral.pk, "build_agenda", lock=False) == referral
            else:
                with pytest.raises(error):
                    access.access_referral_for_agenda(by, referral.pk)


def test_referring_and_withdrawing_are_the_own_hospital_s(cast: Cast) -> None:
    world = make_world(cast)
    with acting_as(cast.secretary) as by:
        assert access.access_case_for_referring(by, world.cases["O_bare"].pk)
        assert access.access_referral_for_withdrawing(by, world.referrals["O_submitted"].pk)
        with pytest.raises(Denied):
            access.access_case_for_referring(by, world.cases["T_submitted"].pk)
        with pytest.raises(Denied):
            access.access_referral_for_withdrawing(by, world.referrals["T_submitted"].pk)
    with acting_as(cast.requester) as by:
        assert access.access_referral_for_withdrawing(by, world.referrals["O_via"].pk)
    with acting_as(cast.radiologist) as by, pytest.raises(Denied):
        access.access_referral_for_withdrawing(by, world.referrals["O_submitted"].pk)


# --- documents ---------------------------------------------------------------------------------------------------------


def test_reading_a_document(cast: Cast) -> None:
    world = make_world(cast)
    document = world.documents["O_submitted"]
    with acting_as(cast.partner) as by:
        assert access.access_document_for_reading(by, document.pk) == document
        for hidden in ("O_draft", "O_submitted removed", "X_own_board"):
            with pytest.raises(NotFound):
                access.access_document_for_reading(by, world.documents[hidden].pk)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.hospital_id, entry.patient_id) == (
        "document.read",
        document.pk,
        cast.organiser.pk,
        document.case.patient_id,
    )
    with acting_as(cast.guest) as by:
        assert access.access_document_for_reading(by, world.documents["O_submitted shared"].pk)
        with pytest.raises(NotFound):
            access.access_document_for_reading(by, document.pk)


def test_a_document_is_not_read_without_a_seat(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a list to show too much, the matrix would still be asked."""
    document = make_document(make_case(cast.organiser, cast.requester.person))
    monkeypatch.setattr(access, "place", lambda by, case: access.Place(frozenset(), frozenset()))
    with acting_as(cast.requester) as by, pytest.raises(NotFound):
        access.access_document_for_reading(by, document.pk)


def test_changing_a_document(cast: Cast) -> None:
    world = make_world(cast)
    with acting_as(cast.requester) as by:
        for name in ("O_submitted", "O_submitted removed"):  # of a removal told twice, the second is answered
            found = access.access_document_for_submitting(by, world.documents[name].pk)
            assert (found, found.case) == (world.documents[name], world.cases["O_submitted"])
        with pytest.raises(NotFound):
            access.access_document_for_submitting(by, world.documents["P_submitted"].pk)
    with acting_as(cast.partner) as by, pytest.raises(Denied):
        access.access_document_for_submitting(by, world.documents["O_submitted"].pk)


# --- patients ----------------------------------------------------------------------------------------------------------


def test_patients_are_found_again_in_the_own_hospital_only(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    twin = make_patient(cast.third, national_number=patient.national_number, birth_date=patient.birth_date)
    stranger = make_patient(cast.organiser, other_identifier="FR-123", other_identifier_reason="Woont in Frankrijk")
    number = patient.national_number
    for member in (cast.requester, cast.secretary, cast.radiologist):
        with acting_as(member) as by:
            assert access.find_patient(by, national_number=number) == patient
            assert access.find_patient(by, other_identifier="FR-123") == stranger
            assert access.find_patient(by) is None
            assert access.find_patient(by, national_number=insz(patient.birth_date, 998)) is None
            assert access.access_patient_for_submitting(by, patient.pk) == patient
            with pytest.raises(NotFound):
                access.access_patient_for_submitting(by, twin.pk)
    for member in (cast.partner, cast.partnersecretary, cast.outsider, cast.guest, cast.admin, cast.observer):
        with acting_as(member) as by:
            assert access.find_patient(by, national_number=number) is None
            with pytest.raises(NotFound):
                access.access_patient_for_submitting(by, patient.pk)


MAY_BRING_IN = {
    "chair",
    "coordinator",
    "secretary",
    "requester",
    "radiologist",
    "partner",
    "partnersecretary",
    "outsider",
}


def test_who_may_bring_in_a_case(cast: Cast) -> None:
    found = set()
    for name, member in cast.members.items():
        with acting_as(member) as by:
            may = access.may_bring_in(by)
            if may:
                assert access.access_hospital_for_submitting(by) == member.organisation_id
                found.add(name)
            else:
                with pytest.raises(Denied):
                    access.access_hospital_for_submitting(by)
    assert found == MAY_BRING_IN
    with acting(cast.requester.person, None, "care"), pytest.raises(Denied):
        access.access_hospital_for_submitting(cast.requester.person)


def test_for_whom_one_may_bring_in_a_case(cast: Cast) -> None:
    with acting_as(cast.secretary) as by:
        clinicians = {cast.chair, cast.coordinator, cast.requester, cast.radiologist}
        assert set(access.visible_requesters(by)) == {member.person for member in clinicians}
    with acting_as(cast.requester) as by:
        assert list(access.visible_requesters(by)) == [by]
        assert list(access.visible_guests()) == [cast.guest.person]
    with acting_as(cast.observer) as by:
        assert list(access.visible_requesters(by)) == []


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


def test_lists_prepared_imported_and_merged_are_the_house_s_and_their_owner_s(cast: Cast) -> None:
    with writing():
        job = ImportJob.objects.create(
            hospital=cast.organiser,
            kind=ImportJob.Kind.DECISIONS,
            board=cast.board,
            stage=ImportJob.Stage.PREVIEW,
            state="done",
            due_at=now(),
            by=cast.requester.person,
            size=1,
            sha256="0" * 64,
            row_count=0,
        )
    patient = make_patient(cast.organiser)
    house = System("test")
    with acting(house, None, "work"):
        assert list(access.visible_imports(house)) == [job]
        assert list(access.visible_preparation(house)) == []
        with pytest.raises(Denied):  # of no hospital's record system
            access.access_patients_named(house, national_number=patient.national_number, own_numbers=[])
    with acting_as(cast.requester) as person:
        assert list(access.visible_imports(person)) == [job]
        with pytest.raises(Denied):  # it is one's own list, and no longer one's office to register at the board
            access.access_import_for_submitting(person, job.pk)
        assert list(access.visible_merges(person, patient)) == []
        assert list(visible_tokens(person)) == []
    with acting_as(cast.outsider) as person, pytest.raises(NotFound):
        access.access_import_for_submitting(person, job.pk)

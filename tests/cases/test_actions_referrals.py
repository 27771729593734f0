"""Referring, changing the question, handing in, taking back; and a case in one go."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from cases.actions.patients import PatientDetails
from cases.actions.referrals import (
    Request,
    boards_for,
    bring_in_case,
    change_referral,
    create_referral,
    submit_referral,
    withdraw_referral,
)
from cases.events import ReferralChanged, ReferralMoved
from cases.models import Case, Patient, Referral, Tumour
from mdo.directory.access import today
from mdo.directory.models import Agreement, Board
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import derived_id, new_id
from mdo.kernel.models import AuditEntry
from tests.cases.acts import audited, english, hold, onlookers, row, somebody_waits_for_a_lock, strangers
from tests.cast import Cast, Member, acting_as, seat
from tests.factories import case_data, insz, make_case, make_patient, make_referral, tumour_data, writing
from tests.parts import until

S = Referral.Status


def asked(cast: Cast, **changes: Any) -> Request:
    request = Request(
        board_id=cast.board.pk,
        question="Borstsparende heelkunde?",
        reason="new_diagnosis",
        requester_id=cast.requester.pk,
        requested_on=today(),
    )
    return replace(request, **changes)


def refer(member: Member, case: Case, request: Request, **more: Any) -> tuple[Any, UUID]:
    referral_id = more.pop("referral_id", new_id())
    more.setdefault("command_id", new_id())
    with acting_as(member) as by:
        return create_referral(by=by, referral_id=referral_id, case_id=case.pk, request=request, **more), referral_id


def stored(referral_id: UUID) -> Referral:
    with writing():
        return Referral.objects.select_related("case").get(pk=referral_id)


def other_board(cast: Cast, **values: Any) -> Board:
    values.setdefault("kind", "tumour_board")
    values.setdefault("dossier", "breast")
    values.setdefault("organiser", cast.organiser)
    return Board.objects.create(network=cast.network, name="Tweede MOC", **values)


# --- boards ------------------------------------------------------------------------------------------------------------


def test_the_boards_of_a_hospital(cast: Cast) -> None:
    topics = other_board(cast, kind="cooperation_committee")
    unknown = other_board(cast, kind="no_longer_known")
    clinical = other_board(cast, kind="clinical_board")
    with acting_as(cast.secretary):
        assert boards_for(cast.organiser.pk) == [cast.board]
        assert boards_for(cast.partner_hospital.pk, "breast") == [cast.board]
        assert boards_for(cast.organiser.pk, "kidney") == []
        assert boards_for(cast.outside.pk) == []
        assert {topics.pk, unknown.pk, clinical.pk}.isdisjoint(board.pk for board in boards_for(cast.organiser.pk))


# --- referring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["secretary", "requester"])
def test_a_case_is_put_before_a_board_as_a_draft(cast: Cast, who: str) -> None:
    member = cast.members[who]
    case = make_case(cast.organiser, cast.requester.person)
    done, referral_id = refer(member, case, asked(cast, guest_id=cast.guest.pk, informs_patient="dr. Claes"))
    assert done.events == (
        ReferralChanged(
            referral_id=referral_id, case_id=case.pk, board_id=cast.board.pk, hospital_id=cast.organiser.pk, version=1
        ),
    )
    referral = stored(referral_id)
    assert (referral.status, referral.submitted_at, referral.guest_id) == (S.DRAFT, None, cast.guest.pk)
    assert audited("referral.create") == [
        row(
            "referral.create",
            member,
            cast.organiser.pk,
            ["referral.changed"],
            referral_id=referral_id,
            case_id=case.pk,
            board_id=cast.board.pk,
            hospital_id=cast.organiser.pk,
        )
    ]


def test_a_draft_stays_at_home(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.DRAFT)
    for member in (cast.chair, cast.coordinator, cast.partner, cast.outsider):
        with acting_as(member):
            assert not Referral.objects.filter(pk=referral.pk).exists()
            assert not Case.objects.filter(pk=referral.case_id).exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"question": " \n"}, "question"),
        ({"question": "x" * 4001}, "question"),
        ({"reason": "because"}, "reason"),
        ({"board_id": new_id()}, "board"),
        ({"requester_id": new_id()}, "requester"),
        ({"guest_id": new_id()}, "guest"),
        ({"requested_on": date(2990, 1, 1)}, "requested_on"),
    ],
)
def test_what_is_wrong_is_refused_by_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    with pytest.raises(Invalid) as refused:
        refer(cast.secretary, case, asked(cast, **changes))
    assert list(refused.value.errors) == [field]


def test_other_hospitals_ids_are_answered_like_made_up_ones(cast: Cast) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    foreign = other_board(cast, organiser=cast.outside)
    for changes in (
        {"board_id": foreign.pk},
        {"requester_id": cast.partner.pk},
        {"requester_id": cast.outsider.pk},
        {"guest_id": cast.outsider.pk},
    ):
        (name, made_up) = next(iter(changes)), new_id()
        sentences = []
        for request in (asked(cast, **changes), asked(cast, **{name: made_up})):
            with pytest.raises(Invalid) as refused:
                refer(cast.secretary, case, request)
            sentences.append(refused.value.errors)
        assert sentences[0] == sentences[1]


def test_an_ended_agreement_closes_the_board(cast: Cast) -> None:
    patient = make_patient(cast.partner_hospital)
    case = make_case(cast.partner_hospital, cast.partner.person, patient=patient)
    request = asked(cast, requester_id=cast.partner.pk)
    Agreement.objects.update(ends_on=today() - timedelta(days=1))
    with pytest.raises(Invalid) as refused:
        refer(cast.partnersecretary, case, request)
    assert list(refused.value.errors) == ["board"]
    Agreement.objects.update(ends_on=today())
    assert len(refer(cast.partnersecretary, case, request)[0].events) == 1


def test_once_before_a_board_at_a_time(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.SCHEDULED)
    with pytest.raises(RuleBroken) as refused:
        refer(cast.secretary, referral.case, asked(cast))
    assert refused.value.field == "board"
    ended = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.DISCUSSED)
    assert len(refer(cast.secretary, ended.case, asked(cast))[0].events) == 1
    second = other_board(cast)
    assert len(refer(cast.secretary, referral.case, asked(cast, board_id=second.pk))[0].events) == 1


def test_only_the_own_hospital_refers(cast: Cast) -> None:
    case = make_referral(cast.board, cast.partner_hospital, cast.partner.person).case
    second = other_board(cast)
    for member in (cast.coordinator, cast.secretary):
        with pytest.raises(Denied):
            refer(member, case, asked(cast, board_id=second.pk))
    for member in [*strangers(cast), cast.requester]:
        with pytest.raises(NotFound):
            refer(member, case, asked(cast, board_id=second.pk))


# --- changing ----------------------------------------------------------------------------------------------------------


def change(member: Member, referral: Referral, request: Request, **more: Any) -> Any:
    more.setdefault("version", referral.version)
    more.setdefault("command_id", new_id())
    with acting_as(member) as by:
        return change_referral(by=by, referral_id=referral.pk, request=request, **more)


def test_the_question_changes_while_it_is_on_its_way(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.SCHEDULED)
    done = change(cast.requester, referral, asked(cast, question="Toch eerst MRI?", reason="recurrence"))
    assert done.events == (
        ReferralChanged(
            referral_id=referral.pk,
            case_id=referral.case_id,
            board_id=cast.board.pk,
            hospital_id=cast.organiser.pk,
            version=2,
        ),
    )
    after = stored(referral.pk)
    assert (after.question, after.reason, after.status, after.version) == (
        "Toch eerst MRI?",
        "recurrence",
        S.SCHEDULED,
        2,
    )
    assert len(audited("referral.change")) == 1


def test_a_corrected_requester_takes_the_case_along(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.DRAFT)
    change(cast.secretary, referral, asked(cast, requester_id=cast.radiologist.pk))
    assert stored(referral.pk).case.requester_id == cast.radiologist.pk
    with acting_as(cast.requester):
        assert not Case.objects.filter(pk=referral.case_id).exists()


def test_the_board_of_a_draft_changes_and_of_a_submission_does_not(cast: Cast) -> None:
    second = other_board(cast)
    draft = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.DRAFT)
    change(cast.secretary, draft, asked(cast, board_id=second.pk))
    assert stored(draft.pk).board_id == second.pk
    handed_in = make_referral(cast.board, cast.organiser, cast.requester.person)
    with pytest.raises(Invalid) as refused:
        change(cast.secretary, handed_in, asked(cast, board_id=second.pk))
    assert list(refused.value.errors) == ["board"]


def test_the_coordinator_may_mend_a_partners_question_and_leaves_the_requester(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.partner_hospital, cast.partner.person)
    assert len(change(cast.coordinator, referral, asked(cast, requester_id=cast.partner.pk)).events) == 1
    with pytest.raises(Invalid) as refused:
        change(cast.coordinator, referral, asked(cast), version=2)
    assert list(refused.value.errors) == ["requester"]
    assert stored(referral.pk).requester_id == cast.partner.pk


def test_refusals_of_a_change(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, version=3)
    with pytest.raises(Stale) as refused:
        change(cast.secretary, referral, asked(cast), version=2)
    assert refused.value.current == 3
    ended = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.DISCUSSED)
    with pytest.raises(RuleBroken):
        change(cast.secretary, ended, asked(cast))
    for member in [*strangers(cast), cast.partnersecretary]:
        with pytest.raises(NotFound):
            change(member, referral, asked(cast))
    for member in onlookers(cast):
        with pytest.raises(Denied):
            change(member, referral, asked(cast))


# --- handing in and taking back ----------------------------------------------------------------------------------------


def step(action: Any, member: Member, referral: Referral, **more: Any) -> Any:
    more.setdefault("version", referral.version)
    more.setdefault("command_id", new_id())
    with acting_as(member) as by:
        return action(by=by, referral_id=referral.pk, **more)


@pytest.mark.parametrize("status", [S.DRAFT, S.RETURNED])
@pytest.mark.parametrize("who", ["secretary", "requester"])
def test_a_complete_case_is_handed_in(cast: Cast, status: Referral.Status, who: str) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=status)
    done = step(submit_referral, cast.members[who], referral)
    assert done.events == (
        ReferralMoved(
            referral_id=referral.pk,
            case_id=referral.case_id,
            board_id=cast.board.pk,
            hospital_id=cast.organiser.pk,
            before=status,
            after=S.SUBMITTED,
            version=2,
        ),
    )
    assert audited("referral.submit") == [
        row(
            "referral.submit",
            cast.members[who],
            cast.organiser.pk,
            ["referral.moved"],
            referral_id=referral.pk,
            case_id=referral.case_id,
            board_id=cast.board.pk,
            hospital_id=cast.organiser.pk,
        )
    ]


def test_handing_in_names_everything_that_is_missing(cast: Cast) -> None:
    case = make_case(
        cast.organiser,
        cast.requester.person,
        data=case_data(wishes=None),
        tumours=[tumour_data(), tumour_data(laterality="right", er_status=None, clinical_tnm=None)],
    )
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status=S.DRAFT)
    with english(), pytest.raises(Invalid) as refused:
        step(submit_referral, cast.secretary, referral)
    assert refused.value.errors == {
        "wishes": ["Patient's wishes is missing."],
        "tumour-2.clinical_tnm": ["cTNM of tumour 2 is missing."],
    }
    assert stored(referral.pk).status == S.DRAFT


def test_what_others_owe_may_follow(cast: Cast) -> None:
    case = make_case(
        cast.organiser,
        cast.requester.person,
        data=case_data(pathology_findings=None, imaging_findings=None),
        tumours=[tumour_data(er_status=None, her2_ihc="2+", her2_low=None)],
    )
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status=S.DRAFT)
    step(submit_referral, cast.secretary, referral)
    assert stored(referral.pk).status == S.SUBMITTED


@pytest.mark.parametrize("status", [status for status in S if status not in (S.DRAFT, S.RETURNED)])
def test_handing_in_from_another_state(cast: Cast, status: Referral.Status) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=status)
    with pytest.raises(RuleBroken):
        step(submit_referral, cast.secretary, referral)


@pytest.mark.parametrize("status", [S.DRAFT, S.SUBMITTED, S.RETURNED, S.ACCEPTED, S.SCHEDULED, S.POSTPONED])
def test_a_case_is_taken_back(cast: Cast, status: Referral.Status) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=status)
    done = step(withdraw_referral, cast.requester, referral)
    assert [(event.before, event.after) for event in done.events] == [(status, S.WITHDRAWN)]
    assert len(audited("referral.withdraw")) == 1
    with acting_as(cast.chair):
        assert not Referral.objects.filter(pk=referral.pk).exists()


@pytest.mark.parametrize("status", [S.DISCUSSED, S.WITHDRAWN])
def test_what_is_over_is_not_taken_back(cast: Cast, status: Referral.Status) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=status)
    with pytest.raises(RuleBroken):
        step(withdraw_referral, cast.requester, referral)


def test_who_hands_in_and_takes_back(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.RETURNED)
    for action in (submit_referral, withdraw_referral):
        for member in [*strangers(cast), cast.partnersecretary]:
            with pytest.raises(NotFound):
                step(action, member, referral)
        for member in onlookers(cast):
            with pytest.raises(Denied):
                step(action, member, referral)
        with pytest.raises(Stale):
            step(action, cast.secretary, referral, version=9)
    with pytest.raises(Denied):  # may change it, but would not see it afterwards
        step(withdraw_referral, cast.coordinator, referral)
    partners = make_referral(cast.board, cast.partner_hospital, cast.partner.person)
    with pytest.raises(Denied):
        step(withdraw_referral, cast.secretary, partners)
    assert len(step(withdraw_referral, cast.partnersecretary, partners).events) == 1


def test_told_twice_it_is_handed_in_once(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=S.DRAFT)
    command_id = new_id()
    assert not step(submit_referral, cast.secretary, referral, command_id=command_id).replayed
    assert step(submit_referral, cast.secretary, referral, command_id=command_id).replayed
    assert stored(referral.pk).version == 2


# --- in one go ---------------------------------------------------------------------------------------------------------

BIRTH = date(1961, 4, 12)
DETAILS = PatientDetails(
    family_name="D'Hondt", given_name="Maria", birth_date=BIRTH, sex="female", national_number=insz(BIRTH, 4)
)


def bring_in(member: Member, request: Request, **more: Any) -> tuple[Any, UUID]:
    case_id = more.pop("case_id", new_id())
    more.setdefault("command_id", new_id())
    more.setdefault("details", DETAILS)
    with acting_as(member) as by:
        return bring_in_case(by=by, case_id=case_id, request=request, **more), case_id


def counts() -> tuple[int, ...]:
    with writing():
        return tuple(model.objects.count() for model in (Patient, Case, Tumour, Referral))


def test_a_case_in_a_minute(cast: Cast) -> None:
    done, case_id = bring_in(cast.secretary, asked(cast))
    assert done.events == ()
    with writing():
        case = Case.objects.select_related("patient").get(pk=case_id)
        (referral,) = case.referrals.all()
    assert (case.patient.display_name, case.requester_id) == ("D'Hondt Maria", cast.requester.pk)
    assert (referral.status, referral.question) == (S.DRAFT, "Borstsparende heelkunde?")
    acts = AuditEntry.objects.filter(actor_id=cast.secretary.pk).order_by("id").values_list("action", flat=True)
    assert list(acts) == ["patient.register", "case.create", "referral.create", "case.bring_in"]
    assert audited("case.bring_in") == [row("case.bring_in", cast.secretary, cast.organiser.pk, [])]


def test_a_double_click_makes_one(cast: Cast) -> None:
    case_id, command_id = new_id(), new_id()
    bring_in(cast.secretary, asked(cast), case_id=case_id, command_id=command_id)
    again, _ = bring_in(cast.secretary, asked(cast), case_id=case_id, command_id=command_id)
    assert again.replayed
    assert counts() == (1, 1, 1, 1)


def test_a_double_click_at_the_same_moment_makes_one(cast: Cast, committed: None) -> None:
    """The second telling waits at the first one's keys and is answered as its repetition."""
    case_id, command_id, made, go_on = new_id(), new_id(), Event(), Event()
    outcomes: dict[str, Any] = {}

    def tell(name: str, before_commit: Callable[[], object]) -> None:
        try:
            with acting_as(cast.secretary) as by:
                done = bring_in_case(
                    by=by, case_id=case_id, details=DETAILS, request=asked(cast), command_id=command_id
                )
                outcomes[name] = done.replayed
                before_commit()
        except Exception as error:  # a thread's error would be lost
            outcomes[name] = error
        finally:
            connections.close_all()

    first = Thread(target=tell, args=["first", lambda: hold(made, go_on)])
    second = Thread(target=tell, args=["second", lambda: None])
    first.start()
    assert made.wait(20)
    second.start()
    until(somebody_waits_for_a_lock, "the second telling waits")
    go_on.set()
    for thread in (first, second):
        thread.join(20)
    assert outcomes == {"first": False, "second": True}
    assert counts() == (1, 1, 1, 1)


def test_the_patient_is_found_again(cast: Cast) -> None:
    bring_in(cast.secretary, asked(cast))
    bring_in(cast.secretary, asked(cast, reason="recurrence"))
    assert counts() == (1, 2, 2, 2)
    patient = make_patient(cast.organiser)
    bring_in(cast.requester, asked(cast), details=None, patient_id=patient.pk)
    assert counts() == (2, 3, 3, 3)


def test_all_or_nothing(cast: Cast) -> None:
    foreign = make_patient(cast.partner_hospital)
    for more, error in (
        ({"details": replace(DETAILS, family_name="")}, Invalid),
        ({"details": None, "patient_id": foreign.pk}, NotFound),
        ({"details": None}, NotFound),
    ):
        with pytest.raises(error):
            bring_in(cast.secretary, asked(cast), **more)
    with pytest.raises(Invalid):
        bring_in(cast.secretary, asked(cast, question=""))
    with pytest.raises(Denied):
        bring_in(cast.privacy, asked(cast))
    assert counts() == (1, 0, 0, 0)


def test_derived_ids_are_the_actors_own() -> None:
    command, one, other = new_id(), new_id(), new_id()
    assert derived_id(command, one, "case") == derived_id(command, one, "case")
    assert len({derived_id(command, who, word) for who in (one, other) for word in ("case", "tumour")}) == 4
    assert derived_id(command, one, "case").version == 7
    assert derived_id(command, one, "case").variant == command.variant


def test_a_member_of_two_hospitals_acts_for_one(cast: Cast) -> None:
    """A partner's radiotherapist with a seat for the organiser too still brings in nothing for the organiser."""
    seat(cast.partner.person, cast.board, cast.organiser, "member")
    with pytest.raises(Denied):
        bring_in(Member(cast.partner.person, cast.organiser), asked(cast, requester_id=cast.partner.pk))

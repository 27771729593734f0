"""Beginning a case, its answers and its tumours."""

from typing import Any
from uuid import UUID

import pytest

from cases.actions.dossiers import AT_MOST, add_tumour, change_case, create_case, remove_tumour
from cases.events import CaseChanged, CaseCreated
from cases.models import Case, Referral, Tumour
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from tests.cases.acts import audited, onlookers, row, strangers
from tests.cast import Cast, Member, acting_as
from tests.factories import case_data, make_case, make_patient, make_referral, tumour_data, writing

HEAD = {"dossier": "breast", "version": 2}


def begin(member: Member, patient_id: UUID, requester_id: UUID, dossier: str = "breast") -> tuple[Any, UUID]:
    case_id = new_id()
    with acting_as(member) as by:
        done = create_case(
            by=by,
            case_id=case_id,
            tumour_id=new_id(),
            patient_id=patient_id,
            requester_id=requester_id,
            dossier_code=dossier,
            command_id=new_id(),
        )
    return done, case_id


def change(member: Member, case: Case, **more: Any) -> Any:
    more.setdefault("version", case.version)
    more.setdefault("command_id", new_id())
    with acting_as(member) as by:
        return change_case(by=by, case_id=case.pk, **more)


def referred(cast: Cast, status: str = "submitted", **more: Any) -> Case:
    case = make_case(cast.organiser, cast.requester.person, **more)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status=status)
    return case


def now_of(case_id: UUID) -> tuple[Case, list[Tumour]]:
    with writing():
        case = Case.objects.get(pk=case_id)
        return case, list(case.tumours.order_by("position"))


# --- beginning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["secretary", "requester"])
def test_a_case_begins_with_one_tumour(cast: Cast, who: str) -> None:
    member = cast.members[who]
    patient = make_patient(cast.organiser)
    done, case_id = begin(member, patient.pk, cast.requester.pk)
    assert done.events == (CaseCreated(case_id=case_id, hospital_id=cast.organiser.pk),)
    case, tumours = now_of(case_id)
    assert (case.hospital_id, case.requester_id, case.created_by_id) == (
        cast.organiser.pk,
        cast.requester.pk,
        member.pk,
    )
    assert (case.dossier, case.dossier_version, case.data) == ("breast", 2, HEAD)
    assert [(tumour.position, tumour.data) for tumour in tumours] == [(1, HEAD)]
    expected = row(
        "case.create", member, cast.organiser.pk, ["case.created"], case_id=case_id, hospital_id=cast.organiser.pk
    )
    assert audited("case.create") == [expected]


def test_a_clinician_brings_in_own_cases_only(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    with pytest.raises(Invalid) as refused:
        begin(cast.requester, patient.pk, cast.radiologist.pk)
    assert list(refused.value.errors) == ["requester"]


@pytest.mark.parametrize("who", ["partner", "outsider", "guest", "secretary"])
def test_the_requester_is_a_clinician_of_the_hospital(cast: Cast, who: str) -> None:
    patient = make_patient(cast.organiser)
    with pytest.raises(Invalid) as refused:
        begin(cast.secretary, patient.pk, cast.members[who].pk)
    assert list(refused.value.errors) == ["requester"]


def test_a_dossier_that_does_not_exist(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    with pytest.raises(Invalid) as refused:
        begin(cast.secretary, patient.pk, cast.requester.pk, "kidney")
    assert list(refused.value.errors) == ["dossier"]


def test_another_hospitals_patient_is_not_found(cast: Cast) -> None:
    patient = make_patient(cast.partner_hospital)
    for member in (cast.secretary, cast.requester, cast.outsider, cast.privacy):
        with pytest.raises(NotFound):
            begin(member, patient.pk, cast.requester.pk)


# --- answers -----------------------------------------------------------------------------------------------------------


def test_answers_are_replaced_whole(cast: Cast) -> None:
    case = referred(cast, "draft", tumours=[tumour_data(), tumour_data(laterality="right")])
    _case, (first, second) = now_of(case.pk)
    done = change(cast.secretary, case, data=case_data(comorbidity=None), tumours={second.pk: tumour_data(grade="3")})
    assert done.events == (CaseChanged(case_id=case.pk, hospital_id=cast.organiser.pk, version=2),)
    after, tumours = now_of(case.pk)
    assert (after.version, after.data) == (2, case_data(comorbidity=None))
    assert [tumour.data for tumour in tumours] == [first.data, tumour_data(grade="3")]
    assert after.changed_at > case.changed_at
    expected = row(
        "case.change",
        cast.secretary,
        cast.organiser.pk,
        ["case.changed"],
        case_id=case.pk,
        hospital_id=cast.organiser.pk,
    )
    assert audited("case.change") == [expected]


@pytest.mark.parametrize("who", ["secretary", "requester", "coordinator", "radiologist"])
def test_who_may_change_answers(cast: Cast, who: str) -> None:
    assert len(change(cast.members[who], referred(cast), data=case_data()).events) == 1


def test_a_draft_may_be_empty(cast: Cast) -> None:
    case = referred(cast, "draft")
    change(cast.requester, case, data={})
    assert now_of(case.pk)[0].data == HEAD | {"version": 1}  # of the version by which it was begun


def test_wrong_answers_are_named(cast: Cast) -> None:
    case = referred(cast)
    _case, (tumour,) = now_of(case.pk)
    with pytest.raises(Invalid) as refused:
        change(cast.secretary, case, data=case_data(performance_status="7"))
    assert list(refused.value.errors) == ["performance_status"]
    with pytest.raises(Invalid) as refused:
        change(cast.secretary, case, tumours={tumour.pk: tumour_data(ki67=140)})
    assert list(refused.value.errors) == ["tumour-1.ki67"]
    with pytest.raises(Invalid) as refused:
        change(cast.secretary, case, data=case_data() | {"hospital": str(cast.outside.pk)})
    assert list(refused.value.errors) == ["hospital"]
    assert now_of(case.pk)[0].version == 1


def test_a_tumour_of_another_case_is_not_found(cast: Cast) -> None:
    case, other = referred(cast), referred(cast)
    _other, (tumour,) = now_of(other.pk)
    with pytest.raises(NotFound):
        change(cast.secretary, case, tumours={tumour.pk: tumour_data()})


def test_what_changed_meanwhile_is_stale(cast: Cast) -> None:
    case = referred(cast, version=4)
    with pytest.raises(Stale) as refused:
        change(cast.secretary, case, version=3, data=case_data())
    assert refused.value.current == 4


@pytest.mark.parametrize("status", [status for status in Referral.Status if status not in Referral.EDITABLE])
def test_after_the_discussion_the_dossier_rests(cast: Cast, status: str) -> None:
    case = referred(cast, status)
    with pytest.raises(RuleBroken):
        change(cast.secretary, case, data=case_data())
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="draft")
    assert len(change(cast.secretary, case, data=case_data()).events) == 1


def test_a_case_that_was_never_referred_can_change(cast: Cast) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    assert len(change(cast.requester, case, data=case_data()).events) == 1


def test_strangers_do_not_know_it_and_onlookers_may_not(cast: Cast) -> None:
    case = referred(cast)
    _case, (tumour,) = now_of(case.pk)
    for member in [*strangers(cast), cast.partnersecretary]:
        for action in (add_tumour, remove_tumour):
            with pytest.raises(NotFound), acting_as(member) as by:
                action(by=by, case_id=case.pk, version=1, tumour_id=tumour.pk, command_id=new_id())
        with pytest.raises(NotFound):
            change(member, case, data=case_data())
    for member in onlookers(cast):
        for action in (add_tumour, remove_tumour):
            with pytest.raises(Denied), acting_as(member) as by:
                action(by=by, case_id=case.pk, version=1, tumour_id=tumour.pk, command_id=new_id())
        with pytest.raises(Denied):
            change(member, case, data=case_data())
    assert now_of(case.pk)[0].version == 1


def test_told_twice_it_is_done_once(cast: Cast) -> None:
    case, command_id = referred(cast), new_id()
    assert not change(cast.secretary, case, data=case_data(), command_id=command_id).replayed
    assert change(cast.secretary, case, data=case_data(), command_id=command_id).replayed
    assert now_of(case.pk)[0].version == 2


# --- tumours -----------------------------------------------------------------------------------------------------------


def test_a_tumour_is_added_at_the_end_and_taken_out(cast: Cast) -> None:
    case = referred(cast)
    added = new_id()
    with acting_as(cast.requester) as by:
        done = add_tumour(by=by, case_id=case.pk, version=1, tumour_id=added, command_id=new_id())
    assert done.events == (CaseChanged(case_id=case.pk, hospital_id=cast.organiser.pk, version=2),)
    _case, tumours = now_of(case.pk)
    assert [(tumour.position, tumour.data) for tumour in tumours] == [(1, tumour_data()), (2, HEAD | {"version": 1})]
    with acting_as(cast.requester) as by:
        done = remove_tumour(by=by, case_id=case.pk, version=2, tumour_id=tumours[0].pk, command_id=new_id())
    assert done.events == (CaseChanged(case_id=case.pk, hospital_id=cast.organiser.pk, version=3),)
    assert [(tumour.pk, tumour.position) for tumour in now_of(case.pk)[1]] == [(added, 1)]
    assert audited("tumour.add", "tumour.remove") == [
        row(name, cast.requester, cast.organiser.pk, ["case.changed"], case_id=case.pk, hospital_id=cast.organiser.pk)
        for name in ("tumour.add", "tumour.remove")
    ]


def test_the_others_stay_in_their_order(cast: Cast) -> None:
    case = referred(cast, tumours=[tumour_data(grade=grade) for grade in "1239"])
    _case, tumours = now_of(case.pk)
    with acting_as(cast.secretary) as by:
        remove_tumour(by=by, case_id=case.pk, version=1, tumour_id=tumours[2].pk, command_id=new_id())
    left = [(tumour.position, tumour.data["grade"]) for tumour in now_of(case.pk)[1]]
    assert left == [(1, "1"), (2, "2"), (3, "9")]


def test_one_tumour_stays_and_there_are_not_too_many(cast: Cast) -> None:
    case = referred(cast)
    _case, (tumour,) = now_of(case.pk)
    with pytest.raises(RuleBroken), acting_as(cast.secretary) as by:
        remove_tumour(by=by, case_id=case.pk, version=1, tumour_id=tumour.pk, command_id=new_id())
    with pytest.raises(NotFound), acting_as(cast.secretary) as by:
        remove_tumour(by=by, case_id=case.pk, version=1, tumour_id=new_id(), command_id=new_id())
    with pytest.raises(Stale), acting_as(cast.secretary) as by:
        remove_tumour(by=by, case_id=case.pk, version=2, tumour_id=tumour.pk, command_id=new_id())
    full = referred(cast, tumours=[tumour_data()] * AT_MOST)
    with pytest.raises(RuleBroken), acting_as(cast.secretary) as by:
        add_tumour(by=by, case_id=full.pk, version=1, tumour_id=new_id(), command_id=new_id())
    with pytest.raises(Stale), acting_as(cast.secretary) as by:
        add_tumour(by=by, case_id=case.pk, version=7, tumour_id=new_id(), command_id=new_id())

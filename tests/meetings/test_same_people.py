"""One national number, two hospitals, one board: who sees it, who links it, and whom it must not reach."""

from datetime import date, timedelta
from typing import Any

import pytest

from cases.actions.linking import link_patients, unlink_patients
from cases.actions.merging import merge_patients, undo_merge
from cases.models import Case, Link, Merge, Patient, Referral
from mdo.kernel import clock
from mdo.kernel.errors import Denied, NotFound, RuleBroken
from mdo.kernel.models import AuditEntry
from meetings.models import AgendaItem, Meeting
from tests.cast import Cast, Member
from tests.factories import insz, make_case, make_item, make_meeting, make_patient, make_referral, writing
from tests.meetings.acts import call, house

BORN = date(1950, 2, 3)
NUMBER = insz(BORN)


class Two:
    """The same person's cases of the organiser and of the partner, on one agenda."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
        self.patients: list[Patient] = []
        self.cases: list[Case] = []
        self.referrals: list[Referral] = []
        self.items: list[AgendaItem] = []
        for hospital, requester, name in (
            (cast.organiser, cast.requester, "Goudvink"),
            (cast.partner_hospital, cast.partner, "Bosuil"),
        ):
            patient = make_patient(hospital, national_number=NUMBER, birth_date=BORN, family_name=name)
            case = make_case(hospital, requester.person, patient=patient)
            referral = make_referral(
                cast.board, hospital, requester.person, case=case, status="scheduled", question=f"{name}, wat nu?"
            )
            self.patients.append(patient)
            self.cases.append(case)
            self.referrals.append(referral)
            self.items.append(make_item(self.meeting, referral))

    def link(self, by: Member | None = None) -> Any:
        one, other = self.patients
        return call(
            link_patients,
            by or self.cast.secretary,
            board_id=self.cast.board.pk,
            one_id=other.pk,  # in any order
            other_id=one.pk,
        )


@pytest.fixture
def two(cast: Cast) -> Two:
    return Two(cast)


def the_link() -> Link:
    with house():
        return Link.objects.get()


def test_the_organisers_secretary_links_and_takes_it_back(cast: Cast, two: Two) -> None:
    done = two.link()
    link = the_link()
    assert [event.model_dump() for event in done.events] == [
        {"board_id": cast.board.pk, "link_id": link.pk, "hospital_id": cast.organiser.pk}
    ]
    assert (link.one_id, link.other_id) == tuple(sorted(each.pk for each in two.patients))
    assert two.link().events == ()
    call(unlink_patients, cast.secretary, board_id=cast.board.pk, link_id=link.pk)
    assert the_link().ended_by_id == cast.secretary.pk
    assert call(unlink_patients, cast.secretary, board_id=cast.board.pk, link_id=link.pk).events == ()
    # Each hospital's log names its own patient, and not the other's.
    told = AuditEntry.objects.filter(action__in=("patient.linked", "patient.unlinked"))
    assert sorted((each.action, each.hospital_id, each.detail["patient"]) for each in told) == sorted(
        (action, patient.hospital_id, str(patient.pk))
        for action in ("patient.linked", "patient.unlinked")
        for patient in two.patients
    )


def test_who_may_not(cast: Cast, two: Two) -> None:
    for by, refusal in (
        (cast.partnersecretary, Denied),
        (cast.partner, Denied),
        (cast.radiologist, Denied),
        (cast.outsider, NotFound),
        (cast.requester, NotFound),
        (cast.guest, NotFound),
    ):
        with pytest.raises(refusal):
            two.link(by)
    with house():
        assert not Link.objects.exists()


def test_only_what_the_board_knows_and_only_the_same_number(cast: Cast, two: Two) -> None:
    board = {"board_id": cast.board.pk, "one_id": two.patients[0].pk}
    stranger = make_patient(cast.partner_hospital)
    with pytest.raises(NotFound):
        call(link_patients, cast.secretary, **board, other_id=stranger.pk)
    make_referral(
        cast.board,
        cast.partner_hospital,
        cast.partner.person,
        case=make_case(cast.partner_hospital, cast.partner.person, patient=stranger),
    )
    with pytest.raises(RuleBroken, match="same national number"):
        call(link_patients, cast.secretary, **board, other_id=stranger.pk)
    with writing():
        Referral.objects.filter(pk=two.referrals[1].pk).update(status="draft")
    with pytest.raises(NotFound):
        two.link()


def pages(client: Any, two: Two, name: str) -> dict[str, str]:
    member = two.cast.members[name]
    member.person.language = "en"
    member.person.save()
    client.force_login(member.person)
    addresses = {
        "board": f"/boards/{two.cast.board.pk}/",
        "people": f"/boards/{two.cast.board.pk}/patients/",
        "agenda": f"/meetings/{two.meeting.pk}/",
        "stage": f"/meetings/{two.meeting.pk}/items/{two.items[0].pk}/stage/",
        "own": f"/meetings/{two.meeting.pk}/items/{two.items[1].pk}/stage/",
        "case": f"/cases/{two.cases[0].pk}/",
    }
    answers = {page: client.get(address) for page, address in addresses.items()}
    return {page: each.content.decode() for page, each in answers.items() if each.status_code == 200}


ELSEWHERE, SAME = "The same person, in another hospital", "same person as"


def test_the_pages_show_it_to_who_may_read_both(cast: Cast, client: Any, two: Two) -> None:
    before = pages(client, two, "secretary")
    assert "1 patient was referred by two hospitals" in before["board"]
    assert "Goudvink" in before["people"]
    assert "Bosuil" in before["people"]
    assert (ELSEWHERE in before["stage"], SAME in before["agenda"]) == (False, False)
    answer = client.post(
        f"/boards/{cast.board.pk}/patients/",
        {"command_id": "01a224b7-61b7-7591-9c94-e198c625cd2a", "one": two.patients[0].pk, "other": two.patients[1].pk},
    )
    assert answer.status_code == 303
    for name in ("secretary", "chair", "radiologist", "partner"):
        seen = pages(client, two, name)
        assert SAME in seen["agenda"], name
        for page in ("stage", "case"):
            assert ELSEWHERE in seen[page], (name, page)
            assert "Bosuil, wat nu?" in seen[page], (name, page)
            # The banner is of one patient.
            assert seen[page].count("data-identity") == 1
            assert "Bosuil" not in seen[page].split("data-identity")[1].split("</section>")[0]
    assert "referred by two hospitals" not in pages(client, two, "secretary")["board"]
    # Neither the partner's secretary, who reads the own hospital's case alone, nor who gets pseudonyms, nor an own requester.
    for name in ("partnersecretary", "observer", "requester", "guest", "outsider"):
        seen = pages(client, two, name)
        assert "people" not in seen, name
        for page, text in seen.items():
            assert ELSEWHERE not in text, (name, page)
            assert SAME not in text, (name, page)
    assert "Goudvink" not in pages(client, two, "partnersecretary")["own"]
    assert client.post(f"/boards/{cast.board.pk}/patients/", {"command_id": "x"}).status_code == 403


def test_it_goes_with_the_agreement_and_the_referral(cast: Cast, client: Any, two: Two) -> None:
    two.link()
    with writing():
        Referral.objects.filter(pk=two.referrals[1].pk).update(status="withdrawn")
    assert ELSEWHERE not in pages(client, two, "secretary")["stage"]
    with writing():
        Referral.objects.filter(pk=two.referrals[1].pk).update(status="scheduled")
    assert ELSEWHERE in pages(client, two, "secretary")["stage"]
    cast.agreement.ends_on = (clock.now() - timedelta(days=2)).date()
    cast.agreement.save()
    seen = pages(client, two, "secretary")
    assert ELSEWHERE not in seen["stage"]
    assert "Bosuil" not in seen["people"]
    with pytest.raises(NotFound):
        two.link()


def test_a_link_follows_a_merge_and_comes_back(cast: Cast, two: Two) -> None:
    two.link()
    survivor = make_patient(cast.organiser)
    call(merge_patients, cast.secretary, patient_id=survivor.pk, merged_id=two.patients[0].pk)
    assert {the_link().one_id, the_link().other_id} == {survivor.pk, two.patients[1].pk}
    with house():
        merge = Merge.objects.get()
    call(undo_merge, cast.secretary, patient_id=survivor.pk, merge_id=merge.pk)
    assert {the_link().one_id, the_link().other_id} == {each.pk for each in two.patients}

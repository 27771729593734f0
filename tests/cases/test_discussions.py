"""A case that comes back: what was kept of its discussion, what is carried forward, what changed since."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from cases import states
from cases.access import visible_cases, visible_discussions
from cases.actions.dossiers import change_case
from cases.actions.referrals import Request, bring_in_case, create_referral, submit_referral
from cases.models import Case, Discussion, Referral, Tumour
from cases.views.since import since
from cases.views.stage import stage_context
from mdo.directory.models import Board
from mdo.kernel import clock
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound
from mdo.kernel.ids import new_id
from tests.cases.acts import audited, names
from tests.cases.pages import filled, now_of, sign_in
from tests.cast import Cast, acting_as
from tests.factories import (
    case_data,
    make_case,
    make_document,
    make_patient,
    make_referral,
    tumour_data,
    writing,
)

Status = Referral.Status
DISCUSSED = {"clinical_summary", "performance_status", "wishes"}  # what the dossier has confirmed when it is copied


@pytest.fixture
def discussed(cast: Cast) -> Referral:
    """A referral that was on the table a month ago."""
    case = make_case(cast.organiser, cast.requester.person)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    with clock.frozen(now() - timedelta(days=30)), writing():
        states.move(referral, Status.DISCUSSED)
    return referral


def request(cast: Cast, **changes: Any) -> Request:
    values = {
        "board_id": cast.board.pk,
        "question": "Volgende stap?",
        "reason": "progression",
        "requester_id": cast.requester.pk,
        "requested_on": now().date(),
    }
    return Request(**{**values, **changes})


def kept(referral: Referral) -> list[tuple[str, dict[str, Any], list[Any]]]:
    with writing():
        rows = Discussion.objects.filter(referral=referral).order_by("at")
        return [(row.outcome, row.data, [each["data"] for each in row.tumours]) for row in rows]


# --- keeping -----------------------------------------------------------------------------------------------------------


def test_the_dossier_is_kept_as_it_was_discussed_until_that_is_undone(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    with writing():
        states.move(referral, Status.POSTPONED)
    with writing():
        states.move(referral, Status.SCHEDULED)
        states.move(referral, Status.DISCUSSED)
    both = [(state, case_data(), [tumour_data()]) for state in ("postponed", "discussed")]
    assert kept(referral) == both
    with writing():
        states.take_back(referral, Status.SCHEDULED)
    assert kept(referral) == both[:1]


# --- the same case again -----------------------------------------------------------------------------------------------


def test_a_case_goes_back_with_what_is_to_be_confirmed(cast: Cast, discussed: Referral) -> None:
    case_id, again = discussed.case_id, new_id()
    with acting_as(cast.requester) as requester:
        done = create_referral(
            by=requester, referral_id=again, case_id=case_id, request=request(cast), command_id=new_id()
        )
        assert names(done) == ["referral.changed", "case.changed"]
        case = Case.objects.get(pk=case_id)
        tumour = case.tumours.get()
        assert (set(case.to_confirm), tumour.to_confirm) == (DISCUSSED, ["clinical_tnm"])
        with pytest.raises(Invalid) as refused:
            submit_referral(by=requester, referral_id=again, version=1, command_id=new_id())
        assert set(refused.value.errors) == {*DISCUSSED, "tumour-1.clinical_tnm"}
        # One is answered anew, the others are confirmed; a name that waits for nothing is passed over.
        change_case(
            by=requester,
            case_id=case_id,
            version=case.version,
            data=case_data(wishes="Wenst nu een mastectomie."),
            tumours={tumour.pk: tumour.data},
            confirmed=["clinical_summary", "performance_status", f"{tumour.pk}.clinical_tnm", "nothing"],
            command_id=new_id(),
        )
        assert Case.objects.get(pk=case_id).to_confirm == Tumour.objects.get(pk=tumour.pk).to_confirm == []
        submit_referral(by=requester, referral_id=again, version=1, command_id=new_id())


def test_what_changed_since_stands_on_the_case_and_on_the_stage(cast: Cast, discussed: Referral) -> None:
    case = discussed.case
    make_document(case, name="Verslag MRI.pdf")
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    with writing():
        case.data = case_data(wishes="GEHEIM nieuw", comorbidity=None)
        case.save()
        tumour = case.tumours.get()
        tumour.data = tumour_data(ki67=40, clinical_tnm={"edition": "8", "t": "cT2", "n": "cN1", "m": "cM0"})
        tumour.save()
        Tumour.objects.create(hospital=cast.organiser, case=case, position=2, data=tumour_data(laterality="right"))
    with acting_as(cast.chair) as chair:
        found = visible_cases(chair).select_related("patient", "hospital").get(pk=case.pk)
        referral = found.referrals.select_related("board", "requester").get(status="scheduled")
        told = stage_context(chair, referral, "en")["since"]
        changes = {each.key: (each.before, each.after) for each in told.changes}
        assert changes["wishes"] == ("Wenst een borstsparende behandeling als dat veilig is.", "GEHEIM nieuw")
        assert changes["comorbidity"] == ("Arteriële hypertensie, behandeld.", "")
        assert changes["ki67"] == ("14 %", "40 %")
        assert changes["tumour"] == ("", "another tumour")
        assert set(changes) == {"wishes", "comorbidity", "ki67", "clinical_tnm", "tumour"}
        assert (told.tumours_before, told.tumours_now) == (1, 2)
        assert [document.name for document in told.documents] == ["Verslag MRI.pdf"]
        observed = since(chair, found, list(found.tumours.all()), [], "en", referral=referral, guest=True)
        assert observed is not None
        assert {each.key for each in observed.changes} == {"wishes", "clinical_tnm", "tumour"}
    page = sign_in(cast.secretary).get(f"/cases/{case.pk}/").content.decode()
    assert "Changed since the last discussion" in page
    assert "Verslag MRI.pdf" in page


def test_its_own_discussion_is_not_the_one_before(cast: Cast, discussed: Referral) -> None:
    with acting_as(cast.chair) as chair:
        referral = Referral.objects.select_related("case__patient", "case__hospital", "board").get(pk=discussed.pk)
        assert stage_context(chair, referral, "en")["since"] is None


# --- a new case --------------------------------------------------------------------------------------------------------


def bring(cast: Cast, by: Any, patient_id: UUID, copy_from: UUID | None, **changes: Any) -> UUID:
    case_id = new_id()
    bring_in_case(
        by=by,
        case_id=case_id,
        details=None,
        patient_id=patient_id,
        request=request(cast, **changes),
        copy_from=copy_from,
        command_id=new_id(),
    )
    return case_id


def test_a_new_case_begins_with_the_answers_of_the_last_discussion(cast: Cast, discussed: Referral) -> None:
    patient = discussed.case.patient
    with acting_as(cast.secretary) as secretary:
        discussion = visible_discussions(secretary).get()
        case = Case.objects.get(pk=bring(cast, secretary, patient.pk, discussion.pk))
        (tumour,) = case.tumours.all()
        assert (case.data, tumour.data) == (case_data(version=2), tumour_data(version=2))  # by the newest
        assert (case.carried_from_id, set(case.to_confirm)) == (discussion.pk, DISCUSSED)
        assert tumour.to_confirm == ["clinical_tnm"]
    (audit,) = audited("case.create")
    assert audit["detail"]["copied_from"] == str(discussion.pk)
    page = sign_in(cast.secretary).get(f"/cases/{case.pk}/edit/").content.decode()
    for words in (
        "The answers were copied from the discussion of",
        "4 answers are still to be confirmed",
        "This is still right",
    ):
        assert words in page


def test_what_may_not_be_copied(cast: Cast, discussed: Referral) -> None:
    other = make_patient(cast.organiser)
    theirs = make_referral(cast.board, cast.third, cast.requester.person, case=None, status="scheduled")
    with writing():
        states.move(theirs, Status.DISCUSSED)
        foreign = Discussion.objects.get(referral=theirs).pk
        own = Discussion.objects.get(referral=discussed).pk
    with writing():
        general = Board.objects.create(
            network=cast.network, organiser=cast.organiser, name="Long-MOC", dossier="general"
        )
    with acting_as(cast.secretary) as secretary:
        for patient_id, copied in ((other.pk, own), (other.pk, foreign), (other.pk, new_id())):
            with pytest.raises(NotFound):
                bring(cast, secretary, patient_id, copied)
        with pytest.raises(Invalid) as refused:
            bring(cast, secretary, discussed.case.patient_id, own, board_id=general.pk)
        assert list(refused.value.errors) == ["copy_from"]
    with acting_as(cast.partnersecretary), connection.cursor() as cursor:
        # The database says it a second time.
        cursor.execute("SELECT count(*) FROM cases_discussion")
        assert cursor.fetchone() == (0,)


def test_the_page_offers_it_for_a_patient_who_was_discussed(cast: Cast, discussed: Referral) -> None:
    secretary = sign_in(cast.secretary)
    patient = discussed.case.patient
    found = secretary.post("/cases/new/", {"national_number": patient.national_number, "lookup": "1"})
    page = found.content.decode()
    assert "The dossier begins with" in page
    with writing():
        discussion = Discussion.objects.get()
    assert str(discussion.pk) in page
    sent = filled(cast, national_number=patient.national_number, copy_from=str(discussion.pk))
    assert secretary.post("/cases/new/", sent).status_code == 302
    with writing():
        made = Case.objects.exclude(pk=discussed.case_id).get()
    assert now_of(made)[0].data == case_data(version=2)
    wrong = secretary.post("/cases/new/", sent | {"command_id": str(new_id()), "copy_from": str(new_id())})
    assert wrong.status_code == 422
    assert "copy_from" in wrong.context["form"].errors

"""The GP of a case: address and licence number, said by the patient's own hospital."""

import pytest

from cases.actions.gps import set_gp_details
from mdo.directory.details import Details
from mdo.directory.models import OrganisationRole, Person
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound, RuleBroken
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cases.pages import sign_in
from tests.cast import Cast
from tests.factories import make_case, make_patient, make_referral, writing
from tests.meetings.acts import call

GOOD, UNFIT = "11223393140", "11223394140"
ADDRESS = "Brug 1\n9999 Elders"


def test_a_secretary_says_what_a_letter_needs(cast: Cast) -> None:
    patient = make_patient(cast.organiser, gp=cast.guest.person)
    case = make_case(cast.organiser, patient=patient, requester=cast.requester.person)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="submitted")
    address = f"/cases/{case.pk}/gp/"
    client = sign_in(cast.secretary)
    assert address in client.get(f"/cases/{case.pk}/").content.decode()
    sent = {
        "command_id": new_id(),
        "seen_licence": "",
        "seen_address": "",
        "licence_number": UNFIT,
        "postal_address": "Brug 1\n9999 Elders",
    }
    assert client.get(address).status_code == 200
    assert client.post(address, sent).status_code == 302
    found = Details.of(Person.objects.get(pk=cast.guest.pk))
    assert found == Details(UNFIT, ADDRESS)
    assert AuditEntry.objects.get(action="gp.set_details").hospital_id == cast.organiser.pk
    assert client.post(address, {**sent, "command_id": new_id()}).status_code == 409
    wrong = client.post(address, {**sent, "command_id": new_id(), "licence_number": "12"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["licence_number"])
    # One that does not fit may be mended; one that fits decides whose eHealthBox opens.
    kept = Details(GOOD, ADDRESS)
    call(set_gp_details, cast.secretary, case_id=case.pk, owner_details=kept, details_before=found)
    with pytest.raises(RuleBroken, match="licence number is known"):
        call(
            set_gp_details,
            cast.secretary,
            case_id=case.pk,
            owner_details=Details(UNFIT, ADDRESS),
            details_before=kept,
        )
    fields = client.get(address).context["form"].fields
    assert {name for name in fields if fields[name].widget.attrs.get("readonly")} == {
        "licence_number",
        "postal_address",
    }
    for name, refusal in (
        ("partner", Denied),
        ("radiologist", None),
        ("chair", Denied),
        ("partnersecretary", NotFound),
        ("outsider", NotFound),
        ("datamanager", NotFound),
    ):
        values = {"case_id": case.pk, "owner_details": kept, "details_before": kept}
        if refusal is None:
            call(set_gp_details, cast.members[name], **values)
            continue
        with pytest.raises(refusal):
            call(set_gp_details, cast.members[name], **values)


def test_an_address_that_is_known_is_no_hospital_s_to_change(cast: Cast) -> None:
    """A GP has patients in several hospitals: whoever brings in one of them says nothing of where the letters of all go."""
    cases = [
        make_case(hospital, patient=make_patient(hospital, gp=cast.guest.person), requester=who.person)
        for hospital, who in ((cast.partner_hospital, cast.partner), (cast.organiser, cast.requester))
    ]
    first, second = Details("", ADDRESS), Details("", "Elders 2\n1000 Brussel")
    for who, case, before, after in (
        (cast.partnersecretary, cases[0], Details(), first),
        (cast.partnersecretary, cases[0], first, first),  # the same again
        (cast.secretary, cases[1], first, Details(UNFIT, ADDRESS)),  # what is not known yet
    ):
        call(set_gp_details, who, case_id=case.pk, owner_details=after, details_before=before)
    known = Details(UNFIT, ADDRESS)
    for who, case in ((cast.secretary, cases[1]), (cast.partnersecretary, cases[0])):
        for wanted in (Details(UNFIT), second):
            with pytest.raises(RuleBroken, match="postal address is known") as refused:
                call(set_gp_details, who, case_id=case.pk, owner_details=wanted, details_before=known)
            assert refused.value.field == "postal_address"
    assert Details.of(Person.objects.get(pk=cast.guest.pk)) == known


def test_a_gp_who_is_a_guest_no_more_is_not_offered(cast: Cast) -> None:
    patient = make_patient(cast.organiser, gp=cast.guest.person)
    case = make_case(cast.organiser, patient=patient, requester=cast.requester.person)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="submitted")
    client = sign_in(cast.secretary)

    def offered() -> tuple[bool, int]:
        page = client.get(f"/cases/{case.pk}/").content.decode()
        return f"/cases/{case.pk}/gp/" in page, client.get(f"/cases/{case.pk}/gp/").status_code

    assert offered() == (True, 200)
    with writing():
        Person.objects.filter(pk=cast.guest.pk).update(is_active=False)
    assert offered() == (False, 404)
    with writing():
        Person.objects.filter(pk=cast.guest.pk).update(is_active=True)
        OrganisationRole.objects.filter(person=cast.guest.pk).update(valid_until=now())
    assert offered() == (False, 404)


def test_a_gp_who_is_a_name_or_a_colleague_is_not_described_here(cast: Cast) -> None:
    patient = make_patient(cast.organiser, gp_name="dr. Ergens")
    case = make_case(cast.organiser, patient=patient, requester=cast.requester.person)
    client = sign_in(cast.secretary)
    assert client.get(f"/cases/{case.pk}/gp/").status_code == 404
    with writing():
        patient.gp = cast.partner.person
        patient.save()
    assert client.get(f"/cases/{case.pk}/gp/").status_code == 404


def test_the_gp_of_another_hospitals_patient_is_described_there(cast: Cast) -> None:
    """The organiser's secretary completes a partner's case, but says nothing of its GP."""
    patient = make_patient(cast.partner_hospital, gp=cast.guest.person)
    case = make_case(cast.partner_hospital, patient=patient, requester=cast.partner.person)
    make_referral(cast.board, cast.partner_hospital, cast.partner.person, case=case, status="submitted")
    values = {"case_id": case.pk, "owner_details": Details(GOOD), "details_before": Details()}
    with pytest.raises(Denied):
        call(set_gp_details, cast.secretary, **values)

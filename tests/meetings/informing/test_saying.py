"""Whether the patient knows: said in rows that stay, by whoever may, on a page that keeps what was typed."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import translation

from cases.models import Patient
from mdo.kernel import clock
from mdo.kernel.errors import Denied, Invalid, NotFound, Refused, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import informing, waiting
from meetings.informing import access
from meetings.models import Decision, Handover, InformedStatement, Meeting
from tests.cast import Cast, Member, acting_as
from tests.factories import (
    make_decision,
    make_item,
    make_topic,
    writing,
)
from tests.meetings.acts import audited, house
from tests.meetings.informing.acts import correct, inform, kinds, letters, sign
from tests.meetings.test_reporting import client_of, make_all


def test_what_is_said_is_kept_and_what_is_taken_back_too(cast: Cast, signed: Decision) -> None:
    done = inform(cast.requester, signed, words="  Alles komt goed uit.  ")
    assert [event.model_dump() for event in done.events] == [
        {
            "meeting_id": signed.meeting_id,
            "item_id": signed.item_id,
            "decision_id": signed.pk,
            "informed": True,
            "version": 1,
        }
    ]
    inform(cast.coordinator, signed, version=1, informed=False, informer="ignored")
    inform(cast.secretary, signed, version=2, informer="dr. An Anders", manner="")
    with house():
        rows = InformedStatement.objects.order_by("number").values_list(
            "number", "informed", "informer", "how", "words"
        )
        assert list(rows) == [
            (1, True, "dr. Mia Maes", "phone", "Alles komt goed uit."),
            (2, False, "", "", ""),
            (3, True, "dr. An Anders", "", ""),
        ]
        assert informing.informed(signed).said
    who = [cast.requester, cast.coordinator, cast.secretary]
    assert audited("decision.inform_patient") == [(each.pk, cast.organiser.pk, "ok") for each in who]
    assert "Alles" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_no_row_can_be_changed(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed)
    with pytest.raises(Exception, match="permission denied"), house(), connection.cursor() as cursor:
        cursor.execute("UPDATE meetings_informedstatement SET informed = false, informer = ''")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"informer": "  "}, "informer"),
        ({"informer": "x" * 201}, "informer"),
        ({"informed_on": None}, "informed_on"),
        ({"informed_on": date(2020, 1, 1)}, "informed_on"),
        ({"informed_on": date(2199, 1, 1)}, "informed_on"),
        ({"manner": "pigeon"}, "manner"),
        ({"words": "x" * 4001}, "words"),
    ],
)
def test_what_is_wrong_is_said_by_field(cast: Cast, signed: Decision, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        inform(cast.requester, signed, **changes)
    assert set(refused.value.errors) == {field}


def test_the_rules(cast: Cast, decision: Decision) -> None:
    with pytest.raises(RuleBroken):
        inform(cast.requester, decision)  # not signed yet
    sign(cast, decision)
    with pytest.raises(RuleBroken):
        inform(cast.requester, decision, informed=False)  # nobody said it
    with pytest.raises(Stale) as stale:
        inform(cast.requester, decision, version=3)
    assert stale.value.current == 0
    inform(cast.requester, decision)
    with pytest.raises(Stale):
        inform(cast.requester, decision)


MAY = {
    "chair": None, "coordinator": None, "secretary": None, "requester": None, "radiologist": None,
    "partner": Denied, "partnersecretary": NotFound, "guest": NotFound, "observer": NotFound, "outsider": NotFound,
    "privacy": NotFound, "admin": NotFound, "datamanager": NotFound,
}  # fmt: skip


def test_who_may_say_it(cast: Cast, signed: Decision) -> None:
    found: dict[str, Any] = {}
    for name, member in cast.members.items():
        try:
            with acting_as(member) as person:
                access.access_decision_for_informing(person, signed.pk)
            found[name] = None
        except Refused as refusal:
            found[name] = type(refusal)
    assert found == MAY


def test_a_topic_has_no_patient(cast: Cast, meeting: Meeting) -> None:
    topic = make_decision(make_item(meeting, topic=make_topic(cast.board), state="discussed"))
    with acting_as(cast.chair) as person:
        with pytest.raises(Denied):
            access.access_decision_for_informing(person, topic.pk)
        for paper in (access.access_letter_of, access.access_summary_of):
            with pytest.raises(NotFound):
                paper(person, topic.pk)


def test_a_draft_is_nothing_to_tell(cast: Cast, decision: Decision) -> None:
    with writing():
        Decision.objects.filter(pk=decision.pk).update(state="draft")
    with acting_as(cast.chair) as person, pytest.raises(NotFound):
        access.access_decision_for_informing(person, decision.pk, lock=False)


def to_inform(member: Member) -> int:
    with acting_as(member) as person:
        return access.visible_to_inform(person).count()


def test_the_requester_is_asked_until_it_was_said(cast: Cast, signed: Decision) -> None:
    assert {name: to_inform(each) for name, each in cast.members.items() if to_inform(each)} == {"requester": 1}
    with acting_as(cast.requester) as person:
        assert waiting.today(person).to_inform == 1
        assert not waiting.today(person).nothing_waits
    page = client_of(cast.requester).get(reverse("meetings:follow_up"))
    assert "Vandersmissen" in page.content.decode()
    inform(cast.requester, signed)
    assert to_inform(cast.requester) == 0
    inform(cast.requester, signed, version=1, informed=False)
    assert to_inform(cast.requester) == 1
    with clock.frozen(clock.now() + informing.ASKED_FOR + timedelta(hours=1)):
        assert to_inform(cast.requester) == 0
    with writing():
        Patient.objects.update(deceased_on=date(2026, 1, 1))
    assert to_inform(cast.requester) == 0


def test_a_patient_who_took_part_knows(cast: Cast, decision: Decision) -> None:
    with writing():
        Decision.objects.update(agreed={"informs": "informed"})
    sign(cast, decision)
    make_all()
    assert [kind for kind, _language, _state in kinds(decision)] == ["case", "letter", "summary"]
    assert client_of(cast.requester).get(reverse("meetings:summary", args=[decision.pk])).status_code == 200
    assert to_inform(cast.requester) == 0


def test_a_correction_has_to_be_told_anew(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed)
    make_all()
    corrected = sign(cast, correct(cast, signed))
    with house():
        known = informing.informed(corrected)
    assert (known.said, known.earlier is not None, known.number) == (False, True, 0)
    assert to_inform(cast.requester) == 1
    make_all()
    with translation.override("fr"):
        words = translation.gettext(
            "Please do not tell the patient about this recommendation until the hospital has done so."
        )
    assert words in letters(corrected)[-1]
    answer = client_of(cast.requester).get(reverse("meetings:summary", args=[corrected.pk]))
    assert answer.status_code == 422
    with pytest.raises(RuleBroken):
        inform(cast.requester, signed, version=1)  # replaced


def test_the_page_says_it_in_two_steps_and_keeps_what_was_typed(cast: Cast, signed: Decision) -> None:
    client, address = client_of(cast.requester), reverse("meetings:informed", args=[signed.pk])
    page = client.get(reverse("meetings:decision", args=[signed.pk])).content.decode()
    assert address in page
    assert reverse("meetings:summary", args=[signed.pk]) not in page
    form = client.get(address).context["form"]
    assert form.initial["informer"] == cast.requester.person.display_name
    sent = {name: form[name].value() for name in form.fields}
    wrong = client.post(address, {**sent, "informer": "", "words": "Blijft staan"})
    assert (wrong.status_code, "Blijft staan" in wrong.content.decode()) == (422, True)
    done = client.post(address, {**sent, "words": "Tot maandag."})
    assert done.status_code == 303
    late = client.post(address, {**sent, "statement_id": new_id(), "command_id": new_id(), "words": "Te laat"})
    assert (late.status_code, "Te laat" in late.content.decode()) == (409, True)
    make_all()
    page = client.get(reverse("meetings:decision", args=[signed.pk])).content.decode()
    assert reverse("meetings:summary", args=[signed.pk]) in page
    assert "Tot maandag." in page
    again = {"command_id": new_id(), "statement_id": new_id(), "version": 1, "taken_back": "true"}
    assert client.post(address, again).status_code == 303
    with house():
        assert not informing.informed(signed).said


@pytest.mark.parametrize("name", ["informed", "handover"])
def test_each_page_that_draws_the_patient_leaves_a_trace(cast: Cast, signed: Decision, name: str) -> None:
    """A read row for each look, as the decision's own page writes one; none for whoever is refused."""
    assert signed.case is not None
    address = reverse(f"meetings:{name}", args=[signed.pk])
    for _twice in range(2):
        page = client_of(cast.secretary).get(address)
        assert (page.status_code, "Vandersmissen" in page.content.decode()) == (200, True)
    assert client_of(cast.partner).get(address).status_code == 403
    read = AuditEntry.objects.filter(action="decision.read").values_list(
        "actor_id", "object_id", "hospital_id", "patient_id", "outcome"
    )
    assert list(read) == [(cast.secretary.pk, signed.pk, cast.organiser.pk, signed.case.patient_id, "ok")] * 2


def test_the_page_is_no_dead_end(cast: Cast, signed: Decision) -> None:
    """Saved, back, other words, saved: refused once, then it can be saved. The same for handing over, and for taking back what somebody else
    took back already."""

    def sent(page: Any) -> dict[str, Any]:
        form = page.context["form"]
        values = {name: form[name].value() for name in form.fields}
        return {name: "" if value is None else value for name, value in values.items()}

    client, address = client_of(cast.requester), reverse("meetings:informed", args=[signed.pk])
    first = sent(client.get(address))
    assert client.post(address, {**first, "words": "Erst."}).status_code == 303
    refused = client.post(address, {**first, "words": "Dann."})
    assert (refused.status_code, sent(refused)["words"]) == (409, "Dann.")
    assert client.post(address, sent(refused)).status_code == 303
    with house():
        assert informing.informed(signed).statement.words == "Dann."  # type: ignore[union-attr]
    make_all()
    giving = reverse("meetings:handover", args=[signed.pk])
    first = {**sent(client.get(giving)), "way": "hand"}
    assert client.post(giving, first).status_code == 303
    refused = client.post(giving, {**first, "way": "post"})
    assert refused.status_code == 409
    assert client.post(giving, sent(refused)).status_code == 303
    with house():
        assert sorted(Handover.objects.values_list("way", flat=True)) == ["hand", "post"]
    again = client.get(address).context["again"]
    late = {name: again[name].value() for name in again.fields}
    inform(cast.secretary, signed, version=2, words="Schon anders.")
    refused = client.post(address, {**late, "taken_back": "true"})
    assert (refused.status_code, bool(refused.context["errors"])) == (409, True)
    shown = sent(refused)
    assert (shown["words"], shown["version"], shown["informer"]) == ("Schon anders.", 3, "dr. Mia Maes")
    assert client.post(address, {**shown, "words": "Zuletzt."}).status_code == 303
    broken = client.post(address, {"taken_back": "true"})
    assert (broken.status_code, bool(broken.context["errors"])) == (422, True)


@pytest.mark.parametrize(
    ("agreed", "name"),
    [
        ({"informs": "gp"}, "guest"),
        ({"informs": "coordinator"}, "coordinator"),
        ({}, "requester"),
        ({"informs": "nurse"}, ""),
        ({"informs": "other", "informs_who": "zr. Ann"}, "zr. Ann"),
    ],
)
def test_who_is_proposed(cast: Cast, decision: Decision, agreed: dict[str, str], name: str) -> None:
    with writing():
        Decision.objects.update(agreed=agreed)
    sign(cast, decision)
    with acting_as(cast.chair) as person:
        found = informing.informer(access.access_decision_for_informing(person, decision.pk))
    assert found == (cast.members[name].person.display_name if name in cast.members else name)

"""What people see and do of deliveries: to whom a report is ordered, what is missing, trying again, letters, and who may."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pypdf import PdfReader

from cases.models import Patient
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound, RuleBroken
from mdo.kernel.ids import new_id
from meetings import waiting
from meetings.actions.dispatching import mark_dispatches, retry_dispatch
from meetings.actions.mailing import retry_delivery
from meetings.actions.signing import sign_decisions
from meetings.delivering import access, showing
from meetings.models import Decision, Delivery, Dispatch, Meeting, Route
from tests.cast import Cast, Member, acting_as
from tests.delivery_peers import ehr
from tests.factories import make_meeting, writing
from tests.meetings.acts import audited, call, house
from tests.meetings.delivering.routing import NAME, make, make_closed, make_route, rows, send, sign, tell
from tests.meetings.test_signing import correct, seen

PAGE_QUERIES = 18


def order(cast: Cast, *channels: str, **patient: Any) -> list[Dispatch]:
    """A signed report by routes of these channels, to GP and requester where it goes to people."""
    for channel in channels:
        told: dict[str, Any] = {"ehealthbox": {"folder": "zh"}, "paper": {}}.get(channel, {"address": "127.0.0.1:9"})
        make_route(cast.organiser, channel, settings=told)
    sign(cast, make_closed(cast, **patient))
    return rows()


def states() -> list[tuple[str, str]]:
    return [(row.state, row.last_error) for row in rows()]


# --- to whom -----------------------------------------------------------------------------------------------------------


def test_only_signed_reports_by_active_routes_of_the_own_hospital(cast: Cast) -> None:
    """Not by another hospital's, not of a kind that the route does not take, not the minutes."""
    make_route(cast.partner_hospital, "hl7", name="theirs", settings={"address": "127.0.0.1:9"})
    make_route(cast.organiser, "hl7", name="off", active=False, settings={"address": "127.0.0.1:9"})
    make_route(cast.organiser, "hl7", name="others", kinds=["summary"], settings={"address": "127.0.0.1:9"})
    ours = make_route(cast.organiser, "fhir", settings={"address": "http://127.0.0.1:9"})
    decision = make_closed(cast)
    assert rows() == []
    sign(cast, decision)
    (row,) = rows()
    assert (row.route_id, row.hospital_id, row.meeting_id) == (ours.pk, cast.organiser.pk, decision.meeting_id)
    sign(cast, make_closed(cast, hospital=cast.partner_hospital))
    assert {(each.hospital_id, each.channel) for each in rows()} == {
        (cast.organiser.pk, "fhir"),
        (cast.partner_hospital.pk, "hl7"),
    }


@pytest.mark.parametrize(
    ("channel", "change", "code"),
    [
        ("ehealthbox", {"gp": None, "gp_name": ""}, "no_gp"),
        ("ehealthbox", {"gp": None, "gp_name": "dr. Onbekend"}, "only_a_name"),
        ("ehealthbox", {"national_number": "", "other_identifier": "X1", "other_identifier_reason": "none"}, "no_national_number"),
        ("paper", {"gp": None, "gp_name": ""}, "no_gp"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_and_found_again(cast: Cast, channel: str, change: dict[str, Any], code: str) -> None:
    (row,) = order(cast, channel, **change)
    assert states() == [("given_up", code)]
    with pytest.raises(RuleBroken):
        call(retry_dispatch, cast.secretary, dispatch_id=row.pk)
    with writing():
        Patient.objects.update(gp=cast.guest.person, national_number="65041235794", other_identifier_reason="")
    call(retry_dispatch, cast.secretary, dispatch_id=row.pk)
    assert (states(), rows()[0].recipient) == ([("waiting", "")], cast.guest.person)


@pytest.mark.parametrize(("channel", "field", "code"), [("ehealthbox", "licence_number", "no_licence"), ("paper", "postal_address", "no_address")])  # fmt: skip
def test_a_gp_without_number_or_address(cast: Cast, channel: str, field: str, code: str) -> None:
    decision = make_closed(cast)
    make_route(cast.organiser, channel, settings={"folder": "zh"} if channel == "ehealthbox" else {})
    doctor = cast.guest.person
    setattr(doctor, field, "")
    doctor.save(update_fields=[field])
    sign(cast, decision)
    assert states() == [("given_up", code)]
    send(rows()[0])  # the worker leaves it alone
    assert states() == [("given_up", code)]


def test_a_letter_goes_to_the_gp_to_whom_it_is_written(cast: Cast) -> None:
    """And to nobody else, whatever the route says; the report itself to whom the route says, never to its requester instead."""
    make_route(cast.organiser, "paper", kinds=["case", "letter"], recipients=["gp"], settings={})
    requester = cast.requester.person
    requester.postal_address = "Straat 1"
    requester.save(update_fields=["postal_address"])
    sign(cast, make_closed(cast))
    with house():
        found = [(row.report.kind, row.recipient) for row in Dispatch.objects.select_related("report", "recipient")]  # type: ignore[union-attr]
    assert sorted(found, key=lambda each: each[0]) == [("case", cast.guest.person), ("letter", cast.guest.person)]


def test_a_correction_reaches_everybody_who_got_the_version_before(cast: Cast) -> None:
    """Also a GP who is it no more, and a record system whose route takes no such report any more; beside those who get it now."""
    record = make_route(cast.organiser, "hl7", settings={"address": "127.0.0.1:9"})
    people = make_route(cast.organiser, "ehealthbox", settings={"folder": "zh"})
    decision = make_closed(cast)
    sign(cast, decision)
    former = cast.guest.person
    with writing():
        Patient.objects.update(gp=cast.partner.person)
        Route.objects.filter(pk=record.pk).update(kinds=["summary"])
    cast.partner.person.licence_number = "19876543140"
    cast.partner.person.save(update_fields=["licence_number"])
    correction = new_id()
    correct(cast, decision, correction_id=correction)
    with house():
        new = Decision.objects.get(pk=correction)
    (report,) = sign(cast, new)
    found = {(row.route_id, row.recipient_id, row.state) for row in rows(report=report)}
    assert found == {
        (record.pk, None, "waiting"),
        (people.pk, former.pk, "waiting"),
        (people.pk, cast.partner.person.pk, "waiting"),
    }


def test_the_same_person_gets_one(cast: Cast) -> None:
    """The requester is the GP too; and who turns out to be the GP got it already."""
    decision = make_closed(cast, gp=False)
    make_route(cast.organiser, "paper", recipients=["gp", "requester"], settings={})
    requester = cast.requester.person
    requester.postal_address = "Straat 1"
    requester.save(update_fields=["postal_address"])
    sign(cast, decision)
    gp, asked = sorted(rows(), key=lambda row: row.role)
    assert (gp.last_error, asked.recipient) == ("only_a_name", requester)
    with writing():
        Patient.objects.update(gp=requester)
    call(retry_dispatch, cast.secretary, dispatch_id=gp.pk)
    assert rows(pk=gp.pk)[0].state == "dropped"


# --- again -------------------------------------------------------------------------------------------------------------


def test_try_again(cast: Cast) -> None:
    (row,) = order(cast, "hl7")
    with writing():
        Dispatch.objects.update(state="given_up", attempts=12, last_error="no_answer")
    done = call(retry_dispatch, cast.coordinator, dispatch_id=row.pk)
    assert done.events == ()
    again = rows()[0]
    assert (again.state, again.attempts, again.last_error, again.done_at) == ("waiting", 0, "", None)
    assert audited("dispatch.retry") == [(cast.coordinator.pk, cast.organiser.pk, "ok")]
    with writing():
        Dispatch.objects.update(state="done")
    with pytest.raises(RuleBroken):
        call(retry_dispatch, cast.coordinator, dispatch_id=row.pk)


def test_a_route_that_was_switched_off(cast: Cast) -> None:
    (row,) = order(cast, "hl7")
    with writing():
        Route.objects.update(active=False)
    send(row)
    assert states() == [("given_up", "route_off")]
    with pytest.raises(RuleBroken):
        call(retry_dispatch, cast.secretary, dispatch_id=row.pk)


def test_a_lost_file_is_told(cast: Cast) -> None:
    from meetings.models import Report

    (row,) = order(cast, "hl7")
    with writing():
        Report.objects.update(storage_name="00/" + "0" * 32)
    send(row)
    assert states() == [("given_up", "no_file")]


def test_letters_are_printed_marked_and_taken_back(cast: Cast) -> None:
    (row,) = order(cast, "paper")
    send(row)
    assert states() == [("waiting", "")]  # the worker leaves it alone
    client = signed_in(cast.secretary)
    printed = client.get(reverse("meetings:letters", args=[row.meeting_id]))
    pages = PdfReader(io.BytesIO(printed.content)).pages
    text = pages[0].extract_text()
    assert "Dorpsstraat 1" in text
    assert "9999 Elders" in text
    assert NAME not in text
    assert len(pages) % 2 == 0
    assert pages[1].extract_text().strip() == ""
    assert states() == [("waiting", "")]
    assert NAME not in printed["Content-Disposition"]
    ids = [row.pk]
    call(mark_dispatches, cast.secretary, meeting_id=row.meeting_id, dispatch_ids=ids, sent=True)
    assert states() == [("done", "")]
    assert client.get(reverse("meetings:letters", args=[row.meeting_id])).status_code == 404
    with pytest.raises(RuleBroken):
        call(mark_dispatches, cast.secretary, meeting_id=row.meeting_id, dispatch_ids=ids, sent=True)
    call(mark_dispatches, cast.secretary, meeting_id=row.meeting_id, dispatch_ids=ids, sent=False)
    assert states() == [("waiting", "")]
    with pytest.raises(RuleBroken):
        call(mark_dispatches, cast.secretary, meeting_id=row.meeting_id, dispatch_ids=ids, sent=False)


def printed_letters(member: Member, meeting_id: Any) -> str:
    page = signed_in(member).get(reverse("meetings:letters", args=[meeting_id]))
    return " ".join("".join(each.extract_text() for each in PdfReader(io.BytesIO(page.content)).pages).split())


def test_a_letter_that_holds_no_longer_is_not_printed(cast: Cast) -> None:
    """The letter "not informed" beside the later one, and that of a version that was corrected: dropped at once, also before what takes their
    place is made; one that was posted does not come back to be printed either."""
    make_route(cast.organiser, "paper", kinds=["case", "letter"], settings={})
    decision = make_closed(cast)
    sign(cast, decision)
    with translation.override(cast.guest.person.language):
        unsaid = translation.gettext("The patient is not informed yet.")
    assert unsaid in printed_letters(cast.secretary, decision.meeting_id)
    tell(cast, decision)
    with house():
        found = list(Dispatch.objects.filter(report__kind="letter").order_by("created_at", "pk"))
    assert [(row.state, row.last_error) for row in found] == [("dropped", "replaced"), ("waiting", "")]
    assert unsaid not in printed_letters(cast.secretary, decision.meeting_id)
    call(mark_dispatches, cast.secretary, meeting_id=decision.meeting_id, dispatch_ids=[found[1].pk], sent=True)
    correction = new_id()
    correct(cast, decision, correction_id=correction)
    with house():
        new = Decision.objects.get(pk=correction)
    call(sign_decisions, cast.coordinator, meeting_id=new.meeting_id, decisions=seen([new]))
    assert [row.state for row in rows(report__kind="case")] == ["dropped"]
    make(new)
    with house():
        waits = Dispatch.objects.filter(state="waiting").values_list("report__kind", "report__decision")
        assert sorted(waits) == [("case", new.pk), ("letter", new.pk)]
    call(mark_dispatches, cast.secretary, meeting_id=decision.meeting_id, dispatch_ids=[found[1].pk], sent=False)
    assert rows(pk=found[1].pk)[0].state == "dropped"


def test_what_was_given_up_may_be_sent_by_hand(cast: Cast) -> None:
    (row,) = order(cast, "ehealthbox", gp=None)
    call(mark_dispatches, cast.secretary, meeting_id=row.meeting_id, dispatch_ids=[row.pk], sent=True)
    assert (states(), showing.state_of(rows()[0])) == ([("dropped", "by_hand")], "by_hand")
    call(mark_dispatches, cast.secretary, meeting_id=row.meeting_id, dispatch_ids=[row.pk], sent=False)
    assert states() == [("waiting", "")]
    other = make_meeting(cast.board, state=Meeting.State.CLOSED)
    for meeting_id, ids in ((other.pk, [row.pk]), (row.meeting_id, []), (row.meeting_id, [new_id()])):
        with pytest.raises(NotFound):
            call(mark_dispatches, cast.secretary, meeting_id=meeting_id, dispatch_ids=ids, sent=True)


# --- who ---------------------------------------------------------------------------------------------------------------


def refusals(cast: Cast, act: Any, **arguments: Any) -> dict[str, str]:
    found = {}
    for name in ("coordinator", "secretary", "chair", "requester", "radiologist", "partner", "partnersecretary", "guest", "outsider", "admin", "privacy"):  # fmt: skip
        try:
            call(act, cast.members[name], **arguments)
        except (NotFound, Denied, RuleBroken) as refusal:
            found[name] = type(refusal).__name__
    return found


OURS = {"chair": "Denied", "requester": "Denied", "radiologist": "Denied", "partner": "Denied", "partnersecretary": "NotFound"} | dict.fromkeys(("outsider", "admin", "privacy"), "NotFound")  # fmt: skip


def test_who_may_send_again(cast: Cast) -> None:
    (ours,) = order(cast, "hl7")
    assert refusals(cast, retry_dispatch, dispatch_id=ours.pk) == OURS | {"guest": "NotFound"}
    make_route(cast.partner_hospital, "hl7", settings={"address": "127.0.0.1:9"})
    sign(cast, make_closed(cast, hospital=cast.partner_hospital))
    (theirs,) = rows(hospital=cast.partner_hospital)
    call(retry_dispatch, cast.partnersecretary, dispatch_id=theirs.pk)  # the own hospital's
    call(retry_dispatch, cast.secretary, dispatch_id=theirs.pk)
    with pytest.raises(NotFound):
        call(retry_dispatch, cast.secretary, dispatch_id=new_id())


def test_a_trial_is_nobodys_delivery(cast: Cast) -> None:
    route = make_route(cast.organiser, "hl7", settings={"address": "127.0.0.1:9"})
    with writing():
        row = Dispatch.objects.create(
            hospital=cast.organiser, route=route, channel="hl7", role="record", trial=True, due_at=now()
        )
    with pytest.raises(NotFound):
        call(retry_dispatch, cast.secretary, dispatch_id=row.pk)


def test_a_case_out_of_sight_is_not_there(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where row-level security hides the decision, the stricter one counts."""
    (row,) = order(cast, "hl7")
    monkeypatch.setattr(access, "_hospitals_at", lambda by, meeting: frozenset({cast.organiser.pk}))
    with pytest.raises(NotFound), acting_as(cast.outsider) as person:
        access.access_dispatch_for_delivering(person, row.pk)


def make_mail(cast: Cast, meeting: Meeting | None, organisation: Any, **values: Any) -> Delivery:
    with writing():
        return Delivery.objects.create(
            hospital=cast.organiser,
            meeting=meeting,
            recipient=cast.requester.person,
            kind="reports",
            occasion=f"closed:{new_id().hex[-12:]}",
            detail={"for": str(organisation.pk)} if organisation else {},
            message_id=f"<{new_id()}@test>",
            due_at=now(),
            **values,
        )


def test_a_mail_is_tried_again(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    ours = make_mail(cast, meeting, cast.organiser, state="given_up", attempts=12, last_error="SMTPServerDisconnected")
    theirs = make_mail(cast, meeting, cast.partner_hospital, state="given_up")
    assert refusals(cast, retry_delivery, delivery_id=ours.pk) == OURS | {
        "partner": "Denied",
        "guest": "NotFound",
        "requester": "NotFound",
    }
    call(retry_delivery, cast.partnersecretary, delivery_id=theirs.pk)
    with house():
        assert set(Delivery.objects.values_list("state", "attempts", "last_error")) == {("waiting", 0, "")}
    assert {each[2] for each in audited("delivery.retry")} >= {"ok"}
    with writing():
        Delivery.objects.update(state="done")
    with pytest.raises(RuleBroken):
        call(retry_delivery, cast.secretary, delivery_id=ours.pk)
    loose = make_mail(cast, None, None)
    with pytest.raises(NotFound):
        call(retry_delivery, cast.secretary, delivery_id=loose.pk)


def test_places(cast: Cast) -> None:
    """Every branch of the rule, asked directly."""
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)

    def of(member: Member) -> Any:
        with acting_as(member) as person:
            return access.access_meeting_for_delivering(person, meeting.pk)[1]

    assert cast.organiser.pk in of(cast.secretary)
    assert of(cast.partnersecretary) == frozenset({cast.partner_hospital.pk})
    for member, refusal in ((cast.chair, Denied), (cast.outsider, NotFound)):
        with pytest.raises(refusal):
            of(member)
    with pytest.raises(NotFound), acting_as(cast.secretary) as person:
        access.access_meeting_for_delivering(person, new_id())


# --- the page ----------------------------------------------------------------------------------------------------------


def signed_in(member: Member) -> Client:
    client = Client()
    client.force_login(member.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_page_shows_what_waits_and_does_it(cast: Cast, django_assert_num_queries: Any) -> None:
    (row,) = order(cast, "hl7")
    make_mail(cast, row.meeting, cast.organiser, state="waiting", last_error="ConnectionRefusedError")
    with writing():
        Dispatch.objects.update(state="given_up", last_error="no_answer")
    client, url = signed_in(cast.secretary), reverse("meetings:deliveries", args=[row.meeting_id])
    client.get(url)
    with django_assert_num_queries(PAGE_QUERIES):
        page = client.get(url).content.decode()
    assert NAME in page
    assert "status-failed" in page
    assert "ConnectionRefusedError" in page
    answer = client.post(
        reverse("meetings:dispatch_retry", args=[row.meeting_id, row.pk]), {"command_id": str(new_id())}
    )
    assert (answer.status_code, states()) == (303, [("waiting", "")])
    with writing():
        Dispatch.objects.update(state="done")
    refused = client.post(
        reverse("meetings:dispatch_retry", args=[row.meeting_id, row.pk]), {"command_id": str(new_id())}
    )
    assert refused.status_code == 422
    bad = client.post(
        reverse("meetings:deliveries_mark", args=[row.meeting_id]), {"command_id": str(new_id()), "dispatch": "x"}
    )
    assert bad.status_code == 422
    theirs = signed_in(cast.partnersecretary).get(url).content.decode()
    assert NAME not in theirs
    for member, status in ((cast.radiologist, 403), (cast.outsider, 404)):
        assert signed_in(member).get(url).status_code == status


def test_today_tells_what_did_not_go_out(cast: Cast) -> None:
    hl7, _paper = sorted(order(cast, "hl7", "paper"), key=lambda row: row.channel)

    def stuck(member: Member) -> list[tuple[int, int, int]]:
        with acting_as(member) as person:
            return [(each.failed, each.given_up, each.letters) for each in waiting.today(person).stuck]

    assert stuck(cast.secretary) == [(0, 0, 1)]
    with writing():
        Dispatch.objects.filter(pk=hl7.pk).update(last_error="no_answer")
    make_mail(cast, hl7.meeting, cast.organiser, state="given_up")
    assert stuck(cast.secretary) == [(1, 1, 1)]
    make_mail(
        cast, hl7.meeting, None, last_error="SMTPServerDisconnected"
    )  # to a GP, about a letter: for no organisation
    assert stuck(cast.secretary) == [(2, 1, 1)]
    assert stuck(cast.partnersecretary) == []
    assert stuck(cast.radiologist) == []
    page = signed_in(cast.secretary).get("/").content.decode()
    assert reverse("meetings:deliveries", args=[hl7.meeting_id]) in page
    assert NAME not in page.split("today-doors")[0].split('id="waiting"')[1].split("</ul>")[0]


def test_how_long_until_the_last_report_was_out(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    with house():
        closed = Meeting.objects.get(pk=meeting.pk).closed_at
    assert closed is not None
    with house():
        assert showing.out_after([meeting.pk]) == {}
    first = make_mail(cast, meeting, cast.organiser, state="done", done_at=closed + timedelta(minutes=3))
    second = make_mail(cast, meeting, cast.partner_hospital)
    with writing():
        Delivery.objects.filter(pk=first.pk).update(occasion="closed")
        Delivery.objects.filter(pk=second.pk).update(occasion="closed", recipient=cast.partner.person)
    with house():
        assert showing.out_after([meeting.pk]) == {meeting.pk: None}  # one is not out
    with writing():
        Delivery.objects.filter(pk=second.pk).update(state="done", done_at=closed + timedelta(minutes=9))
    with house():
        assert showing.out_after([meeting.pk]) == {meeting.pk: 9.0}
    page = signed_in(cast.secretary).get(reverse("meetings:deliveries", args=[meeting.pk])).content.decode()
    assert "9 min" in page


def test_every_state_has_its_words(cast: Cast) -> None:
    with ehr() as peer:
        make_route(cast.organiser, "hl7", settings={"address": f"127.0.0.1:{peer.port}"})
        sign(cast, make_closed(cast))
        send(rows()[0])
    assert showing.state_of(rows()[0]) == "sent"
    assert set(showing.STATES) == set(showing.LOOKS) == set(showing._ORDER)

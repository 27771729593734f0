"""Board and agenda as pages: what each of the cast sees, what a refusal shows, how many queries they cost."""

from datetime import timedelta
from io import BytesIO
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from cases.models import Referral
from mdo.directory.models import OrganisationRole
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings.models import AgendaItem, Delivery, Meeting, Series
from tests.cast import Cast, Member
from tests.factories import case_data, make_case, make_item, make_meeting, make_patient, make_referral, writing

Status = Referral.Status
BOARD_QUERIES = 21
AGENDA_QUERIES = 23
PANEL_QUERIES = 16


def signed_in(member: Member) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def url(name: str, *args: UUID) -> str:
    return reverse(f"meetings:{name}", args=args)


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    return make_meeting(cast.board, state=Meeting.State.PLANNED)


def named(cast: Cast, family: str, hospital: Any = None, requester: Any = None, **values: Any) -> Referral:
    hospital = hospital or cast.organiser
    requester = requester or cast.requester.person
    case = make_case(hospital, requester, patient=make_patient(hospital, family_name=family, given_name="Rosa"))
    return make_referral(cast.board, hospital, requester, case=case, **values)


# --- the board ---------------------------------------------------------------------------------------------------------


def test_the_secretary_sees_what_is_missing(cast: Cast, meeting: Meeting) -> None:
    case = make_case(cast.organiser, cast.requester.person, data=case_data(performance_status=None))
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case)
    page = signed_in(cast.secretary).get(url("board", cast.board.pk))
    text = page.content.decode()
    assert page.status_code == 200
    (row,) = page.context["to_accept"]
    assert (row.complete, len(row.missing), row.target) == (False, 1, meeting)
    assert row.missing[0] in text
    assert "no-store" in page["Cache-Control"]
    assert list(AuditEntry.objects.filter(action="board.listed").values_list("hospital_id", "actor_id")) == [
        (cast.organiser.pk, cast.secretary.pk)
    ]


@pytest.mark.parametrize("name", ["requester", "guest", "outsider", "privacy", "admin"])
def test_who_has_no_seat_finds_no_board(cast: Cast, name: str) -> None:
    assert signed_in(cast.members[name]).get(url("board", cast.board.pk)).status_code == 404


def test_members_see_sittings_and_no_submissions(cast: Cast, meeting: Meeting) -> None:
    named(cast, "Canary")
    for name in ("radiologist", "partner", "observer"):
        page = signed_in(cast.members[name]).get(url("board", cast.board.pk))
        assert (page.status_code, "Canary" in page.content.decode()) == (200, False)


def test_a_partner_secretary_sees_the_own_submissions_and_no_buttons(cast: Cast, meeting: Meeting) -> None:
    named(cast, "Eigenaar", cast.partner_hospital, cast.partner.person)
    named(cast, "Vreemde")
    text = signed_in(cast.partnersecretary).get(url("board", cast.board.pk)).content.decode()
    assert ("Eigenaar" in text, "Vreemde" in text, "/accept/" in text) == (True, False, False)


def test_one_board_is_opened_at_once_and_none_says_so(cast: Cast) -> None:
    assert signed_in(cast.secretary).get(url("boards"))["Location"] == url("board", cast.board.pk)
    assert signed_in(cast.outsider).get(url("boards")).status_code == 200


def test_sorting(cast: Cast, meeting: Meeting) -> None:
    for family in ("Zeebroek", "Aerts", "Mertens"):
        named(cast, family)
    client = signed_in(cast.secretary)
    orders = {}
    for sort in ("patient", "-patient", "hospital", "requester", "missing", "submitted", "sitting", "nonsense"):
        rows = client.get(url("board", cast.board.pk), {"sort": sort}).context["to_accept"]
        orders[sort] = [row.referral.case.patient.family_name for row in rows]
    with writing():
        keys = sorted(row.referral.case.patient.name_key for row in rows)
    assert [name.lower() for name in orders["patient"]] == [key.split()[0] for key in keys]
    assert orders["-patient"] == orders["patient"][::-1]


def test_the_board_costs_the_same_at_1_and_at_30(cast: Cast, meeting: Meeting, django_assert_num_queries: Any) -> None:
    client = signed_in(cast.secretary)
    named(cast, "Een")
    for total in (1, 30):
        with writing():
            for _ in range(total - 1):
                named(cast, "Meer")
        with django_assert_num_queries(BOARD_QUERIES):
            assert client.get(url("board", cast.board.pk)).status_code == 200


def test_accept_return_and_schedule_from_the_board(cast: Cast, meeting: Meeting) -> None:
    client = signed_in(cast.secretary)
    one, two, three = (named(cast, family) for family in ("Een", "Twee", "Drie"))
    base = {"version": 1, "command_id": new_id()}
    done = client.post(url("accept", cast.board.pk, one.pk), base)
    assert (done.status_code, done["Location"]) == (303, url("board", cast.board.pk))
    page = client.get(url("return", cast.board.pk, two.pk))
    assert page.status_code == 200
    empty = client.post(url("return", cast.board.pk, two.pk), {**base, "command_id": new_id(), "reason": " "})
    assert (empty.status_code, list(empty.context["form"].errors)) == (422, ["reason"])
    done = client.post(url("return", cast.board.pk, two.pk), {**base, "command_id": new_id(), "reason": "Te vroeg"})
    assert done.status_code == 303
    arguments = {**base, "command_id": new_id(), "item_id": new_id(), "meeting": meeting.pk}
    assert client.post(url("schedule", cast.board.pk, three.pk), arguments).status_code == 303
    with writing():
        found = dict(Referral.objects.values_list("pk", "status"))
    assert found == {one.pk: "accepted", two.pk: "returned", three.pk: "scheduled"}


def test_a_stale_return_keeps_what_was_typed(cast: Cast, meeting: Meeting) -> None:
    client = signed_in(cast.secretary)
    referral = named(cast, "Een")
    client.post(url("accept", cast.board.pk, referral.pk), {"version": 1, "command_id": new_id()})
    typed = {"version": 1, "command_id": new_id(), "reason": "Pathologie ontbreekt"}
    refused = client.post(url("return", cast.board.pk, referral.pk), typed)
    assert refused.status_code == 409
    assert "Pathologie ontbreekt" in refused.content.decode()
    form = refused.context["form"]
    again = {"version": form["version"].value(), "command_id": form["command_id"].value(), "reason": typed["reason"]}
    assert client.post(url("return", cast.board.pk, referral.pk), again).status_code == 303


def test_the_reason_is_filled_in_with_what_is_missing(cast: Cast, meeting: Meeting) -> None:
    case = make_case(cast.organiser, cast.requester.person, data=case_data(performance_status=None), tumours=[])
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case)
    page = signed_in(cast.secretary).get(url("return", cast.board.pk, referral.pk))
    assert "WHO" in page.context["form"]["reason"].value() or page.context["form"]["reason"].value()


def test_many_at_once_and_again(cast: Cast, meeting: Meeting) -> None:
    client = signed_in(cast.secretary)
    referrals = [named(cast, family) for family in ("Een", "Twee", "Drie")]
    sent = {
        "command_id": new_id(),
        "do": "schedule",
        "meeting": str(meeting.pk),
        "referral": [f"{each.pk}:1" for each in referrals],
    }
    assert client.post(url("bulk", cast.board.pk), sent).status_code == 303
    assert client.post(url("bulk", cast.board.pk), sent).status_code == 303  # a double click
    assert AgendaItem.objects.filter(meeting=meeting).count() == 3
    nothing = client.post(url("bulk", cast.board.pk), {"command_id": new_id(), "do": "accept"})
    assert nothing.status_code == 422
    junk = client.post(url("bulk", cast.board.pk), {"command_id": new_id(), "do": "accept", "referral": "x:y"})
    assert junk.status_code == 404


def test_of_many_the_refused_are_named_and_the_rest_is_done(cast: Cast, meeting: Meeting) -> None:
    client = signed_in(cast.secretary)
    fine, stale = named(cast, "Een"), named(cast, "Twee")
    sent = {"command_id": new_id(), "do": "accept", "referral": [f"{fine.pk}:1", f"{stale.pk}:7"]}
    page = client.post(url("bulk", cast.board.pk), sent, follow=True)
    assert [str(each.level_tag) for each in page.context["messages"]] == ["warning", "success"]
    alone = client.post(
        url("bulk", cast.board.pk), {"command_id": new_id(), "do": "accept", "referral": f"{stale.pk}:7"}
    )
    assert alone.status_code == 422


def test_ids_of_another_board_are_not_found(cast: Cast, meeting: Meeting) -> None:
    foreign = make_referral(cast.board, cast.outside, cast.outsider.person)
    client = signed_in(cast.secretary)
    base = {"version": 1, "command_id": new_id()}
    found = {
        name: client.post(url(name, cast.board.pk, foreign.pk), {**base, "meeting": meeting.pk, "item_id": new_id()})
        for name in ("accept", "return", "schedule")
    }
    assert {name: each.status_code for name, each in found.items()} == dict.fromkeys(found, 404)


# --- sittings ----------------------------------------------------------------------------------------------------------


def test_an_extra_sitting_and_its_time(cast: Cast) -> None:
    client = signed_in(cast.secretary)
    page = client.get(url("sitting", cast.board.pk))
    meeting_id = page.context["form"]["meeting_id"].value()
    day = (make_meeting(cast.board).starts_at + timedelta(days=2)).date()
    sent = {
        "command_id": new_id(),
        "meeting_id": meeting_id,
        "day": day,
        "at": "08:15",
        "minutes": 45,
        "place": "Zaal 2",
    }
    assert client.post(url("sitting", cast.board.pk), {**sent, "day": "2020-01-01"}).status_code == 422
    assert client.post(url("sitting", cast.board.pk), sent)["Location"] == url("agenda", meeting_id)
    sitting = Meeting.objects.get(pk=meeting_id)
    assert (sitting.place, sitting.ends_at - sitting.starts_at) == ("Zaal 2", timedelta(minutes=45))
    assert client.get(url("move", meeting_id)).status_code == 200
    moved = {**sent, "command_id": new_id(), "version": 1, "minutes": 60}
    assert client.post(url("move", meeting_id), moved).status_code == 303
    stale = client.post(url("move", meeting_id), {**moved, "command_id": new_id(), "place": "Zaal <9>"})
    assert (stale.status_code, "Zaal &lt;9&gt;" in stale.content.decode()) == (409, True)
    cancelled = client.post(url("cancel", meeting_id), {"command_id": new_id(), "version": 2})
    assert cancelled["Location"] == url("board", cast.board.pk)
    assert Meeting.objects.get(pk=meeting_id).state == "cancelled"


def test_the_series_page(cast: Cast) -> None:
    client = signed_in(cast.secretary)
    page = client.get(url("series", cast.board.pk))
    series_id = page.context["form"]["series_id"].value()
    sent = {
        "command_id": new_id(),
        "series_id": series_id,
        "weekday": "WE",
        "rhythm": "1",
        "at": "14:00",
        "minutes": "90",
        "starts_on": page.context["form"]["starts_on"].value(),
        "holiday_policy": "skip",
    }
    assert client.post(url("series", cast.board.pk), {**sent, "weekday": "XX"}).status_code == 422
    assert client.post(url("series", cast.board.pk), sent).status_code == 303
    assert Series.objects.get().rule == "FREQ=WEEKLY;BYDAY=WE"
    assert Meeting.objects.filter(series=series_id).count() >= 7
    assert client.get(url("series", cast.board.pk)).context["form"]["weekday"].value() == "WE"
    assert client.post(url("plan", cast.board.pk), {"command_id": new_id()}).status_code == 303
    assert signed_in(cast.radiologist).get(url("series", cast.board.pk)).status_code == 403


# --- the agenda --------------------------------------------------------------------------------------------------------


@pytest.fixture
def built(cast: Cast) -> Meeting:
    """A published meeting: a case of the organiser, one of the partner with a guest, and a topic."""
    meeting = make_meeting(cast.board)
    make_item(meeting, named(cast, "Vanhuis", status=Status.SCHEDULED))
    partners = named(
        cast, "Vanpartner", cast.partner_hospital, cast.partner.person, status=Status.SCHEDULED, guest=cast.guest.person
    )
    make_item(meeting, partners)
    make_item(meeting)
    return meeting


SEEN = {
    # name: (rows, own hospital's name, partner's name, form to build)
    "chair": (3, True, True, True),
    "coordinator": (3, True, True, True),
    "secretary": (3, True, True, True),
    "requester": (3, True, False, False),
    "radiologist": (3, True, True, False),
    "partner": (3, True, True, False),
    "partnersecretary": (3, False, True, False),
    "observer": (3, False, False, False),
    "guest": (1, False, False, False),
}


def test_each_sees_of_the_agenda_what_the_matrix_says(cast: Cast, built: Meeting) -> None:
    found = {}
    for name in SEEN:
        page = signed_in(cast.members[name]).get(url("agenda", built.pk))
        text = page.content.decode()
        found[name] = (len(page.context["lines"]), "Vanhuis" in text, "Vanpartner" in text, "/publish/" in text)
    assert found == SEEN
    for name in ("outsider", "privacy", "admin"):
        assert signed_in(cast.members[name]).get(url("agenda", built.pk)).status_code == 404


def test_an_observer_gets_numbers_and_a_guest_nothing_of_others(cast: Cast, built: Meeting) -> None:
    observed = signed_in(cast.observer).get(url("agenda", built.pk)).content.decode()
    assert "R.V." not in observed
    guest = signed_in(cast.guest).get(url("agenda", built.pk))
    text = guest.content.decode()
    assert ("R.V." in text, "Goossens" in text, guest.context["agenda"].forecast) == (True, False, None)
    assert signed_in(cast.guest).get(url("agenda_sheet", built.pk)).status_code == 403


def test_the_agenda_costs_the_same_at_3_and_at_60(cast: Cast, built: Meeting, django_assert_num_queries: Any) -> None:
    client = signed_in(cast.secretary)
    for more in (0, 57):
        with writing():
            for _ in range(more):
                make_item(built, named(cast, "Meer", status=Status.SCHEDULED))
        with django_assert_num_queries(AGENDA_QUERIES):
            assert client.get(url("agenda", built.pk)).status_code == 200


def test_what_stands_beside_comes_once_the_agenda_is_there(
    cast: Cast, built: Meeting, django_assert_num_queries: Any
) -> None:
    """For whoever builds it alone; a page without scripts, or with what was typed and refused, has it at once."""
    waits = named(cast, "Wachters")
    client = signed_in(cast.secretary)
    page = client.get(url("agenda", built.pk)).content.decode()
    assert ("Wachters" in page, url("agenda_panels", built.pk) in page) == (False, True)
    for more in (0, 29):
        with writing():
            for _ in range(more):
                named(cast, "Meer")
        with django_assert_num_queries(PANEL_QUERIES):
            panels = client.get(url("agenda_panels", built.pk))
    assert f'value="{waits.pk}:1"' in panels.content.decode()
    assert len(panels.context["candidates"]) == 30
    told = AuditEntry.objects.filter(action="agenda.candidates_listed").order_by("id").last()
    assert told is not None
    assert (told.hospital_id, str(waits.case_id) in told.detail["cases"]) == (cast.organiser.pk, True)
    assert "Wachters" in client.get(url("agenda", built.pk), {"panels": "all"}).content.decode()
    wrong = {"command_id": new_id(), "item_id": new_id(), "referral": f"{waits.pk}:1", "minutes": "0"}
    refused = client.post(url("add", built.pk), wrong)
    assert (refused.status_code, "Wachters" in refused.content.decode()) == (422, True)
    for member, status in ((cast.radiologist, 403), (cast.partnersecretary, 403), (cast.outsider, 404)):
        assert signed_in(member).get(url("agenda_panels", built.pk)).status_code == status


def test_an_agenda_of_200_items(cast: Cast, built: Meeting) -> None:
    with writing():
        for _ in range(197):
            make_item(built)
    page = signed_in(cast.secretary).get(url("agenda", built.pk))
    assert len(page.context["lines"]) == 200
    assert signed_in(cast.secretary).get(url("agenda_sheet", built.pk)).status_code == 200


def test_building_by_hand(cast: Cast, meeting: Meeting) -> None:
    client = signed_in(cast.secretary)
    referral = named(cast, "Een")
    add = {"command_id": new_id(), "item_id": new_id(), "referral": f"{referral.pk}:1", "minutes": "7"}
    assert client.post(url("add", meeting.pk), add).status_code == 303
    topic = {"command_id": new_id(), "item_id": new_id(), "title": "Wachtlijst", "minutes": "10"}
    assert client.post(url("add_topic", meeting.pk), topic).status_code == 303
    first, second = AgendaItem.objects.order_by("position")
    minutes = {"command_id": new_id(), "version": 1, "minutes": "9"}
    assert client.post(url("item_minutes", meeting.pk, first.pk), minutes).status_code == 303
    move = {"command_id": new_id(), "version": 1, "to": 1}
    assert client.post(url("item_move", meeting.pk, second.pk), move).status_code == 303
    assert list(AgendaItem.objects.order_by("position").values_list("pk", "minutes")) == [
        (second.pk, 10),
        (first.pk, 9),
    ]
    remove = {"command_id": new_id(), "version": 2}
    assert client.post(url("item_remove", meeting.pk, second.pk), remove).status_code == 303
    assert client.post(url("publish", meeting.pk), {"command_id": new_id(), "version": 1}).status_code == 303
    assert Meeting.objects.get().state == "published"
    assert (
        Delivery.objects.count() == 8
    )  # seven of the board and one requester; nobody of the hospital without agreement


def test_a_refusal_shows_the_agenda_as_it_is_and_what_was_typed(cast: Cast, built: Meeting) -> None:
    client = signed_in(cast.secretary)
    item = AgendaItem.objects.get(position=1)
    path = url("item_minutes", built.pk, item.pk)
    stale = client.post(path, {"command_id": new_id(), "version": 9, "minutes": "17"})
    assert (stale.status_code, 'value="17"' in stale.content.decode()) == (409, True)
    swapped = client.post(path, {"command_id": new_id(), "version": 9, "minutes": "17"}, headers={"hx-request": "true"})
    assert swapped.status_code == 422
    for wrong in ("", "0", "9999999999999", "x"):
        assert client.post(path, {"command_id": new_id(), "version": 1, "minutes": wrong}).status_code == 422
    topic = client.post(
        url("add_topic", built.pk),
        {"command_id": new_id(), "item_id": new_id(), "title": "x" * 301, "minutes": "10"},
    )
    assert (topic.status_code, "x" * 301 in topic.content.decode()) == (422, True)
    assert client.post(path, {"minutes": "7"}).status_code == 422  # no id, no version
    assert AgendaItem.objects.get(pk=item.pk).version == 1


@pytest.mark.parametrize("name", ["radiologist", "partner", "partnersecretary", "requester", "observer"])
def test_who_does_not_build_is_refused(cast: Cast, built: Meeting, name: str) -> None:
    client = signed_in(cast.members[name])
    sent = {"command_id": new_id(), "version": 1}
    assert client.post(url("publish", built.pk), sent).status_code == 403
    assert client.get(url("move", built.pk)).status_code == 403


def test_the_outsider_and_every_address(cast: Cast, built: Meeting) -> None:
    client = signed_in(cast.outsider)
    item = AgendaItem.objects.get(position=1)
    sent = {
        "command_id": new_id(),
        "version": 1,
        "minutes": 5,
        "to": 1,
        "title": "x",
        "item_id": new_id(),
        "referral": "x",
    }
    posts = {
        name: client.post(url(name, built.pk), sent).status_code
        for name in ("publish", "cancel", "add", "add_topic", "move")
    } | {
        name: client.post(url(name, built.pk, item.pk), sent).status_code
        for name in ("item_minutes", "item_move", "item_remove")
    }
    gets = {name: client.get(url(name, built.pk)).status_code for name in ("agenda", "agenda_sheet", "minutes", "move")}
    assert posts == dict.fromkeys(posts, 404)
    assert gets == dict.fromkeys(gets, 404)


def printed(page: Any) -> str:
    return " ".join(each.extract_text() for each in PdfReader(BytesIO(page.content)).pages)


def test_the_printed_agenda(cast: Cast, built: Meeting) -> None:
    whole = signed_in(cast.secretary).get(url("agenda_sheet", built.pk))
    assert whole["Content-Disposition"].startswith('inline; filename="agenda-')
    assert [("Vanhuis" in printed(whole)), ("Vanpartner" in printed(whole))] == [True, True]
    nameless = printed(signed_in(cast.secretary).get(url("agenda_sheet", built.pk), {"names": "no"}))
    assert [("Vanhuis" in nameless), ("Vanpartner" in nameless), ("R.V." in nameless)] == [False, False, False]
    assert AuditEntry.objects.filter(action="agenda.printed", detail__names=False).count() == 2  # one for each hospital
    partners = printed(signed_in(cast.partnersecretary).get(url("agenda_sheet", built.pk)))
    assert [("Vanhuis" in partners), ("Vanpartner" in partners)] == [False, True]


def test_a_name_of_300_letters_from_both_sides(cast: Cast, meeting: Meeting) -> None:
    family = ("O'Brien-שלום " * 30)[:300].strip()
    make_item(meeting, named(cast, family, status=Status.SCHEDULED))
    page = signed_in(cast.secretary).get(url("agenda", meeting.pk))
    assert page.status_code == 200
    assert "<bdi>" in page.content.decode()
    assert signed_in(cast.secretary).get(url("agenda_sheet", meeting.pk)).status_code == 200


JUNK = (
    "",
    "x",
    "-1",
    "9" * 40,
    "\x00",
    "\ud7ff\u202e",
    "0001-01-01",
    "9999-12-31",
    "24:61",
    "' OR 1=1 --",
    "<b>",
    "x" * 70_000,
)


def test_no_bytes_in_a_form_are_a_fault(cast: Cast, built: Meeting) -> None:
    client = signed_in(cast.secretary)
    item = AgendaItem.objects.get(position=1)
    referral = named(cast, "Een")
    fields = [
        "command_id",
        "version",
        "meeting_id",
        "item_id",
        "meeting",
        "referral",
        "minutes",
        "to",
        "title",
        "day",
        "at",
        "place",
        "reason",
        "sort",
        "do",
        "series_id",
        "weekday",
        "rhythm",
        "starts_on",
        "ends_on",
        "holiday_policy",
    ]
    paths = [
        *(url(name, cast.board.pk) for name in ("bulk", "plan", "series", "sitting")),
        *(url(name, cast.board.pk, referral.pk) for name in ("accept", "return", "schedule")),
        *(url(name, built.pk) for name in ("publish", "move", "cancel", "add", "add_topic")),
        *(url(name, built.pk, item.pk) for name in ("item_minutes", "item_move", "item_remove")),
    ]
    statuses = set()
    for path, junk in product(paths, JUNK):
        statuses.add(client.post(path, dict.fromkeys(fields, junk)).status_code)
        well = {"command_id": str(new_id()), "version": "1", "item_id": str(new_id())}
        statuses.add(client.post(path, {**dict.fromkeys(fields, junk), **well}).status_code)
    assert statuses <= {303, 302, 404, 409, 413, 422}


def test_somebody_of_two_hospitals_follows_the_link_of_a_mail(cast: Cast, built: Meeting) -> None:
    client = signed_in(cast.coordinator)
    seat_elsewhere = OrganisationRole.objects.create(
        person=cast.coordinator.person,
        organisation=cast.third,
        role=OrganisationRole.Role.CLINICIAN,
        valid_from=built.starts_at - timedelta(days=400),
    )
    session = client.session
    session["organisation"] = str(seat_elsewhere.organisation_id)
    session.save()
    assert client.get(url("agenda", built.pk)).status_code == 404
    path = f"{url('agenda', built.pk)}?for={cast.organiser.pk}"
    page = client.get(path)
    assert page.status_code == 200
    publish = f"{url('publish', built.pk)}?for={cast.organiser.pk}"
    assert publish in page.content.decode()
    done = client.post(publish, {"command_id": new_id(), "version": 1})
    assert (done.status_code, done["Location"]) == (303, path)
    junk = client.get(f"{url('agenda', built.pk)}?for=%22%3E%3Cscript")
    assert junk.status_code == 404

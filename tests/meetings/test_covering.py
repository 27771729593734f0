"""Protocol cases: the rules of a board, cases that they propose, a person who decides, and a room that goes on without them."""

from typing import Any

import pytest
from django.test import Client

from mdo.directory.models import BoardRole, Person
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from meetings.actions import chairing, draft, protocols, sitting
from meetings.models import AgendaItem, Decision, Meeting, ProtocolRule
from tests.cast import Cast
from tests.factories import case_data, make_case, make_item, make_meeting, make_referral, tumour_data, writing
from tests.meetings.acts import audited, call, house
from tests.meetings.test_ordering import families, put, signed_in
from tests.meetings.test_views_agenda import printed, url

POST = {"level": "case", "field": "menopause", "test": "in", "values": ["post"]}
SMALL = {"level": "tumour", "field": "size_imaging", "test": "at_most", "values": ["20"]}
CASES_QUERIES = 20


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """Three cases, Baert's before the menopause; what stands is the rule of women after it with a small tumour."""
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    for family in ("Aerts", "Baert", "Claes"):
        item = put(meeting, cast, family, minutes=10)
        with writing():
            case = item.referral.case  # type: ignore[union-attr]
            case.data = case_data(menopause="pre" if family == "Baert" else "post")
            case.save()
    return meeting


@pytest.fixture
def rule(cast: Cast) -> ProtocolRule:
    values = {"name": "Luminaal, klein", "reference": "Handboek 4.2", "conditions": [POST, SMALL], "active": True}
    call(protocols.save_rule, cast.chair, board_id=cast.board.pk, rule_id=new_id(), version=0, **values)
    with house():
        return ProtocolRule.objects.get()


def items(meeting: Meeting) -> list[AgendaItem]:
    with house():
        return list(AgendaItem.objects.filter(meeting=meeting).select_related("referral__case").order_by("position"))


def cover(cast: Cast, meeting: Meeting, number: int, rule: ProtocolRule, **changes: Any) -> Any:
    item = items(meeting)[number]
    arguments = {"meeting_id": meeting.pk, "item_id": item.pk, "version": item.version, "rule_id": rule.pk, **changes}
    return call(protocols.cover_item, cast.secretary, **arguments)


# --- the rules ---------------------------------------------------------------------------------------------------------


def test_a_rule_is_kept_changed_and_taken_away(cast: Cast, rule: ProtocolRule) -> None:
    assert (rule.version, rule.conditions) == (1, [POST, SMALL])
    assert audited("protocol.save_rule") == [(cast.chair.pk, cast.organiser.pk, "ok")]
    changed = {
        "board_id": cast.board.pk,
        "rule_id": rule.pk,
        "name": " Klein  ",
        "conditions": [SMALL],
        "active": False,
    }
    call(protocols.save_rule, cast.secretary, version=1, **changed)
    with pytest.raises(Stale):
        call(protocols.save_rule, cast.secretary, version=1, **changed)
    with house():
        assert ProtocolRule.objects.values_list("name", "active", "version").get() == ("Klein", False, 2)
    with pytest.raises(Invalid):  # another rule of the same name
        call(protocols.save_rule, cast.secretary, **{**changed, "rule_id": new_id(), "version": 0, "name": "KLEIN"})
    with pytest.raises(Stale):
        call(protocols.remove_rule, cast.secretary, board_id=cast.board.pk, rule_id=rule.pk, version=1)
    call(protocols.remove_rule, cast.coordinator, board_id=cast.board.pk, rule_id=rule.pk, version=2)
    with pytest.raises(NotFound):
        call(protocols.remove_rule, cast.coordinator, board_id=cast.board.pk, rule_id=rule.pk, version=2)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"reference": "x" * 201}, "reference"),
        ({"conditions": []}, "conditions"),
        ({"conditions": [POST, {**POST, "values": ["pre"]}]}, "conditions"),
        ({"conditions": [SMALL, {**SMALL, "values": ["many"]}]}, "conditions.1"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_used_is_refused_at_its_field(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    values = {"name": "DCIS", "reference": "", "conditions": [POST], "active": True, **wrong}
    with pytest.raises(Invalid) as refused:
        call(protocols.save_rule, cast.chair, board_id=cast.board.pk, rule_id=new_id(), version=0, **values)
    assert list(refused.value.errors) == [field]


@pytest.mark.parametrize("name", ["partnersecretary", "radiologist", "observer", "outsider"])
def test_who_does_not_build_changes_no_rule_and_covers_nothing(
    cast: Cast, meeting: Meeting, rule: ProtocolRule, name: str
) -> None:
    member = cast.members[name]
    with pytest.raises((Denied, NotFound)):
        call(protocols.remove_rule, member, board_id=cast.board.pk, rule_id=rule.pk, version=1)
    item = items(meeting)[0]
    with pytest.raises((Denied, NotFound)):
        call(protocols.cover_item, member, meeting_id=meeting.pk, item_id=item.pk, version=1, rule_id=rule.pk)
    for address in (url("protocol_rules", cast.board.pk), url("protocol_cases", meeting.pk)):
        assert signed_in(member).get(address).status_code in (403, 404)


def test_the_page_of_a_rule_adds_and_drops_conditions_and_keeps_what_was_typed(cast: Cast, meeting: Meeting) -> None:
    client: Client = signed_in(cast.secretary)
    at = client.get(url("protocol_new", cast.board.pk))["Location"]
    typed: dict[str, Any] = {"command_id": new_id(), "version": 0, "name": "DCIS", "reference": "", "active": "on"}
    page = client.post(at, {**typed, "do": "add", "question": "tumour.clinical_tnm.t"})
    assert page.status_code == 200
    one = {"question-0": "tumour.clinical_tnm.t", "test-0": "in", "values-0": "T1, cT2"}
    page = client.post(at, {**typed, **one, "do": "add", "question": "case.menopause"})
    assert [row.question.path for row in page.context["rows"]] == ["clinical_tnm.t", "menopause"]
    assert "T1, cT2" in page.content.decode()
    two = {"question-1": "case.menopause", "test-1": "in"}
    wrong = client.post(at, {**typed, **one, **two, "do": "save"})
    assert wrong.status_code == 422
    assert "Give at least one value." in wrong.content.decode()
    two["values-1"] = "pre"
    against = {"question-2": "case.menopause", "test-2": "in", "values-2": "post"}
    assert "No case can ever meet" in client.post(at, {**typed, **one, **two, **against, "do": "save"}).content.decode()
    page = client.post(at, {**typed, **one, **two, **against, "do": "drop-2"})
    assert len(page.context["rows"]) == 2
    saved = {**typed, **one, **two, "do": "save", "command_id": new_id()}
    assert client.post(at, saved).status_code == client.post(at, saved).status_code == 303
    with house():
        assert [each["values"] for each in ProtocolRule.objects.get().conditions] == [["T1", "T2"], ["pre"]]
    shown = client.get(url("protocol_rules", cast.board.pk)).content.decode()
    assert "1 / 3" in " ".join(shown.split())
    for junk in (
        {"question-0": "x"},
        {"test-0": "\x00"},
        {"do": "drop-x"},
        {"do": "add", "question": "nope"},
        {"version": "x"},
    ):
        assert client.post(at, {**saved, "command_id": new_id(), **junk}).status_code in (200, 303, 409, 422)


# --- the cases ---------------------------------------------------------------------------------------------------------


def test_rules_propose_with_reasons_and_a_person_decides(
    cast: Cast, meeting: Meeting, rule: ProtocolRule, django_assert_num_queries: Any
) -> None:
    client = signed_in(cast.secretary)
    page = client.get(url("protocol_cases", meeting.pk))
    found = page.context["proposed"]
    assert [each.row.name.split()[0] for each in found] == ["Aerts", "Claes"]
    assert found[0].covered.reasons == ["Menopause: postmenopausal", "Size on imaging: 17 mm"]
    assert "no-store" in page["Cache-Control"]
    assert '<span class="count">2</span>' in client.get(url("protocol_count", meeting.pk)).content.decode()
    assert items(meeting)[0].protocol == ""  # nothing happens by itself

    done = cover(cast, meeting, 0, rule)
    assert [event.name for event in done.events] == ["agenda.items_moved", "agenda.protocol_marked"]
    assert audited("agenda.cover_item") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    assert families(meeting) == ["Baert", "Claes", "Aerts"]
    last = items(meeting)[2]
    assert (last.protocol, last.protocol_reference) == ("Luminaal, klein", "Handboek 4.2")
    assert done.events[-1].version == last.version
    agenda = client.get(url("agenda", meeting.pk))
    assert [row.item.pk for row, _decision in agenda.context["covered"]] == [last.pk]
    assert agenda.context["agenda"].minutes == 20

    back = {"command_id": new_id(), "version": last.version}
    assert client.post(url("item_uncover", meeting.pk, last.pk), back).status_code == 303
    assert [item.protocol for item in items(meeting)] == ["", "", ""]
    client.get(url("protocol_cases", meeting.pk))
    with django_assert_num_queries(CASES_QUERIES):
        client.get(url("protocol_cases", meeting.pk))
    for number in range(27):
        put(meeting, cast, f"Z{number}")
    with django_assert_num_queries(CASES_QUERIES):
        client.get(url("protocol_cases", meeting.pk))


def test_what_is_not_covered_now_is_not_put_under_a_protocol(cast: Cast, meeting: Meeting, rule: ProtocolRule) -> None:
    with pytest.raises(RuleBroken):  # Baert's
        cover(cast, meeting, 1, rule)
    with pytest.raises(Stale):
        cover(cast, meeting, 0, rule, version=9)
    with pytest.raises(RuleBroken):
        cover(cast, meeting, 0, rule, rule_id=new_id())
    case = items(meeting)[0].referral.case  # type: ignore[union-attr]
    with writing():
        case.tumours.update(data=tumour_data(size_imaging="45"))
    with pytest.raises(RuleBroken):
        cover(cast, meeting, 0, rule)
    with writing():
        ProtocolRule.objects.update(active=False)
    with pytest.raises(RuleBroken):
        cover(cast, meeting, 2, rule)
    assert [item.protocol for item in items(meeting)] == ["", "", ""]


def test_rules_that_exclude_everything_warn(cast: Cast, meeting: Meeting) -> None:
    values = {
        "name": "Alles",
        "reference": "",
        "conditions": [{**POST, "test": "filled", "values": []}],
        "active": True,
    }
    call(protocols.save_rule, cast.chair, board_id=cast.board.pk, rule_id=new_id(), version=0, **values)
    client = signed_in(cast.secretary)
    for address in (url("protocol_rules", cast.board.pk), url("protocol_cases", meeting.pk)):
        assert "nothing would be discussed" in client.get(address).content.decode()
    with house():
        rule = ProtocolRule.objects.get()
    for _each in range(3):
        cover(cast, meeting, 0, rule)
    assert "nothing is discussed" in client.get(url("agenda", meeting.pk)).content.decode()
    assert client.get(url("order", meeting.pk)).status_code == 200
    assert client.get(url("agenda_sheet", meeting.pk)).status_code == 200


def test_a_rule_that_the_dossier_no_longer_knows_covers_nothing(
    cast: Cast, meeting: Meeting, rule: ProtocolRule
) -> None:
    with writing():
        ProtocolRule.objects.update(conditions=[{**POST, "field": "once"}])
    client = signed_in(cast.secretary)
    assert client.get(url("protocol_cases", meeting.pk)).context["proposed"] == []
    assert "does not fit the dossier" in client.get(url("protocol_rules", cast.board.pk)).content.decode()
    assert client.get(url("protocol_rule", cast.board.pk, rule.pk)).status_code == 200


def test_the_room_goes_on_without_them_and_they_are_recorded(cast: Cast, meeting: Meeting, rule: ProtocolRule) -> None:
    cover(cast, meeting, 0, rule)
    call(sitting.start_meeting, cast.chair, meeting_id=meeting.pk)
    covered = items(meeting)[2]
    with pytest.raises(RuleBroken):
        call(sitting.open_item, cast.chair, meeting_id=meeting.pk, item_id=covered.pk, version=covered.version)
    opened = [None]
    for number in range(2):
        call(sitting.next_item, cast.chair, meeting_id=meeting.pk, from_item=opened[-1])
        opened.append(items(meeting)[number].pk)  # type: ignore[arg-type]
        item = items(meeting)[number]
        assert item.state == "open"
        call(
            sitting.postpone_item,
            cast.chair,
            meeting_id=meeting.pk,
            item_id=item.pk,
            version=item.version,
            reason="other",
        )
        opened.append(None)
    with pytest.raises(RuleBroken, match="protocol"):
        call(sitting.next_item, cast.chair, meeting_id=meeting.pk, from_item=None)
    call(draft.record_protocol, cast.chair, meeting_id=meeting.pk, items=[covered.pk])
    with house():
        decision = Decision.objects.get(item=covered)
    assert decision.without_discussion
    assert decision.attendance == []
    assert decision.quorum["billing"]["met"] is False
    assert "Luminaal, klein (Handboek 4.2)" in decision.text


def test_moved_back_it_is_discussed_and_billed_as_any_other(cast: Cast, meeting: Meeting, rule: ProtocolRule) -> None:
    cover(cast, meeting, 0, rule)
    call(sitting.start_meeting, cast.chair, meeting_id=meeting.pk)
    item = items(meeting)[2]
    call(chairing.mark_protocol, cast.chair, meeting_id=meeting.pk, item_id=item.pk, version=item.version, protocol="")
    item = items(meeting)[2]
    call(sitting.open_item, cast.chair, meeting_id=meeting.pk, item_id=item.pk, version=item.version)
    with house():
        assert not Decision.objects.get(item=item).without_discussion


def test_the_printed_agenda_lists_them_apart(cast: Cast, meeting: Meeting, rule: ProtocolRule) -> None:
    cover(cast, meeting, 0, rule)
    client = signed_in(cast.secretary)
    whole = printed(client.get(url("agenda_sheet", meeting.pk)))
    assert whole.index("Claes") < whole.index("PROTOCOL CASES") < whole.rindex("Aerts") < whole.rindex("Handboek 4.2")
    assert "2 cases" in whole
    nameless = printed(client.get(url("agenda_sheet", meeting.pk), {"names": "no"}))
    assert "Case 3" in nameless
    assert [each for each in ("Aerts", "Luminaal", "Handboek") if each in nameless] == []


def test_a_case_of_another_dossier_is_never_covered(cast: Cast, meeting: Meeting, rule: ProtocolRule) -> None:
    case = make_case(cast.organiser, cast.requester.person, data=case_data(menopause="post"))
    item = make_item(
        meeting, make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    )
    with writing():
        case.dossier = "general"
        case.save()
    found = signed_in(cast.secretary).get(url("protocol_cases", meeting.pk)).context["proposed"]
    assert item.pk not in [each.row.item.pk for each in found]
    assert Person.objects.filter(board_roles__role=BoardRole.Role.CHAIR).exists()

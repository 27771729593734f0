"""Which form registers a tumour and which codes are billed: DOMAIN §6, case by case and for whatever may come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings import rulesets
from meetings.quorum import Interval, Participant
from meetings.registering.billing import EXTERNAL, INTERNAL, SUPPLEMENT, counted
from meetings.registering.course import Verdict, verdicts
from meetings.registering.facts import Discussed, TumourFacts
from meetings.registering.reasons import _WORDS, Reason, reason_from
from meetings.rulesets.registration import Registration

BE = rulesets.rule_set("be-2025")
FIRST = datetime(2026, 3, 4, 13, tzinfo=UTC)
OPEN = (Interval(FIRST, FIRST + timedelta(minutes=5)),)
LEFT, RIGHT = TumourFacts("left", "C50.4", "left", "3"), TumourFacts("right", "C50.4", "right", "3")


def physician(
    name: str, discipline: str, organisation: str = "azn", *, coordinator: bool = False, means: Any = "video"
) -> Participant:
    times = tuple(replace(each, means=means) for each in OPEN)
    return Participant(name, "physician", discipline, organisation, coordinator, times)


TABLE = (
    physician("kim", "medical_oncology", coordinator=True),
    physician("sam", "surgery"),
    physician("rad", "radiology"),
    physician("pat", "pathology"),
    physician("ray", "radiation_oncology", "zol"),
)


def discussed(number: int = 1, reason: str = "new_diagnosis", **changes: Any) -> Discussed:
    """The discussion number so many of one case, a month after the one before."""
    at = FIRST + timedelta(days=30 * (number - 1))
    values: dict[str, Any] = {
        "item": f"item-{number}",
        "case": "case",
        "at": at,
        "day": at.date(),
        "reason": reason,
        "with_discussion": True,
        "organiser": "azn",
        "case_hospital": "azn",
        "tumours": (LEFT,),
        "participants": TABLE,
        "requester_discipline": "gynaecology",
        "requested_on": at.date(),
    }
    return Discussed(**{**values, **changes})


def course(*discussions: Discussed) -> list[Verdict]:
    found = verdicts((BE, each) for each in discussions)
    return [found[each.item] for each in discussions]


def kinds(verdict: Verdict) -> list[str]:
    return [form.kind for _tumour, form in verdict.forms]


def codes(reasons: tuple[Reason, ...]) -> list[tuple[str, bool]]:
    return [(each.code, each.applies) for each in reasons]


def services(verdict: Verdict) -> list[str]:
    return [line.service for line in verdict.billing.lines]


# --- which form ----------------------------------------------------------------------------------------------------------------


def test_a_second_discussion_of_a_new_cancer_keeps_its_form_and_bills_a_follow_up() -> None:
    first, second = course(discussed(1), discussed(2))
    assert (kinds(first), first.billing.service) == (["new_diagnosis"], "first")
    assert (kinds(second), second.billing.service) == (["new_diagnosis"], "follow_up")
    assert codes(first.forms[0][1].reasons) == [("new_cancer", True)]
    assert codes(second.forms[0][1].reasons) == [("second_discussion", True)]
    assert codes(second.billing.reasons)[0] == ("first_was", True)


@pytest.mark.parametrize("reason", sorted(BE.registration.follow_up))  # type: ignore[union-attr]
def test_a_reason_of_follow_up(reason: str) -> None:
    """Without anything known before it is a follow-up; what only deviates keeps the form of a cancer that is still new."""
    (alone,) = course(discussed(1, reason))
    assert kinds(alone) == ["follow_up"]
    assert codes(alone.forms[0][1].reasons) == [("follow_up", True), ("not_registered_here", False)]
    _first, second = course(discussed(1), discussed(2, reason))
    kept = reason in ("manual_deviation", "other")
    assert kinds(second) == ["new_diagnosis" if kept else "follow_up"]
    assert codes(second.forms[0][1].reasons) == [("still_new" if kept else "follow_up", True)]
    assert (alone.billing.service, second.billing.service) == ("follow_up", "follow_up")


def test_what_came_back_is_no_new_cancer_any_more() -> None:
    _first, _back, after, again = course(
        discussed(1), discussed(2, "recurrence"), discussed(3, "other"), discussed(4, "new_diagnosis")
    )
    assert (kinds(after), kinds(again)) == (["follow_up"], ["new_diagnosis"])


def test_bilateral_disease_is_two_forms_and_one_bill() -> None:
    (both,) = course(discussed(1, tumours=(LEFT, RIGHT)))
    assert kinds(both) == ["new_diagnosis", "new_diagnosis"]
    assert services(both).count("first") == 1
    # The other side, found later: a first consultation again, about a cancer that nobody had discussed.
    _one, later = course(discussed(1), discussed(2, tumours=(LEFT, RIGHT)))
    assert (kinds(later), later.billing.service) == (["new_diagnosis", "new_diagnosis"], "first")
    assert [codes(form.reasons) for _t, form in later.forms] == [[("second_discussion", True)], [("new_cancer", True)]]
    assert codes(later.billing.reasons)[0] == ("first_of_another", True)


def test_two_that_look_alike_in_one_case_are_two_cancers() -> None:
    twin = replace(LEFT, id="twin")
    (verdict,) = course(discussed(1, tumours=(LEFT, twin)))
    assert [codes(form.reasons) for _t, form in verdict.forms] == [[("new_cancer", True)]] * 2
    # A later case knows one of them again, and not the same one twice.
    _one, later = course(
        discussed(1), discussed(2, case="later", tumours=(replace(LEFT, id="a"), replace(LEFT, id="b")))
    )
    assert [codes(form.reasons) for _t, form in later.forms] == [[("second_discussion", True)], [("new_cancer", True)]]


@pytest.mark.parametrize(
    ("tumour", "known"),
    [
        (replace(LEFT, id="other"), True),
        (replace(LEFT, id="other", topography="C50.9"), True),  # the same organ and side
        (replace(LEFT, id="other", laterality="right"), False),
        (replace(LEFT, id="other", topography="C34.1"), False),
        (replace(LEFT, id="other", topography=""), False),
    ],
)
def test_a_later_case_knows_the_cancer_again_by_its_place_and_side(tumour: TumourFacts, known: bool) -> None:
    _first, second = course(discussed(1), discussed(2, case="later", tumours=(tumour,)))
    assert second.forms[0][1].reasons == (Reason("second_discussion" if known else "new_cancer", True),)


def test_every_new_cancer_is_registered_discussed_or_not() -> None:
    protocol, after = course(discussed(1, with_discussion=False, participants=()), discussed(2))
    assert (kinds(protocol), services(protocol)) == (["without_discussion"], [])
    assert codes(protocol.billing.reasons) == [("not_discussed", False)]
    # Discussed afterwards all the same: the form of the new diagnosis, and the first consultation.
    assert (kinds(after), after.billing.service) == (["new_diagnosis"], "first")
    assert codes(after.forms[0][1].reasons) == [("new_cancer", True)]
    _first, again, back = course(
        discussed(1),
        discussed(2, with_discussion=False, participants=()),
        discussed(3, "recurrence", with_discussion=False, participants=()),
    )
    assert [form.reasons for _t, form in again.forms] == [(Reason("already_registered", False),)]
    assert kinds(back) == [""]
    assert codes(back.forms[0][1].reasons) == [("not_discussed", False), ("not_new", False)]


@pytest.mark.parametrize(("behaviour", "kind"), [("0", ""), ("2", "new_diagnosis"), ("", "new_diagnosis")])
def test_behaviour(behaviour: str, kind: str) -> None:
    (verdict,) = course(discussed(1, tumours=(replace(LEFT, behaviour=behaviour),)))
    assert kinds(verdict) == [kind]
    assert services(verdict)[:1] == ["first"]  # what is billed does not hang on the form


def test_an_unknown_reason_gives_neither() -> None:
    (verdict,) = course(discussed(1, "treatment_advice"))
    assert (kinds(verdict), verdict.billing.applies) == ([""], False)


@pytest.mark.parametrize(("chosen", "kind"), [("none", ""), ("follow_up", "follow_up")])
def test_what_somebody_chose_counts_before_the_rules(chosen: str, kind: str) -> None:
    first, _second = course(discussed(1, tumours=(replace(LEFT, chosen=chosen),)), discussed(2))
    assert (kinds(first), codes(first.forms[0][1].reasons)) == ([kind], [("chosen", bool(kind))])


def test_a_rule_set_without_registration_decides_nothing() -> None:
    before = BE.model_copy(update={"registration": None})
    assert verdicts([(before, discussed())]) == {}


# --- which code ----------------------------------------------------------------------------------------------------------------


def test_the_pair_of_a_code_goes_by_where_the_patient_stayed() -> None:
    (verdict,) = course(discussed())
    main = verdict.billing.lines[0]
    assert (main.code("ambulatory"), main.code("hospitalised"), main.code("")) == ("350372", "350383", "")
    assert [(each.service, str(each.person), each.code("ambulatory")) for each in verdict.billing.lines] == [
        ("first", "kim", "350372"),
        (SUPPLEMENT, "kim", "350453"),
        (INTERNAL, "pat", "350394"),
        (INTERNAL, "rad", "350394"),
        (INTERNAL, "sam", "350394"),
        (EXTERNAL, "ray", "350416"),
    ]


@pytest.mark.parametrize(
    ("changes", "obstacles"),
    [
        ({"requested_on": None}, ["not_in_writing"]),
        ({"requested_on": date(2026, 3, 5)}, ["asked_afterwards"]),
        ({"requester_discipline": "radiology"}, ["requester_discipline"]),
        ({"requester_discipline": "pathology"}, ["requester_discipline"]),
        ({"requester_discipline": "clinical_biology"}, ["requester_discipline"]),
        ({"requester_profession": "nurse", "requester_discipline": "nursing"}, ["requester_profession"]),
        ({"participants": TABLE[:3]}, ["quorum_short"]),
        ({"participants": TABLE[1:]}, ["coordinator_absent"]),
        ({"participants": ()}, ["quorum_short"]),
        (
            {"participants": (*TABLE[:3], physician("gp", "general_practice", means="phone"))},
            ["quorum_short", "telephone"],
        ),
        ({"requested_on": None, "participants": TABLE[:2]}, ["not_in_writing", "quorum_short"]),
    ],
)
def test_what_leaves_a_case_without_a_line_and_with_its_form(changes: dict[str, Any], obstacles: list[str]) -> None:
    (verdict,) = course(discussed(**changes))
    assert verdict.billing.lines == ()
    assert [each.code for each in verdict.billing.reasons if not each.applies] == obstacles
    assert (kinds(verdict), verdict.billing.service) == (["new_diagnosis"], "first")


def test_the_gp_may_ask() -> None:
    (verdict,) = course(discussed(requester_discipline="general_practice"))
    assert ("asked_in_writing", True) in codes(verdict.billing.reasons)


def test_a_first_consultation_that_could_not_be_billed_is_still_to_come() -> None:
    _short, second = course(discussed(1, participants=TABLE[:2]), discussed(2))
    assert second.billing.service == "first"


def test_in_another_hospital() -> None:
    (said,) = course(discussed(1, elsewhere=True))
    assert said.billing.lines[0].codes == ("350291", "350302")
    _first, other, again, back = course(
        discussed(1),
        discussed(2, organiser="zol"),
        discussed(3, organiser="zol"),
        discussed(4, "recurrence", organiser="third"),
    )
    assert [each.billing.service for each in (other, again, back)] == ["additional_elsewhere", "follow_up", "follow_up"]
    _first, denied = course(discussed(1), discussed(2, organiser="zol", elsewhere=False))
    assert denied.billing.service == "follow_up"
    _said, after = course(discussed(1, elsewhere=True), discussed(2))
    assert after.billing.service == "follow_up"


def test_at_most_four_inside_and_one_outside() -> None:
    many = [physician(f"in-{n}", f"discipline-{n}") for n in range(6)]
    out = [physician(f"out-{n}", f"discipline-{n}", "zol") for n in range(3)]
    (verdict,) = course(discussed(participants=(TABLE[0], *many, *out)))
    assert (services(verdict).count(INTERNAL), services(verdict).count(EXTERNAL)) == (4, 1)
    over = {each.code: each.values for each in verdict.billing.reasons if each.code.endswith("_over")}
    assert over == {"internal_over": {"most": 4, "over": 2}, "external_over": {"most": 1, "over": 2}}
    # Of one discipline one comes first, however long the others stayed.
    alike = [physician(f"a-{n}", "surgery") for n in range(4)]
    (verdict,) = course(discussed(participants=(*TABLE, *alike)))
    assert {"pat", "rad"} <= {str(line.person) for line in verdict.billing.lines if line.service == INTERNAL}


def test_a_partner_s_physician_is_internal_for_the_partner_s_own_patient() -> None:
    (verdict,) = course(discussed(case_hospital="zol"))
    assert services(verdict).count(EXTERNAL) == 0


def test_a_supplement_may_hang_on_the_coordinator_s_discipline() -> None:
    rules = BE.model_copy(update={"coordinator_supplement": rulesets.CoordinatorSupplement(disciplines={"surgery"})})
    verdict = verdicts([(rules, discussed())])["item-1"]
    assert SUPPLEMENT not in services(verdict)
    assert ("supplement_discipline", False) in codes(verdict.billing.reasons)


def test_without_a_tumour_the_case_is_what_was_discussed() -> None:
    first, second = course(discussed(1, tumours=()), discussed(2, tumours=()))
    assert (first.forms, first.billing.service, second.billing.service) == ((), "first", "follow_up")


def test_whoever_sat_at_two_screens_counts_once() -> None:
    twice = (*TABLE, replace(TABLE[0], is_coordinator=False, intervals=(replace(OPEN[0], means="room"),)))
    found = counted(BE, twice)
    assert found[0].person_id == "kim"
    assert (len(found), found[0].is_coordinator) == (5, True)


def test_every_reason_has_words() -> None:
    for code in _WORDS:
        reason = Reason(code, True)
        assert reason.words() != code
        assert reason_from(reason.as_json()) == reason
    assert "3" in Reason("quorum_short", False, {"have": 3, "need": 4}).words()
    assert "2" in Reason("internal_over", False, {"most": 4, "over": 2}).words()
    assert Reason("of another version", False).words() == "of another version"


# --- whatever may come -----------------------------------------------------------------------------------------------------------

PROFESSIONS = st.sampled_from(["physician", "nurse", "psychologist", "data_manager", "secretary", "other"])
PEOPLE = st.builds(
    lambda name, profession, discipline, organisation, means, start, length: Participant(
        f"p{name}",
        profession,
        discipline,
        organisation,
        name == 0,
        (Interval(FIRST + timedelta(minutes=start), FIRST + timedelta(minutes=start + length), means),),
    ),
    st.integers(0, 9),
    PROFESSIONS,
    st.sampled_from(["surgery", "radiology", "pathology", "medical_oncology", "gynaecology", ""]),
    st.sampled_from(["azn", "zol", "gp"]),
    st.sampled_from(["room", "video", "phone"]),
    st.integers(0, 5),
    st.integers(1, 5),
)
REASONS = st.sampled_from(
    ["new_diagnosis", "recurrence", "progression", "manual_deviation", "other", "treatment_advice"]
)
DISCUSSIONS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        reason=REASONS,
        with_discussion=st.booleans(),
        participants=st.one_of(st.just(TABLE), st.lists(PEOPLE, max_size=10).map(tuple)),
        requester_discipline=st.sampled_from(["gynaecology", "radiology", "general_practice"]),
        tumours=st.sampled_from([(LEFT,), (RIGHT,), (LEFT, RIGHT), ()]),
        organiser=st.sampled_from(["azn", "zol"]),
        elsewhere=st.sampled_from([None, None, True, False]),
        requested_on=st.sampled_from([None, FIRST.date(), FIRST.date() + timedelta(days=900)]),
    ),
    max_size=5,
)


@given(DISCUSSIONS)
def test_of_any_course(several: list[dict[str, Any]]) -> None:
    asked = [discussed(number, **values) for number, values in enumerate(several, start=1)]
    found = course(*asked)
    seen: set[Any] = set()
    for one, verdict in zip(asked, found, strict=True):
        assert len(verdict.forms) == len(one.tumours)
        lines = verdict.billing.lines
        # Nothing is billed that was not discussed, not asked for in time by who may, or without its quorum.
        if lines:
            assert one.with_discussion
            assert one.requested_on is not None
            assert one.requested_on <= one.day
            assert one.requester_discipline != "radiology"
            assert len({each.discipline for each in counted(BE, one.participants)}) >= 4
        # Nobody but a physician who was in the room or on the screen stands on a line, and nobody twice as a participant.
        able = {
            str(each.person_id)
            for each in one.participants
            if each.profession == "physician" and any(i.means != "phone" for i in each.intervals)
        }
        assert {str(line.person) for line in lines} <= able
        taken = [line.person for line in lines if line.service in (INTERNAL, EXTERNAL)]
        assert len(taken) == len(set(taken))
        names = services(verdict)
        assert (names.count(INTERNAL) <= 4, names.count(EXTERNAL) <= 1) == (True, True)
        assert sum(names.count(each) for each in ("first", "follow_up", "additional_elsewhere")) == (1 if lines else 0)
        # A line is missing if and only if a reason says why.
        assert verdict.billing.applies == all(
            each.applies
            for each in verdict.billing.reasons
            if not each.code.endswith(("_over", "supplement_discipline"))
        )
        for tumour, form in verdict.forms:
            assert form.reasons
            if one.reason == "new_diagnosis" and one.with_discussion:
                assert form.kind == "new_diagnosis"  # however often it comes back
            if one.reason == "new_diagnosis" and not one.with_discussion:
                assert (form.kind == "without_discussion") == (tumour.id not in seen)
            if form.kind:
                seen.add(tumour.id)


@given(DISCUSSIONS, st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_told_does_not_matter(several: list[dict[str, Any]], chance: Any) -> None:
    asked = [(BE, discussed(number, **values)) for number, values in enumerate(several, start=1)]
    shuffled = list(asked)
    chance.shuffle(shuffled)
    assert verdicts(asked) == verdicts(shuffled)


@given(st.lists(PEOPLE, max_size=8))
def test_a_nurse_never_counts_and_neither_does_the_telephone(people: list[Participant]) -> None:
    """Negative control within: the same people as physicians in the room may well be enough."""
    for change in ({"profession": "nurse"}, {"intervals": (replace(OPEN[0], means="phone"),)}):
        (verdict,) = course(discussed(participants=(*TABLE[:3], *(replace(each, **change) for each in people))))
        assert verdict.billing.lines == ()
    (control,) = course(discussed(participants=TABLE[:4]))
    assert control.billing.applies


# --- the data --------------------------------------------------------------------------------------------------------------------


def test_the_uncertain_figures_are_marked() -> None:
    asked = ("codes", "participations.internal_most", "registration", "billing_quorum", "cod")
    assert [BE.is_uncertain(each) for each in asked] == [True, True, True, False, False]
    for path in BE.uncertain:  # each names something that there is
        place: Any = BE
        for name in path.split("."):
            place = getattr(place, name)


def test_every_column_and_list_has_words_in_four_languages() -> None:
    assert BE.registration is not None
    worded = [*BE.registration.chronology.codes, *BE.registration.forms]
    worded += [each for each in BE.registration.columns if each.words is not None]  # type: ignore[misc]
    assert [each.code for each in worded if set(each.words or ()) != {"nl", "en", "fr", "de"}] == []
    assert BE.registration.form_words("follow_up", "nl") == "Opvolging"
    assert BE.registration.form_words("of-another-set", "nl") == "of-another-set"


@pytest.mark.parametrize(
    "change",
    [
        {"forms": []},
        {"new": ["new_diagnosis", "other"]},
        {"keeps_new": ["new_diagnosis"]},
        {"columns": [{"code": "a", "source": "patient.shoe_size", "words": "A"}]},
        {"columns": [{"code": "a", "source": "patient.sex"}]},
        {"columns": [{"code": "a", "source": "tumour.grade"}, {"code": "a", "source": "tumour.grade"}]},
        {"columns": [{"code": "A b", "source": "tumour.grade"}]},
        {"columns": [{"code": "a", "source": "tumour"}]},
    ],
)
def test_a_rule_set_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    assert BE.registration is not None
    data = BE.registration.model_dump(mode="json")
    assert Registration.model_validate(data) == BE.registration
    with pytest.raises(ValueError, match=r"validation error"):
        Registration.model_validate({**data, **change})

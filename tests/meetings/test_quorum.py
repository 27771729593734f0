"""Attendance out of leases, the board's own quorum, and the billing quorum of be-2025 with its controls."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from meetings import rulesets
from meetings.quorum import (
    BoardQuorum,
    Interval,
    Participant,
    Quorum,
    attendance,
    billing_quorum,
    board_quorum,
    stitched,
)

START = datetime(2026, 11, 25, 13, tzinfo=UTC)
BE_2025 = rulesets.rule_set("be-2025")
Means = Literal["room", "video", "phone"]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(start: float, end: float | None, means: Means = "video") -> Interval:
    return Interval(at(start), None if end is None else at(end), means)


def who(
    discipline: str,
    *intervals: Interval,
    profession: str = "physician",
    coordinator: bool = False,
    person: str = "",
) -> Participant:
    return Participant(person or discipline, profession, discipline, "h1", coordinator, intervals or (span(0, 300),))


FOUR = [who("surgery", coordinator=True), who("radiology"), who("pathology"), who("radiotherapy")]


# Attendance


def test_a_gap_of_a_minute_is_no_absence_and_one_second_more_is() -> None:
    assert stitched([span(0, 100), span(160, 200)]) == [span(0, 200)]
    assert stitched([span(0, 100), span(161, 200)]) == [span(0, 100), span(161, 200)]


def test_attendance_is_cut_to_the_item() -> None:
    leases = [span(500, 700), span(0, 250), span(290, 400)]
    assert attendance(leases, [span(100, 600)]) == [span(100, 400), span(500, 600)]


def test_an_item_opened_inside_a_short_gap_was_attended() -> None:
    assert attendance([span(0, 100), span(150, 300)], [span(110, 140)]) == [span(110, 140)]


def test_an_item_opened_twice_has_two_intervals() -> None:
    assert attendance([span(0, 1000)], [span(100, 200), span(400, 500)]) == [span(100, 200), span(400, 500)]


def test_what_goes_on_has_no_end() -> None:
    assert attendance([span(0, None)], [span(100, None)]) == [span(100, None)]
    assert attendance([span(0, None)], [span(100, 200)]) == [span(100, 200)]
    assert attendance([span(0, None), span(20, 30)], [span(10, None)]) == [span(10, None)]


def test_each_means_stands_by_itself() -> None:
    leases = [span(0, 100), span(110, 200, "phone")]
    assert attendance(leases, [span(0, 300)]) == [span(0, 100), span(110, 200, "phone")]


def test_meeting_at_a_point_is_no_attendance() -> None:
    assert attendance([span(0, 100)], [span(100, 200)]) == []
    assert attendance([], [span(0, 1)]) == []
    assert attendance([span(200, 100)], [span(0, 300)]) == []


intervals = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 400)).map(lambda pair: span(pair[0], pair[0] + pair[1])), max_size=8
)


@given(intervals, intervals)
def test_attendance_is_ordered_apart_and_inside_the_item(leases: list[Interval], windows: list[Interval]) -> None:
    found = attendance(leases, windows)
    assert found == sorted(found, key=lambda i: i.start)
    assert all(one.start < one.until for one in found)
    assert all(a.until <= b.start for a, b in pairwise(found))
    for second in range(0, 2500, 7):
        inside = any(i.start <= at(second) < i.until for i in found)
        there = any(i.start <= at(second) < i.until for i in stitched(leases))
        opened = any(w.start <= at(second) < w.until for w in windows)
        assert inside == (there and opened)


# The board's own quorum


def test_board_quorum_counts_disciplines() -> None:
    rule = BoardQuorum(disciplines=3, required=("radiology",))
    assert board_quorum(rule, FOUR) == Quorum(True, 4, 3)


def test_board_quorum_says_what_is_missing() -> None:
    rule = BoardQuorum(people=3, disciplines=4, required=("radiology", "genetics"))
    people = [who("surgery"), who("surgery", person="second")]
    assert board_quorum(rule, people, {"radiology": "radiologie"}) == Quorum(
        False,
        1,
        4,
        ("Not present: radiologie, genetics.", "3 more disciplines are needed.", "1 more person is needed."),
    )


def test_board_quorum_counts_people_once_where_only_people_are_asked_for() -> None:
    twice = [who("surgery", person="p"), who("surgery", person="p"), who("radiology")]
    assert board_quorum(BoardQuorum(people=2), twice) == Quorum(True, 2, 2)


def test_board_quorum_by_telephone_is_a_setting() -> None:
    caller = [who("gp", span(0, 10, "phone"))]
    assert board_quorum(BoardQuorum(people=1), caller).met is False
    assert board_quorum(BoardQuorum(people=1, means=frozenset({"phone"})), caller).met is True


def test_who_was_not_there_does_not_count() -> None:
    absent = Participant("p", "physician", "surgery", "h1")
    assert board_quorum(BoardQuorum(people=1), [absent]) == Quorum(False, 0, 1, ("1 more person is needed.",))


@pytest.mark.parametrize("junk", [{"people": -1}, {"peple": 3}, {"means": ["fax"]}, {"disciplines": "many"}])
def test_board_quorum_refuses_junk(junk: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BoardQuorum.model_validate(junk)


# The billing quorum


def test_four_specialties_with_the_coordinator() -> None:
    assert billing_quorum(BE_2025, FOUR) == Quorum(True, 4, 4)


def test_three_are_not_enough() -> None:
    assert billing_quorum(BE_2025, FOUR[:3]) == Quorum(
        False, 3, 4, ("1 more physician of another specialty is needed.",)
    )


def test_the_same_specialty_counts_once() -> None:
    assert billing_quorum(BE_2025, [*FOUR[:3], who("radiology", person="another")]).have == 3


def test_without_the_coordinator_there_is_none() -> None:
    others = [who("genetics"), *FOUR[1:]]
    assert billing_quorum(BE_2025, others) == Quorum(False, 4, 4, ("The coordinator is not present.",))


@pytest.mark.parametrize("profession", ["nurse", "onco_coach", "psychologist", "data_manager", "midwife", ""])
def test_only_physicians_count(profession: str) -> None:
    assert billing_quorum(BE_2025, [*FOUR[:3], who("oncology", profession=profession)]).have == 3


def test_the_telephone_does_not_count_and_that_is_said() -> None:
    verdict = billing_quorum(BE_2025, [*FOUR[:3], who("radiotherapy", span(0, 300, "phone"))])
    assert verdict == Quorum(
        False,
        3,
        4,
        ("1 more physician of another specialty is needed.", "Taking part by telephone does not count."),
    )


def test_the_room_and_video_count_alike() -> None:
    assert billing_quorum(BE_2025, [*FOUR[:3], who("radiotherapy", span(0, 300, "room"))]).met is True


def test_they_must_be_there_at_the_same_moment() -> None:
    later = who("radiotherapy", span(300, 400))
    verdict = billing_quorum(BE_2025, [*FOUR[:3], later])
    assert verdict == Quorum(
        False,
        3,
        4,
        (
            "1 more physician of another specialty is needed.",
            "The physicians were not all there at the same moment.",
        ),
    )
    overlapping = who("radiotherapy", span(299, 400))
    assert billing_quorum(BE_2025, [*FOUR[:3], overlapping]).met is True


def test_without_the_rule_of_the_same_moment_they_may_come_one_after_another() -> None:
    lenient = BE_2025.model_copy(
        update={"billing_quorum": BE_2025.billing_quorum.model_copy(update={"simultaneous": False})}
    )
    people = [*FOUR[:3], who("radiotherapy", span(300, 400))]
    assert billing_quorum(lenient, people) == Quorum(True, 4, 4)


def test_the_moment_with_the_coordinator_counts() -> None:
    coordinator = who("surgery", span(0, 10), coordinator=True)
    others = [who(name, span(20, 90)) for name in ("radiology", "pathology", "radiotherapy", "oncology")]
    assert billing_quorum(BE_2025, [coordinator, *others]).have == 1
    assert billing_quorum(BE_2025, [who("surgery", span(0, 25), coordinator=True), *others]).have == 5


def test_who_is_there_now_counts_live() -> None:
    now = [
        Participant.present(d, "physician", d, "h1", means="video", at=at(n), is_coordinator=n == 0)
        for n, d in enumerate(["surgery", "radiology", "pathology", "radiotherapy"])
    ]
    assert billing_quorum(BE_2025, now).as_wire() == {"met": True, "have": 4, "need": 4, "reasons": []}


def test_nobody() -> None:
    assert billing_quorum(BE_2025, []) == Quorum(
        False,
        0,
        4,
        ("The coordinator is not present.", "4 more physicians of other specialties are needed."),
    )


def test_sentences_follow_the_language_of_the_call() -> None:
    with override("nl"):
        assert len(billing_quorum(BE_2025, []).reasons) == 2


# The rule set


def test_be_2025_says_what_the_domain_says() -> None:
    assert BE_2025.billing_quorum.specialties == 4
    assert BE_2025.billing_quorum.means == {"room", "video"}
    assert (BE_2025.participations.internal_most, BE_2025.participations.external_most) == (4, 1)
    assert BE_2025.codes["first"] == ("350372", "350383")
    assert BE_2025.request.never_by == {"pathology", "clinical_biology", "radiology"}


def test_every_shipped_rule_set_can_be_read_and_bears_its_file_name() -> None:
    assert [rulesets.rule_set(name).id for name in rulesets.names()] == list(rulesets.names()) == ["be-2025"]


@pytest.mark.parametrize("name", ["", "be-1999", "../rulesets/be-2025", "be-2025.yaml"])
def test_unknown_rule_sets(name: str) -> None:
    with pytest.raises(KeyError):
        rulesets.rule_set(name)

"""The minutes of a meeting of forty cases, from the tables to the encrypted PDF: `make bench-minutes`.

``ms`` is the whole action (`report.make`); ``floor_ms`` is what Typst alone takes for the same file with the data at hand as a constant:
nothing that is set by Typst can be made faster. Both take turns, and each round says something else in every text, so that nothing comes
out of a memory. Writes `var/bench-minutes.json` and fails when a goal is missed, or when the control meets them: a document that is set twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from django.utils import translation
from pypdf import PdfReader

from mdo.kernel import work
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.storage import storage
from meetings.actions.reporting import make_report
from meetings.models import AgendaItem, Decision, Meeting, Report
from meetings.reports import layout, printing
from meetings.reports import writing as content
from tests.bench.rig import origin, write
from tests.cast import Cast
from tests.factories import (
    make_case,
    make_decision,
    make_item,
    make_lease,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.meetings.acts import by_house, house

CASES, ROUNDS = 40, 15
TIMES, MS = 1.5, 1000  # the goals


def _meeting(cast: Cast) -> Meeting:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    people = [each for name, each in cast.members.items() if name in ("chair", "coordinator", "radiologist", "partner")]
    for member in people:
        make_lease(meeting, member.person, member.organisation, ended_at=now())
    present = [
        {
            "person": str(each.pk),
            "name": each.person.display_name,
            "profession": "physician",
            "discipline": "surgery",
            "organisation": str(each.organisation.pk),
            "organisation_name": each.organisation.name,
            "role": "member",
            "times": [[meeting.starts_at.isoformat(), now().isoformat(), "video"]],
        }
        for each in people
    ]
    homes = [cast.requester, cast.partner]
    for number in range(CASES):
        home = homes[number % 2]
        case = make_case(home.organisation, home.person, patient=make_patient(home.organisation))
        referral = make_referral(
            cast.board, home.organisation, home.person, case=case, status="discussed",
            question="Borstsparende heelkunde of eerst systemische behandeling, gezien de ligging en de wens van de patiënte?",
        )  # fmt: skip
        item = make_item(meeting, referral, state="discussed")
        make_decision(
            item,
            recorded_by=cast.chair.person,
            attendance=present,
            quorum={"board": {"met": True, "have": 4, "need": 3}, "billing": {"met": True, "have": 4, "need": 4}},
            steps=[
                {"kind": kind, "text": "Volgens het besproken schema."}
                for kind in ("surgery", "radiotherapy", "endocrine")
            ],
        )
    with writing():
        spans = [[meeting.starts_at.isoformat(), now().isoformat()]]
        AgendaItem.objects.filter(meeting=meeting).update(open_intervals=spans)
    return meeting


def _say(meeting: Meeting, word: str) -> Report:
    """Every text says something else, and the minutes wait to be made."""
    with writing():
        for decision in Decision.objects.filter(meeting=meeting):
            decision.text = f"{word}: borstsparende heelkunde, daarna bespreking van het resectiestuk ({word})."
            decision.steps = [{**step, "text": f"Volgens schema {word}."} for step in decision.steps]
            decision.save(update_fields=["text", "steps"])
        return Report.objects.create(
            id=new_id(), hospital_id=meeting.hospital_id, kind="minutes", meeting=meeting,
            edition=f"r{new_id().hex[-8:]}", language="nl", due_at=now(),
        )  # fmt: skip


def _timed(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return (perf_counter() - began) * 1000


def _constant(meeting: Meeting, row: Report, word: str, other: str) -> tuple[Any, Any]:
    """What the template reads, with another word in every text; and the document's moment."""
    with house():
        minutes = content.minutes_of(meeting, row)
    with translation.override("nl"):
        data = layout.minutes(minutes)
    ready = printing._each_text(data, printing.printable)
    ready["has_missing"] = False
    return json.loads(json.dumps(ready).replace(word, other)), minutes.closed_at or minutes.sitting.starts_at


def test_minutes(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = _meeting(cast)
    took: dict[str, list[float]] = {"ms": [], "floor_ms": [], "control_ms": []}
    pages = size = 0
    once = printing._compile
    for number in range(ROUNDS + 2):
        word = f"Woord{number:03}a"
        row = _say(meeting, word)
        with house():
            meeting = Meeting.objects.select_related("board__organiser").get(pk=meeting.pk)
        constant, moment = _constant(meeting, row, word, f"Woord{number:03}b")
        found = {
            "ms": _timed(lambda row=row: by_house(make_report, report_id=row.pk)),  # type: ignore[misc]
            "floor_ms": _timed(lambda: once("minutes", constant, moment, printing.STANDARDS)),  # noqa: B023
        }
        row.refresh_from_db()
        assert row.state == work.State.DONE
        with storage.open(row.storage_name) as file:
            pages, size = len(PdfReader(file).pages), row.size
        third, fourth = f"Woord{number:03}c", f"Woord{number:03}d"
        twice = _say(meeting, third)

        with monkeypatch.context() as patch:
            patch.setattr(printing, "_compile", _twice(once, third, fourth))
            found["control_ms"] = _timed(lambda row=twice: by_house(make_report, report_id=row.pk))  # type: ignore[misc]
        if number >= 2:  # the first ones read fonts and templates
            for name, value in found.items():
                took[name].append(value)
    middle = {name: round(median(values), 1) for name, values in took.items()}
    missed = _misses(middle["ms"], middle["floor_ms"])
    control = _misses(middle["control_ms"], middle["floor_ms"])
    result = {
        "cases": CASES,
        **middle,
        "ratio": round(middle["ms"] / middle["floor_ms"], 2),
        "pages": pages,
        "bytes": size,
        "misses": missed,
        "control_misses": control,
    }
    write("bench-minutes", origin() | result)
    print(result)
    assert not missed
    assert control, "a document that is set twice has to miss the goals"


def _twice(compiled: Callable[..., bytes], word: str, other: str) -> Callable[..., bytes]:
    def again(template: str, data: Any, *rest: Any) -> bytes:
        compiled(template, json.loads(json.dumps(data).replace(word, other)), *rest)
        return compiled(template, data, *rest)

    return again


def _misses(ms: float, floor: float) -> list[str]:
    goals = {f"{TIMES} times the floor": TIMES * floor, "a second": MS}
    return [f"{ms:.0f} ms, goal {name} ({goal:.0f} ms)" for name, goal in goals.items() if ms > goal]

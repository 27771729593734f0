"""A board's figures: what is counted, what is not shown, and the same on the page, in a spreadsheet and on paper."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pypdf import PdfReader

from cases.dossiers.board_kinds import board_kind
from mdo.kernel import clock, work
from meetings.figures import facts
from meetings.figures.counting import FEWEST, Names, few_hospitals, figures
from meetings.figures.facts import Case, Facts, Sitting
from meetings.figures.files import as_csv
from meetings.figures.tables import Few, Figures
from meetings.models import Decision, Meeting, Report
from tests.cast import Cast, Member, acting_as
from tests.factories import make_decision, make_item, make_meeting, make_referral, writing
from tests.meetings.acts import house

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
QUERIES = 15
OWN, OTHER, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)


def names(**changes: Any) -> Names:
    known: dict[str, Any] = {
        "kind": board_kind("tumour_board"),
        "zone": "Europe/Brussels",
        "language": "nl",
        "hospitals": {OWN: "AZ Eigen", OTHER: "AZ Ander", THIRD: "=AZ Derde"},
        "disciplines": {"radiology": "Radiologie", "surgery": "Heelkunde"},
        "own": OWN,
    }
    return Names(**known | changes)


def period(*cases: Case, sittings: tuple[Sitting, ...]) -> Facts:
    return Facts(MONDAY - timedelta(days=365), MONDAY, sittings, cases)


def numbers(found: Figures) -> dict[str, Any]:
    return {each.code: each.value for each in found.headlines}


def rows(found: Figures, code: str) -> dict[str, list[Any]]:
    (table,) = (each for each in found.tables if each.code == code)
    return {row.label: [cell.value for cell in row.cells] for row in table.rows}


def case(sitting: Sitting, **values: Any) -> Case:
    known: dict[str, Any] = {"hospital": OWN, "waited_days": 5, "minutes": 4.0, "opened_at": sitting.starts_at}
    return Case(sitting=sitting.id, **known | values)


def test_headlines_and_tables_by_hand() -> None:
    march = Sitting(uuid4(), datetime(2026, 3, 31, 22, 30, tzinfo=UTC), 9.0)  # 1 April in Brussels
    may = Sitting(uuid4(), datetime(2026, 5, 6, 12, tzinfo=UTC))
    seen = frozenset({"radiology"})
    found = period(
        case(
            march,
            waited_days=2,
            minutes=2.0,
            quorum=True,
            recommended=True,
            disciplines=seen,
            asked=True,
            complete=True,
            report_minutes=70.0,
        ),
        case(
            march,
            waited_days=8,
            minutes=6.0,
            quorum=False,
            recommended=True,
            late=True,
            asked=True,
            outcome="not",
            report_minutes=5.0,
        ),
        case(march, covered=True, minutes=0.0, report_minutes=3.0),
        case(march, reason="pathology_missing", complete=False),
        case(may, reason="patient_condition"),
        case(may, waited_days=9, minutes=4.0, quorum=None, asked=True, outcome="carried_out"),
        sittings=(march, may),
    )
    with translation.override("nl"):
        counted = figures(found, names())
    assert numbers(counted) == {
        "discussed": 3,
        "waiting": 8,
        "length": 4.0,
        "postponed": pytest.approx(100 / 3),
        "avoidable": 50.0,
        "in_time": pytest.approx(500 / 6),
        "ready": 50.0,
        "quorum": 50.0,
        "protocol": 25.0,
        "recommended": pytest.approx(200 / 3),
        "report": 5.0,
        "out": 9.0,
        "known": pytest.approx(200 / 3),
        "carried_out": 50.0,
    }
    reached = {each.code: each.reached for each in counted.headlines if each.goal is not None}
    assert reached == {"postponed": False, "report": True, "out": True, "known": False}
    assert {label: row[:3] for label, row in rows(counted, "months").items()} == {
        "april 2026": [2, 1, 1],
        "mei 2026": [1, 0, 1],
    }
    assert rows(counted, "disciplines") == {"Radiologie": [pytest.approx(100 / 3), 1]}
    assert [row[1] for row in rows(counted, "reports").values()] == [2, 0, 1, 0]


def test_halves_of_long_sittings_only() -> None:
    long, short = Sitting(uuid4(), MONDAY), Sitting(uuid4(), MONDAY)
    minutes = [8.0, 6.0, 5.0, 3.0, 1.0]
    cases = [
        case(long, opened_at=MONDAY + timedelta(minutes=10 * place), minutes=each, recommended=place < 4)
        for place, each in enumerate(minutes)
    ]
    with translation.override("en"):
        counted = figures(period(*reversed(cases), case(short, minutes=60.0), sittings=(long, short)), names())
        nothing = figures(period(sittings=()), names())
    halves = rows(counted, "halves")
    assert halves["First half"] == [pytest.approx(19 / 3), 100.0, None, 3]
    assert halves["Second half"] == [2.0, 50.0, None, 2]
    assert set(numbers(nothing).values()) == {0, None}


def test_small_numbers_of_others_are_not_shown_nor_to_be_had_by_subtraction() -> None:
    assert few_hospitals({OWN: 1, OTHER: 40, THIRD: FEWEST}, OWN) == set()
    assert few_hospitals({OWN: 30, OTHER: 40, THIRD: FEWEST - 1}, OWN) == {THIRD}
    assert few_hospitals({OTHER: 2, THIRD: 3}, None) == {OTHER, THIRD}
    sitting = Sitting(uuid4(), MONDAY)
    cases = [case(sitting, hospital=each) for each in [OWN] * 2 + [OTHER] * 9 + [THIRD]]
    with translation.override("en"):
        found = figures(period(*cases, sittings=(sitting,)), names())
        openly = figures(period(*cases, sittings=(sitting,)), names(own=THIRD))
    assert [(label, row[0]) for label, row in rows(found, "hospitals").items()] == [
        ("AZ Ander", 9),
        ("AZ Eigen", 2),
        ("=AZ Derde", Few(FEWEST)),
    ]
    assert numbers(found)["discussed"] == 11
    assert rows(openly, "hospitals")["=AZ Derde"][0] == 1
    assert rows(openly, "hospitals")["AZ Eigen"][0] == Few(FEWEST)
    assert numbers(openly)["discussed"] == 10


def test_of_two_hospitals_nothing_gives_the_smaller_away() -> None:
    sitting = Sitting(uuid4(), MONDAY)
    theirs = frozenset({str(OTHER)})
    cases = [
        *(case(sitting, report_minutes=4.0, hospitals=frozenset({str(OWN)})) for _ in range(20)),
        *(case(sitting, reason="patient_condition") for _ in range(10)),
        case(sitting, hospital=OTHER, report_minutes=4.0, hospitals=theirs, disciplines=frozenset({"radiology"})),
        case(sitting, hospital=OTHER, reason="no_quorum"),
    ]
    with translation.override("en"):
        found = figures(period(*cases, sittings=(sitting,)), names())
        alone = figures(period(*cases[:30], sittings=(sitting,)), names())
        openly = figures(period(*cases, sittings=(sitting,)), names(own=OTHER))
    shown = rows(found, "hospitals")
    assert (shown["AZ Eigen"][0], shown["AZ Ander"]) == (30, [Few(FEWEST), *[None] * 5])
    # Every other number is that of the own cases alone.
    assert found.headlines == alone.headlines
    assert [each for each in found.tables if each.code != "hospitals"] == [
        each for each in alone.tables if each.code != "hospitals"
    ]
    assert "fewer than 5 cases" in found.note
    assert alone.note == openly.note == ""
    assert (numbers(openly)["discussed"], rows(openly, "hospitals")["AZ Ander"][0]) == (21, 2)


@pytest.mark.parametrize("few", range(1, FEWEST))
def test_how_few_there_are_changes_nothing_that_is_shown(few: int) -> None:
    """The proof: whatever the small hospitals' cases are, one or four, every table, headline and file is the same."""
    sitting = Sitting(uuid4(), MONDAY)
    shown = [case(sitting, hospital=each, complete=True) for each in [OWN] * 7 + [OTHER] * 6]
    one = case(sitting, hospital=THIRD, minutes=90.0, late=True, waited_days=80, asked=True, report_minutes=500.0)
    with translation.override("en"):
        least = figures(period(*shown, one, sittings=(sitting,)), names())
        other = figures(period(*([one] * few), *shown, sittings=(sitting,)), names())
    assert other == least
    assert as_csv(other, [other.note]) == as_csv(least, [least.note])


def test_few_cases_that_another_hospital_attended_are_not_shown() -> None:
    sitting = Sitting(uuid4(), MONDAY)
    seen = [{OTHER, THIRD}] * 4 + [{OTHER}] * 3 + [{OWN}] * 2
    cases = [case(sitting, hospitals=frozenset(map(str, there))) for there in seen]
    with translation.override("en"):
        one = rows(figures(period(*cases, sittings=(sitting,)), names()), "attending_hospitals")
    assert one == {
        "AZ Ander": [pytest.approx(700 / 9), 7],
        "=AZ Derde": [None, Few(FEWEST)],
        "AZ Eigen": [pytest.approx(200 / 9), 2],
    }


def test_no_cell_is_a_formula() -> None:
    sitting = Sitting(uuid4(), MONDAY)
    with translation.override("en"):
        counted = figures(
            period(*(case(sitting, hospital=THIRD) for _ in range(9)), sittings=(sitting,)), names(own=THIRD)
        )
        text = as_csv(counted, ["=1+1"]).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row]
    assert "'=1+1" in cells
    assert "'=AZ Derde" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


# --- read from the tables, shown to those who build the agenda ------------------------------------------------------------


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def there(cast: Cast, discipline: str, *, came: bool = True) -> dict[str, Any]:
    times = [[MONDAY.isoformat(), (MONDAY + timedelta(minutes=4)).isoformat(), "video"]] if came else []
    return {"discipline": discipline, "organisation": str(cast.organiser.pk), "times": times}


def held(cast: Cast, cases: int = 1, **values: Any) -> Meeting:
    """A closed sitting of two weeks ago with discussed cases, one postponed, and a report ten minutes after it."""
    meeting = make_meeting(cast.board, state="closed", starts_at=MONDAY - timedelta(days=14), **values)
    for _ in range(cases):
        referral = make_referral(
            cast.board, cast.organiser, cast.requester.person, status="discussed", requested_on=date(2026, 11, 2)
        )
        decision = make_decision(
            make_item(meeting, referral, state="discussed"),
            attendance=[there(cast, "radiology"), there(cast, "pathology", came=False)],
            quorum={"board": {"met": True}},
        )
        with writing():
            Report.objects.create(
                hospital=cast.organiser,
                kind="case",
                meeting=meeting,
                decision=decision,
                edition="recorded",
                state=work.State.DONE,
                due_at=meeting.closed_at,
                done_at=meeting.closed_at + timedelta(minutes=10),
            )
    postponed = make_referral(cast.board, cast.organiser, cast.requester.person, status="postponed")
    make_item(meeting, postponed, state="postponed", postponed_reason="no_quorum")
    return meeting


def address(cast: Cast, name: str = "figures", period: str = "") -> str:
    return reverse(f"meetings:{name}", args=[cast.board.pk]) + (f"?period={period}" if period else "")


@pytest.mark.parametrize("cases", [1, 30])
def test_read_in_six_queries_whatever_is_found(cast: Cast, cases: int, django_assert_num_queries: Any) -> None:
    with clock.frozen(MONDAY):
        meeting = held(cast, cases)
        held(cast, imported=True)
        with acting_as(cast.secretary), django_assert_num_queries(6):
            found = facts.read(cast.board, [cast.organiser.pk], MONDAY - timedelta(days=91), MONDAY)
    assert [sitting.id for sitting in found.sittings] == [meeting.pk]
    assert [each.report_minutes for each in found.cases] == [10.0] * cases + [None]
    assert len(found.cases) == cases + 1
    discussed = found.cases[0]
    assert (discussed.waited_days, discussed.minutes, discussed.quorum, discussed.recommended) == (7, 4.0, True, True)
    assert discussed.disciplines == {"radiology"}
    assert found.cases[-1].reason == "no_quorum"


@pytest.mark.parametrize("cases", [1, 30])
def test_page_and_files_say_the_same(cast: Cast, cases: int, django_assert_num_queries: Any) -> None:
    with clock.frozen(MONDAY):
        held(cast, cases)
        client = client_of(cast.secretary)
        with django_assert_num_queries(QUERIES):
            page = client.get(address(cast))
        files = {each: client.get(address(cast, f"figures_{each}")) for each in ("csv", "xlsx", "pdf")}
    assert page.status_code == 200
    shown = {each.code: each.text for each in page.context["figures"].headlines}
    assert (shown["discussed"], shown["waiting"]) == (str(cases), "7 d")
    lines = list(csv.reader(io.StringIO(files["csv"].content.decode("utf-8-sig")), delimiter=";"))
    assert ["Besproken casussen", str(cases)] in lines
    book = openpyxl.load_workbook(io.BytesIO(files["xlsx"].content))
    assert ["Besproken casussen", str(cases), None] in [
        [cell.value for cell in row] for row in book["Cijfers"].iter_rows()
    ]
    assert book["Maand na maand"]["B2"].value == cases
    text = "".join(each.extract_text() for each in PdfReader(io.BytesIO(files["pdf"].content)).pages)
    assert "Besproken casussen" in text
    assert "Radiologie" in text
    assert "Demonstratie: verzonnen cijfers" in text
    assert [each["Content-Disposition"] for each in files.values()] == [
        f'attachment; filename="figures-year.{form}"' for form in files
    ]


def test_what_is_counted_nowhere_is_said_on_the_page_and_in_every_file(cast: Cast) -> None:
    with clock.frozen(MONDAY):
        meeting = held(cast, 6)
        theirs = make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="discussed")
        make_decision(make_item(meeting, theirs, state="discussed"))
        client = client_of(cast.secretary)
        page = client.get(address(cast))
        files = {each: client.get(address(cast, f"figures_{each}")).content for each in ("csv", "xlsx", "pdf")}
    note = page.context["figures"].note
    assert "minder dan 5 casussen" in note
    assert note in unescape(page.content.decode())
    assert note in files["csv"].decode("utf-8-sig")
    sheet = openpyxl.load_workbook(io.BytesIO(files["xlsx"]))["Cijfers"]
    assert note in [row[0].value for row in sheet.iter_rows()]
    text = " ".join("".join(each.extract_text() for each in PdfReader(io.BytesIO(files["pdf"])).pages).split())
    assert "minder dan 5 casussen" in text
    shown = {each.code: each.text for each in page.context["figures"].headlines}
    assert shown["discussed"] == "6"


@pytest.mark.parametrize(
    ("name", "status"),
    [("chair", 200), ("coordinator", 200), ("secretary", 200), ("radiologist", 403), ("partner", 403), ("partnersecretary", 403), ("observer", 403), ("requester", 404), ("outsider", 404), ("guest", 404)],
)  # fmt: skip
def test_who_sees_them(cast: Cast, name: str, status: int) -> None:
    client = client_of(cast.members[name])
    assert {client.get(address(cast, each)).status_code for each in ("figures", "figures_csv", "figures_pdf")} == {
        status
    }


def test_a_period_that_is_none_is_not_found_and_an_empty_one_says_so(cast: Cast) -> None:
    client = client_of(cast.secretary)
    assert {client.get(address(cast, period=each)).status_code for each in ("1999", "x", "%00")} == {404}
    assert (
        "In deze periode werd geen vergadering gesloten" in client.get(address(cast, period="quarter")).content.decode()
    )


def test_a_correction_changes_no_figure(cast: Cast) -> None:
    with clock.frozen(MONDAY):
        held(cast)
        with acting_as(cast.secretary):
            before = facts.read(cast.board, [cast.organiser.pk], MONDAY - timedelta(days=91), MONDAY)
        with house():
            first = Decision.objects.select_related("item__meeting", "item__referral").get()
        make_decision(first.item, version=2, replaces=first, state="replaced", quorum={"board": {"met": False}})
        with acting_as(cast.secretary):
            assert facts.read(cast.board, [cast.organiser.pk], MONDAY - timedelta(days=91), MONDAY) == before

"""The forms: what is typed, pasted or made up, and what becomes of it."""

from datetime import date
from typing import Any, cast
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from cases.coding.names import LONGEST_KEY, name_key
from cases.forms import IdentityFields, LineField, LinesField, NewCaseForm, SearchForm, StepForm, UploadForm
from mdo.kernel.ids import new_id
from tests.factories import insz

TODAY = date(2026, 11, 22)
BIRTH = date(1961, 4, 12)
NUMBER = insz(BIRTH, 4)
IDENTITY = {
    "national_number": NUMBER,
    "family_name": "D'Hondt",
    "given_name": "Maria",
    "birth_date": "1961-04-12",
    "sex": "female",
}


def query(**values: Any) -> QueryDict:
    data = QueryDict(mutable=True)
    data.update({name: value for name, value in values.items() if value is not None})
    return data


def identity(**changes: Any) -> IdentityFields:
    return IdentityFields(query(**(IDENTITY | changes)), today=TODAY)


# --- text --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "a\x1bb", "\x07"])
def test_what_cannot_be_shown_is_refused(text: str) -> None:
    for field in (LineField(required=False), LinesField(required=False)):
        form = type("Form", (SearchForm,), {"q": field})(query(q=text))
        assert not form.is_valid()
        assert list(form.errors) == ["q"]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  D'Hondt \t Van\nden ", "D'Hondt Van den"),
        ("أحمد عبد الرحمن", "أحمد عبد الرحمن"),
        ("O\u0308zt\u0308", "\u00d6z\u1e97"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("D\u2019Hondt & <b>", "D\u2019Hondt & <b>"),
    ],
)
def test_names_are_stored_as_they_are_meant(typed: str, stored: str) -> None:
    assert LineField().clean(typed) == stored


def test_300_characters_fit_and_301_do_not() -> None:
    assert identity(family_name="é" * 300).is_valid()
    form = identity(family_name="é" * 301)
    assert not form.is_valid()
    assert list(form.errors) == ["family_name"]


def test_line_breaks_stay_where_there_are_lines() -> None:
    assert LinesField().clean("one\r\n two\r\n") == "one\n two"


def test_names_are_found_without_accents() -> None:
    assert name_key("Öztürk", "Łucja  Æ") == "ozturk lucja ae"
    assert name_key("\ufdfa" * 300, "") == name_key("\ufdfa" * 300)
    assert len(name_key("\ufdfa" * 300)) == LONGEST_KEY


# --- identity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [NUMBER, f"{NUMBER[:2]}.{NUMBER[2:4]}.{NUMBER[4:6]}-{NUMBER[6:9]}.{NUMBER[9:]}"])
def test_a_number_in_any_writing(typed: str) -> None:
    form = identity(national_number=typed)
    assert form.is_valid()
    assert form.identity()["national_number"] == NUMBER


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"national_number": "61.04.12-004.00"}, ["national_number"]),
        ({"national_number": ""}, ["national_number"]),
        ({"family_name": None, "given_name": ""}, ["family_name", "given_name"]),
        ({"birth_date": "1961-02-30"}, ["birth_date"]),
        ({"sex": ""}, ["sex"]),
        ({"national_number": "", "no_number": "on"}, ["other_identifier", "other_identifier_reason"]),
        ({"no_number": "on", "other_identifier": "P-1"}, ["other_identifier_reason"]),
        ({"no_number": "on", "other_identifier": "x" * 41, "other_identifier_reason": "y"}, ["other_identifier"]),
    ],
)
def test_what_is_missing_or_wrong_is_named(changes: dict[str, Any], fields: list[str]) -> None:
    form = identity(**changes)
    assert not form.is_valid()
    assert sorted(form.errors) == sorted(fields)


def test_without_a_number_only_the_other_identifier_counts() -> None:
    form = identity(national_number="junk", no_number="on", other_identifier="P-1", other_identifier_reason="Toeriste")
    assert form.is_valid()
    assert form.identity()["national_number"] == ""
    form = identity(other_identifier="P-1\x00")
    assert form.is_valid()
    assert form.identity()["other_identifier"] == ""
    # Beside a national number another one is the hospital's own, and stays.
    for typed in ({"other_identifier": "P-1"}, {"record_number": "P-1", "other_identifier": "P-2"}):
        form = identity(**typed)
        assert form.is_valid()
        kept = {name: form.identity()[name] for name in ("other_identifier", "record_number")}
        assert kept == {"other_identifier": "", "record_number": "P-1"}


# --- a new case --------------------------------------------------------------------------------------------------------


class Somebody:
    """As much of a board or person as the form reads."""

    def __init__(self, name: str) -> None:
        self.pk, self.name, self.display_name, self.kind = new_id(), name, name, "tumour_board"


# Any: a patient, a board and two people, of which the form reads the name and the key.
BOARD, CLAES, MAES = (cast(Any, Somebody(name)) for name in ("Borst-MOC", "dr. Claes", "dr. Maes"))


def new_case(found: Any = None, **changes: Any) -> NewCaseForm:
    request = {
        "board": str(BOARD.pk),
        "reason": "new_diagnosis",
        "question": "Heelkunde?",
        "requester": str(CLAES.pk),
        "requested_on": "2026-11-20",
    }
    return NewCaseForm(
        query(**(IDENTITY | request | {"command_id": str(new_id())} | changes)),
        today=TODAY,
        find=lambda number, other: found,
        boards=[BOARD],
        requesters=[CLAES, MAES],
        language="nl",
    )


def test_a_new_patient_and_request() -> None:
    form = new_case()
    assert form.is_valid(), form.errors
    details = form.details
    assert details is not None
    assert (details.family_name, details.birth_date) == ("D'Hondt", BIRTH)
    assert (form.request().board_id, form.request().requester_id) == (BOARD.pk, CLAES.pk)


def test_whoever_is_found_again_needs_no_name() -> None:
    form = new_case(found=CLAES, family_name="", given_name="", birth_date="", sex="")
    assert form.is_valid(), form.errors
    assert form.details is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"birth_date": "1962-04-12"}, "birth_date"), ({"sex": "male"}, "sex")],
)
def test_a_conflict_with_the_number_is_asked_about_once(changes: dict[str, Any], field: str) -> None:
    form = new_case(**changes)
    assert not form.is_valid()
    assert list(form.errors) == [field]
    assert form.has_conflict
    assert new_case(**changes, conflict_checked="on").is_valid()
    assert new_case(**changes, conflict_checked="on").has_conflict


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"board": str(new_id())}, "board"),
        ({"board": "junk"}, "board"),
        ({"requester": str(new_id())}, "requester"),
        ({"reason": "because"}, "reason"),
        ({"question": "\n "}, "question"),
        ({"question": "x" * 4001}, "question"),
        ({"requested_on": "yesterday"}, "requested_on"),
        ({"command_id": "1"}, "command_id"),
        ({"command_id": None}, "command_id"),
    ],
)
def test_ids_and_texts_that_may_not_be(changes: dict[str, Any], field: str) -> None:
    form = new_case(**changes)
    assert not form.is_valid()
    assert list(form.errors) == [field]


def test_looking_up_fills_birth_date_and_sex() -> None:
    form = new_case(birth_date="", sex="")
    form.look()
    assert (form["birth_date"].value(), form["sex"].value()) == ("1961-04-12", "female")
    form = new_case(birth_date="1970-01-01", sex="other")
    form.look()
    assert (form["birth_date"].value(), form["sex"].value()) == ("1970-01-01", "other")


@pytest.mark.parametrize("number", ["", "junk", "61.04.12-004.00", "\x00", "1" * 70])
def test_looking_up_anything_else_changes_nothing(number: str) -> None:
    form = new_case(national_number=number, birth_date="", sex="")
    form.look()
    assert (form["birth_date"].value(), form["sex"].value()) == ("", "")


def test_looking_up_by_the_other_identifier() -> None:
    form = new_case(found=CLAES, national_number="", no_number="on", other_identifier=" P-1 ")
    form.look()
    assert form.patient is CLAES
    form = new_case(found=CLAES, national_number="", no_number="on", other_identifier="P\x00")
    form.look()
    assert form.patient is None


def test_a_form_shown_again_carries_another_command() -> None:
    form = new_case(question="")
    before = form["command_id"].value()
    assert not form.is_valid()
    form.renew()
    assert form["command_id"].value() != before
    assert UUID(str(form["command_id"].value())).version == 7
    assert form["family_name"].value() == "D'Hondt"


# --- the rest ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["", "0", "-1", "junk", "99999999999999999999"])
def test_a_version_is_a_number(version: str) -> None:
    assert list(StepForm(query(command_id=str(new_id()), version=version)).errors) == ["version"]


def test_several_files_at_once() -> None:
    files: Any = MultiValueDict({"documents": [SimpleUploadedFile("a.pdf", b"1"), SimpleUploadedFile("b.pdf", b"2")]})
    form = UploadForm(query(command_id=str(new_id()), kind="imaging"), files)
    assert form.is_valid(), form.errors
    assert [(upload.name, upload.content) for upload in form.uploads] == [("a.pdf", b"1"), ("b.pdf", b"2")]
    assert list(UploadForm(query(command_id=str(new_id()), kind="imaging"), MultiValueDict()).errors) == ["documents"]

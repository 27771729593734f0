"""The files of a period: what stands in them, what is left out, what changed since, and whose they are."""

import csv
import io
import json
import zipfile
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from cases.exchange.templates import plain_cell
from mdo.directory.forms import EARLIEST, LATEST
from mdo.environment import BASE_DIR
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from mdo.kernel.storage import storage
from meetings import rulesets
from meetings.actions.exporting import export_registrations
from meetings.models import BillingLine, Decision, RegistrationForm, RegistryExport
from meetings.registering import access, files
from tests.cast import Cast, Member, acting_as
from tests.factories import make_patient, writing
from tests.meetings.acts import audited, call, house
from tests.meetings.test_registering import kept, save, signed, tumours_of

YEAR = {"since": now().date() - timedelta(days=60), "until": now().date() + timedelta(days=60)}


def export(by: Member, what: str = "registry", **values: Any) -> RegistryExport:
    export_id = new_id()
    asked = {"organisation_id": by.organisation_id, "export_id": export_id, "what": what, **YEAR, **values}
    call(export_registrations, by, **asked)
    with house():
        return RegistryExport.objects.get(pk=export_id)


def opened(made: RegistryExport) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The manifest, and the rows of its one sheet."""
    with storage.open(made.storage_name) as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        (sheet,) = manifest["files"]
        text = archive.read(sheet["name"]).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert (len(rows), list(rows[0]) if rows else sheet["columns"]) == (sheet["rows"], sheet["columns"])
    return manifest, rows


def test_a_file_for_the_registry(cast: Cast) -> None:
    decision, waits, unsaved = signed(cast), signed(cast), signed(cast)
    save(cast.secretary, decision)
    save(cast.secretary, waits, {}, setting="")
    made = export(cast.secretary)
    manifest, rows = opened(made)
    _line, (form,) = kept(decision)
    registration = rulesets.rule_set("be-2025").registration
    assert registration is not None
    assert list(rows[0]) == [column.code for column in registration.columns]
    assert [(row["form_id"], row["change"], row["topography"]) for row in rows] == [(str(form.pk), "new", "C50.4")]
    assert {key: manifest[key] for key in ("what", "rows", "left_out", "hospital", "export")} == {
        "what": "registry",
        "rows": 1,
        "left_out": 2,
        "hospital": cast.organiser.name,
        "export": str(made.pk),
    }
    assert (made.rows, made.changed, made.left_out, made.made_by_id) == (1, 1, 2, cast.secretary.pk)
    assert (form.state, form.export_id, form.changed_since) == ("exported", made.pk, False)
    assert audited("registration.export") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    detail = AuditEntry.objects.get(action="registration.export").detail
    assert (detail["since"], detail["left_out"], detail["sha256"]) == (YEAR["since"].isoformat(), 2, made.sha256)
    with house():
        patient = unsaved.case.patient  # type: ignore[union-attr]
    assert patient.family_name not in json.dumps(detail)


def test_a_second_file_says_what_changed(cast: Cast) -> None:
    same, changed, withdrawn = signed(cast), signed(cast), signed(cast)
    for each in (same, changed, withdrawn):
        save(cast.secretary, each)
    export(cast.secretary)
    (tumour,) = tumours_of(changed)
    save(cast.secretary, changed, {tumour: {"chronology": ["5", "10", "20"]}}, version=1)
    (tumour,) = tumours_of(withdrawn)
    save(cast.secretary, withdrawn, {tumour: {"chosen": "none"}}, version=1)
    save(cast.secretary, same, version=1, setting="hospitalised")  # a matter of the bill, not of the form
    forms = {each.pk: kept(each)[1][0] for each in (same, changed, withdrawn)}
    assert [forms[each.pk].changed_since for each in (same, changed, withdrawn)] == [False, True, True]
    made = export(cast.secretary)
    _manifest, rows = opened(made)
    told = {row["form_id"]: row["change"] for row in rows}
    assert told == {
        str(forms[same.pk].pk): "same",
        str(forms[changed.pk].pk): "changed",
        str(forms[withdrawn.pk].pk): "withdrawn",
    }
    assert (made.rows, made.changed) == (3, 2)
    # Said once: what was withdrawn is not said again, and back again it is new.
    _manifest, rows = opened(export(cast.secretary))
    assert {row["change"] for row in rows} == {"same"}
    (tumour,) = tumours_of(withdrawn)
    save(cast.secretary, withdrawn, {tumour: {"chronology": ["5"]}}, version=2)
    _manifest, rows = opened(export(cast.secretary))
    assert sorted(row["change"] for row in rows) == ["new", "same", "same"]


def test_what_was_corrected_since_is_left_out(cast: Cast) -> None:
    from tests.meetings.test_registering import test_a_correction_asks_to_look_again as corrected

    corrected(cast)
    with writing():  # as if nobody had looked at it since the correction
        old = Decision.objects.get(version=1)
        RegistrationForm.objects.update(decision=old)
    with pytest.raises(RuleBroken):
        export(cast.secretary)
    assert export(cast.secretary, "billing").left_out == 0


def test_a_file_for_invoicing(cast: Cast) -> None:
    decision, without = signed(cast), signed(cast, people=("coordinator",))
    save(cast.secretary, decision)
    save(cast.secretary, without)
    made = export(cast.coordinator, "billing")
    manifest, rows = opened(made)
    assert [(row["service"], row["code"], row["change"]) for row in rows] == [
        ("first", "350372", "new"),
        ("coordinator_supplement", "350453", "new"),
        *[("participation", "350394", "new")] * 3,
    ]
    assert rows[0]["physician"] == cast.coordinator.person.display_name
    assert {row["requester"] for row in rows} == {cast.requester.person.display_name}
    assert (manifest["rows"], manifest["left_out"], made.changed) == (5, 0, 1)
    # A bill that does not apply any more is withdrawn, by its number.
    save(cast.secretary, decision, version=1, requested_on=None)
    _manifest, rows = opened(export(cast.secretary, "billing"))
    line, _forms = kept(decision)
    assert [(row["bill_id"], row["change"], row["code"]) for row in rows] == [(str(line.pk), "withdrawn", "")]


def test_only_the_own_hospital_s_patients(cast: Cast) -> None:
    ours, theirs = signed(cast), signed(cast, at_home=False)
    save(cast.secretary, ours)
    save(cast.secretary, theirs)
    for member, decision in ((cast.secretary, ours), (cast.partnersecretary, theirs)):
        for what in ("registry", "billing"):
            made = export(member, what)
            _manifest, rows = opened(made)
            with house():
                patient = decision.case.patient  # type: ignore[union-attr]
            assert {(row["family_name"], row["national_number"]) for row in rows} == {
                (patient.family_name, patient.national_number)
            }
            with acting_as(member) as person:
                assert made in access.visible_exports(person)
                assert access.access_export_for_reading(person, made.pk) == made
            for other in {cast.secretary, cast.partnersecretary} - {member}:
                with acting_as(other) as person:
                    with pytest.raises(NotFound):
                        access.access_export_for_reading(person, made.pk)
                    assert not RegistryExport.objects.filter(pk=made.pk).exists()  # by the database, too


def test_who_takes_files_out(cast: Cast) -> None:
    save(cast.secretary, signed(cast))
    may = {"coordinator", "secretary", "partnersecretary"}
    for name, member in cast.members.items():
        if name in may:
            continue
        sits = name in ("chair", "radiologist", "partner", "observer")
        with pytest.raises(Denied if sits else NotFound):
            export(member)
    with pytest.raises(NotFound):  # another hospital than the one acted for
        export(cast.secretary, organisation_id=cast.partner_hospital.pk)
    with pytest.raises(RuleBroken):  # nothing of theirs
        export(cast.partnersecretary)


def test_whoever_acts_for_nobody_has_no_files(cast: Cast) -> None:
    with acting(cast.secretary.person, None, "care"), pytest.raises(NotFound):
        access.acting_hospital(cast.secretary.person)


def test_a_file_is_read_by_whoever_registers_at_all_of_its_boards(cast: Cast) -> None:
    save(cast.secretary, signed(cast))
    made = export(cast.secretary)
    with writing():
        RegistryExport.objects.filter(pk=made.pk).update(boards=[cast.board.pk, new_id()])
    with acting_as(cast.secretary) as person:
        assert list(access.visible_exports(person)) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"what": "everything"}, "what"),
        ({"until": date(2020, 1, 1)}, "until"),
        ({"since": date.min}, "since"),
        ({"until": date.max}, "until"),
    ],
)
def test_what_cannot_be_asked_for(cast: Cast, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        export(cast.secretary, **values)
    assert refused.value.field == field


def test_a_period_ends_with_its_days(cast: Cast) -> None:
    decision = signed(cast)
    save(cast.secretary, decision)
    _line, (form,) = kept(decision)
    for since, until, there in ((0, 0, True), (1, 9, False), (-9, -1, False)):
        asked = {"since": form.day + timedelta(days=since), "until": form.day + timedelta(days=until)}
        if there:
            assert export(cast.secretary, **asked).rows == 1
        else:
            with pytest.raises(RuleBroken):
                export(cast.secretary, **asked)


def test_a_period_may_be_as_long_as_days_are_taken(cast: Cast) -> None:
    save(cast.secretary, signed(cast))
    assert export(cast.secretary, since=EARLIEST, until=LATEST).rows == 1


EVIL = ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "a\r\n=1", "|x", "%x", ' "quoted"; and;more\n']


@pytest.mark.parametrize("text", EVIL)
def test_no_cell_is_a_formula_and_no_text_breaks_a_row(text: str) -> None:
    content = files.as_csv(("a", "b"), [{"a": text, "b": "end"}])
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert (len(rows), rows[1][1]) == (2, "end")
    assert content.count(b"\r\n") == 2
    assert not rows[1][0].startswith(("=", "+", "-", "@", "\t", "\r", "|", "%"))
    assert plain_cell("gewone tekst") == "gewone tekst"  # what is no formula stays as it is


def test_a_name_that_is_a_formula(cast: Cast) -> None:
    patient = make_patient(cast.organiser, family_name="=2+5", given_name="Rosa\r\nMaria")
    save(cast.secretary, signed(cast, patient=patient))
    for what in ("registry", "billing"):
        _manifest, rows = opened(export(cast.secretary, what))
        assert {(row["family_name"], row["given_name"]) for row in rows} == {("'=2+5", "Rosa Maria")}


def test_every_column_is_described() -> None:
    page = (BASE_DIR / "docs" / "administrators" / "registry.md").read_text(encoding="utf-8")
    registration = rulesets.rule_set("be-2025").registration
    assert registration is not None
    described = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert described == [*(column.code for column in registration.columns), *files.BILLING]


def test_the_same_content_is_the_same_file() -> None:
    sheet = files.Sheet("a.csv", ("a",), ({"a": "1"},))
    assert files.packed([sheet], {"rows": 1}) == files.packed([sheet], {"rows": 1})


@pytest.mark.parametrize("model", [RegistrationForm, BillingLine])
def test_a_row_is_of_the_hospital_of_its_case_by_its_keys(cast: Cast, model: Any) -> None:
    """Negative control of the keys: it cannot be moved to another hospital."""
    save(cast.secretary, signed(cast))

    def move() -> None:
        with writing(), transaction.atomic(), connection.cursor() as cursor:
            model.objects.update(hospital=cast.partner_hospital)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError):
        move()

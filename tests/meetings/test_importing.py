"""Importing a list of submissions: checked row by row, brought in whole or not at all, each row once."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cases.actions.documents import Upload
from cases.actions.importing import (
    bring_in_row,
    check_import,
    confirm_import,
    discard_import,
    finish_import,
    forget_import,
    forgotten_imports,
    leave_out_row,
    map_import,
    stop_import,
    upload_import,
)
from cases.dossiers.worklists import worklists
from cases.models import Case, ImportJob, ImportRow, Patient, Referral
from mdo.directory.models import OrganisationRole
from mdo.kernel import clock, work
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from mdo.kernel.storage import storage
from meetings.tasks import HOUSE, sweep
from tests.cast import NAMES, Cast, acting_as
from tests.factories import make_patient, writing
from tests.meetings.importing import HEAD, confirmed, csv, job, number, rows, submission, uploaded, worked

Stage, State = ImportJob.Stage, ImportRow.State
STATEMENTS = 26  # of a row that is brought in, with its five traces


def drafts() -> list[tuple[str, str, str]]:
    with writing():
        found = Referral.objects.select_related("case__patient").order_by("question")
        return [(each.case.patient.national_number, each.question, each.status) for each in found]


def test_a_list_is_checked_looked_at_and_brought_in(db: None, cast: Cast) -> None:
    found = uploaded(cast.secretary, csv([submission(n) for n in range(3)]))
    assert (found.stage, found.row_count, found.facts["encoding"]) == (Stage.CHECKING, 3, "UTF-8")
    found = worked(found.pk)
    assert (found.stage, found.state, found.checked) == (Stage.PREVIEW, work.State.DONE, 3)
    assert [(row.number, row.state, row.errors) for row in rows(found.pk)] == [(n, "ready", {}) for n in (2, 3, 4)]
    assert drafts() == []
    found = worked(confirmed(cast.secretary, found).pk)
    assert (found.stage, found.storage_name, found.samples) == (Stage.FINISHED, "", [])
    assert drafts() == [(number(n), f"Heelkunde eerst? ({n})", "draft") for n in range(3)]
    assert [(row.state, row.values) for row in rows(found.pk)] == [(State.APPLIED, {})] * 3
    with writing():
        patient = Patient.objects.get(national_number=number(1))
        assert (patient.sex, patient.birth_date, patient.hospital_id) == ("female", date(1941, 2, 2), cast.organiser.pk)
        cases = set(Case.objects.values_list("pk", flat=True))
        assert {row.case_id for row in rows(found.pk)} == cases
        by = AuditEntry.objects.filter(action="import.bring_in").values_list("actor_id", "hospital_id", "detail__row")
        assert list(by.order_by("id")) == [(cast.secretary.pk, cast.organiser.pk, n) for n in (2, 3, 4)]


def test_the_same_list_again_creates_nothing_and_says_so(db: None, cast: Cast) -> None:
    content = csv([submission(n) for n in range(3)])
    worked(confirmed(cast.secretary, worked(uploaded(cast.secretary, content).pk)).pk)
    before = drafts()
    again = worked(uploaded(cast.secretary, content).pk)
    assert [row.state for row in rows(again.pk)] == [State.KNOWN] * 3
    assert all(row.case_id for row in rows(again.pk))
    with pytest.raises(RuleBroken, match="every row is here already"):
        confirmed(cast.secretary, again)
    more = worked(uploaded(cast.secretary, csv([submission(n) for n in range(4)] + [submission(3)])).pk)
    assert [(row.state, row.twin) for row in rows(more.pk)] == [(State.KNOWN, None)] * 3 + [
        (State.READY, None),
        (State.KNOWN, 5),
    ]
    worked(confirmed(cast.secretary, more).pk)
    assert [each for each in drafts() if each not in before] == [(number(3), "Heelkunde eerst? (3)", "draft")]


def test_a_reference_of_ones_own_makes_a_row_the_same(db: None, cast: Cast) -> None:
    head = (*HEAD, "Uniek nummer")
    first = uploaded(cast.secretary, csv([(*submission(1), "A-1"), (*submission(1), "A-2")], head))
    worked(confirmed(cast.secretary, worked(first.pk)).pk)
    assert len(drafts()) == 2
    second = worked(uploaded(cast.secretary, csv([(*submission(1, Vraagstelling="Anders?"), "A-1")], head)).pk)
    assert [row.state for row in rows(second.pk)] == [State.KNOWN]


def test_a_list_may_bring_accession_and_report_numbers(db: None, cast: Cast) -> None:
    head = (*HEAD, "Accessienummers", "Protocolnummer")
    lines = [(*submission(1), "MG-1, CT-2 (AZN)", "B-26-1184"), (*submission(2), "", "")]
    found = worked(uploaded(cast.secretary, csv(lines, head)).pk)
    assert [row.errors for row in rows(found.pk)] == [{}, {}]
    worked(confirmed(cast.secretary, found).pk)
    with writing():
        data = dict(Case.objects.values_list("patient__national_number", "data"))
        changed = AuditEntry.objects.filter(action="case.change").values_list("actor_id", flat=True)
        assert list(changed) == [cast.secretary.pk]
    none = {"dossier": "breast", "version": 2}
    assert data == {
        number(1): none | {"image_references": "MG-1, CT-2 (AZN)", "pathology_numbers": "B-26-1184"},
        number(2): none,
    }


def test_numbers_on_lines_of_their_own_in_a_cell_stay_numbers_of_their_own(db: None, cast: Cast) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append([*HEAD, "Accessienummers", "Protocolnummer"])
    sheet.append([*submission(1), "MG-1\nCT-2  (AZN)", "B-26-1184,\r\n\r\nH26 77; H26 78"])
    content = io.BytesIO()
    book.save(content)
    found = worked(uploaded(cast.secretary, content.getvalue()).pk)
    assert [row.errors for row in rows(found.pk)] == [{}]
    worked(confirmed(cast.secretary, found).pk)
    with writing():
        data = Case.objects.get().data
    assert (data["image_references"], data["pathology_numbers"]) == ("MG-1, CT-2 (AZN)", "B-26-1184, H26 77; H26 78")
    studies = [study for each in worklists().values() for study in each.studies(data)]
    assert {study.number for study in studies} == {"MG-1", "CT-2", "B-26-1184", "H26 77", "H26 78"}


def test_every_mistake_is_said_by_row_and_field(db: None, cast: Cast) -> None:
    make_patient(cast.organiser, family_name="Peeters", birth_date=date(1961, 3, 4), national_number=number(7))
    wrong = [
        submission(0, INSZ="65041235726"),
        submission(1, Aanvraagdatum="31/02/2026"),
        submission(2, Vraagstelling="=HYPERLINK(1)"),
        submission(3, Aanvrager="dr. Niemand", Reden="zomaar"),
        submission(4, Geslacht="man"),
        submission(5, Naam="", INSZ=""),
        submission(7),
        submission(8),
        submission(8, Naam="Iemand Anders", Vraagstelling="Nog iets?"),
        submission(9, Aanvraagdatum="01/01/2100"),
    ]
    found = worked(uploaded(cast.secretary, csv(wrong)).pk)
    said = {row.number: sorted(row.errors) for row in rows(found.pk) if row.state == State.WRONG}
    assert said == {
        2: ["national_number"],
        3: ["requested_on"],
        4: ["question"],
        5: ["reason", "requester"],
        6: ["sex"],
        7: ["family_name", "national_number"],
        8: ["birth_date", "family_name"],
        10: ["national_number"],
    }
    text = json.dumps([row.errors for row in rows(found.pk)], ensure_ascii=False)
    assert "31/02/2026" in text
    with pytest.raises(RuleBroken):
        confirmed(cast.secretary, found)
    assert drafts() == []


def test_the_hospitals_own_number_beside_a_national_one_stays(db: None, cast: Cast) -> None:
    make_patient(cast.organiser, record_number="H-9")
    head = (*HEAD, "Patiëntnummer")
    found = worked(uploaded(cast.secretary, csv([(*submission(1), "H-1"), (*submission(2), "H-9")], head)).pk)
    assert [row.state for row in rows(found.pk)] == [State.READY, State.WRONG]
    assert rows(found.pk)[1].errors == {"other_identifier": ["Een andere patiënt van uw ziekenhuis heeft dit nummer."]}
    worked(confirmed(cast.secretary, worked(uploaded(cast.secretary, csv([(*submission(1), "H-1")], head)).pk)).pk)
    with writing():
        assert Patient.objects.get(national_number=number(1)).record_number == "H-1"


def test_a_row_of_another_hospital_is_refused_and_ones_own_is_not(db: None, cast: Cast) -> None:
    head = (*HEAD, "Ziekenhuis")
    names = [cast.organiser.name, cast.partner_hospital.name, ""]
    found = worked(uploaded(cast.secretary, csv([(*submission(n), name) for n, name in enumerate(names)], head)).pk)
    assert [sorted(row.errors) for row in rows(found.pk)] == [[], ["hospital"], []]


def test_what_another_hospital_knows_is_not_told(db: None, cast: Cast) -> None:
    make_patient(cast.partner_hospital, family_name="Geheim", birth_date=date(1999, 1, 1), national_number=number(1))
    found = worked(confirmed(cast.secretary, worked(uploaded(cast.secretary, csv([submission(1)])).pk)).pk)
    assert (found.stage, [row.state for row in rows(found.pk)]) == (Stage.FINISHED, [State.APPLIED])
    with writing():
        assert set(Patient.objects.values_list("hospital", "family_name")) == {
            (cast.partner_hospital.pk, "Geheim"),
            (cast.organiser.pk, "Vermeersch 1"),
        }


def test_columns_are_chosen_where_the_headers_do_not_say(db: None, cast: Cast) -> None:
    head = ("A", *HEAD[1:])
    found = uploaded(cast.secretary, csv([submission(1)], head))
    assert (found.stage, found.state, found.columns.get("0")) == (Stage.MAPPING, work.State.DONE, None)
    columns = {**found.columns, "0": "national_number"}
    with acting_as(cast.secretary) as by:
        for bad, field in (
            (found.columns, "columns"),
            ({**columns, "1": "given_name"}, "column-2"),
            ({**columns, "99": "sex"}, "columns"),
            ({**columns, "0": "text"}, "columns"),
        ):
            with pytest.raises(Invalid) as refused:
                map_import(by=by, import_id=found.pk, version=found.version, columns=bad, command_id=new_id())
            assert field in refused.value.errors
        map_import(by=by, import_id=found.pk, version=found.version, columns=columns, command_id=new_id())
        with pytest.raises(Stale):
            map_import(by=by, import_id=found.pk, version=found.version, columns=columns, command_id=new_id())
    found = worked(found.pk)
    assert (found.stage, [row.state for row in rows(found.pk)]) == (Stage.PREVIEW, [State.READY])


def test_refused_files_leave_nothing(db: None, cast: Cast) -> None:
    before = sum(1 for _each in storage_files())
    for content in (b"", b"%PDF-1.7", csv([]), csv([submission(1)] * 5_001), b"Naam;naam\n1;2"):
        with pytest.raises(Invalid) as refused:
            uploaded(cast.secretary, content)
        assert list(refused.value.errors) == ["file"]
    with writing():
        assert ImportJob.objects.count() == 0
    assert sum(1 for _each in storage_files()) == before


def storage_files() -> list[str]:
    from pathlib import Path

    return [str(path) for path in Path(storage.location).rglob("*") if path.is_file()]


def test_the_file_lies_encrypted_and_goes(committed: None, cast: Cast) -> None:
    found = uploaded(cast.secretary, csv([submission(1)]))
    path = storage.path(found.storage_name)
    with open(path, "rb") as file:
        assert b"Vermeersch" not in file.read()
    with acting_as(cast.secretary) as by:
        with pytest.raises(RuleBroken):  # while it is there
            upload_import(
                by=by,
                import_id=new_id(),
                what="submissions",
                board_id=None,
                upload=Upload("x", csv([submission(1)])),
                command_id=new_id(),
            )
        discard_import(by=by, import_id=found.pk, version=found.version, command_id=new_id())
    assert path not in storage_files()
    assert (job(found.pk).stage, rows(found.pk)) == (Stage.DISCARDED, [])


def test_who_may_see_and_import(db: None, cast: Cast) -> None:
    found = worked(uploaded(cast.secretary, csv([submission(1)])).pk)
    for name in NAMES:
        with acting_as(cast.members[name]) as by:
            rows_seen = ImportRow.objects.filter(job=found.pk).count()  # by row-level security alone
            if name == "secretary":
                assert rows_seen == 1
                continue
            assert rows_seen == 0, name
            with pytest.raises(NotFound):
                confirm_import(by=by, import_id=found.pk, version=found.version, command_id=new_id())
    for name in ("guest", "privacy", "admin"):
        with pytest.raises(Denied):
            uploaded(cast.members[name], csv([submission(1)]))
    own = worked(uploaded(cast.requester, csv([submission(1), submission(2, Aanvrager="dr. Koen Maes")])).pk)
    assert [sorted(row.errors) for row in rows(own.pk)] == [[], ["requester"]]  # a clinician brings in own cases only


def test_a_right_that_ended_stops_it_and_somebody_else_goes_on(db: None, cast: Cast) -> None:
    found = confirmed(cast.secretary, worked(uploaded(cast.secretary, csv([submission(n) for n in range(2)])).pk))
    with writing():
        role = OrganisationRole.objects.filter(person=cast.secretary.person)
        role.update(valid_until=now())
    found = worked(found.pk)
    assert (found.stage, drafts()) == (Stage.STOPPED, [])
    with writing():
        role.update(valid_until=None)
    found = worked(confirmed(cast.secretary, found).pk)
    assert (found.stage, len(drafts())) == (Stage.FINISHED, 2)


def test_a_row_that_is_refused_at_last_is_left_out_and_said(db: None, cast: Cast) -> None:
    found = confirmed(cast.secretary, worked(uploaded(cast.secretary, csv([submission(1), submission(2)])).pk))
    make_patient(cast.organiser, family_name="Anders", birth_date=date(1961, 3, 4), national_number=number(1))
    found = worked(found.pk)
    assert found.stage == Stage.FINISHED
    first, second = rows(found.pk)
    assert (first.state, sorted(first.errors), second.state) == (
        State.FAILED,
        ["birth_date", "family_name"],
        State.APPLIED,
    )
    assert [each[0] for each in drafts()] == [number(2)]


def killed_in(cast: Cast, row: ImportRow) -> None:
    with acting_as(cast.secretary) as by:
        bring_in_row(by=by, row_id=row.pk)
        raise KeyboardInterrupt


def test_a_killed_worker_leaves_whole_rows_and_the_next_goes_on(committed: None, cast: Cast) -> None:
    """The worker dies in the middle of the third row: two are whole, the third is not there at all, and each is there once at last."""
    found = confirmed(cast.secretary, worked(uploaded(cast.secretary, csv([submission(n) for n in range(5)])).pk))
    with acting(HOUSE, None, "work"):
        assert work.claim(ImportJob, 1) == [found.pk]
    ready = rows(found.pk)
    for row in ready[:2]:
        with acting_as(cast.secretary) as by:
            bring_in_row(by=by, row_id=row.pk)
    with pytest.raises(KeyboardInterrupt):
        killed_in(cast, ready[2])
    assert [row.state for row in rows(found.pk)] == ["applied", "applied", "ready", "ready", "ready"]
    assert len(drafts()) == 2
    with acting_as(cast.secretary) as by:
        bring_in_row(by=by, row_id=ready[0].pk)  # told again: nothing
    sweep()
    assert job(found.pk).stage == Stage.APPLYING  # its lease is another's still
    with writing():
        ImportJob.objects.filter(pk=found.pk).update(leased_until=now())
    sweep()
    assert (job(found.pk).stage, len(drafts())) == (Stage.FINISHED, 5)


def killed_after(cast: Cast, bundle: list[ImportRow]) -> None:
    by = cast.secretary.person
    with acting(by, cast.organiser.pk, "care", action=bring_in_row.action_name, bundle=True):
        for row in bundle:
            bring_in_row(by=by, row_id=row.pk)
        raise KeyboardInterrupt


def test_a_worker_killed_within_a_bundle_leaves_nothing_of_it(committed: None, cast: Cast) -> None:
    found = confirmed(cast.secretary, worked(uploaded(cast.secretary, csv([submission(n) for n in range(5)])).pk))
    with pytest.raises(KeyboardInterrupt):
        killed_after(cast, rows(found.pk)[:3])
    assert ({row.state for row in rows(found.pk)}, drafts()) == ({State.READY}, [])
    assert (worked(found.pk).stage, len(drafts())) == (Stage.FINISHED, 5)


def test_rows_of_a_bundle_share_what_they_ask(committed: None, cast: Cast) -> None:
    """A row costs the same statements whatever their number; one refused in the middle takes none of its neighbours along."""
    costs = []
    for count, first in ((2, 0), (10, 100)):
        content = csv([submission(n) for n in range(first, first + count)])
        found = confirmed(cast.secretary, worked(uploaded(cast.secretary, content).pk))
        with CaptureQueriesContext(connection) as queries:
            worked(found.pk)
        costs.append(len(queries))
    assert (costs[1] - costs[0]) / 8 == STATEMENTS
    found = confirmed(
        cast.secretary, worked(uploaded(cast.secretary, csv([submission(n) for n in range(200, 205)])).pk)
    )
    with writing():
        make_patient(cast.organiser, national_number=number(202), family_name="Anders")
    assert worked(found.pk).stage == Stage.FINISHED
    assert [row.state for row in rows(found.pk)] == ["applied", "applied", "failed", "applied", "applied"]


def test_the_database_takes_a_row_in_once_whatever_the_code_does(db: None, cast: Cast) -> None:
    content = csv([submission(1)])
    first = worked(confirmed(cast.secretary, worked(uploaded(cast.secretary, content).pk)).pk)
    [row] = rows(first.pk)
    with pytest.raises(DatabaseError, match="import_row_once"), transaction.atomic(), writing():
        ImportRow.objects.create(hospital=cast.organiser, job=first, number=99, state=State.APPLIED, key=row.key)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM cases_importrow")  # outside of any action


def test_what_the_house_does_only_the_house_may(db: None, cast: Cast) -> None:
    """And what nobody brings in for thirty days is thrown away, with all that stood in it."""
    found = worked(uploaded(cast.secretary, csv([submission(1)])).pk)
    for act in (finish_import, stop_import, forget_import):
        with acting_as(cast.secretary) as by, pytest.raises(Denied):
            act(by=by, import_id=found.pk)
    [row] = rows(found.pk)
    with acting_as(cast.secretary) as by:
        with pytest.raises(RuleBroken):
            bring_in_row(by=by, row_id=row.pk)
        with pytest.raises(RuleBroken):
            check_import(by=by, import_id=found.pk)
        leave_out_row(by=by, row_id=row.pk, errors={"": ["…"]})
    with acting(HOUSE, None, "work"):
        for act in (finish_import, stop_import, forget_import):
            assert act(by=HOUSE, import_id=found.pk).events == ()
        assert forgotten_imports() == []
    assert (job(found.pk), rows(found.pk)[0].state) == (found, State.READY)
    with clock.frozen(now() + timedelta(days=31)), acting(HOUSE, None, "work"):
        assert forgotten_imports() == [found.pk]
        forget_import(by=HOUSE, import_id=found.pk)
    assert (job(found.pk).stage, job(found.pk).storage_name, rows(found.pk)) == (Stage.DISCARDED, "", [])

"""``/fhir/``: what a hospital's programs read, that it is FHIR R4 by two validators, and what they do not get."""

from __future__ import annotations

import base64
import re
from typing import Any

import fhirkit
import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cases.models import Case
from mdo.kernel import clock
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from mdo.kernel.storage import storage
from meetings.exchange.fhir.tasks import STATUSES
from meetings.models import Report
from meetings.reading_out import KINDS
from tests.cast import Cast
from tests.factories import PDF, make_case, make_patient, writing
from tests.meetings.fhir import FHIR, Made, Program, by_models, complaints, decided, referred

pytestmark = pytest.mark.slow


@pytest.fixture
def made(cast: Cast) -> Made:
    cache.clear()
    return Made(cast)


@pytest.fixture
def program(cast: Cast, made: Made) -> Program:
    return Program(cast, "fhir.read", "fhir.audit")


def test_everything_that_is_answered_is_fhir_by_two_validators(made: Made, program: Program) -> None:
    statement = program.client.get("/fhir/metadata").json()
    assert complaints(statement) == []
    told = {each["type"]: each for each in statement["rest"][0]["resource"]}
    seen: dict[str, int] = {}
    for kind, entry in told.items():
        if {"code": "search-type"} not in entry["interaction"]:
            continue
        found = program.found(f"{kind}?_count=2")
        seen[kind] = len(found)
        for body in found:
            assert complaints(body) == [], body
            if kind == "AuditEvent" and body["id"]:
                continue
            again = program.get(f"{kind}/{body['id']}")
            assert (again.status_code, again.json()) == (200, body)
    assert {kind: count for kind, count in seen.items() if kind != "AuditEvent"} == {
        "CarePlan": 3,
        "Composition": 3,
        "DocumentReference": 3,
        "Patient": 3,
        "ServiceRequest": 10,
        "Task": 50,
    }


@pytest.mark.parametrize(
    "broken",
    [
        {"resourceType": "Patient", "gender": 7},
        {"resourceType": "CarePlan", "status": ["active"], "intent": "plan", "subject": {}},
        {"resourceType": "Composition", "status": "final"},
    ],
)
def test_either_validator_refuses_what_is_broken(broken: dict[str, Any]) -> None:
    assert [each for each in fhirkit.validate(broken) if each.severity == "error"] != []
    assert by_models(broken) != []


def test_what_a_resource_says(cast: Cast, made: Made, program: Program) -> None:
    old, new = (program.get(f"CarePlan/{each.pk}").json() for each in (made.replaced, made.replacing))
    assert (old["status"], new["status"]) == ("revoked", "active")
    assert new["replaces"] == [{"reference": f"CarePlan/{made.replaced.pk}", "type": "CarePlan"}]
    assert [each["bodySite"][0]["coding"][0]["code"] for each in new["contained"]] == ["C50.4", "C50.4"]
    assert new["addresses"] == [{"reference": "#tumour-1"}, {"reference": "#tumour-2"}]
    assert old["description"].startswith("Æ <b>&\r\nUitgebreide")
    assert old["activity"][0]["detail"]["status"] == "cancelled"
    assert new["author"]["display"] == cast.coordinator.person.display_name
    assert new["activity"] == [
        {
            "detail": {
                "status": "not-started",
                "description": "MRI aanvragen",
                "scheduledPeriod": {"end": "2026-12-24"},
                "performer": [{"type": "Practitioner", "display": "dr. Z"}],
            }
        }
    ]
    assert [each["text"] for each in new["note"]] == [
        "Guideline: guideline followed",
        "Trial: trial considered: POSNOC",
        "Informs the patient: the GP",
        "Why this version replaces the one before it: Zijde verwisseld",
    ]
    composition = program.get(f"Composition/{made.replacing.pk}").json()
    assert "MRI aanvragen, dr. Z, 2026-12-24" in composition["section"][1]["text"]["div"]
    assert composition["status"] == "amended"
    assert composition["relatesTo"][0]["targetReference"]["reference"] == f"Composition/{made.replaced.pk}"
    assert "&lt;b&gt;&amp;<br/>" in program.get(f"Composition/{made.replaced.pk}").json()["section"][1]["text"]["div"]
    superseded, current = (
        program.get(f"DocumentReference/{each.pk}").json() for each in (made.replaced, made.replacing)
    )
    assert (superseded["status"], current["status"]) == ("superseded", "current")
    dead, foreign = (program.get(f"Patient/{each.pk}").json() for each in (made.dead, made.foreign))
    assert dead["deceasedDateTime"] == "2026-03-01"
    assert dead["identifier"][0]["value"] == made.dead.national_number
    assert foreign["name"][0]["family"] == "Ελληνίδου"
    assert [each["value"] for each in foreign["identifier"]] == ["P-1", "9001"]
    notes = [each["text"] for each in program.get(f"CarePlan/{made.by_protocol.pk}").json()["note"]]
    assert notes[0].endswith("cT1 zonder klieren")
    assert notes[1].endswith("Eerst MRI")


def test_a_document_stands_alone_and_is_the_same_every_time(made: Made, program: Program) -> None:
    address = f"Bundle/{made.replacing.pk}"
    first = program.get(address)
    assert first.content == program.get(address).content
    assert first.content == program.get(f"Composition/{made.replacing.pk}/$document").content
    body = first.json()
    assert complaints(body) == []
    assert (body["type"], body["entry"][0]["resource"]["resourceType"]) == ("document", "Composition")
    addresses = {each["fullUrl"] for each in body["entry"]}
    base = body["entry"][0]["fullUrl"].removesuffix(f"Composition/{made.replacing.pk}")
    composition = body["entry"][0]["resource"]
    named = [composition["subject"], *composition["author"], composition["custodian"]]
    named += [entry for section in composition["section"] for entry in section.get("entry", ())]
    for each in named:  # the version that it replaces lies outside
        reference = each["reference"]
        assert (reference if reference.startswith("urn:") else base + reference) in addresses


def test_the_pdf_is_served_as_it_is_or_inside_of_json(cast: Cast, made: Made, program: Program) -> None:
    file_id = new_id()
    with writing():
        report = Report.objects.create(
            hospital=cast.organiser,
            kind=Report.Kind.CASE,
            meeting=made.meeting,
            decision=made.replacing,
            edition="signed",
            storage_name=storage.save(storage.name_for(file_id), ContentFile(PDF)),
            size=len(PDF),
            due_at=now(),
        )
    attachment = program.get(f"DocumentReference/{made.replacing.pk}").json()["content"][0]["attachment"]
    assert attachment["contentType"] == "application/pdf"
    address = f"Binary/{report.pk}"
    assert attachment["url"].endswith(address)
    plain = program.get(address, accept="application/pdf")
    assert (plain.status_code, plain.content, plain["Content-Type"]) == (200, PDF, "application/pdf")
    inside = program.get(address, accept=FHIR).json()
    assert complaints(inside) == []
    assert base64.b64decode(inside["data"]) == PDF
    assert Program(cast, organisation=cast.partner_hospital).get(address).status_code == 404


def test_another_hospitals_is_like_nothing_at_all(cast: Cast, made: Made, program: Program) -> None:
    foreign = {
        "Patient": made.case.patient_id,
        "ServiceRequest": made.elsewhere.item.referral_id,
        "Task": f"{made.elsewhere.item.referral_id}.finalise",
        **dict.fromkeys(("CarePlan", "Composition", "DocumentReference", "Bundle", "Binary"), made.elsewhere.pk),
    }
    for kind, key in foreign.items():
        answers = [program.get(f"{kind}/{each}") for each in (key, new_id(), "x", "Patient%2F1", made.of_topic.pk)]
        assert {each.status_code for each in answers} == {404}, kind
        assert len({each.content for each in answers}) == 1, kind
        assert complaints(answers[0].json()) == []
    for kind in ("ServiceRequest", "CarePlan", "Task", "AuditEvent"):
        assert program.get(f"{kind}?patient={made.case.patient_id}").json()["total"] == 0
    there = Program(cast, organisation=cast.partner_hospital)
    assert [each["id"] for each in there.found("CarePlan")] == [str(made.elsewhere.pk)]
    assert there.get(f"CarePlan/{made.unsigned.pk}").status_code == 404
    assert program.get(f"CarePlan/{made.unsigned.pk}").status_code == 404


def test_a_merged_record_says_where_it_went(cast: Cast, made: Made, program: Program) -> None:
    """Whoever may read the patient learns which record took the place of another (Patient.link); for others there is nothing, as before."""
    with writing():
        survivor = Case.objects.get(pk=made.replacing.case_id).patient
        double = make_patient(
            cast.organiser, national_number="", other_identifier="DUBBEL-1", other_identifier_reason="dubbel"
        )
        double.merged_into = survivor
        double.save()
        lonely = make_patient(
            cast.organiser, national_number="", other_identifier="DUBBEL-2", other_identifier_reason="dubbel"
        )
        lonely.merged_into = make_patient(cast.organiser)
        lonely.save()
    answer = program.get(f"Patient/{double.pk}")
    body = answer.json()
    assert (answer.status_code, complaints(body)) == (200, [])
    assert (body["active"], body["link"]) == (
        False,
        [{"other": {"reference": f"Patient/{survivor.pk}", "type": "Patient"}, "type": "replaced-by"}],
    )
    assert {*body} == {"resourceType", "id", "meta", "active", "link"}
    kept = program.get(f"Patient/{survivor.pk}").json()
    assert complaints(kept) == []
    assert kept["link"] == [{"other": {"reference": f"Patient/{double.pk}", "type": "Patient"}, "type": "replaces"}]
    assert str(double.pk) not in {each["id"] for each in program.found("Patient")}
    assert program.get(f"Patient/{lonely.pk}").status_code == 404  # its survivor has no case that may be read
    assert Program(cast, organisation=cast.partner_hospital).get(f"Patient/{double.pk}").status_code == 404
    assert Program(cast, "cases.read").get(f"Patient/{double.pk}").status_code in (403, 404)


def test_each_scope_opens_its_own_and_no_more(cast: Cast, made: Made) -> None:
    narrow = {
        "cases.read": set(),
        "cases.submit": set(),
        "fhir.audit": {"AuditEvent"},
        "fhir.read": set(KINDS) - {"AuditEvent"},
    }
    for scope, opened in narrow.items():
        program = Program(cast, scope)
        for kind in KINDS:
            status = program.get(kind).status_code
            assert status == (200 if kind in opened else 403), (scope, kind)
        status = program.get(f"Bundle/{made.replacing.pk}").status_code
        assert status == (200 if scope == "fhir.read" else 403), scope
    reader = Program(cast, "fhir.read")
    answer = reader.client.get(f"/api/cases/{made.replacing.case_id}", headers=reader.headers)
    assert answer.status_code == 403
    with acting(reader.token, cast.organiser.pk, "care"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cases_case")
        assert cursor.fetchone()[0] == 3
        cursor.execute("SELECT set_config('mdo.action', 'test', true)")
        cursor.execute("UPDATE cases_case SET version = 9")
        assert cursor.rowcount == 0  # a policy of its own, for reading alone
    reader.token.revoked_at = now()
    reader.token.save()
    refused = reader.get("Patient")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert complaints(refused.json()) == []


def test_every_reading_leaves_its_row(cast: Cast, made: Made, program: Program) -> None:
    program.get(f"CarePlan/{made.replacing.pk}")
    program.get(f"Patient/{made.dead.pk}")
    program.get("Patient?_summary=count")
    program.get(f"ServiceRequest?patient={made.two.pk}")
    program.get(f"CarePlan/{made.elsewhere.pk}")
    rows = AuditEntry.objects.filter(actor_id=program.token.pk).order_by("id")
    shown = [str(made.replacing.item.referral_id)]
    assert list(rows.values_list("action", "outcome", "hospital_id", "patient_id", "detail")) == [
        ("decision.read", "ok", cast.organiser.pk, made.two.pk, {}),
        ("patient.read", "ok", cast.organiser.pk, made.dead.pk, {}),
        ("fhir.search", "ok", cast.organiser.pk, None, {"kind": "Patient", "found": 3, "shown": [], "patients": []}),
        (
            "fhir.search",
            "ok",
            cast.organiser.pk,
            None,
            {"kind": "ServiceRequest", "found": 1, "shown": shown, "patients": [str(made.two.pk)]},
        ),
        ("fhir:read", "not_found", None, None, {}),
    ]
    found = program.found(f"AuditEvent?patient={made.two.pk}")
    assert [each["subtype"][0]["code"] for each in found] == ["fhir.search", "decision.read"]
    assert found[0]["agent"][0]["who"]["display"] == "Dossier"


def ids(program: Program, path: str) -> set[str]:
    return {each["id"] for each in program.found(path)}


def test_searching(made: Made, program: Program) -> None:
    ssin = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin"
    number, dead = made.dead.national_number, str(made.dead.pk)
    assert ids(program, f"Patient?identifier={ssin}|{number}") == {dead}
    assert ids(program, f"Patient?identifier={number}") == {dead}
    assert ids(program, "Patient?identifier=http://other|" + number) == set()
    assert ids(program, "Patient?identifier=9001") == {str(made.foreign.pk)}
    posted = program.post("Patient/_search", {"identifier": f"{ssin}|{number}"})
    assert [each["resource"]["id"] for each in posted.json()["entry"]] == [dead]
    assert number not in posted.json()["link"][0]["url"]
    assert len(ids(program, f"ServiceRequest?patient=Patient/{made.foreign.pk}&status=active")) == 4
    assert len(ids(program, "ServiceRequest?status=draft,revoked")) == 2
    assert ids(program, f"CarePlan?patient={made.two.pk}&date=ge2020") == {
        str(made.replaced.pk),
        str(made.replacing.pk),
    }
    assert ids(program, "CarePlan?date=lt2020-02&date=ge2019-12-31T10:00:00Z") == set()
    assert len(ids(program, f"Task?focus=ServiceRequest/{made.replacing.item.referral_id}")) == 5
    assert ids(program, "Task?status=on-hold&_count=1") == {
        each
        for referral in made.referrals
        for each in (
            [f"{referral.pk}.request"]
            if referral.status == "returned"
            else [f"{referral.pk}.schedule", f"{referral.pk}.prepare"]
            if referral.status == "postponed"
            else []
        )
    }
    assert program.get(f"Task/{made.replacing.item.referral_id}.finalise").json()["status"] == "completed"
    assert program.get(f"Task/{made.unsigned.item.referral_id}.finalise").json()["status"] == "in-progress"
    counted = program.get("Task?_summary=count").json()
    assert (counted["total"], "entry" in counted) == (50, False)
    ignored = program.get("CarePlan?colour=blue&_count=5").json()
    assert (ignored["total"], "colour" in ignored["link"][0]["url"]) == (3, False)
    strict = program.get("CarePlan?colour=blue", prefer="handling=strict")
    assert strict.status_code == 400


def test_what_is_made_meanwhile_moves_nothing(cast: Cast, made: Made, program: Program) -> None:
    before = ids(program, "ServiceRequest")
    page = program.get("ServiceRequest?_count=4").json()
    seen = [each["resource"]["id"] for each in page["entry"]]
    referred(cast, made.case_of_two, "submitted")
    while len(page["link"]) > 1:
        page = program.get(page["link"][1]["url"]).json()
        seen += [each["resource"]["id"] for each in page["entry"]]
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


@pytest.mark.parametrize(
    "query",
    [
        "_count=-1",
        "_count=1e9",
        "_count=",
        "_summary=text",
        "_cursor=x",
        "_cursor=WyIwIl0:1x:y",
        "patient=a&patient=b",
        "date=yesterday",
        "date=zz2026",
        "date=9999-12-31T99:00",
        "date=10000",
        "patient=" + "x" * 10_000,
        "patient=%00",
    ],
)
def test_what_cannot_be_read_is_said(made: Made, program: Program, query: str) -> None:
    answer = program.get(f"CarePlan?{query}")
    assert answer.status_code == 400, answer.content
    assert complaints(answer.json()) == []
    assert "x" * 100 not in answer.content.decode()


def test_odd_but_readable(cast: Cast, made: Made, program: Program) -> None:
    for query in ("_count=1000000000", "date=ge0001-01-01", "date=le9999-12-30", "patient='--", "_id=%F0%9F%92%A3"):
        assert program.get(f"CarePlan?{query}").status_code == 200, query
    page = program.get("ServiceRequest?_count=1").json()["link"][1]["url"]
    assert Program(cast).get(page).status_code == 400  # the place of another token
    assert program.get(page.replace("_count=1", "patient=x&_count=1")).status_code == 400  # of another search
    assert program.get("CarePlan", accept="application/xml").status_code == 406
    assert program.get("CarePlan?_format=xml").status_code == 406
    for method in ("put", "post", "delete", "patch"):
        answer = getattr(program.client, method)("/fhir/CarePlan", headers=program.headers)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    sent = program.client.post("/fhir/Patient/_search", "{}", content_type="application/json", headers=program.headers)
    assert sent.status_code == 415
    assert program.get("Observation").status_code == program.get("Patient/1/_history/2").status_code == 404
    assert program.client.get("/fhir/Patient").status_code == 401


def test_a_page_takes_the_same_queries_for_one_and_for_thirty(cast: Cast, made: Made, program: Program) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert program.get(path).status_code == 200
        return len(caught)

    paths = [f"{kind}?_count=100" for kind in KINDS]
    with clock.frozen(now()):  # that a token was used is noted once a minute
        program.get("Patient")
        few = {path: queries(path) for path in paths}
        for number in range(30):
            decided(cast, make_case(cast.organiser, cast.requester.person), made.meeting, 10 + number)
        assert {path: queries(path) for path in paths} == few
    assert max(few.values()) <= 27, few
    with clock.frozen(now()):
        for query, asked in (("", 0), ("&status=completed", 1), ("&status=in-progress", 2), ("&status=on-hold", 0)):
            with CaptureQueriesContext(connection) as caught:
                assert program.get(f"Task?_count=5{query}").status_code == 200
            # Counting and paging ask for signatures only where that decides; the page then reads its own rows' in one query.
            steps = [each["sql"] for each in caught if re.search(r'FROM "cases_referral" (?![U-Z]\d)', each["sql"])]
            assert sum('"meetings_decision"' in sql for sql in steps) == asked, query


def test_each_step_is_counted_and_paged_alike(cast: Cast, made: Made, program: Program) -> None:
    """Whatever status is asked for: the number said is the number of steps that come, page by page, and each has that status."""
    every = {each["id"]: each["status"] for each in program.found("Task")}
    assert len(every) == 50
    for status in sorted(STATUSES):
        wanted = {key for key, stands in every.items() if stands == status}
        assert ids(program, f"Task?status={status}&_count=3") == wanted
        assert program.get(f"Task?status={status}&_summary=count").json()["total"] == len(wanted)
    assert {"completed", "in-progress"} <= set(every.values())


def test_the_page_of_tokens_says_the_scopes_in_words(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.admin.person, backend="django.contrib.auth.backends.ModelBackend")
    text = client.get("/tokens/").content.decode()
    assert "Patiënten, casussen en ondertekende besluiten lezen als FHIR" in text
    assert "Het toegangslogboek van het ziekenhuis lezen als FHIR" in text

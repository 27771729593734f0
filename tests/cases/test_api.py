"""The programs' interface: a Bundle becomes a case, all of it or nothing, and never twice."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from cases.exchange.fhir.observations import _edition
from cases.models import Case, Document, Patient, Received, Referral
from mdo.directory import tokens
from mdo.directory.models import ApiToken, Organisation
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import frozen, now
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.architecture.world import nothing_written
from tests.cases.bundles import BIRTH, LICENCE, LOINC, NAMING, SNOMED, bundle, changed, concept, resource
from tests.cast import Cast
from tests.factories import insz, make_case

HOUSE = System("test")
FHIR = "application/fhir+json"
NOTED = ("directory_apitoken", "cache", "kernel_auditentry")  # that it was used, how often, and what was refused


class Program:
    """A program of a hospital with its token."""

    def __init__(self, cast: Cast, *scopes: str, organisation: Organisation | None = None) -> None:
        self.secret = tokens.new_secret()
        self.token = ApiToken.objects.create(
            organisation=organisation or cast.organiser,
            name="Dossier",
            scopes=scopes or ["cases.submit", "cases.read"],
            digest=tokens.digest(self.secret),
            made_by=cast.admin.person,
            expires_at=now() + timedelta(days=30),
        )
        self.client = Client(raise_request_exception=False)
        self.headers = {"authorization": f"Bearer {self.secret}"}

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/{path}", headers=self.headers)

    def send(self, value: Any, content_type: str = "application/json", **headers: str) -> Any:
        body = value if isinstance(value, bytes) else json.dumps(value)
        sent = self.headers | headers
        return self.client.post("/api/cases/bundles", body, content_type=content_type, headers=sent)


@pytest.fixture
def program(cast: Cast) -> Program:
    cache.clear()
    cast.requester.person.licence_number = LICENCE
    cast.requester.person.save()
    return Program(cast)


def house() -> Any:
    return acting(HOUSE, None, "test")


def test_a_bundle_becomes_a_case(cast: Cast, program: Program) -> None:
    answer = program.send(bundle(), FHIR)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    with house():
        case = Case.objects.select_related("patient").get()
        patient, tumour = case.patient, case.tumours.get()
        referral, document, received = Referral.objects.get(), Document.objects.get(), Received.objects.get()
    assert told == {
        "case_id": str(case.pk),
        "url": f"{settings.MDO_ORIGINS[0]}/cases/{case.pk}/",
        "created": True,
        "remarks": [
            {
                "expression": "Bundle.entry[7].resource",
                "message": "The stage group follows from TNM here; this one is not taken over.",
            }
        ],
    }
    assert (patient.family_name, patient.given_name, patient.birth_date) == ("Vandamme", "Rosa Maria", BIRTH)
    assert (patient.national_number, patient.language, patient.gp_name) == (insz(BIRTH), "fr", "dr. An Lemmens")
    assert (patient.record_number, patient.other_identifier) == ("H-4711", "")
    assert (case.hospital_id, case.requester_id, case.created_by) == (cast.organiser.pk, cast.requester.pk, None)
    assert case.data == {
        "dossier": "breast",
        "version": 2,
        "clinical_summary": "Zelf gevoelde knobbel links.",
        "performance_status": "1",
    }
    assert tumour.data == {
        "dossier": "breast",
        "version": 2,
        "laterality": "left",
        "topography": "C50.4",
        "morphology": "8500/3",
        "grade": "3",
        "clinical_tnm": {"edition": "8", "t": "cT2", "n": "cN1", "m": "cM0"},
        "er_status": "positive",
        "er_percent": 95,
        "pr_status": "negative",
        "pr_percent": 0,
        "her2_ihc": "2+",
        "her2_ish": "not_amplified",
        "ki67": 32,
    }
    assert (referral.status, referral.reason, referral.requested_on.isoformat()) == (
        "draft",
        "new_diagnosis",
        "2026-01-06",  # half past eleven in the evening in UTC is the next day in Brussels
    )
    assert referral.question == "Neoadjuvante therapie of eerst heelkunde?"
    assert (document.kind, document.name, document.uploaded_by) == ("pathology", "APO 26-1234.pdf", None)
    assert received.case_id == case.pk
    traces = AuditEntry.objects.filter(actor_kind="machine", actor_id=program.token.pk).order_by("id")
    assert [(each.action, each.organisation_id, each.hospital_id) for each in traces] == [
        (name, cast.organiser.pk, cast.organiser.pk)
        for name in (
            "patient.register",
            "case.create",
            "referral.create",
            "case.bring_in",
            "case.change",
            "document.add",
            "case.take_in",
        )
    ]


def test_the_same_bundle_makes_nothing_twice(cast: Cast, program: Program) -> None:
    first = program.send(bundle()).json()
    with nothing_written(*NOTED):
        again = program.send(bundle())
        other = program.send(changed("ServiceRequest", note=[{"text": "Iets anders."}]))
    assert (again.status_code, again.json()) == (200, first | {"created": False})
    assert (other.status_code, other.json()["code"]) == (409, "already")
    # The same number in another hospital is another request; the same patient there is another row.
    cast.partner.person.licence_number = LICENCE
    cast.partner.person.save()
    elsewhere = Program(cast, organisation=cast.partner_hospital)
    assert elsewhere.send(bundle()).status_code == 201
    # And a new request for a patient who is known finds the patient again.
    assert program.send(bundle("2026-0816")).status_code == 201
    with house():
        assert (Case.objects.count(), Patient.objects.count()) == (3, 2)


P, C, S, O, D = (f"Bundle.entry[{number}].resource" for number in (0, 1, 3, 4, 15))  # noqa: E741
FOREIGN = {"identifier": {"system": f"{NAMING}nihdi-organization", "value": "71099914000"}}

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "31/02": (changed("Patient", birthDate="1958-02-31"), f"{P}.birthDate", "There is no such date."),
    "half a birth date": (changed("Patient", birthDate="1958"), f"{P}.birthDate", "whole birth date"),
    "wrong national number": (
        changed("Patient", identifier=[{"system": f"{NAMING}ssin", "value": "58070900199"}]),
        f"{P}.identifier[0].value",
        "",
    ),
    "number of somebody born on another day": (changed("Patient", birthDate="1958-07-10"), f"{P}.birthDate", ""),
    "wrong system": (
        changed("Patient", identifier=[{"system": f"{NAMING}SSIN", "value": insz(BIRTH)}]),
        f"{P}.identifier[0].system",
        "Give the national number",
    ),
    "another hospital's number": (
        changed("Patient", identifier=[{"type": concept("x", "MR"), "value": "1", "assigner": FOREIGN}]),
        f"{P}.identifier[0].assigner",
        "Another hospital gave this number.",
    ),
    "another hospital's patient": (
        changed("Patient", managingOrganization=FOREIGN),
        f"{P}.managingOrganization",
        "This is a patient of another hospital.",
    ),
    "unknown element": (changed("Patient", colour="blue"), f"{P}.colour", "FHIR R4 knows no such element here."),
    "reference to nothing": (
        changed("Condition", subject={"reference": "Patient/q"}),
        f"{C}.subject.reference",
        "This reference leads to nothing in the Bundle.",
    ),
    "unknown site": (
        changed("Condition", bodySite=[concept("http://terminology.hl7.org/CodeSystem/icd-o-3", "C99.9")]),
        f"{C}.bodySite[0].coding[0].code",
        "The dossier of this board knows no such site.",
    ),
    "unknown code system": (
        changed("Condition", bodySite=[concept("http://example.org/codes", "1")]),
        f"{C}.bodySite[0].coding[0].system",
        "This code system is not known here.",
    ),
    "withdrawn diagnosis": (
        changed("Condition", verificationStatus=concept("x", "entered-in-error")),
        f"{C}.verificationStatus",
        "This was withdrawn",
    ),
    "other category": (changed("ServiceRequest", category=[concept(SNOMED, "1")]), f"{S}.category", "720006006"),
    "no number": (changed("ServiceRequest", identifier=None), f"{S}.identifier", "Give the request"),
    "no question": (changed("ServiceRequest", reasonCode=None), f"{S}.reasonCode", "Write the question"),
    "request of tomorrow": (changed("ServiceRequest", authoredOn="2999-01-01"), f"{S}.authoredOn", "future"),
    "unknown requester": (
        changed("ServiceRequest", requester={"identifier": {"system": f"{NAMING}nihdi", "value": "19999993140"}}),
        f"{S}.requester.identifier",
        "No clinician of your hospital",
    ),
    "unknown board": (
        changed(
            "ServiceRequest",
            performer=[{"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{new_id()}"}}],
        ),
        f"{S}.performer[0].identifier.value",
        "Your hospital may not refer",
    ),
    "unknown category of TNM": (
        changed("Observation", valueCodeableConcept={"text": "T17"}),
        O,
        "",
    ),
    "no edition": (changed("Observation", method=None), f"{O}.method", "which edition"),
    "no file": (
        changed("DocumentReference", content=[{"attachment": {"url": "http://169.254.169.254/"}}]),
        f"{D}.content[0].attachment.data",
        "no address is followed",
    ),
    "a program under another name": (
        changed("DocumentReference", content=[{"attachment": {"title": "a.pdf", "data": "TVqQAAMAAAAEAAAA//8AALg="}}]),
        f"{D}.content[0].attachment",
        "",
    ),
    "no such resource": (
        {**bundle(), "entry": [{"resource": {"resourceType": "Nix"}}]},
        "Bundle.entry[0].resource.resourceType",
        "FHIR R4 knows no such resource.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_place_and_nothing_is_made(program: Program, name: str) -> None:
    value, place, sentence = WRONG[name]
    with nothing_written(*NOTED):
        answer = program.send(value)
        outcome = program.send(value, FHIR)
    assert answer.status_code == outcome.status_code == 422, answer.content
    errors = answer.json()["errors"]
    assert place in errors, errors
    assert sentence in " ".join(errors[place])
    assert outcome["Content-Type"] == FHIR
    issues = outcome.json()["issue"]
    assert outcome.json()["resourceType"] == "OperationOutcome"
    assert {each["expression"][0] for each in issues} == set(errors)
    assert {each["severity"] for each in issues} == {"error"}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        (b"[" * 100_000, "application/json", 422),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "application/json", 422),
        (b'{"resourceType":"Bundle","x":"\\u0000"}', "application/json", 422),
        (b'{"resourceType":"Bundle","x":"\\ud800"}', "application/json", 422),
        (b'{"resourceType":"Bundle","\\u0000":1}', "application/json", 422),
        (b'{"a":1,"a":2}', "application/json", 422),
        (b'{"a":NaN}', "application/json", 400),
        (b'{"a":' + b"9" * 5000 + b"}", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"resourceType":"Bundle","type":"collection","entry":[null,1,{"resource":[]}]}', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "application/xml", 415),
    ],
)
def test_whatever_the_bytes_are_it_is_our_answer(program: Program, body: bytes, content_type: str, status: int) -> None:
    for accept in ("application/json", FHIR):
        assert program.send(body, content_type, accept=accept).status_code == status


def test_too_much_is_refused_by_size_and_by_rate(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MDO_API_LARGEST", 1000)
    assert program.send(b" " * 1001).status_code == 413
    assert program.send(b"{}".ljust(1000)).status_code == 422
    monkeypatch.setattr(settings, "MDO_API_REQUESTS_A_MINUTE", 2)
    cache.clear()
    with frozen(now()):  # they are counted by the minute
        assert [program.get("boards").status_code for _ in range(4)][-1] == 429
        monkeypatch.setattr(settings, "MDO_API_TRIES_A_MINUTE", 1)
        program.headers = {"authorization": "Bearer mdo_nothing"}
        answers = [program.get("boards") for _ in range(3)]
    assert {each.status_code for each in answers} == {401, 429}
    assert answers[-1]["Retry-After"] == "60"


def test_a_token_opens_what_its_scopes_say_and_a_session_opens_nothing(cast: Cast, program: Program) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    foreign = make_case(cast.third, cast.outsider.person)
    reads, submits, launches = (Program(cast, scope) for scope in ("cases.read", "cases.submit", "launch"))
    signed_in = Client()
    signed_in.force_login(cast.secretary.person, backend="django.contrib.auth.backends.ModelBackend")
    with nothing_written(*NOTED):
        asked = {
            name: (
                each.get(f"cases/{case.pk}").status_code,
                each.send(b"{}").status_code,
                each.get("boards").status_code,
            )
            for name, each in {"reads": reads, "submits": submits, "launches": launches}.items()
        }
        assert asked == {"reads": (200, 403, 403), "submits": (403, 422, 200), "launches": (404, 403, 403)}
        assert [program.get(f"cases/{each}").status_code for each in (foreign.pk, new_id(), "x")] == [404, 404, 422]
        assert signed_in.get(f"/api/cases/{case.pk}").status_code == 401
        assert signed_in.get("/api/nothing/here").status_code == 404
    ApiToken.objects.filter(pk=reads.token.pk).update(revoked_at=now())
    assert reads.get(f"cases/{case.pk}").status_code == 401
    refusals = AuditEntry.objects.filter(actor_id=submits.token.pk).exclude(outcome="ok")
    assert [(each.action, each.outcome) for each in refusals] == [("api:case_state", "forbidden")]


def test_a_case_tells_its_state_and_the_reading_is_written_down(cast: Cast, program: Program) -> None:
    case_id = program.send(bundle()).json()["case_id"]
    state = program.get(f"cases/{case_id}").json()
    (referral,) = state["referrals"]
    assert (state["case_id"], state["documents"], state["version"]) == (case_id, 1, 3)
    assert (referral["status"], referral["board"], referral["requested_on"]) == ("draft", "Borst-MOC", "2026-01-06")
    assert referral["missing"] == ["imaging_findings", "pathology_findings", "wishes"]
    assert "Vandamme" not in json.dumps(state)
    read = AuditEntry.objects.get(action="case.read")
    assert (read.actor_id, str(read.object_id)) == (program.token.pk, case_id)
    assert [(each["name"], each["dossier"]) for each in program.get("boards").json()] == [("Borst-MOC", "breast")]


def test_a_percentage_is_that_of_its_own_code(program: Program) -> None:
    """LOINC has a code of its own for the share of cells with each receptor, one away from that of Ki-67."""
    told = bundle()
    percent = {"85337-4": None, "85329-1": 90, "85339-0": None, "85325-9": 10, "85330-9": 32}
    for entry in told["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Observation" and resource["code"]["coding"][0]["code"] in percent:
            resource.pop("component", None)
            resource.pop("valueQuantity", None)
            resource["valueCodeableConcept"] = concept(SNOMED, "10828004")
            resource.pop("interpretation", None)
    ki67 = next(
        entry["resource"]
        for entry in told["entry"]
        if entry["resource"].get("code", {}).get("coding", [{}])[0].get("code") == "85330-9"
    )
    for code in ("85329-1", "85325-9", "85330-9"):
        quantity = {"value": percent[code], "unit": "%"}
        more = {name: value for name, value in ki67.items() if name not in ("valueCodeableConcept", "id")}
        told["entry"].append({"resource": more | {"code": concept(LOINC, code), "valueQuantity": quantity}})
    told["entry"] = [entry for entry in told["entry"] if entry["resource"] is not ki67]
    assert program.send(told, FHIR).status_code == 201
    with house():
        data = Case.objects.get().tumours.get().data
    shown = {name: data[name] for name in ("er_status", "er_percent", "pr_percent", "ki67")}
    assert shown == {"er_status": "positive", "er_percent": 90, "pr_percent": 10, "ki67": 32}


@pytest.mark.parametrize(("code", "edition"), [("897275008", "8"), ("443830009", "7"), ("444256004", "6")])
def test_editions_by_their_code(code: str, edition: str) -> None:
    assert _edition(concept(SNOMED, code)) == edition


NUMBER = {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}}


def test_accession_numbers_come_along(program: Program) -> None:
    subject = {"reference": "Patient/p"}
    value = bundle()
    resource(value, "DocumentReference")["identifier"] = [{"value": "no accession"}, NUMBER | {"value": "B-26-1184"}]
    value["entry"] += [
        {"resource": each}
        for each in (
            {
                "resourceType": "Specimen",
                "subject": subject,
                "accessionIdentifier": {"value": "B-26-1184"},
                "identifier": [NUMBER | {"value": "H26, 77", "assigner": {"display": "Labo (Noord)"}}],
            },
            {
                "resourceType": "ImagingStudy",
                "status": "available",
                "subject": subject,
                "identifier": [NUMBER | {"value": "MG-1"}, {"value": "urn:oid:1.2.3"}],
            },
            {"resourceType": "Specimen", "subject": subject},
        )
    ]
    answer = program.send(value, FHIR)
    assert answer.status_code == 201, answer.content
    last = len(value["entry"]) - 1
    assert [each["expression"] for each in answer.json()["remarks"]][1:] == [f"Bundle.entry[{last}].resource"]
    with house():
        data = Case.objects.get().data
    assert (data["pathology_numbers"], data["image_references"]) == ("B-26-1184, H26 77 (Labo Noord)", "MG-1")


@pytest.mark.parametrize(
    ("changes", "place", "sentence"),
    [
        ({"status": "entered-in-error"}, "status", "This was withdrawn by whoever wrote it."),
        (
            {"subject": {"reference": "Patient/q"}},
            "subject.reference",
            "This reference leads to nothing in the Bundle.",
        ),
        (
            {"subject": {"reference": "Practitioner/d"}},
            "subject.reference",
            "This reference leads to another kind of resource.",
        ),
        (
            {"accessionIdentifier": {"value": "B" * 600}},
            "accessionIdentifier.value",
            "Ensure this value has at most 500 characters (it has 600).",
        ),
    ],
)
def test_a_specimen_that_cannot_be_right_keeps_everything_out(
    program: Program, changes: dict[str, Any], place: str, sentence: str
) -> None:
    value = bundle()
    specimen = {"resourceType": "Specimen", "accessionIdentifier": {"value": "B-1"}} | changes
    value["entry"] += [{"resource": specimen}]
    resource(value, "Practitioner")["id"] = "d"
    answer = program.send(value)
    assert answer.status_code == 422
    last = len(value["entry"]) - 1
    assert answer.json()["errors"] == {f"Bundle.entry[{last}].resource.{place}": [sentence]}
    with house():
        assert not Case.objects.exists()


def test_two_tumours_are_told_apart_by_focus(program: Program) -> None:
    value = bundle()
    second = json.loads(json.dumps(resource(value, "Condition")))
    second["bodySite"][0]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] = "24028007"
    value["entry"].append({"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000009", "resource": second})
    refused = program.send(value)
    assert refused.status_code == 422
    assert "which of the tumours" in json.dumps(refused.json())
    for entry in value["entry"]:
        if entry["resource"]["resourceType"] == "Observation":
            entry["resource"]["focus"] = [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000009"}]
    assert program.send(value).status_code == 201
    with house():
        tumours = list(Case.objects.get().tumours.order_by("position"))
    assert [(each.data["laterality"], "clinical_tnm" in each.data) for each in tumours] == [
        ("left", False),
        ("right", True),
    ]

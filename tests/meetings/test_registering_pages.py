"""The pages of registration and billing: a meeting's table, a case with both decisions, the printed form, the files."""

import io
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from pypdf import PdfReader

from cases.models import Patient, Tumour
from mdo.directory.models import Person
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings.models import Decision, Meeting, RegistryExport
from meetings.reports.wording import labels
from tests.cast import Cast
from tests.factories import make_meeting, tumour_data, writing
from tests.meetings.acts import house
from tests.meetings.test_registering import client_of, kept, save, signed, test_a_correction_asks_to_look_again
from tests.meetings.test_reporting import text_of

MEETING_QUERIES, EXPORT_QUERIES = 22, 28


def page_of(decision: Decision) -> str:
    return reverse("meetings:registration", args=[decision.meeting_id])


def case_page(decision: Decision) -> str:
    return reverse("meetings:registration_case", args=[decision.meeting_id, decision.item_id])


def sent(**values: Any) -> dict[str, Any]:
    return {
        "command_id": new_id(),
        "version": 0,
        "setting": "ambulatory",
        "requested_on": now().date().replace(day=1).isoformat(),
        "elsewhere": "",
        "1-chronology": "5, 10",
        "1-chosen": "",
        **values,
    }


def test_the_table_of_a_meeting(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    first = signed(cast, meeting=meeting)
    signed(cast, meeting=meeting, at_home=False)
    signed(cast, meeting=meeting, sign=False)
    client = client_of(cast.secretary)
    page = client.get(page_of(first))
    rows = page.context["rows"]
    assert [row.ready for row in rows] == [False, False]
    assert (page.context["unsigned"], page.context["ready"]) == (1, 0)
    assert {each.label for each in rows[0].missing} == {
        "Chronologie van de behandeling",
        "Ambulant of gehospitaliseerd",
    }
    assert {each.who for each in rows[0].missing} == {"wie registreert"}
    save(cast.secretary, first)
    page = client.get(page_of(first))
    assert [row.ready for row in page.context["rows"]] == [True, False]
    # A partner's secretary sees the own case only, others not at all.
    own = client_of(cast.partnersecretary).get(page_of(first)).context["rows"]
    assert [row.entry.decision.hospital_id for row in own] == [cast.partner_hospital.pk]
    for name, status in (("chair", 403), ("requester", 403), ("partner", 403), ("outsider", 404), ("guest", 404)):
        assert client_of(cast.members[name]).get(page_of(first)).status_code == status, name
    listed = AuditEntry.objects.filter(action="registration.listed", actor_id=cast.partnersecretary.pk)
    assert [row.hospital_id for row in listed] == [cast.partner_hospital.pk]
    link = page_of(first)
    assert link in client.get(reverse("meetings:agenda", args=[meeting.pk])).content.decode()
    assert link not in client_of(cast.chair).get(reverse("meetings:agenda", args=[meeting.pk])).content.decode()


def test_a_case_is_filled_in(cast: Cast) -> None:
    decision = signed(cast, tumours=[tumour_data(incidence_date=None)])
    client = client_of(cast.secretary)
    address = case_page(decision)
    page = client.get(address)
    assert (page.status_code, page.context["form"]["1-incidence_date"].value()) == (200, None)
    text = page.content.decode()
    assert all(words in text for words in ("350372 / 350383", "Een nieuwe kanker wordt geregistreerd.", "be-2025"))
    # What is wrong comes back with what was typed.
    refused = client.post(address, sent(**{"1-chronology": "5 12", "1-incidence_date": "2026-03-04"}))
    assert (refused.status_code, refused.context["form"].errors.keys()) == (422, {"1-chronology"})
    assert 'value="5 12"' in refused.content.decode()
    done = client.post(address, sent(**{"1-incidence_date": "04/03/2026"}))
    assert (done.status_code, done["Location"]) == (303, page_of(decision))
    _line, (form,) = kept(decision)
    assert (form.state, form.chronology, form.values["incidence_date"]) == ("complete", ["5", "10"], "2026-03-04")
    page = client.get(address)
    assert page.context["form"]["1-incidence_date"].value() == "2026-03-04"
    assert page.context["form"]["1-chronology"].value() == "5 10"
    stale = client.post(address, sent(setting="hospitalised"))
    assert (stale.status_code, stale.context["form"]["version"].value()) == (409, "1")
    assert "350383" not in stale.content.decode()
    assert client.post(address, sent(version=1, setting="somewhere")).status_code == 422
    with house():
        other = Decision.objects.get(pk=decision.pk)
    for name, status in (("chair", 403), ("partnersecretary", 403), ("outsider", 404)):
        for method in ("get", "post"):
            answer = getattr(client_of(cast.members[name]), method)(
                case_page(other), sent() if method == "post" else {}
            )
            assert answer.status_code == status, (name, method)


def test_what_changed_is_said(cast: Cast) -> None:
    test_a_correction_asks_to_look_again(cast)
    with house():
        decision = Decision.objects.get(version=2)
    client = client_of(cast.secretary)
    assert [row.changed for row in client.get(page_of(decision)).context["rows"]] == [False]
    with house():
        old = Decision.objects.get(version=1)
    line, (form,) = kept(decision)
    with writing():
        for row in (line, form):
            row.decision, row.exported_digest, row.state = old, "0" * 64, "exported"
            row.save()
    page = client.get(case_page(decision))
    assert (page.context["case"].entry.outdated, page.context["case"].changed) == (True, True)
    assert "message-warn" in page.content.decode()


@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
def test_the_form_on_paper(cast: Cast, language: str) -> None:
    decision = signed(cast)
    save(cast.secretary, decision)
    _line, (form,) = kept(decision)
    address = reverse("meetings:registration_form", args=[form.pk])
    client = client_of(cast.secretary)
    cast.secretary.person.language = language
    cast.secretary.person.save(update_fields=["language"])
    page = client.get(address)
    assert (page.status_code, page["Content-Type"], page.content[:5]) == (200, "application/pdf", b"%PDF-")
    reader = PdfReader(io.BytesIO(page.content))
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == language
    words = {"nl": "Nieuwe diagnose", "fr": "Nouveau diagnostic", "de": "Neue Diagnose", "en": "New diagnosis"}
    text = text_of(page.content)
    assert [each for each, said in words.items() if said in text] == [language]
    if language == "nl":
        for name, status in (("chair", 403), ("partnersecretary", 404), ("outsider", 404)):
            assert client_of(cast.members[name]).get(address).status_code == status, name


@pytest.mark.parametrize("what", ["patient", "tumour"])
def test_what_was_changed_since_it_was_saved_is_printed_as_a_draft(cast: Cast, what: str) -> None:
    decision = signed(cast)
    save(cast.secretary, decision)
    _line, (form,) = kept(decision)
    client, address = client_of(cast.secretary), reverse("meetings:registration_form", args=[form.pk])
    with translation.override("nl"):
        draft = labels()["draft"]
    assert draft not in text_of(client.get(address).content)
    with writing():
        if what == "patient":
            Patient.objects.filter(cases=decision.case_id).update(given_name="Anders")
        else:
            Tumour.objects.filter(case=decision.case_id).update(data=tumour_data(laterality="right"))
    assert draft in text_of(client.get(address).content)


def test_what_could_not_be_verified_is_said_of_both(cast: Cast) -> None:
    """Beside the registration and beside the billing, also where nothing is billed; not of rules of which all is certain."""
    decision = signed(cast, people=())
    client = client_of(cast.secretary)
    for language in ("nl", "en"):
        Person.objects.filter(pk=cast.secretary.pk).update(language=language)
        page = client.get(case_page(decision))
        assert page.context["case"].bill.lines == ()
        with translation.override(language):
            sentences = [
                translation.gettext(each) % {"rules": "be-2025"}
                for each in (
                    "The codes and numbers of the rules %(rules)s, and who may ask and take part, were not verified to the letter: compare them before you invoice.",
                    "Which tumours are registered by the rules %(rules)s, as which form and in which columns, was not verified to the letter: compare it before you hand over a file.",
                )
            ]
        assert [page.content.decode().count(each) for each in sentences] == [1, 1]


def test_no_form_no_paper(cast: Cast) -> None:
    decision = signed(cast, reason="recurrence", protocol="DCIS", people=())
    save(cast.secretary, decision)
    _line, (form,) = kept(decision)
    assert client_of(cast.secretary).get(reverse("meetings:registration_form", args=[form.pk])).status_code == 404


def period(decision: Decision) -> dict[str, str]:
    day = timezone.localdate(decision.meeting.starts_at).isoformat()
    return {"since": day, "until": day}


def test_the_files(cast: Cast) -> None:
    decision = signed(cast)
    save(cast.secretary, decision)
    client = client_of(cast.secretary)
    address = reverse("meetings:registry_exports")
    page = client.get(address, period(decision))
    assert [(kind["ready"], kind["new"], kind["waiting"]) for kind in page.context["kinds"]] == [(1, 1, 0), (1, 1, 0)]
    assert client.get(address, {"since": "soon", "until": ""}).status_code == 422
    for since, until, status in (
        ("0001-01-01", "2026-01-31", 422),
        ("2026-01-01", "9999-12-31", 422),
        ("1900-01-01", "2200-01-01", 200),
    ):
        assert client.get(address, {"since": since, "until": until}).status_code == status
        if status == 422:
            asked = {"command_id": new_id(), "export_id": new_id(), "what": "registry", "since": since, "until": until}
            assert client.post(reverse("meetings:registry_export"), asked).status_code == 422
    assert client.get(address).status_code == 200
    made = {"command_id": new_id(), "export_id": new_id(), "what": "registry", **period(decision)}
    for _double_click in range(2):
        done = client.post(reverse("meetings:registry_export"), made)
        assert (done.status_code, done["Location"]) == (303, address)
    (export,) = client.get(address).context["exports"]
    assert export.pk == made["export_id"]
    file = client.get(reverse("meetings:registry_file", args=[export.pk]))
    assert (file.status_code, file["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        assert archive.namelist() == ["registry-be-2025.csv", "manifest.json"]
    assert file["Content-Disposition"].startswith('attachment; filename="registry-2')
    fetched = AuditEntry.objects.get(action="registration.fetched")
    assert (fetched.actor_id, fetched.hospital_id, fetched.detail) == (
        cast.secretary.pk,
        cast.organiser.pk,
        {"export_id": str(export.pk)},
    )
    empty = client.post(
        reverse("meetings:registry_export"),
        {**made, "command_id": new_id(), "export_id": new_id(), "since": "2020-01-01", "until": "2020-01-02"},
    )
    assert empty.status_code == 422
    with house():
        assert RegistryExport.objects.count() == 1
    for name, status in (("chair", 403), ("radiologist", 403), ("requester", 404), ("outsider", 404), ("admin", 404)):
        other: Client = client_of(cast.members[name])
        assert other.get(address).status_code == status, name
        assert other.get(reverse("meetings:registry_file", args=[export.pk])).status_code == 404, name
    partner = client_of(cast.partnersecretary)
    assert partner.get(address).context["exports"].count() == 0
    assert partner.get(reverse("meetings:registry_file", args=[export.pk])).status_code == 404


@pytest.mark.parametrize("rows", [1, 30])
def test_one_row_costs_as_much_as_thirty(cast: Cast, rows: int, django_assert_num_queries: Any) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    for number in range(rows):
        decision = signed(cast, meeting=meeting)
        if number % 2 == 0:
            save(cast.secretary, decision)
    client = client_of(cast.secretary)
    with django_assert_num_queries(MEETING_QUERIES):
        assert len(client.get(page_of(decision)).context["rows"]) == rows
    with django_assert_num_queries(EXPORT_QUERIES):
        kinds = client.get(reverse("meetings:registry_exports"), period(decision)).context["kinds"]
    assert kinds[0]["ready"] == (rows + 1) // 2

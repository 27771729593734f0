"""The same Bundle as a file, brought in by a secretary: looked at first, made when it is confirmed, never twice."""

from __future__ import annotations

import copy
import html
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cases.models import Case, Document
from mdo.kernel.acting import System, acting
from mdo.kernel.ids import new_id
from tests.architecture.world import nothing_written
from tests.cases.bundles import LICENCE, bundle, changed
from tests.cast import Cast, Member

TRACES = ("kernel_auditentry", "django_session", "cache")


@pytest.fixture
def secretary(cast: Cast) -> Client:
    cast.requester.person.licence_number = LICENCE
    cast.requester.person.save()
    return browser(cast.secretary)


def browser(member: Member) -> Client:
    member.person.language = "en"  # read in English what is compared with English
    member.person.save()
    client = Client()
    client.force_login(member.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def look(client: Client, value: Any, **more: str) -> Any:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    sent = {"command_id": str(new_id()), "file": SimpleUploadedFile("export.json", raw)} | more
    return client.post("/cases/import/fhir/", sent)


def confirm(client: Client, looked: Any) -> Any:
    text = looked.content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
    sent = {name: html.unescape(value) for name, value in hidden.items()}
    return client.post("/cases/import/fhir/", sent | {"confirm": "1"})


def test_a_file_is_shown_then_made_and_never_twice(cast: Cast, secretary: Client) -> None:
    with nothing_written(*TRACES):
        looked = look(secretary, bundle())
    shown = looked.content.decode()
    assert looked.status_code == 200
    for words in (
        "Vandamme Rosa Maria",
        "Neoadjuvante therapie of eerst heelkunde?",
        "Borst-MOC",
        "cT2 cN1 cM0",
        "APO 26-1234.pdf",
    ):
        assert words in shown
    assert "The stage group follows from TNM here" in shown
    made = confirm(secretary, looked)
    with acting(System("test"), None, "test"):
        case, document = Case.objects.get(), Document.objects.get()
    assert (made.status_code, made["Location"]) == (302, f"/cases/{case.pk}/")
    assert (case.created_by, document.uploaded_by, case.requester_id) == (
        cast.secretary.person,
        cast.secretary.person,
        cast.requester.pk,
    )
    other = browser(cast.radiologist)
    with nothing_written(*TRACES):
        for again in (confirm(secretary, looked), look(secretary, bundle())):
            assert (again.status_code, again["Location"]) == (302, f"/cases/{case.pk}/")
        # A colleague who may not see that case learns that it came before, and no more.
        colleague = look(other, bundle())
        assert (colleague.status_code, str(case.pk) in colleague.content.decode()) == (422, False)


def test_what_is_wrong_stands_in_the_page_with_its_place(secretary: Client) -> None:
    wrong = copy.deepcopy(changed("Patient", birthDate="1958-02-31"))
    with nothing_written(*TRACES):
        answers = [
            (look(secretary, wrong), "There is no such date."),
            (look(secretary, b"{"), "This is not JSON."),
            (look(secretary, b"\xff"), "The text is not UTF-8."),
            (look(secretary, b"[]"), "This is not a FHIR Bundle."),
            (look(secretary, b" " * (4 * 1024 * 1024 + 1)), "This file is larger than 4 MB"),
            (secretary.post("/cases/import/fhir/", {"command_id": str(new_id())}), "Choose a file."),
        ]
    for answer, sentence in answers:
        assert answer.status_code == 422
        assert sentence in html.unescape(answer.content.decode())
    assert "Bundle.entry[0].resource.birthDate" in answers[0][0].content.decode()


def test_the_file_is_needed_also_after_a_mistake(secretary: Client) -> None:
    for answer in (
        secretary.get("/cases/import/fhir/"),
        secretary.post("/cases/import/fhir/", {"command_id": new_id()}),
    ):
        assert "(optional)" not in answer.content.decode()
    assert answer.status_code == 422
    assert "Choose a file." in answer.content.decode()


def test_the_page_is_for_those_who_bring_in_cases(cast: Cast) -> None:
    for name, status in (("secretary", 200), ("requester", 200), ("outsider", 200), ("admin", 403), ("guest", 403)):
        assert browser(cast.members[name]).get("/cases/import/fhir/").status_code == status, name

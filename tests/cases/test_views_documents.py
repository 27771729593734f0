"""Documents: uploaded, served, shared, taken out."""

import json

import pytest
from django.test import Client

from cases.models import Case
from mdo.kernel.ids import new_id
from tests.cases.pages import (
    now_of,
    png,
    reads,
    sign_in,
    upload,
)
from tests.cast import Cast
from tests.factories import (
    PDF,
    make_document,
)


def test_several_documents_at_once(cast: Cast, secretary: Client, case: Case) -> None:
    answer = upload(secretary, case, PDF, png())
    assert answer["Location"] == f"/cases/{case.pk}/#documents"
    assert [(each.content_type, each.kind) for each in now_of(case)[3]] == [
        ("application/pdf", "imaging"),
        ("image/png", "imaging"),
    ]


def test_sound_files_are_kept_and_the_others_named(cast: Cast, secretary: Client, case: Case) -> None:
    names = ["good.pdf", "program.pdf", "empty.pdf"]
    answer = upload(secretary, case, PDF, b"MZ\x90\x00", b"", names=names)
    assert answer.status_code == 422
    messages = [error["message"] for error in answer.context["errors"]]
    assert [message.split(":")[0] for message in messages] == ["program.pdf", "empty.pdf"]
    assert [each.name for each in now_of(case)[3]] == ["good.pdf"]


def test_bad_uploads(cast: Cast, secretary: Client, case: Case) -> None:
    assert (
        secretary.post(f"/cases/{case.pk}/documents/", {"command_id": str(new_id()), "kind": "other"}).status_code
        == 422
    )
    assert upload(secretary, case, PDF, kind="secret").status_code == 422
    assert upload(secretary, case, PDF, command_id="junk").status_code == 422
    assert upload(sign_in(cast.outsider), case, PDF).status_code == 404
    assert upload(sign_in(cast.partnersecretary), case, PDF).status_code == 404
    assert now_of(case)[3] == []


def test_a_document_is_served_to_be_looked_at_and_never_kept(cast: Cast, secretary: Client, case: Case) -> None:
    document = make_document(case, name="D'Hondt Maria.pdf")
    answer = secretary.get(f"/documents/{document.pk}/")
    assert answer.status_code == 200
    assert answer.content == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'inline; filename="document-{document.pk.hex[-8:]}.pdf"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox;")
    assert answer["Cache-Control"] == "no-store, private"
    assert "Hondt" not in json.dumps(dict(answer.headers))
    assert reads("document") == [document.pk]
    for member in (cast.outsider, cast.partnersecretary, cast.guest, cast.privacy):
        assert sign_in(member).get(f"/documents/{document.pk}/").status_code == 404
    assert reads("document") == [document.pk]


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=10-", 206, 10, len(PDF) - 1),
        ("bytes=-5", 206, len(PDF) - 5, len(PDF) - 1),
        ("bytes=-99999", 206, 0, len(PDF) - 1),
        ("bytes=5-99999", 206, 5, len(PDF) - 1),
        ("bytes=9-5", 200, 0, len(PDF) - 1),
        ("bytes=0-1,3-4", 200, 0, len(PDF) - 1),
        ("lines=1-2", 200, 0, len(PDF) - 1),
        ("bytes=junk", 200, 0, len(PDF) - 1),
        ("bytes=-", 200, 0, len(PDF) - 1),
    ],
)
def test_ranges(cast: Cast, secretary: Client, case: Case, header: str, status: int, start: int, end: int) -> None:
    document = make_document(case)
    answer = secretary.get(f"/documents/{document.pk}/", headers={"range": header})
    assert answer.status_code == status
    assert answer.content == PDF[start : end + 1]
    assert answer["Accept-Ranges"] == "bytes"
    assert answer.headers.get("Content-Range") == (f"bytes {start}-{end}/{len(PDF)}" if status == 206 else None)


def test_ranges_that_cannot_be_and_ranges_of_another_version(cast: Cast, secretary: Client, case: Case) -> None:
    document = make_document(case)
    for header in (f"bytes={len(PDF)}-", "bytes=-0"):
        answer = secretary.get(f"/documents/{document.pk}/", headers={"range": header})
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(PDF)}")
    answer = secretary.get(f"/documents/{document.pk}/", headers={"range": "bytes=0-1", "if-range": '"old"'})
    assert (answer.status_code, answer.content) == (200, PDF)
    assert secretary.head(f"/documents/{document.pk}/")["Content-Length"] == str(len(PDF))


def test_a_file_that_is_gone_is_said_to_be(cast: Cast, secretary: Client, case: Case) -> None:
    from mdo.kernel.storage import storage

    document = make_document(case)
    storage.delete(document.storage_name)
    answer = secretary.get(f"/documents/{document.pk}/")
    assert answer.status_code == 503
    assert "This file cannot be read now" in answer.content.decode()


def test_a_disk_that_takes_nothing_is_said_to_be(
    cast: Cast, secretary: Client, case: Case, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mdo.kernel.storage import storage

    monkeypatch.setattr(storage, "location", "/dev/null/files")
    answer = upload(secretary, case, PDF)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "This file cannot be stored now" in answer.content.decode()
    assert now_of(case)[3] == []
    said = [record.getMessage() for record in caplog.records if record.name == "mdo.kernel.storage"]
    assert said == ["a file cannot be stored below MDO_VAR (Not a directory)"]


def test_sharing_and_taking_out(cast: Cast, secretary: Client, case: Case) -> None:
    document = make_document(case)
    address = f"/documents/{document.pk}/"
    assert secretary.post(f"{address}share/", {"command_id": str(new_id()), "shared": "1"}).status_code == 302
    assert now_of(case)[3][0].shared_with_guests
    data = {"command_id": str(new_id())}
    for _click in range(2):
        assert secretary.post(f"{address}remove/", data)["Location"] == f"/cases/{case.pk}/#documents"
    assert secretary.get(address).status_code == 404
    assert secretary.post(f"{address}share/", {"command_id": str(new_id())}).status_code == 404
    assert secretary.post(f"{address}remove/", {"command_id": "junk"}).status_code == 422
    for what in ("share", "remove"):
        assert sign_in(cast.outsider).post(f"{address}{what}/", {"command_id": str(new_id())}).status_code == 404


def test_nobody_comes_in_without_signing_in(case: Case) -> None:
    for address in (
        "/cases/",
        "/cases/new/",
        f"/cases/{case.pk}/",
        f"/cases/{case.pk}/edit/",
        f"/documents/{case.pk}/",
    ):
        answer = Client().get(address)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")

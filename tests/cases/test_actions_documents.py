"""Documents: added, taken out, shared; and their bytes on disk."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from cases.actions import documents
from cases.actions.documents import AT_MOST, Upload, add_document, remove_document, share_document
from cases.events import CaseChanged, DocumentAdded, DocumentRemoved
from cases.models import Case, Document
from mdo.kernel import ledger
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Unavailable
from mdo.kernel.ids import new_id
from mdo.kernel.storage import storage
from tests.cases.acts import audited, onlookers, row, strangers
from tests.cast import Cast, Member, acting_as
from tests.factories import PDF, make_document, make_referral, writing


def files() -> set[Path]:
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def referred(cast: Cast, status: str = "submitted") -> Case:
    return make_referral(cast.board, cast.organiser, cast.requester.person, status=status).case


def add(member: Member, case: Case, content: bytes = PDF, name: str = "verslag.pdf", **more: Any) -> tuple[Any, Any]:
    document_id = more.pop("document_id", new_id())
    more.setdefault("kind", "pathology")
    more.setdefault("command_id", new_id())
    with acting_as(member) as by:
        upload = Upload(name, content)
        return add_document(by=by, case_id=case.pk, document_id=document_id, upload=upload, **more), document_id


def test_a_document_is_stored_encrypted_under_a_name_that_tells_nothing(cast: Cast) -> None:
    case, before = referred(cast), files()
    done, document_id = add(cast.secretary, case, name="../D'Hondt Maria\n.exe")
    assert done.events == (
        DocumentAdded(document_id=document_id, case_id=case.pk, hospital_id=cast.organiser.pk),
        CaseChanged(case_id=case.pk, hospital_id=cast.organiser.pk, version=2),
    )
    with writing():
        found = Document.objects.get(pk=document_id)
    assert (found.name, found.content_type, found.size, found.pages) == (
        "D'Hondt Maria.pdf",
        "application/pdf",
        len(PDF),
        1,
    )
    assert (found.sha256, found.uploaded_by_id) == (hashlib.sha256(PDF).hexdigest(), cast.secretary.pk)
    (file,) = files() - before
    assert file.read_bytes()[:4] == b"MDO1"
    assert b"%PDF" not in file.read_bytes()
    assert document_id.hex not in str(file)
    with storage.open(found.storage_name) as stored:
        assert stored.read() == PDF
    assert audited("document.add") == [
        row(
            "document.add",
            cast.secretary,
            cast.organiser.pk,
            ["document.added", "case.changed"],
            document_id=document_id,
            case_id=case.pk,
            hospital_id=cast.organiser.pk,
        )
    ]


@pytest.mark.parametrize(
    "content", [b"", b"MZ\x90\x00 a program", b"PK\x03\x04 an archive", b"%PDF-1.4 cut off", PDF + b"more"]
)
def test_what_is_not_what_it_says_is_refused_and_leaves_nothing(cast: Cast, content: bytes) -> None:
    case, before = referred(cast), files()
    with pytest.raises(Invalid) as refused:
        add(cast.secretary, case, content)
    assert list(refused.value.errors) == ["file"]
    with writing():
        assert (case.documents.count(), Case.objects.get(pk=case.pk).version) == (0, 1)
    assert files() == before


def test_the_file_goes_when_the_action_is_undone(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    case, before = referred(cast), files()

    def fails(*_args: object, **_more: object) -> None:
        raise Unavailable("the audit cannot be written")

    monkeypatch.setattr(ledger, "write", fails)
    with pytest.raises(Unavailable):
        add(cast.secretary, case)
    assert files() == before


def test_the_file_goes_when_the_request_is_undone_and_stays_when_it_is_committed(cast: Cast, committed: None) -> None:
    case, before = referred(cast), files()
    meanwhile: list[int] = []

    def a_request_that_fails_later() -> None:
        with acting_as(cast.secretary) as by:
            add_document(
                by=by,
                case_id=case.pk,
                document_id=new_id(),
                kind="other",
                upload=Upload("a.pdf", PDF),
                command_id=new_id(),
            )
            meanwhile.append(len(files() - before))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        a_request_that_fails_later()
    assert meanwhile == [1]
    assert files() == before
    add(cast.secretary, case)
    assert len(files() - before) == 1
    assert connection.run_on_commit == []


def test_refusals(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    case = referred(cast)
    with pytest.raises(Invalid) as refused:
        add(cast.secretary, case, kind="secret")
    assert list(refused.value.errors) == ["kind"]
    with pytest.raises(RuleBroken):
        add(cast.secretary, referred(cast, "discussed"))
    assert AT_MOST == 60
    monkeypatch.setattr(documents, "AT_MOST", 1)
    add(cast.secretary, case)
    with pytest.raises(RuleBroken) as too_many:
        add(cast.secretary, case, PDF + b"\n")
    assert too_many.value.field == "file"


def test_the_same_file_twice(cast: Cast) -> None:
    case = referred(cast)
    _done, document_id = add(cast.secretary, case)
    with pytest.raises(RuleBroken) as refused:
        add(cast.requester, case, name="another name.pdf")
    assert refused.value.field == "file"
    with acting_as(cast.secretary) as by:
        remove_document(by=by, document_id=document_id, command_id=new_id())
    assert len(add(cast.requester, case)[0].events) == 2


def test_strangers_do_not_know_it_and_onlookers_may_not(cast: Cast) -> None:
    case = referred(cast)
    document = make_document(case)
    for members, error in ((strangers(cast), NotFound), (onlookers(cast), Denied)):
        for member in members:
            with pytest.raises(error):
                add(member, case)
            with pytest.raises(error), acting_as(member) as by:
                remove_document(by=by, document_id=document.pk, command_id=new_id())
            with pytest.raises(error), acting_as(member) as by:
                share_document(by=by, document_id=document.pk, shared=True, command_id=new_id())


def test_told_twice_it_is_added_once(cast: Cast) -> None:
    case, document_id, command_id = referred(cast), new_id(), new_id()
    before = files()
    assert not add(cast.secretary, case, document_id=document_id, command_id=command_id)[0].replayed
    assert add(cast.secretary, case, document_id=document_id, command_id=command_id)[0].replayed
    assert len(files() - before) == 1


def test_a_document_is_taken_out_and_its_bytes_stay(cast: Cast) -> None:
    case = referred(cast)
    document, command_id = make_document(case), new_id()
    with acting_as(cast.requester) as by:
        done = remove_document(by=by, document_id=document.pk, command_id=command_id)
    assert done.events == (
        DocumentRemoved(document_id=document.pk, case_id=case.pk, hospital_id=cast.organiser.pk),
        CaseChanged(case_id=case.pk, hospital_id=cast.organiser.pk, version=2),
    )
    assert storage.exists(document.storage_name)
    with acting_as(cast.requester) as by:
        assert remove_document(by=by, document_id=document.pk, command_id=command_id).replayed
    for action, more in ((remove_document, {}), (share_document, {"shared": True})):
        with pytest.raises(NotFound), acting_as(cast.requester) as by:
            action(by=by, document_id=document.pk, command_id=new_id(), **more)
    assert audited("document.remove") == [
        row(
            "document.remove",
            cast.requester,
            cast.organiser.pk,
            ["document.removed", "case.changed"],
            document_id=document.pk,
            case_id=case.pk,
            hospital_id=cast.organiser.pk,
        )
    ]


def test_a_document_is_shared_with_guests_and_closed_again(cast: Cast) -> None:
    case = referred(cast)
    document = make_document(case)
    for number, shared in enumerate((True, False), start=2):
        with acting_as(cast.secretary) as by:
            done = share_document(by=by, document_id=document.pk, shared=shared, command_id=new_id())
        assert done.events == (CaseChanged(case_id=case.pk, hospital_id=cast.organiser.pk, version=number),)
        with writing():
            assert Document.objects.get(pk=document.pk).shared_with_guests is shared
    expected = row(
        "document.share",
        cast.secretary,
        cast.organiser.pk,
        ["case.changed"],
        case_id=case.pk,
        hospital_id=cast.organiser.pk,
    )
    assert audited("document.share") == [expected, expected]

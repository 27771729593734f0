"""Files are shown to the virus scanner before they are kept; what it finds, and what nobody looked at, is not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases import scanning
from cases.actions import documents
from cases.actions.documents import Upload, add_document
from cases.actions.importing import upload_import
from cases.models import Document
from mdo.kernel.errors import Invalid, Unavailable
from mdo.kernel.ids import new_id
from tests.cast import Cast, acting_as
from tests.clamav import INFECTED, NAME, clamd  # noqa: F401 (a fixture)
from tests.factories import PDF, make_referral
from tests.ports import free_port

LIST = b"Naam,Voornaam\nPeeters,An\n"
BAD = PDF.replace(b"xref\n0 4", INFECTED + b"\nxref\n0 4").replace(b"\n164\n", b"\n%d\n" % (164 + len(INFECTED) + 1))


@pytest.fixture
def scanner(clamd, settings):  # noqa: F811
    settings.MDO_CLAMAV = clamd


def add(cast: Cast, content: bytes) -> None:
    case = make_referral(cast.board, cast.organiser, cast.requester.person, status="submitted").case
    with acting_as(cast.secretary) as by:
        add_document(
            by=by, case_id=case.pk, document_id=new_id(), kind="pathology", upload=Upload("a.pdf", content),
            command_id=new_id(),
        )  # fmt: skip


def files() -> set[Path]:
    return {path for path in Path(configured.MEDIA_ROOT).rglob("*") if path.is_file()}


def test_the_infected_file_is_a_sound_one_but_for_that():
    from cases.coding.documents import inspect

    assert inspect(BytesIO(BAD)).content_type == "application/pdf"


def test_a_clean_document_is_kept(cast, scanner):
    before = files()
    add(cast, PDF)
    assert len(files() - before) == 1


def test_an_infected_document_is_refused_and_nothing_of_it_stays(cast, scanner):
    before = files()
    with pytest.raises(Invalid) as refused:
        add(cast, BAD)
    assert refused.value.errors == {"file": [f"A virus was found in this file ({NAME}.UNOFFICIAL). It was not kept."]}
    assert files() == before


def test_an_infected_list_is_refused(cast, scanner):
    with pytest.raises(Invalid) as refused, acting_as(cast.secretary) as by:
        upload_import(
            by=by, import_id=new_id(), what="submissions", board_id=cast.board.pk,
            upload=Upload("", LIST + INFECTED + b",x\n"), command_id=uuid4(),
        )  # fmt: skip
    assert "A virus was found" in refused.value.errors["file"][0]


def test_without_a_scanner_nobody_looks(cast, settings):
    """The control: the same file is kept where none is named."""
    settings.MDO_CLAMAV = None
    add(cast, BAD)


def test_while_the_scanner_is_away_nothing_is_kept(cast, settings, tmp_path):
    for place in (str(tmp_path / "no-socket"), ("127.0.0.1", _nobody())):
        settings.MDO_CLAMAV = place
        with pytest.raises(Unavailable, match="does not answer"):
            add(cast, PDF)


def test_a_scanner_that_says_nothing_is_not_waited_for(cast, settings, monkeypatch):
    monkeypatch.setattr(scanning, "ANSWERS_WITHIN_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.MDO_CLAMAV = silent.getsockname()[:2]
        with pytest.raises(Unavailable):
            add(cast, PDF)


def test_a_scanner_that_hangs_with_a_full_queue_is_not_waited_for(cast, settings, monkeypatch, tmp_path):
    monkeypatch.setattr(scanning, "ANSWERS_WITHIN_S", 1)
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as frozen, ExitStack() as waiting:
        frozen.bind(path)
        frozen.listen(0)

        def wait_in_line() -> int:
            each = waiting.enter_context(socket.socket(socket.AF_UNIX))
            each.setblocking(False)
            return each.connect_ex(path)

        while wait_in_line() == 0:
            pass
        settings.MDO_CLAMAV = path
        with pytest.raises(Unavailable):
            add(cast, PDF)


@contextmanager
def trickling() -> Iterator[tuple[str, int]]:
    """The address of a scanner that says a letter each fifth of a second, and after six seconds that nothing was found."""
    over = threading.Event()

    def serve() -> None:
        line, _address = server.accept()
        with line, suppress(OSError):
            shown = b""
            while not shown.endswith(bytes(4)) and (part := line.recv(65_536)):
                shown += part
            for letter in b" " * 30 + b"stream: OK\n":
                if letter == 0x20 and over.wait(0.2):
                    return
                line.sendall(bytes([letter]))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[:2]
        finally:
            over.set()
            thread.join()


def test_one_that_never_comes_to_an_end_is_not_waited_for(cast, settings, monkeypatch):
    """The limit is one over all, not one for each letter."""
    monkeypatch.setattr(scanning, "ANSWERS_WITHIN_S", 1)
    with trickling() as settings.MDO_CLAMAV, pytest.raises(Unavailable):
        add(cast, PDF)


def test_nobody_waits_for_the_case_while_the_scanner_looks(cast, settings, monkeypatch):
    case = make_referral(cast.board, cast.organiser, cast.requester.person, status="submitted").case
    locked: list[bool] = []

    def look(content: bytes) -> None:
        asked = [each["sql"] for each in statements.captured_queries]
        locked.append(any('FROM "cases_case"' in each and "FOR UPDATE" in each for each in asked))

    monkeypatch.setattr(documents, "refuse_infected", look)
    with acting_as(cast.secretary) as by, CaptureQueriesContext(connection) as statements:
        add_document(
            by=by, case_id=case.pk, document_id=new_id(), kind="pathology", upload=Upload("a.pdf", PDF),
            command_id=new_id(),
        )  # fmt: skip
        look(b"")
    assert locked == [False, True]  # and the control: it is afterwards


def test_that_it_is_away_is_in_the_log(cast, settings, caplog):
    settings.MDO_CLAMAV = ("127.0.0.1", _nobody())
    with pytest.raises(Unavailable):
        add(cast, PDF)
    assert "the virus scanner does not answer (ConnectionRefusedError)" in caplog.messages


def test_whether_it_is_there(settings, clamd, tmp_path):  # noqa: F811
    assert [_there(settings, place) for place in (clamd, str(tmp_path / "no-socket"), None)] == [True, False, None]


def _there(settings, place):
    settings.MDO_CLAMAV = place
    return scanning.answers()


def test_the_page_says_so(cast, settings, client):
    from django.urls import reverse

    settings.MDO_CLAMAV = ("127.0.0.1", _nobody())
    case = make_referral(cast.board, cast.organiser, cast.requester.person, status="submitted").case
    client.force_login(cast.secretary.person)
    file = SimpleUploadedFile("a.pdf", PDF)
    sent = {"kind": "pathology", "command_id": str(uuid4()), "documents": [file]}
    answer = client.post(reverse("cases:upload", args=[case.pk]), sent)
    assert answer.status_code == 503
    assert not Document.objects.exists()


def _nobody() -> int:
    return free_port()

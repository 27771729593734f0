"""Files of open pages outlive their release; whoever waits for an answer gets it from a process that ends."""

from __future__ import annotations

import logging
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import RequestFactory

from mdo import kept_files
from mdo.cli.process import Child, Program
from tests.parts import answers, child_environment, until
from tests.ports import free_port


@pytest.fixture
def var(settings, tmp_path):
    settings.MDO_VAR = tmp_path / "var"
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    return settings.MDO_VAR


def release(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text)
    return folder


def get(files, path):
    answer = files(RequestFactory().get(path))
    body = b"".join(answer)
    answer.close()
    return answer.status_code, body


def test_a_page_of_either_release_finds_its_files_at_either(var, tmp_path):
    """The old process was there before the new files, the new one knows nothing of the old ones."""
    old = kept_files.Files(lambda request: HttpResponse("not here", status=404))
    kept_files.keep(release(tmp_path / "old", room_1="old"))
    kept_files.keep(release(tmp_path / "new", room_2="new"))
    new = kept_files.Files(lambda request: HttpResponse("not here", status=404))
    for files in (old, new):
        assert get(files, "/static/assets/room_1.js") == (200, b"old")
        assert get(files, "/static/assets/room_2.js") == (200, b"new")
        answer = files(RequestFactory().get("/static/assets/room_1.js"))
        assert "immutable" in answer["Cache-Control"]
        assert answer["Content-Type"].startswith("text/javascript")
        answer.close()


def test_what_was_not_kept_is_not_there(var, tmp_path):
    """The control, and what somebody may try."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "keys").write_text("secret")
    kept_files.keep(release(tmp_path / "old", room_1="old"))
    files = kept_files.Files(lambda request: HttpResponse("not here", status=404))
    for path in ("room_2.js", "../keys", "..%2fkeys", ".room_1.js.1", "", "room_1.js/", "room_1.js.gz"):
        assert get(files, f"/static/assets/{path}") == (404, b"not here")


def test_what_no_release_has_used_for_a_month_goes(var, tmp_path):
    kept_files.keep(release(tmp_path / "old", room_1="old", shared="both"))
    long_ago = time.time() - kept_files.KEPT_S - 60
    for file in kept_files.folder().iterdir():
        os.utime(file, (long_ago, long_ago))
    kept_files.keep(release(tmp_path / "new", room_2="new", shared="both"))
    assert sorted(file.name for file in kept_files.folder().iterdir()) == ["room_2.js", "shared.js"]


def test_a_folder_that_cannot_be_written_stops_nobody(var, tmp_path, caplog, monkeypatch):
    """Root too: it can write in any folder, but not in a file. The logger is one that no other test has bent."""
    logger = logging.Logger(kept_files.logger.name)
    logger.addHandler(caplog.handler)
    monkeypatch.setattr(kept_files, "logger", logger)
    var.write_text("a file, no folder")
    kept_files.keep(release(tmp_path / "old", room_1="old"))
    assert "could not be kept: Not a directory" in caplog.text
    assert var.read_text() == "a file, no folder"


SERVE = "import mdo.server as server; server.ANSWERED_WITHIN_S = {seconds}; server.serve()"


@pytest.mark.parametrize(("seconds", "answered"), [(10, True), (0, False)])
def test_who_waits_for_an_answer_gets_it_from_a_process_that_ends(committed, tmp_path, seconds, answered):
    """Without waiting for it, which is the control, the line is cut."""
    import sys

    port = free_port()
    program = Program(
        f"ending{seconds}",
        [sys.executable, "-c", SERVE.format(seconds=seconds)],
        child_environment() | {"MDO_PORT": str(port)},
        tmp_path / "log",
    )
    child = Child.start(program, tmp_path)
    at = django_settings.DATABASES["owner"]
    line = {
        "dbname": at["NAME"],
        "user": at["USER"],
        "password": at["PASSWORD"],
        "host": at["HOST"],
        "port": at["PORT"],
    }
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the server", log=program.log)
        with (
            psycopg.connect(**{key: word or None for key, word in line.items()}) as owner,
            ThreadPoolExecutor(1) as pool,
        ):
            owner.execute("LOCK TABLE django_migrations")
            asked = pool.submit(
                lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz/web", timeout=30).status
            )
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'django_migrations'::regclass"
            until(lambda: owner.execute(waits).fetchone(), "somebody who waits")
            child.ask_to_stop()
            if answered:
                until(lambda: not answers(f"http://127.0.0.1:{port}/healthz"), "a server that takes nobody any more")
                owner.rollback()
                assert asked.result() == 200
            else:
                with pytest.raises(OSError):
                    asked.result()
                assert child.process.wait(10) == 0  # while the request hangs on
                owner.rollback()
    finally:
        child.wait_or_kill()

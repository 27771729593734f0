"""A list of 2,000 submissions, from its upload to its last case, as XLSX and as CSV; and one of 50,000 rows, which is refused.

``make bench-imports`` writes ``var/bench-imports.json``: seconds of the clock and of this process's processor, with the load of the machine
before. Pages are asked through Django's client, the work is the worker's own (``meetings.importing.work_on``, in its slices). The memory is
that of a process of its own that opens the large list, less that of one which opens ten rows. Asserts that every row became a case, and
that the large list is refused; nothing about time.
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cases.exchange.tables import MOST_ROWS
from cases.models import Case, ImportJob
from mdo.environment import BASE_DIR
from mdo.kernel.acting import System
from mdo.kernel.ids import new_id
from meetings.importing import work_on
from tests.cast import Cast
from tests.meetings.acts import house
from tests.meetings.importing import HEAD, csv, job, submission

ROWS, TOO_MANY = 2_000, 50_000
Stage = ImportJob.Stage


def workbook(rows: list[tuple[str, ...]]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (HEAD, *rows):
        sheet.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def timed(act: Any) -> tuple[Any, dict[str, float]]:
    wall, cpu = perf_counter(), process_time()
    found = act()
    return found, {"s": round(perf_counter() - wall, 2), "cpu_s": round(process_time() - cpu, 2)}


def until(job_id: Any, stage: str) -> ImportJob:
    while (found := job(job_id)).stage != stage:
        assert found.stage in (Stage.CHECKING, Stage.APPLYING), found.stage
        work_on(System("sweep"), job_id)
    return found


def brought_in(client: Client, content: bytes) -> dict[str, Any]:
    def upload() -> Any:
        sent = {"command_id": str(new_id()), "file": SimpleUploadedFile("lijst", content)}
        answer = client.post("/imports/", sent)
        assert answer.status_code == 303, answer.content.decode()[:2000]
        return answer["Location"].rstrip("/").rpartition("/")[2]

    def confirm() -> None:
        page = client.get(f"/imports/{job_id}/")
        assert page.status_code == 200
        sent = {"command_id": str(new_id()), "version": str(job(job_id).version)}
        assert client.post(f"/imports/{job_id}/confirm/", sent).status_code == 303

    told: dict[str, Any] = {"kilobytes": len(content) // 1024, "load": round(os.getloadavg()[0], 1)}
    job_id, told["uploaded"] = timed(upload)
    _found, told["checked"] = timed(lambda: until(job_id, Stage.PREVIEW))
    _none, told["confirmed"] = timed(confirm)
    _found, told["brought_in"] = timed(lambda: until(job_id, Stage.FINISHED))
    for unit in ("s", "cpu_s"):
        told[f"all_{unit}"] = round(sum(each[unit] for each in told.values() if isinstance(each, dict)), 1)
    return told


def memory(path: Path) -> tuple[int, str]:
    """Megabytes at most of a process that opens such a list and reads its rows, and what it said."""
    call = [sys.executable, "-m", "tests.bench.reading_memory", str(path)]
    said = subprocess.run(call, cwd=BASE_DIR, env=dict(os.environ), capture_output=True, text=True, check=True)
    found = json.loads(said.stdout.splitlines()[-1])
    return found["mb"], found["said"]


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_two_thousand(committed: None, cast: Cast, kind: str) -> None:
    rows = [submission(n) for n in range(ROWS)]
    client = Client()
    client.force_login(cast.secretary.person)
    told = brought_in(client, workbook(rows) if kind == "xlsx" else csv(rows))
    with house():
        assert Case.objects.count() == ROWS
    keep(f"{ROWS}_{kind}", told)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_fifty_thousand_are_refused(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{count}.{kind}" for count in (10, TOO_MANY)]
    for path in paths:
        rows = [submission(n) for n in range(int(path.stem))]
        path.write_bytes(workbook(rows) if kind == "xlsx" else csv(rows))
    (few, said), (many, refused) = map(memory, paths)
    assert (said, refused) == ("10 rows", "too_many_rows")
    assert TOO_MANY > MOST_ROWS
    keep(f"{TOO_MANY}_{kind}", {"mb": many, "mb_of_ten_rows": few, "more_mb": many - few})


def keep(name: str, told: dict[str, Any]) -> None:
    path = BASE_DIR / "var" / "bench-imports.json"
    path.parent.mkdir(exist_ok=True)
    kept = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(kept | {name: told}, indent=1) + "\n")
    print(name, told)

"""`make test` says what it lacks, and counts what it ran."""

import os
import subprocess

import pytest

from mdo.cli import checks
from mdo.cli.checks import Run
from mdo.cli.home import CannotRun

GREEN = '<testsuites><testsuite tests="3" failures="0" errors="0" skipped="0"/></testsuites>'
RED = '<testsuites><testsuite tests="3" failures="1" errors="1" skipped="0"/></testsuites>'
SKIPPING = '<testsuites><testsuite tests="3" failures="0" errors="0" skipped="1"/></testsuites>'


def test_a_missing_chromium_is_said_where_it_may_not_be_installed(monkeypatch):
    monkeypatch.setattr(checks, "find_chromium", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotRun) as caught:
        checks.provide_chromium()
    assert "apt-get install chromium" in str(caught.value)


def test_a_missing_chromium_is_installed_with_apt_where_it_may_be(monkeypatch, capsys, tmp_path):
    """A stand-in apt-get on the path: the real one would change the machine that the tests run on."""
    log = tmp_path / "log"
    apt = tmp_path / "apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" = update ] || {{ echo "#!/bin/sh" > {tmp_path}/chromium; chmod 755 {tmp_path}/chromium; }}\n'
    )
    apt.chmod(0o755)
    monkeypatch.setattr(checks, "CHROMIUM", ("chromium",))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", with_path(subprocess.run))
    checks.provide_chromium()
    assert log.read_text().splitlines() == ["update", "install -y --no-install-recommends chromium"]
    assert "Chromium is missing: installing" in capsys.readouterr().out


def with_path(run):
    """The stand-in is a shell script and needs the ordinary programs."""

    def wrapped(command, env, **options):
        return run(command, env={**env, "PATH": f"{env['PATH']}:/usr/bin:/bin"}, **options)

    return wrapped


@pytest.mark.parametrize(
    ("reports", "code", "last"),
    [
        ([GREEN, GREEN], 0, "6 passed, 0 failed"),
        ([GREEN, RED], 1, "4 passed, 2 failed"),
        ([SKIPPING], 1, "2 passed, 0 failed"),
    ],
)
def test_the_last_line_counts_everything(tmp_path, capsys, reports, code, last):
    for number, report in enumerate(reports):
        (tmp_path / f"{number}.xml").write_text(report)
    assert Run({}, tmp_path).close() == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_a_failed_step_fails_the_run_and_shows_its_words(tmp_path, capsys):
    run = Run(dict(os.environ), tmp_path)
    assert run.step("good", ["/bin/sh", "-c", "echo quiet"]) is True
    assert run.step("bad", ["/bin/sh", "-c", "echo the reason; exit 1"]) is False
    said = capsys.readouterr().out
    assert ("the reason" in said, "quiet" in said) == (True, False)
    assert run.close() == 1

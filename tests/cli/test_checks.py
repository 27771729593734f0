"""`make test` says what it lacks, and counts what it ran."""

import os
import subprocess
from threading import Barrier

import pytest

from mdo.cli.checks import NEEDED, Run, beside, provide
from mdo.cli.home import CannotRun

GREEN = '<testsuites><testsuite tests="3" failures="0" errors="0" skipped="0"/></testsuites>'
RED = '<testsuites><testsuite tests="3" failures="1" errors="1" skipped="0"/></testsuites>'
SKIPPING = '<testsuites><testsuite tests="3" failures="0" errors="0" skipped="1"/></testsuites>'


@pytest.mark.parametrize("needed", NEEDED, ids=lambda needed: needed.package)
def test_what_is_missing_is_said_where_it_may_not_be_installed(monkeypatch, tmp_path, needed):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRun) as caught:
        provide(needed)
    assert f"apt-get install {needed.package}" in str(caught.value)


@pytest.mark.parametrize("needed", NEEDED, ids=lambda needed: needed.package)
def test_what_is_missing_is_installed_with_apt_where_it_may_be(monkeypatch, capsys, tmp_path, needed):
    """Stand-ins on the path: the real ones would change the machine that the tests run on."""
    log = tmp_path / "log"
    program = tmp_path / needed.programs[0]
    stand_in(tmp_path / "systemctl", f'echo systemctl "$@" >> {log}; exit 1')
    stand_in(
        tmp_path / "apt-get",
        f'echo "$@" >> {log}; [ "$1" = update ] || {{ echo "#!/bin/sh" > {program}; chmod 755 {program}; }}',
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", with_path(subprocess.run))
    provide(needed)
    stopped = [f"systemctl disable --now {needed.service}"] if needed.service else []
    install = f"install -y --no-install-recommends {needed.package}"
    assert log.read_text().splitlines() == ["update", install, *stopped]
    assert f"{needed.name} is missing: installing" in capsys.readouterr().out
    provide(needed)  # it is there now
    assert len(log.read_text().splitlines()) == 2 + len(stopped)


def test_an_install_that_fails_says_so(monkeypatch, tmp_path):
    (needed,) = [each for each in NEEDED if each.package == "coturn"]
    stand_in(tmp_path / "apt-get", "echo no such package; exit 100")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", with_path(subprocess.run))
    with pytest.raises(CannotRun, match="no such package"):
        provide(needed)


def stand_in(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


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


def test_parts_beside_each_other_run_at_the_same_time_and_none_fails_unheard():
    meet = Barrier(2, timeout=30)
    beside(meet.wait, meet.wait)

    def fails() -> None:
        raise CannotRun("no such program")

    with pytest.raises(CannotRun, match="no such program"):
        beside(lambda: None, fails)

"""From a clone to installed programs: what is missing is said, what did not change is not done again."""

import socket
import sys
from contextlib import nullcontext

import pytest

from mdo.cli import bootstrap, programs, servers
from mdo.cli.bootstrap import Missing, node_is_good
from mdo.cli.home import CannotRun, Home
from mdo.cli.steps import Steps, fingerprint


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("v18.19.0", False),
        ("v20.18.9", False),
        ("v20.19.0", True),
        ("v20.20.2\n", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v23.0.0", True),
        ("v26.1.0", True),
        ("", False),
        ("node", False),
    ],
)
def test_node_is_good(version, good):
    assert node_is_good(version) is good


def test_a_taken_port(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("MDO_PORT", port)
        with pytest.raises(Missing) as caught:
            bootstrap.check_port()
    assert str(caught.value) == f"Port {port} on 127.0.0.1 is taken. Choose another one: MDO_PORT=8001 make run"
    bootstrap.check_port()


@pytest.mark.parametrize("junk", ["", "http", "0", "70000", "-1"])
def test_a_port_that_is_none(monkeypatch, junk):
    monkeypatch.setenv("MDO_PORT", junk)
    with pytest.raises(Missing) as caught:
        bootstrap.check_port()
    assert str(caught.value) == f"MDO_PORT: must be a whole number from 1 to 65535, not {junk!r}."


def test_a_step_is_left_out_when_nothing_changed(tmp_path, capsys):
    done = []
    steps = Steps()
    for mark in ("one", "one", "two"):
        steps.run("Work", lambda: done.append(1), tmp_path / "stamp", mark)
    assert done == [1, 1]
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["…", "s", "unchanged", "…", "s"]


def test_a_step_that_was_cut_short_is_done_again(tmp_path):
    def fail():
        raise Missing("no")

    steps = Steps()
    steps.run("Work", lambda: None, tmp_path / "stamp", "one")
    with pytest.raises(Missing):
        steps.run("Work", fail, tmp_path / "stamp", "two")
    assert steps.run("Work", lambda: None, tmp_path / "stamp", "one") is True


def test_a_fingerprint_sees_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("x")
    first = fingerprint([tmp_path])
    (tmp_path / "a").write_text("y")
    second = fingerprint([tmp_path])
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, fingerprint([tmp_path]), fingerprint([tmp_path], "word")}) == 4


@pytest.mark.parametrize(("command", "last"), [("build", "Static files"), ("up", "Translations")])
def test_an_installation_is_built_with_its_static_files(monkeypatch, command, last):
    """Whoever runs the site later may not write into the program's folder."""
    told = []

    class Telling(Steps):
        def run(self, words, *_):
            told.append(words)

    monkeypatch.setattr(bootstrap, "build_frontend", lambda steps: None)
    bootstrap.prepare(command, Telling())
    assert told[-1] == last


def test_a_failing_program_shows_its_words():
    with pytest.raises(Missing) as caught:
        bootstrap.run(["/bin/sh", "-c", "echo the reason; exit 3"])
    assert str(caught.value).endswith("failed (exit 3):\nthe reason\n")


def test_python_without_venv_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(Missing) as caught:
        bootstrap.check_python()
    assert str(caught.value) == "Python's venv is missing. On Debian or Ubuntu: apt-get install python3-venv."


def test_an_old_python_is_said(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(Missing) as caught:
        bootstrap.check_python()
    assert str(caught.value).startswith("Python 3.11 or later is needed;")


@pytest.mark.parametrize(("file", "raised"), [("servers.txt", False), ("runtime.txt", True)])
def test_servers_of_the_system_do_where_there_is_no_package(monkeypatch, file, raised):
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)

    def fail(files):
        raise Missing("no such wheel")

    monkeypatch.setattr(bootstrap, "install", fail)
    monkeypatch.setattr(bootstrap, "system_postgres", lambda: "/usr/lib/postgresql/15/bin")
    monkeypatch.setattr(bootstrap, "system_redis", lambda: "/usr/bin/redis-server")
    with pytest.raises(Missing) if raised else nullcontext():
        bootstrap.install_for(file)
    monkeypatch.setattr(bootstrap, "system_redis", lambda: None)
    with pytest.raises(Missing) as caught:
        bootstrap.install_for(file)
    assert ("apt-get install postgresql redis-server" in str(caught.value)) is not raised


def test_the_newest_postgres_of_the_system_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for version in ("9", "14", "16", "15"):
        folder = tmp_path / "postgresql" / version / "bin"
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres", "psql"):
            (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.3 (Debian)'\n")
            (folder / name).chmod(0o755)
    assert programs.system_postgres((tmp_path / "postgresql", tmp_path)) == tmp_path / "postgresql" / "16" / "bin"
    (tmp_path / "postgresql" / "16" / "bin" / "psql").unlink()
    assert programs.system_postgres((tmp_path / "postgresql", tmp_path)) == tmp_path / "postgresql" / "15" / "bin"


def test_where_there_is_no_server_at_all_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "package_folder", lambda name: None)
    monkeypatch.setattr(servers, "system_postgres", lambda: None)
    monkeypatch.setattr(servers, "system_redis", lambda: None)
    home = Home(tmp_path / "var")
    home.prepare()
    for server in (servers.Postgres, servers.Valkey):
        with pytest.raises(CannotRun, match=r"There is no (PostgreSQL|Redis) for this machine: install"):
            server(home, home.keys())
    home.release()

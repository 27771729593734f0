"""From a clone to installed programs: what is missing is said, what did not change is not done again."""

import socket

import pytest

from mdo.cli import bootstrap
from mdo.cli.bootstrap import Missing, node_is_good
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


def test_a_failing_program_shows_its_words():
    with pytest.raises(Missing) as caught:
        bootstrap.run(["/bin/sh", "-c", "echo the reason; exit 3"])
    assert str(caught.value).endswith("failed (exit 3):\nthe reason\n")

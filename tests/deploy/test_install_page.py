"""docs/install.md says what works: its blocks are executed, from the first command to the first sign-in over TLS."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from mdo.cli.home import Home
from mdo.cli.run import parser
from mdo.environment import BASE_DIR, Environment, names
from tests.deploy.install_page import BUILD, PAGE, blocks, clean_copy, follow, lend, started_without_writing
from tests.deploy.production import test_database

UNIT = BASE_DIR / "deploy" / "systemd" / "mdo.service"


@pytest.mark.slow
def test_the_page_followed_literally(tmp_path, committed):
    """But for `make build`, and on this run's database; `make test-install` builds, and makes one."""
    folder = tmp_path / "mdo"
    lend(clean_copy(folder))
    try:
        result = follow(folder, build=False, **test_database({}))
        assert result.returncode == 0, result.stdout
        assert "Ready after" in result.stdout
        assert started_without_writing(result.stdout)
        assert "AZ Voorbeeld is there." in result.stdout
        assert re.findall(r"^\d{3}$", result.stdout, re.MULTILINE) == ["200", "302", "200"]
        assert result.stdout.rstrip().endswith(f"--- {len(blocks()) - 1}")
        assert list((tmp_path / "srv" / "pids").iterdir()) == []
    finally:
        if (tmp_path / "srv").exists():
            Home(tmp_path / "srv").remove()


def test_a_page_that_is_wrong_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.deploy.install_page.blocks", lambda: ["echo one\n", "mdo-is-not-here\n", "echo three\n"])
    result = follow(tmp_path, build=False)
    assert result.returncode == 127
    assert "three" not in result.stdout


def test_what_is_left_out_is_one_block():
    assert [block.strip() for block in blocks()].count(BUILD) == 1
    assert len(blocks("shell")) == 3
    assert f"{BUILD.split()[1]}:" in (BASE_DIR / "Makefile").read_text()


def test_the_page_names_variables_and_files_that_exist():
    text = PAGE.read_text()
    known = set(names()) | {"MDO_OWNER", "PROXY_TLS", "PROXY_CERTIFICATES"}
    assert set(re.findall(r"\b(MDO_[A-Z0-9_]+)\b", text)) <= known
    for path in re.findall(r"\b(deploy/[\w./-]+\w)", text):
        assert (BASE_DIR / path).exists(), path
    for command in re.findall(r"^\s*(?:\.venv/bin/)?mdo ([a-z-]+)", "".join(blocks()), re.MULTILINE):
        assert command in ("run", "begin")


def test_the_service_runs_what_the_page_ran():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text())
    program, *words = unit["Service"]["ExecStart"].split()
    assert Path(program).name == "mdo"
    asked = parser().parse_args(words)
    assert (asked.command, asked.profile) == ("run", "production")
    assert asked.settings == unit["Service"]["ReadWritePaths"] + "/settings"
    assert unit["Service"]["Environment"] == f"MDO_VAR={unit['Service']['ReadWritePaths']}"


@pytest.mark.parametrize(("page", "name"), [("backup", "MDO_BACKUP"), ("delivery", "MDO_HANDOVER")])
def test_where_else_it_has_to_write_the_pages_say_how_the_service_may(page, name):
    """The service sees everything but its own folder as read-only: a setting that names another one needs a line in the unit."""
    (example,) = next(field for field in Environment.model_fields.values() if field.alias == name).examples or []
    text = (BASE_DIR / "docs" / "administrators" / f"{page}.md").read_text()
    assert f"`ReadWritePaths={example}`" in text
    assert name in PAGE.read_text()

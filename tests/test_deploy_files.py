"""Lists of settings and locks say what the code reads. The containers are in tests/deploy/."""

from __future__ import annotations

import json
import re

import pytest

from mdo import environment
from mdo.cli.run import COMMANDS
from mdo.cli.settings_page import CONTAINERS, EVERY
from mdo.environment import BASE_DIR, Environment

# Settings that are refused one without the other.
TOGETHER = {
    "MDO_TURN": "turn:relay.example.org:3478?transport=udp",
    "MDO_TURN_SECRET": "t" * 43,
    "MDO_LIVEKIT": "wss://media.example.org",
    "MDO_LIVEKIT_KEY": "mdo",
    "MDO_LIVEKIT_SECRET": "l" * 43,
}


def test_settings_are_documented_as_they_are_read():
    """The page is made from the code (tests/test_architecture.py); here: that nothing is left out on the way."""
    text = (BASE_DIR / "docs" / "administrators" / "settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    fields = {str(field.alias): field for field in Environment.model_fields.values()}
    assert sorted(name for name, *_ in rows) == sorted(fields)
    commands = {*COMMANDS, EVERY}
    for name, default, meaning, readers, example in rows:
        assert meaning == str(fields[name].description).replace("|", "\\|"), name
        assert (default == "required") == fields[name].is_required(), name
        assert set(readers.split(", ")) <= commands, name
        assert example, name


def test_what_the_containers_are_told_is_documented():
    """Every variable that docker-compose.yml asks for, or that its example names, is a setting or has a line of its own on the page, and no other has."""
    page = (BASE_DIR / "docs" / "administrators" / "settings.md").read_text()
    compose = (BASE_DIR / "docker-compose.yml").read_text()
    example = (BASE_DIR / "deploy" / "environment.example").read_text()
    asked = set(re.findall(r"\$\{(\w+)", compose)) | set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    _, _, part = page.partition("## Containers")
    part = part.partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.+?) \| (.*) \|$", part, re.MULTILINE)
    own = asked - set(environment.names())
    assert sorted(name for name, *_ in rows) == sorted(own) == sorted(CONTAINERS)
    assert {f"`{name}`" for name in asked - own} <= set(re.findall(r"`\w+`", part))
    assert {name: without for name, without, *_ in rows}["MDO_BACKUP_FOLDER"] == "required"


def test_what_is_started_beside_the_site_reads_what_is_documented():
    page = (BASE_DIR / "docs" / "administrators" / "settings.md").read_text()
    start = (BASE_DIR / "deploy" / "coturn" / "start.sh").read_text()
    beside = (BASE_DIR / "mdo" / "cli" / "beside.py").read_text()
    read = set(re.findall(r"\$\{?(RELAY_\w+)", start)) | set(re.findall(r'told\.get\("(\w+)"', beside))
    assert {"RELAY_PORT", "CLAMAV_DATABASE", "LIVEKIT_IP"} <= read
    assert {name for name in read if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("name", [str(field.alias) for field in Environment.model_fields.values()])
def test_an_example_of_a_setting_is_understood(name):
    (field,) = [field for field in Environment.model_fields.values() if field.alias == name]
    (given,) = field.examples or ["none"]
    if given.startswith("made "):  # a secret: how to make one is said instead
        return
    told = {
        **environment.placeholders(),
        "MDO_MODE": "production",
        "MDO_ORIGINS": "https://moc.example.org",
        **TOGETHER,
    }
    if name == "DATABASE_OWNER_URL":
        told["DATABASE_URL"] = given.replace("mdo_owner", "mdo_app")
    assert environment.parse({**told, name: given})


@pytest.mark.parametrize("lock", ["runtime.txt", "servers.txt", "dev.txt", "node.txt"])
def test_locks_hold_hashes_and_no_addresses(lock):
    text = (BASE_DIR / "requirements" / lock).read_text()
    assert "://" not in text
    assert "/" not in re.sub(r"--hash=\S+", "", text)
    requirements = re.findall(r"^(\S+)==\S+.*\\\n\s+--hash=sha256:", text, re.MULTILINE)
    assert len(requirements) == len(re.findall(r"^\S+==", text, re.MULTILINE)) > 0


def test_the_npm_lock_holds_hashes_and_no_addresses():
    lock = json.loads((BASE_DIR / "frontend" / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_the_locks_hold_what_the_project_asks_for():
    import tomllib

    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = {
        "runtime.txt": project["project"]["dependencies"],
        "servers.txt": groups["servers"],
        "dev.txt": groups["dev"],
        "node.txt": groups["node"],
    }
    for lock, asked in wanted.items():
        locked = set(re.findall(r"^([a-z0-9._-]+)==", (BASE_DIR / "requirements" / lock).read_text(), re.MULTILINE))
        names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~ ]", each)[0].lower()) for each in asked}
        assert names <= locked, lock


def test_continuous_integration_runs_everything():
    assert (BASE_DIR / ".ci" / "run").read_text().rstrip().endswith("exec make test")

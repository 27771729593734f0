"""The Dockerfile: its stages, their users, and its steps as far as they are quick. All of them are executed by `make test-image`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from mdo.cli.bootstrap import node_is_good
from mdo.cli.run import COMMANDS
from mdo.environment import BASE_DIR
from tests.deploy.compose import SERVICES, told
from tests.deploy.image import ENGINE, Builder, Stage, context, health_command, stages
from tests.parts import answers, until
from tests.ports import free_port

STAGES = stages()


def test_the_stages():
    assert {name: stage.base.split(":")[0] for name, stage in STAGES.items()} == {
        "frontend": "node",
        "program": "python",
        "backup": "program",
        "proxy": "caddy",
    }
    built = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert built == {"program", "backup", "proxy"}


@pytest.mark.parametrize("stage", ["program", "backup", "proxy"])
def test_each_runs_as_a_user_of_its_own(stage):
    assert STAGES[stage].values("USER")[-1] in ("mdo", "10001:10001")
    assert "--uid 10001" in STAGES["program"].values("RUN")[-1]


@pytest.mark.parametrize("stage", ["program", "proxy"])
def test_each_says_whether_it_is_well(stage):
    (check,) = STAGES[stage].values("HEALTHCHECK")
    assert "--interval=10s" in check
    assert health_command(STAGES[stage])


def test_it_copies_files_that_exist_and_nothing_secret():
    files = context()
    for stage in STAGES.values():
        for value in stage.values("COPY"):
            sources = value.split()[:-1]
            if not sources[0].startswith("--from"):
                assert all(source == "." or (BASE_DIR / source).exists() for source in sources), value
    assert not [name for name in files if name.startswith(("secrets", ".env", "var/", "tests/", ".git/"))]
    locks = [lock for stage in STAGES.values() for run in stage.values("RUN") for lock in re.findall(r"-r (\S+)", run)]
    assert locks == ["requirements/runtime.txt", "requirements/servers.txt"]


def test_it_runs_commands_that_exist():
    program = STAGES["program"]
    assert json.loads(program.values("ENTRYPOINT")[0]) == ["python", "-m", "mdo"]
    for command in (json.loads(program.values("CMD")[0]), json.loads(STAGES["backup"].values("CMD")[0]), ["static"]):
        assert command[0] in COMMANDS
    assert "python -m mdo static" in program.values("RUN")[-1]


def test_it_has_a_fitting_python_and_node():
    (node,) = re.findall(r"node:(\d+)-slim", STAGES["frontend"].base)
    assert node_is_good(f"v{node}.99.0")
    (python,) = re.findall(r"python:3\.(\d+)-slim", STAGES["program"].base)
    assert int(python) >= 11


def test_the_ports_and_folders_are_those_of_compose():
    program, proxy = STAGES["program"], STAGES["proxy"]
    assert program.values("EXPOSE") == [told("web-1")["MDO_PORT"]]
    assert f"MDO_VAR={told('web-1')['MDO_VAR']}" in program.values("ENV")[0].split()
    assert program.values("VOLUME") == [told("web-1")["MDO_VAR"]]
    assert proxy.values("EXPOSE") == [f"{told('proxy')['PROXY_HTTP']} {told('proxy')['PROXY_HTTPS']}"]
    assert proxy.values("VOLUME") == [told("proxy")["PROXY_FOLDER"]]


def test_the_proxy_is_started_as_the_image_says(tmp_path):
    """Its stage, built here: the configuration at its place, the words of CMD, and the question of HEALTHCHECK at the port of compose."""
    proxy = STAGES["proxy"]
    place = Builder(tmp_path).build(proxy)
    words = json.loads(proxy.values("CMD")[0])
    configuration = place / words[words.index("--config") + 1].lstrip("/")
    assert configuration.read_text() == (BASE_DIR / "deploy" / "caddy" / "Caddyfile").read_text()
    ports = {name: str(free_port()) for name in ("PROXY_HTTP", "PROXY_HTTPS", "PROXY_HEALTH")}
    variables = {**told("proxy"), **ports, "PROXY_FOLDER": str(tmp_path / "data"), "PROXY_BIND": "127.0.0.1"}
    caddy = shutil.which("caddy")
    assert caddy
    command = [caddy, *(str(configuration) if word.startswith("/") else word for word in words)]
    with subprocess.Popen(command, env={"HOME": str(tmp_path), **variables}, stderr=subprocess.DEVNULL) as process:
        try:
            asked = health_command(proxy)[-1].replace(told("proxy")["PROXY_HEALTH"], ports["PROXY_HEALTH"])
            until(lambda: answers(asked), "the proxy", 30)
        finally:
            process.terminate()


def test_what_is_left_to_an_engine_is_named():
    """Steps that this machine cannot do are few, and stand in a list; a new one has to be put there on purpose."""
    left = {
        command.strip().split(" ")[0]
        for stage in STAGES.values()
        for run in stage.values("RUN")
        for command in run.split("&&")
        if command.strip().startswith(ENGINE)
    }
    assert left == {"useradd", "chown", "cp", "mkdir"}


def test_a_step_that_fails_fails_the_image(tmp_path):
    broken = Stage("broken", "caddy:2", [("RUN", "false")])
    with pytest.raises(subprocess.CalledProcessError):
        Builder(tmp_path).build(broken)
    missing = Stage("missing", "caddy:2", [("COPY", "no-such-folder/ ./")])
    with pytest.raises(AssertionError, match="no such file"):
        Builder(tmp_path).build(missing)

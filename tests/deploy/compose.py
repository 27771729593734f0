"""docker-compose.yml as the tests read it: its services, and what each is told when the example and the secrets are filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from mdo.environment import BASE_DIR

TEXT = (BASE_DIR / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (BASE_DIR / "deploy" / "environment.example").read_text()
RUN_SECRETS = "/run/secrets/"

FILLED = {
    "MDO_ACCESS_LOG_SYSLOG": "tcp://log.example.org:514",
    "MDO_BACKUP_FOLDER": "/mnt/backup",
    "MDO_CLAMAV": "clamav:3310",
    "MDO_TURN": "turn:relay.example.org:3478?transport=udp,turns:relay.example.org:443?transport=tcp",
    "RELAY_CERT": "/etc/ssl/relay.pem",
    "RELAY_KEY": "/etc/ssl/relay.key",
    "RELAY_IP": "198.51.100.7",
    "RELAY_INNER_IP": "10.0.0.7",
    "RELAY_DENIED": "198.51.100.0-198.51.100.255",
    "MDO_LIVEKIT": "wss://media.example.org",
    "MDO_LIVEKIT_API": "http://livekit:7880",
    "MDO_LIVEKIT_KEY": "mdo",
    "LIVEKIT_IP": "198.51.100.8",
}
WRITTEN = {
    "turn_secret": "t" * 43,
    "livekit_secret": "l" * 43,
    "metrics_token": "m" * 43,
    "database_replica_url": "postgresql://mdo_app:secret@replica.example.org:5432/mdo",
    "s3": "https://key:secret@s3.example.org/mdo-files",
    "oidc": "https://client:secret@login.example.org/realms/care?name=itsme",
}
"""Secrets that the script leaves empty, for whoever wants them to fill in."""


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


def told(service: str) -> dict[str, str]:
    """The variables of a service when the example is filled in."""
    return {name: interpolate(str(value)) for name, value in SERVICES[service].get("environment", {}).items()}


def settings_of(service: str, secrets: Path) -> dict[str, str]:
    """The same with each file of a secret at its place in ``secrets``, as the program can read it here."""
    return {
        name: str(secrets / value.removeprefix(RUN_SECRETS)) if value.startswith(RUN_SECRETS) else value
        for name, value in told(service).items()
    }

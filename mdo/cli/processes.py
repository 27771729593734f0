"""Every process of an installation, once, as data: `mdo up`, `mdo run` and docker-compose.yml start from this.

The supervisor reads it (mdo/cli/up.py); a test holds docker-compose.yml equal to it (tests/deploy/).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mdo.environment import Environment

DEMO, PRODUCTION = "demo", "production"
PROFILES = (DEMO, PRODUCTION)

OWNERS = ("DATABASE_OWNER_URL",)
BACKUPS = ("DATABASE_BACKUP_URL", "MDO_BACKUP_KEY")
SECRETS = (*OWNERS, *BACKUPS)
"""What only the process that needs it is told."""

BESIDE = ("relay", "livekit", "clamav")
"""What an installation may start beside itself, when it is asked for: `--with` here, `--profile` there."""


def _always(_settings: Environment) -> bool:
    return True


def _one(_settings: Environment) -> int:
    return 1


@dataclass(frozen=True)
class Process:
    """One kind of process.

    ``name`` leads its log and its pid file; ``service`` is its name in docker-compose.yml, empty where it is not there. ``command`` stands
    after `mdo`; empty for a program of others, ``program``, whose command its own module puts together. ``alone`` are the
    variables that it alone is told; ``ports`` the settings that name the ports it listens on. ``after`` must be ready before. ``check`` is the question, after `mdo`, whether it does
    what it is for; empty where another program is asked in its own words. ``once``: it ends by itself, before the others start.
    """

    name: str
    service: str = ""
    command: tuple[str, ...] = ()
    program: str = ""
    profiles: tuple[str, ...] = PROFILES
    wanted: Callable[[Environment], bool] = _always
    many: Callable[[Environment], int] = _one
    alone: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    once: bool = False
    beside: bool = False


PROCESSES = (
    Process("postgres", "postgres", program="postgres"),
    Process("valkey", "redis", program="valkey-server"),
    Process("prepare", "prepare", ("prepare",), alone=OWNERS, after=("postgres",), once=True),
    Process("smtp", command=("smtp",), profiles=(DEMO,)),
    Process(
        "web",
        "web",
        ("web",),
        many=lambda settings: 1 if settings.demo else settings.web_processes,
        ports=("MDO_PORT",),
        after=("prepare", "valkey"),
        check=("ready", "web"),
    ),
    Process("worker", command=("worker", "--beat"), profiles=(DEMO,), after=("prepare", "valkey")),
    Process(
        "worker", "worker", ("worker",), profiles=(PRODUCTION,), after=("prepare", "valkey"), check=("ready", "worker")
    ),
    # Exactly one of an installation: two clocks would wake everything twice.
    Process("beat", "beat", ("beat",), profiles=(PRODUCTION,), after=("prepare", "valkey"), check=("ready", "beat")),
    Process(
        "hl7",
        "hl7",
        ("hl7",),
        wanted=lambda settings: settings.hl7,
        alone=("MDO_HL7_HOST", "MDO_HL7_PORT"),
        ports=("MDO_HL7_PORT",),
        after=("prepare", "valkey"),
        check=("ready", "hl7"),
    ),
    Process(
        "backup",
        "backup",
        ("backup", "--follow"),
        wanted=lambda settings: bool(settings.backup),
        alone=BACKUPS,
        after=("prepare", "valkey"),
        check=("ready", "backup"),
    ),
    Process("proxy", "proxy", program="caddy", profiles=(PRODUCTION,), after=("web",)),
    Process("relay", "relay", program="turnserver", beside=True),
    Process("livekit", "livekit", program="livekit-server", profiles=(PRODUCTION,), after=("valkey",), beside=True),
    Process("clamav", "clamav", program="clamd", profiles=(PRODUCTION,), beside=True),
)


def started(profile: str, settings: Environment, beside: frozenset[str] = frozenset()) -> list[Process]:
    """What this profile starts with these settings, in order; ``beside`` are those of BESIDE that were asked for."""
    return [
        each
        for each in PROCESSES
        if profile in each.profiles and each.wanted(settings) and (not each.beside or each.name in beside)
    ]


def numbered(process: Process, settings: Environment) -> list[str]:
    """The names of its processes: `worker`, or `web-1` and `web-2` where there are several."""
    many = process.many(settings)
    return [process.name] if many == 1 else [f"{process.name}-{number}" for number in range(1, many + 1)]

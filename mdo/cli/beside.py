"""Programs of others that one machine may run beside the site, with the deployed configuration: relay, media server, virus scanner."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mdo.cli.home import CannotRun, Home
from mdo.cli.process import Program
from mdo.cli.servers import quiet_environment
from mdo.environment import BASE_DIR, Environment

DEPLOY = BASE_DIR / "deploy"


def beside_program(name: str, home: Home, settings: Environment, told: Mapping[str, str]) -> Program:
    """The one that is named (mdo/cli/processes.py: BESIDE), its files laid where its user can read them. Raises CannotRun."""
    return {"relay": _relay, "livekit": _livekit, "clamav": _clamav}[name](home, settings, told)


def found(program: str, package: str) -> str:
    """Where the system has a program. Raises CannotRun with what to install."""
    path = shutil.which(program, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    path = path or shutil.which(program)
    if path is None:
        raise CannotRun(f"{program} is missing (Debian, Ubuntu: apt-get install {package}).")
    return path


def laid(home: Home, name: str, *sources: Path) -> Path:
    """The folder `var/<name>` of a program, with copies of these files that its user can read."""
    place = home.place(name, far=not home.reachable(*sources))
    for source in sources:
        target = place / source.name
        shutil.copyfile(source, target)
        home.give(target, 0o600)
    return place


def _program(name: str, command: list[str], environment: dict[str, str], home: Home) -> Program:
    log = home.path / "log" / f"{name}.log"
    return Program(name, command, quiet_environment() | environment, log, account=home.account)


def _relay(home: Home, settings: Environment, told: Mapping[str, str]) -> Program:
    """coturn as deploy/coturn/start.sh starts it; RELAY_… of the caller's environment say the rest."""
    found("turnserver", "coturn")
    if not settings.turn_secret:
        raise CannotRun("MDO_TURN: a relay of one's own needs MDO_TURN and MDO_TURN_SECRET.")
    place = laid(home, "relay", *sorted((DEPLOY / "coturn").iterdir()))
    own = {name: value for name, value in told.items() if name.startswith("RELAY_")}
    environment = own | {"MDO_TURN_SECRET": settings.turn_secret, "RUNTIME_DIRECTORY": str(place)}
    return _program("relay", ["/bin/sh", str(place / "start.sh")], environment, home)


def _clamav(home: Home, settings: Environment, told: Mapping[str, str]) -> Program:
    """clamd as deploy/clamav/start.sh starts it where MDO_CLAMAV says; the system's own service keeps the signatures (CLAMAV_DATABASE)."""
    found("clamd", "clamav-daemon clamav-freshclam")
    if settings.scanner is None:
        raise CannotRun("MDO_CLAMAV: a virus scanner of one's own needs a place, such as 127.0.0.1:3310.")
    place = laid(home, "clamav", *sorted((DEPLOY / "clamav").iterdir()))
    socket = settings.scanner if isinstance(settings.scanner, str) else ""
    host, port = settings.scanner if isinstance(settings.scanner, tuple) else ("", 0)
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "CLAMAV_SOCKET": socket,
        "CLAMAV_ADDRESS": host,
        "CLAMAV_PORT": str(port or ""),
        "CLAMAV_DATABASE": told.get("CLAMAV_DATABASE", "/var/lib/clamav"),
        "CLAMAV_UPDATE": "0",
        "RUNTIME_DIRECTORY": str(place),
    }
    return _program("clamav", ["/bin/sh", str(place / "start.sh")], environment, home)


def _livekit(home: Home, settings: Environment, told: Mapping[str, str]) -> Program:
    """LiveKit with deploy/livekit/livekit.yaml; LIVEKIT_IP of the caller's environment is the address that browsers reach."""
    redis = urlsplit(settings.redis_url)
    if redis.scheme != "redis":
        raise CannotRun("REDIS_URL: LiveKit keeps its rooms in a Redis that it reaches by redis://host:port.")
    if not settings.livekit_secret:
        raise CannotRun("MDO_LIVEKIT: a media server of one's own needs MDO_LIVEKIT_KEY and MDO_LIVEKIT_SECRET.")
    place = laid(home, "livekit", DEPLOY / "livekit" / "livekit.yaml")
    environment = {
        "LIVEKIT_KEYS": f"{settings.livekit_key}: {settings.livekit_secret}",
        "NODE_IP": told.get("LIVEKIT_IP", ""),
        "REDIS_HOST": f"{redis.hostname}:{redis.port or 6379}",
        "REDIS_PASSWORD": unquote(redis.password or ""),
    }
    server = found("livekit-server", "livekit-server, or the program from livekit.io")
    return _program("livekit", [server, "--config", str(place / "livekit.yaml")], environment, home)

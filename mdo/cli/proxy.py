"""The proxy with TLS before the web processes of one machine: Caddy with the deployed configuration."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mdo.cli.home import CannotRun, Home
from mdo.cli.process import Program
from mdo.cli.servers import quiet_environment
from mdo.environment import BASE_DIR, Environment

DEPLOYED = BASE_DIR / "deploy" / "caddy" / "Caddyfile"
MISSING = "The proxy needs Caddy 2.6 or later (Debian, Ubuntu: apt-get install caddy)."
AUTHORITY = "pki/authorities/local/root.crt"
HTTP, HTTPS, FIRST_FREE = 80, 443, 1024


def places(settings: Environment) -> list[tuple[str, int]]:
    """Host and port of each origin, which must all be https. Raises CannotRun."""
    found = []
    for origin in settings.origin_list:
        parts = urlsplit(origin)
        if parts.scheme != "https":
            raise CannotRun(f"MDO_ORIGINS: {origin} is not https, and the proxy speaks nothing else.")
        found.append((parts.hostname or "", parts.port or HTTPS))
    return found


class Proxy:
    """One Caddy in `var/proxy`, before the web processes at ``webs`` (`host:port`)."""

    def __init__(self, home: Home, settings: Environment, webs: Sequence[str], health_port: int) -> None:
        self.home = home
        self.settings = settings
        self.webs = webs
        self.health_port = health_port
        self.places = places(settings)
        found = shutil.which("caddy")
        if found is None:
            raise CannotRun(MISSING)
        self.binary = found

    @property
    def ports(self) -> list[int]:
        """Where it listens for people: the ports of the origins, and the one without TLS that leads to them."""
        own = {port for _, port in self.places}
        return sorted(own | ({HTTP} if HTTPS in own else set()))

    @property
    def folder(self) -> Path:
        return self.home.path / "proxy"

    @property
    def authority(self) -> Path | None:
        """The certificate of its own authority, which browsers have to be told of; None where the site has a certificate."""
        return None if self.settings.certificate else self.folder / AUTHORITY

    def program(self) -> Program:
        """What to start, with its configuration and certificate laid where it can read them before each start: a renewed certificate is
        read then. Raises CannotRun."""
        place = self.home.place("proxy", far=not self.home.reachable(DEPLOYED))
        configuration = place / "Caddyfile"
        certificate = [place / name for name in ("site.pem", "site.key")] if self.settings.certificate else []

        def lay() -> None:
            sources = [DEPLOYED, *map(Path, self.settings.certificate or ())]
            for source, target in zip(sources, [configuration, *certificate], strict=True):
                self._lay(source, target)

        environment = {
            "HOME": str(place),
            "XDG_CONFIG_HOME": str(place),
            "XDG_DATA_HOME": str(place),
            "PROXY_SITES": ", ".join(self.settings.origin_list),
            "PROXY_TLS": " ".join(map(str, certificate)) or self.settings.tls,
            "PROXY_WEB": " ".join(self.webs),
            "PROXY_FOLDER": str(place),
            "PROXY_BIND": self.settings.proxy_host,
            "PROXY_HEALTH": str(self.health_port),
            "PROXY_OPTIONS": "" if HTTP in self.ports else "auto_https disable_redirects",
        }
        command = [self.binary, "run", "--config", str(configuration), "--adapter", "caddyfile"]
        account = self.home.account
        if account and min(self.ports) < FIRST_FREE:
            # Root's only power that it needs, and no other.
            powers = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service", "--pdeathsig=TERM"]
            who = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
            command, account = ["setpriv", *who, *powers, *command], None
        log = self.home.path / "log" / "proxy.log"
        return Program("proxy", command, quiet_environment() | environment, log, account=account, lay=lay)

    def _lay(self, source: Path, target: Path) -> None:
        """A copy for whoever the proxy runs as."""
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise CannotRun(f"MDO_TLS: {source} cannot be read: {error.strerror}.") from None
        self.home.give(target, 0o600)

    def answers(self) -> bool | str:
        """True when the site answers over TLS, else why not. Not asked: whether the certificate is one that browsers believe."""
        host, port = self.places[0]
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.proxy_host, self.settings.proxy_host)  # noqa: S104
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        line = http.client.HTTPSConnection(host, port, timeout=5)
        try:
            plain = socket.create_connection((here, port), timeout=5)
            line.sock = unverified.wrap_socket(plain, server_hostname=host)
            line.request("GET", "/healthz")
            status = line.getresponse().status
            return status == 200 or f"the proxy answers {status}"
        except OSError as error:
            return f"the proxy does not answer: {error}"
        finally:
            line.close()

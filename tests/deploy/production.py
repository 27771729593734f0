"""An installation of one machine as `mdo run --profile production` makes it, on loopback ports, for tests to look at from outside."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from mdo.environment import BASE_DIR
from tests.parts import until
from tests.ports import free_port, free_ports


@dataclass
class Answer:
    """What was answered: header names in small letters; several cookies in one jar."""

    status: int
    headers: Mapping[str, str]
    cookies: SimpleCookie
    body: str


class Installation:
    """One run of the production profile in a folder of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, beside: Sequence[str] = ()) -> None:
        self.folder = folder
        self.beside = [word for name in beside for word in ("--with", name)]
        self.web_port = free_ports(2)
        self.port = free_port()
        self.origin = f"https://localhost:{self.port}"
        self.output = folder.parent / f"{folder.name}.output"
        self.environment = {
            **environment,
            "MDO_MODE": "production",
            "MDO_VAR": str(folder),
            "MDO_ORIGINS": self.origin,
            "MDO_PORT": str(self.web_port),
            "MDO_PROXY_HOST": "127.0.0.1",
        }

    def start(self) -> None:
        """Until it says that it is ready."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mdo", "run", "--profile", "production", *self.beside],
                env=self.environment,
                cwd=BASE_DIR,
                stdout=output,
                stderr=output,
            )
        until(lambda: "Ready after" in self.said() or self.process.poll() is not None, "mdo run", 180, self.output)
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def pids(self) -> dict[str, int]:
        return {file.name: json.loads(file.read_text())["pid"] for file in (self.folder / "pids").glob("*")}

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)

    @property
    def trust(self) -> ssl.SSLContext:
        """A client that believes in the installation's own authority and in nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.folder / "proxy" / "pki" / "authorities" / "local" / "root.crt")
        return context

    def ask(
        self,
        path: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        directly: bool = False,
    ) -> Answer:
        """One request, through the proxy as people come, or `directly` to the first web process. Raises ``OSError``."""
        line: http.client.HTTPConnection
        if directly:
            line = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=20)
        else:
            line = http.client.HTTPSConnection("localhost", self.port, timeout=20, context=self.trust)
        body = urlencode(form) if form is not None else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        try:
            line.request("GET" if form is None else "POST", path, body, {**kind, **(headers or {})})
            answer = line.getresponse()
            cookies: SimpleCookie = SimpleCookie()
            for each in answer.headers.get_all("Set-Cookie") or []:
                cookies.load(each)
            text = answer.read().decode("utf-8", "replace")
        finally:
            line.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, cookies, text)

    def sign_in(self, login: str, password: str) -> Answer:
        """The sign-in page, filled in and sent."""
        page = self.ask("/accounts/login/")
        token = page.cookies["mdo_csrf"].value
        form = {"login": login, "password": password, "csrfmiddlewaretoken": token}
        return self.ask("/accounts/login/", form, {"Cookie": f"mdo_csrf={token}", "Referer": f"{self.origin}/"})


def test_database(environment: Mapping[str, str]) -> dict[str, str]:
    """These variables with both roles at the database of this run of tests."""
    from django.conf import settings

    name = settings.DATABASES["default"]["NAME"]
    urls = {
        role: urlsplit(os.environ[role])._replace(path=f"/{name}").geturl()
        for role in ("DATABASE_URL", "DATABASE_OWNER_URL")
    }
    return {**environment, **urls}


test_database.__test__ = False  # type: ignore[attr-defined]

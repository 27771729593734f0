"""A hospital with a sign-in of its own: a real OpenID Connect provider in a process of its own, and people who type there."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from django.test import Client

from mdo.cli.bootstrap import node_environment
from mdo.cli.steps import Steps
from mdo.directory.actions.sign_in import set_identity_provider
from mdo.directory.models import IdentityProvider
from mdo.environment import BASE_DIR
from mdo.kernel.ids import new_id
from tests.cast import Cast, Member, acting_as
from tests.ports import free_port

LIBRARY = BASE_DIR / "frontend" / "node_modules" / "oidc-provider" / "lib" / "index.js"
PROGRAM = BASE_DIR / "tests" / "identity" / "provider.mjs"
SECRET = "geheim-van-het-ziekenhuis"


@dataclass
class Hospital:
    """The provider: whom it knows (`people`: login to claims), and where it may send people back."""

    issuer: str
    file: Path
    people: dict[str, dict[str, Any]]
    back: list[str]
    browser: requests.Session

    def tell(self) -> None:
        """Let the running provider know."""
        client = {"client_id": "mdo", "client_secret": SECRET, "redirect_uris": self.back, "require_auth_time": True}
        self.file.write_text(json.dumps({"clients": [client], "people": self.people}))

    def knows(self, login: str, mail: str, *, verified: bool = True, **more: Any) -> None:
        self.people[login] = {"email": mail, "email_verified": verified, **more}
        self.tell()

    def sign_in(self, address: str, login: str) -> str:
        """Go to `address`, type `login` where the provider asks, and give the address at which the browser is sent back to us."""
        answer = self.browser.get(address, allow_redirects=False, timeout=10)
        for _step in range(10):
            if answer.is_redirect:
                there = urljoin(answer.url, answer.headers["Location"])
                if not there.startswith(self.issuer):
                    return there
                answer = self.browser.get(there, allow_redirects=False, timeout=10)
            else:
                assert answer.status_code == 200, answer.text
                answer = self.browser.post(
                    answer.url, {"login": login, "password": "x"}, allow_redirects=False, timeout=10
                )
        raise AssertionError(answer.text)


@contextmanager
def running(folder: Path) -> Iterator[Hospital]:
    """The provider, listening."""
    port, file = free_port(), folder / "hospital.json"
    found = Hospital(f"http://127.0.0.1:{port}", file, {}, ["http://127.0.0.1:1/none/"], requests.Session())
    found.tell()
    words = ["node", str(PROGRAM), str(LIBRARY), str(port), str(file)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=node_environment(Steps())) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().strip() == b"ready"
            yield found
        finally:
            child.kill()


def offer(hospital: Hospital, cast: Cast, member: Member | None = None, **more: Any) -> IdentityProvider:
    """An administrator says that the organisation's people sign in there."""
    admin = member or cast.admin
    found = IdentityProvider.objects.filter(organisation=admin.organisation).first()
    asked: dict[str, Any] = {
        "active": True,
        "issuer": hospital.issuer,
        "client_id": "mdo",
        "client_secret": SECRET,
        "domains": ["example.org"],
        "external_claim": "sub",
        "passwords": True,
        "second_factor": "ours",
        "strong": [],
        "joiner": "member",
        "version": found.version if found else 0,
    }
    with acting_as(admin) as by:
        set_identity_provider(by=by, organisation_id=admin.organisation_id, command_id=new_id(), **(asked | more))
    return IdentityProvider.objects.select_related("organisation").get(organisation=admin.organisation)


def leave(client: Client, row: IdentityProvider, **more: Any) -> str:
    """Press the button of the sign-in page; the address of the provider to which it leads."""
    answer = client.post("/sign-in/", {"provider": str(row.pk), **more})
    assert answer.status_code == 200, answer.content
    return leading(answer)


def leading(answer: Any) -> str:
    """Where a page that goes on by itself goes."""
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.content.decode())
    assert found is not None, answer.content
    return html.unescape(found[1])


def come_back(client: Client, address: str) -> Any:
    """Follow the provider's redirect to us."""
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")

"""`mdo ready ROLE`: the question of a container's health check where nobody listens on HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings

from mdo import health
from mdo.logs import describe


def ready(role: str) -> int:
    """Print each check with its outcome; 0 when all of them are ok, else 1."""
    checks = health.of_this_machine(role)
    results = health.run_checks({**checks, "answers": _answers} if role == "web" else checks)
    print(json.dumps(results))
    return 0 if all(result["ok"] for result in results.values()) else 1


def _answers() -> dict[str, Any]:
    """Whether the web server of this machine answers."""
    host = settings.ENVIRONMENT.host
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104
    try:
        with urllib.request.urlopen(f"http://{here}:{settings.ENVIRONMENT.port}/healthz", timeout=4) as answer:
            return {"ok": answer.status == 200}
    except (urllib.error.URLError, TimeoutError) as error:
        return {"ok": False, "error": describe(error)}

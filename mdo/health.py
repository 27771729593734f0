"""`/healthz`: the process answers. `/readyz`: what the house needs is there and keeps its promises. `/readyz/ROLE`, `mdo ready ROLE`: one part."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import redis
from celery import shared_task
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse

from mdo import redis_servers
from mdo.logs import describe

HEARTBEAT_AGE_S = 35
"""A worker whose beat arrives every 10 s is taken for dead when three in a row are missing."""

BACKUP_AGE_S = 120
"""What was done longer ago than this ought to be in the backup (deploy/watch/alerts.yaml says so too)."""


def heartbeat_key() -> str:
    return str(settings.ENVIRONMENT.heartbeat_key)


def client() -> redis.Redis:
    """Redis with short limits: a frozen server must not hold the answer."""
    return redis_servers.client(settings.MDO_REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


@shared_task(name="mdo.health.heartbeat")
def heartbeat() -> None:
    """Show that beat, broker and worker work together: written by a task, read by `/readyz`."""
    with client() as connection:
        connection.set(heartbeat_key(), str(time.time()), ex=2 * HEARTBEAT_AGE_S)


def mark_key(role: str, host: str = "") -> str:
    """Where in Redis a role shows that it works: one machine (or container), or whichever did last."""
    return ".".join(filter(None, (str(settings.ENVIRONMENT.redis_prefix), "mark", role, host)))


def mark(role: str) -> None:
    """Show that this process has just done what its role is for. Raises what Redis raises."""
    with client() as connection:
        for key in (mark_key(role), mark_key(role, socket.gethostname())):
            connection.set(key, str(time.time()), ex=2 * HEARTBEAT_AGE_S)


def check_database() -> dict[str, Any]:
    """The settings without which an acknowledged command is not durable, and the role that row-level security needs."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes'),"
            " r.rolsuper OR r.rolbypassrls, current_setting('server_version_num')::int FROM pg_roles r WHERE r.rolname = current_user"
        )
        fsync, synchronous_commit, full_page_writes, passes_rls, version = cursor.fetchone()
    return {
        "ok": fsync == "on"
        and full_page_writes == "on"
        and synchronous_commit in ("on", "local", "remote_write", "remote_apply")
        and not passes_rls
        and version >= 150000,
        "fsync": fsync,
        "synchronous_commit": synchronous_commit,
        "full_page_writes": full_page_writes,
        "row_level_security": not passes_rls,
        "version": version // 10000,
    }


def check_redis() -> dict[str, Any]:
    """Redis answers and keeps an append-only file."""
    with client() as connection:
        info: Any = connection.info("persistence")
    aof = bool(info.get("aof_enabled")) and info.get("aof_last_write_status") == "ok"
    return {"ok": aof, "aof": aof}


def _age_of(key: str) -> float | None:
    with client() as connection:
        value: Any = connection.get(key)
    return round(time.time() - float(value), 1) if value is not None else None


def check_worker() -> dict[str, Any]:
    """The age in seconds of the last heartbeat."""
    age = _age_of(heartbeat_key())
    return {"ok": age is not None and age <= HEARTBEAT_AGE_S, "heartbeat_age_s": age}


def check_mark(role: str, host: str = "") -> dict[str, Any]:
    """The age in seconds of a role's last mark."""
    age = _age_of(mark_key(role, host))
    return {"ok": age is not None and age <= HEARTBEAT_AGE_S, "age_s": age}


def check_listening() -> dict[str, Any]:
    """Whether `mdo hl7` takes lines on this machine. Raises ``OSError``."""
    host = settings.MDO_HL7_HOST
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (what it listens on, not what is opened)
    with socket.create_connection((here, settings.MDO_HL7_PORT), timeout=2):
        return {"ok": True}


def check_backup() -> dict[str, Any]:
    """Whether the backups reach the last two minutes, as whoever keeps them says it in MDO_VAR. Raises what reading it raises."""
    said = json.loads((settings.MDO_VAR / "backup-state.json").read_text(encoding="utf-8"))
    age = round(time.time() - datetime.fromisoformat(said["covered_until"]).timestamp(), 1)
    return {"ok": age <= BACKUP_AGE_S, "age_s": age}


def check_migrations() -> dict[str, Any]:
    """No migration of this version is missing in the database."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return {"ok": missing == 0, "missing": missing}


CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    "database": check_database,
    "redis": check_redis,
    "worker": check_worker,
    "migrations": check_migrations,
}


# What one part needs. A web server without a worker still serves: nobody is sent away because mails wait.
ROLES: dict[str, dict[str, Callable[[], dict[str, Any]]]] = {
    "web": {"database": check_database, "migrations": check_migrations},
    "worker": CHECKS,
    "beat": {"redis": check_redis, "beat": lambda: check_mark("beat")},
}


def of_this_machine(role: str) -> dict[str, Callable[[], dict[str, Any]]]:
    """What `mdo ready ROLE` looks at beside the process itself: not whether some worker works, but this machine's."""
    host = socket.gethostname()
    stored = {"database": check_database, "migrations": check_migrations}
    return {
        "web": stored,
        "worker": {**stored, "redis": check_redis, "worker": lambda: check_mark("worker", host)},
        "beat": {"redis": check_redis, "beat": lambda: check_mark("beat", host)},
        "hl7": {**stored, "listening": check_listening},
        "backup": {"backup": check_backup},
    }[role]


def run_checks(checks: dict[str, Callable[[], dict[str, Any]]] | None = None) -> dict[str, dict[str, Any]]:
    """Every check with its outcome; one that raises is not ok and says the error's type only."""
    results = {}
    for name, check in (CHECKS if checks is None else checks).items():
        try:
            results[name] = check()
        except Exception as error:  # the point of a check: whatever fails is told, not raised
            results[name] = {"ok": False, "error": describe(error)}
    return results


class Health:
    """Answers `/healthz`, `/readyz` and `/readyz/ROLE` before everything else: no session, no door, no host name that a probe cannot know.

    `/healthz` is 200 as long as the process answers. `/readyz` is 200 when every check is ok, else 503, with the same JSON.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        role = request.path_info.removeprefix("/readyz/")
        if request.path_info not in ("/healthz", "/readyz") and (role == request.path_info or role not in ROLES):
            return self.get_response(request)
        response: HttpResponse
        if request.method not in ("GET", "HEAD"):
            response = HttpResponseNotAllowed(["GET", "HEAD"])
        elif request.path_info == "/healthz":
            response = HttpResponse("ok\n", content_type="text/plain")
        else:
            results = run_checks(ROLES.get(role))
            ok = all(result["ok"] for result in results.values())
            response = JsonResponse({"ok": ok, **results}, status=200 if ok else 503)
        response.headers["Cache-Control"] = "no-store"
        response._has_been_logged = True  # type: ignore[attr-defined]  # a probe that says 503 every second is no news
        return response

"""`/healthz`: the process answers. `/readyz`: what it needs is there and keeps its promises."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from celery import shared_task
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse

from mdo.logs import describe

HEARTBEAT_AGE_S = 35
"""A worker whose beat arrives every 10 s is taken for dead when three in a row are missing."""


def heartbeat_key() -> str:
    return str(settings.ENVIRONMENT.heartbeat_key)


def client() -> redis.Redis:
    """Redis with short limits: a frozen server must not hold the answer."""
    return redis.Redis.from_url(settings.MDO_REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


@shared_task(name="mdo.health.heartbeat")
def heartbeat() -> None:
    """Show that beat, broker and worker work together: written by a task, read by `/readyz`."""
    with client() as connection:
        connection.set(heartbeat_key(), str(time.time()), ex=2 * HEARTBEAT_AGE_S)


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


def check_worker() -> dict[str, Any]:
    """The age in seconds of the last heartbeat."""
    with client() as connection:
        value: Any = connection.get(heartbeat_key())
    age = round(time.time() - float(value), 1) if value is not None else None
    return {"ok": age is not None and age <= HEARTBEAT_AGE_S, "heartbeat_age_s": age}


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


def run_checks() -> dict[str, dict[str, Any]]:
    """Every check with its outcome; one that raises is not ok and says the error's type only."""
    results = {}
    for name, check in CHECKS.items():
        try:
            results[name] = check()
        except Exception as error:  # the point of a check: whatever fails is told, not raised
            results[name] = {"ok": False, "error": describe(error)}
    return results


class Health:
    """Answers `/healthz` and `/readyz` before everything else: no session, no door, no host name that a probe cannot know.

    `/healthz` is 200 as long as the process answers. `/readyz` is 200 when every check is ok, else 503, with the same JSON.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in ("/healthz", "/readyz"):
            return self.get_response(request)
        response: HttpResponse
        if request.method not in ("GET", "HEAD"):
            response = HttpResponseNotAllowed(["GET", "HEAD"])
        elif request.path_info == "/healthz":
            response = HttpResponse("ok\n", content_type="text/plain")
        else:
            results = run_checks()
            ok = all(result["ok"] for result in results.values())
            response = JsonResponse({"ok": ok, **results}, status=200 if ok else 503)
        response.headers["Cache-Control"] = "no-store"
        response._has_been_logged = True  # type: ignore[attr-defined]  # a probe that says 503 every second is no news
        return response

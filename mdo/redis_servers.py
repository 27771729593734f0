"""One address for Redis, `REDIS_URL`, in the words of each library that asks for it: one server, or sentinels that know which one leads.

Pure; needs no settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    import redis

SENTINEL = "redis+sentinel"


@dataclass(frozen=True)
class Sentinels:
    """Who is asked, for which service; and with which words its servers are entered."""

    places: tuple[tuple[str, int], ...]
    service: str
    database: int
    username: str
    password: str

    @property
    def entry(self) -> dict[str, str]:
        return {key: value for key, value in (("username", self.username), ("password", self.password)) if value}


def sentinels(url: str) -> Sentinels | None:
    """`redis+sentinel://[[user]:password@]host:port,host:port/service[/db]`; ``None`` for other addresses; raises ValueError with a sentence."""
    scheme, _, rest = url.partition("://")
    if scheme != SENTINEL:
        return None
    if "?" in rest or "#" in rest:
        raise ValueError("holds more than sentinels, service and database")
    before, _, path = rest.partition("/")
    entry, _, hosts = before.rpartition("@")
    user, _, password = entry.partition(":")
    service, _, database = path.partition("/")
    places = []
    for place in hosts.split(","):
        parts = urlsplit(f"//{place}")
        if not parts.hostname:
            raise ValueError("names no sentinel")
        places.append((parts.hostname, parts.port or 26379))
    if not service:
        raise ValueError("must name the service, as in redis+sentinel://host:26379/mdo")
    if database and not database.isdigit():
        raise ValueError("must end in a database number, as in redis+sentinel://host:26379/mdo/0")
    return Sentinels(tuple(places), unquote(service), int(database or 0), unquote(user), unquote(password))


def check(url: str) -> str:
    """`redis://`, `rediss://`, `unix:///socket?db=n[&password=…]` or sentinels; raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme == SENTINEL:
        sentinels(url)
        return url
    if parts.scheme in ("redis", "rediss"):
        if not parts.hostname:
            raise ValueError("names no host")
        if parts.path.strip("/") and not parts.path.strip("/").isdigit():
            raise ValueError("must end in a database number, as in redis://host:6379/0")
        parts.port  # noqa: B018  (raises ValueError when it is no number)
        return url
    if parts.scheme == "unix":
        if not parts.path.startswith("/"):
            raise ValueError("names no socket")
        unknown = {key for key, _ in parse_qsl(parts.query)} - {"db", "password", "username"}
        if unknown:
            raise ValueError(f"does not know {', '.join(sorted(unknown))}")
        return url
    raise ValueError("must start with redis://, rediss:// or unix:///")


def client(url: str, **options: Any) -> redis.Redis:
    """redis-py, which asks the sentinels anew for each connection that it opens."""
    import redis  # slow to load, and most commands ask no Redis
    from redis.sentinel import Sentinel

    found = sentinels(url)
    if found is None:
        return redis.Redis.from_url(url, **options)
    watch = Sentinel(list(found.places), sentinel_kwargs=options)  # type: ignore[no-untyped-call]
    leads: redis.Redis = watch.master_for(found.service, db=found.database, **found.entry, **options)  # type: ignore[no-untyped-call]
    return leads


def channel_host(url: str) -> dict[str, Any]:
    """An entry of channels-redis' ``hosts``. redis-py's own limit of 5 s would close an idle subscription, and with it every socket
    behind it; senders put their own short limit around each send instead."""
    limits = {"socket_timeout": None, "socket_connect_timeout": 2}
    found = sentinels(url)
    if found is None:
        return {"address": url, **limits}
    return {
        "sentinels": list(found.places),
        "master_name": found.service,
        "sentinel_kwargs": {"socket_timeout": 2, "socket_connect_timeout": 2},
        "db": found.database,
        **found.entry,
        **limits,
    }


def broker_url(url: str) -> str:
    """In the words of kombu, which names sockets and sentinels differently."""
    found = sentinels(url)
    if found is not None:
        entry = f"{quote(found.username, safe='')}:{quote(found.password, safe='')}@" if found.entry else ""
        return ";".join(f"sentinel://{entry}{host}:{port}/{found.database}" for host, port in found.places)
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = dict(parse_qsl(parts.query))
    user = f"{query.get('username', '')}:{query['password']}@" if "password" in query else ""
    return f"redis+socket://{user}{parts.path}?virtual_host={query.get('db', '0')}"


def broker_options(url: str) -> dict[str, Any]:
    """What kombu's transport is told beside the address."""
    found = sentinels(url)
    if found is None:
        return {}
    return {
        "master_name": found.service,
        "sentinel_kwargs": {"socket_timeout": 2, "socket_connect_timeout": 2},
        "socket_timeout": 10,  # a server that vanished without a word is found out
    }

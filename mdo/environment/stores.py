"""Where everything is kept: PostgreSQL, Redis, files and their backups. Libraries' own words for the addresses are made here."""

from __future__ import annotations

import base64
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field

from mdo import redis_servers
from mdo.environment.kinds import Flag, Group, Key, OneLine, OptionalKey, Whole, held, unless_empty


def parse_database_url(url: str) -> dict[str, Any]:
    """A libpq URI as Django's ENGINE/NAME/USER/PASSWORD/HOST/PORT/OPTIONS; raises ValueError with a sentence.

    libpq itself reads it, so sockets (`?host=/folder`), several hosts and `sslmode` mean what PostgreSQL's manual says.
    """
    from psycopg.conninfo import conninfo_to_dict  # slow to load, and most commands read no database

    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql:// (PostgreSQL is the only engine)")
    try:
        parts = dict(conninfo_to_dict(url))
    except Exception as error:  # psycopg raises its own ProgrammingError, which may repeat the password: keep it out
        raise ValueError("is not a PostgreSQL connection URI") from error
    name = parts.pop("dbname", None)
    if not name:
        raise ValueError("names no database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": str(name),
        "USER": str(parts.pop("user", "") or ""),
        "PASSWORD": str(parts.pop("password", "") or ""),
        "HOST": str(parts.pop("host", "") or ""),
        "PORT": str(parts.pop("port", "") or ""),
        "OPTIONS": parts,
    }


def parse_s3_url(url: str) -> dict[str, str]:
    """`https://key:secret@host[:port]/bucket[?region=…]`; raises ValueError with a sentence."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    bucket = parts.path.strip("/")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://key:secret@s3.example.org/bucket")
    if not parts.username or not parts.password:
        raise ValueError("holds no key with its secret")
    if not bucket or "/" in bucket:
        raise ValueError("must name one bucket, as in https://key:secret@s3.example.org/bucket")
    if query.keys() - {"region"} or parts.fragment:
        raise ValueError("holds more than key, secret, host, bucket and region")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return {
        "endpoint": f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else ""),
        "bucket": bucket,
        "key": unquote(parts.username),
        "secret": unquote(parts.password),
        "region": query.get("region", "us-east-1"),
    }


DatabaseUrl = Annotated[OneLine, held(parse_database_url)]
OptionalDatabaseUrl = Annotated[OneLine, unless_empty(parse_database_url)]
RedisUrl = Annotated[OneLine, held(redis_servers.check)]
OptionalS3Url = Annotated[OneLine, unless_empty(parse_s3_url)]


class Stores(Group):
    """Database, queue, files and backups"""

    database_url: DatabaseUrl = Field(
        alias="DATABASE_URL",
        examples=["postgresql://mdo_app:secret@db.example.org:5432/mdo?sslmode=verify-full"],
        description="PostgreSQL 15 or later as the role that runs the program (mdo_app: owns nothing, no BYPASSRLS).",
    )
    pooled: Flag = Field(
        False,
        alias="MDO_POOLED",
        examples=["1"],
        description="1: DATABASE_URL leads to PgBouncer in transaction pooling, so nothing is kept on a connection between transactions. 0: it leads to PostgreSQL.",
    )
    database_owner_url: OptionalDatabaseUrl = Field(
        "",
        alias="DATABASE_OWNER_URL",
        examples=["postgresql://mdo_owner:secret@db.example.org:5432/mdo?sslmode=verify-full"],
        json_schema_extra={"read_by": "prepare"},
        description="The same database as the role that owns and migrates it; needed by `mdo prepare` only.",
    )
    redis_url: RedisUrl = Field(
        alias="REDIS_URL",
        examples=["rediss://:secret@redis.example.org:6379/0"],
        description="Redis or Valkey with append-only file on; or sentinels and their service: `redis+sentinel://:secret@one:26379,two:26379/mdo/0`.",
    )
    database_replica_url: OptionalDatabaseUrl = Field(
        "",
        alias="DATABASE_REPLICA_URL",
        examples=["postgresql://mdo_app:secret@replica.example.org:5432/mdo?sslmode=verify-full"],
        description="A server that follows the same database, as the role of DATABASE_URL: boards' figures are counted there. Empty: on the primary.",
    )
    replica_lag_s: Whole = Field(
        30,
        alias="MDO_REPLICA_LAG_S",
        examples=["30"],
        ge=1,
        le=3600,
        description="Seconds that the replica may be behind; when it is more, or cannot be reached, the primary answers.",
    )
    redis_prefix: str = Field(
        "mdo",
        alias="MDO_REDIS_PREFIX",
        examples=["mdo-test"],
        pattern=r"^[a-z0-9_-]{1,40}$",
        description="Leads every key and channel, so that two installations can share a server.",
    )
    file_key: Key = Field(
        alias="MDO_FILE_KEY",
        examples=[
            'made by: python3 -c "import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())"'
        ],
        description="32 random bytes in base64; encrypts the stored files. Losing it loses the files.",
    )
    s3: OptionalS3Url = Field(
        "",
        alias="MDO_S3",
        examples=["https://key:secret@s3.example.org/mdo-files?region=eu-west-1"],
        description="A bucket of an S3 store for the files: `https://key:secret@s3.example.org/bucket?region=eu-west-1`. Empty: the folder below MDO_VAR.",
    )
    database_backup_url: OptionalDatabaseUrl = Field(
        "",
        alias="DATABASE_BACKUP_URL",
        examples=["postgresql://mdo_backup:secret@db.example.org:5432/mdo"],
        json_schema_extra={"read_by": "backup"},
        description="The same database as the role that copies it (mdo_backup: REPLICATION and nothing else); needed by `mdo backup` only.",
    )
    backup: str = Field(
        "",
        alias="MDO_BACKUP",
        examples=["/mnt/vault"],
        json_schema_extra={"read_by": "backup, restore"},
        description="The folder of the backups, on another machine's disk; under `mdo up` it is then kept up to date. Empty: no backups.",
    )
    backup_key: OptionalKey = Field(
        "",
        alias="MDO_BACKUP_KEY",
        examples=["made as MDO_FILE_KEY"],
        json_schema_extra={"read_by": "backup, restore"},
        description="32 random bytes in base64, other than MDO_FILE_KEY; encrypts the backups. Keep it, and MDO_FILE_KEY, apart from them.",
    )
    backup_programs: str = Field(
        "",
        alias="MDO_BACKUP_PROGRAMS",
        examples=["/usr/lib/postgresql/17/bin"],
        json_schema_extra={"read_by": "backup"},
        description="The folder of `pg_basebackup` and `pg_receivewal`, of the server's version. Empty: the system's, or those of the package.",
    )

    @cached_property
    def s3_bucket(self) -> dict[str, str]:
        """Endpoint, bucket, key, secret and region; nothing where files lie in a folder."""
        return parse_s3_url(self.s3) if self.s3 else {}

    @property
    def heartbeat_key(self) -> str:
        """Where in Redis the worker shows that it works."""
        return f"{self.redis_prefix}.heartbeat"

    @cached_property
    def file_key_bytes(self) -> bytes:
        return base64.b64decode(self.file_key)

    @cached_property
    def backup_key_bytes(self) -> bytes:
        """32 bytes, or none where no backups are kept from here."""
        return base64.b64decode(self.backup_key)

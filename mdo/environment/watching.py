"""What an administrator watches: logs, metrics, the access log's way out."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from mdo.environment.kinds import Group, Word, unless_empty
from mdo.watch import collector

Collector = Annotated[str, unless_empty(collector.parse)]
Traces = Annotated[str, unless_empty(collector.parse_traces)]


class Watching(Group):
    """Logs and watching"""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        alias="MDO_LOG_LEVEL",
        examples=["WARNING"],
        description="How much is logged; no level logs care content.",
    )
    log_format: Literal["plain", "json"] = Field(
        "plain",
        alias="MDO_LOG_FORMAT",
        examples=["json"],
        description="`json`: one object a line, with `time`, `level`, `logger`, `event`, `request` and `error`.",
    )
    metrics_token: Word = Field(
        "",
        alias="MDO_METRICS_TOKEN",
        examples=["made as MDO_TURN_SECRET"],
        json_schema_extra={"read_by": "web"},
        description="At least 24 characters, which Prometheus sends to read `/metrics`. Empty: there is no such address.",
    )
    access_log_syslog: Collector = Field(
        "",
        alias="MDO_ACCESS_LOG_SYSLOG",
        examples=["tcp://127.0.0.1:6514"],
        json_schema_extra={"read_by": "worker"},
        description="Where each sealed row of the access log goes as syslog: `tcp://host:port` or `udp://host:port`. Empty: nowhere.",
    )

    traces: Traces = Field(
        "",
        alias="MDO_TRACES",
        examples=["https://traces.example.org:4318/v1/traces"],
        json_schema_extra={"read_by": "web, worker"},
        description="Where traces go (OpenTelemetry, OTLP over HTTP): routes, actions, how long, how they ended. Empty: nowhere, and nothing is traced.",
    )

    @cached_property
    def syslog(self) -> tuple[str, str, int] | None:
        return collector.parse(self.access_log_syslog) if self.access_log_syslog else None

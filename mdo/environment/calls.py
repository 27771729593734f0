"""Picture and sound: relays and media servers."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import Field

from mdo import call_servers
from mdo.environment.kinds import Group, Word, held

Relays = Annotated[str, held(call_servers.relay_urls)]
MediaServers = Annotated[str, held(lambda value: call_servers.server_urls(value, "wss", "ws"))]
MediaApis = Annotated[str, held(lambda value: call_servers.server_urls(value, "https", "http"))]


class Calls(Group):
    """Picture and sound"""

    turn: Relays = Field(
        "",
        alias="MDO_TURN",
        examples=["turn:relay.example.org:3478?transport=udp"],
        json_schema_extra={"read_by": "web"},
        description="Relays for picture and sound, with commas: `turn:relay.example.org:3478?transport=udp,turns:relay.example.org:443?transport=tcp`.",
    )
    turn_secret: Word = Field(
        "",
        alias="MDO_TURN_SECRET",
        examples=['made by: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'],
        json_schema_extra={"read_by": "web"},
        description="The secret that the relays share (coturn's `static-auth-secret`).",
    )
    livekit: MediaServers = Field(
        "",
        alias="MDO_LIVEKIT",
        examples=["wss://media.example.org"],
        json_schema_extra={"read_by": "web, worker"},
        description="Media servers as browsers reach them, with commas: `wss://media.example.org`. Empty: from browser to browser.",
    )
    livekit_api: MediaApis = Field(
        "",
        alias="MDO_LIVEKIT_API",
        examples=["http://livekit:7880"],
        json_schema_extra={"read_by": "web, worker"},
        description="The same servers as this program reaches them: `http://livekit:7880`. Empty: at the same hosts.",
    )
    livekit_key: Word = Field(
        "",
        alias="MDO_LIVEKIT_KEY",
        examples=["mdo"],
        json_schema_extra={"read_by": "web, worker"},
        description="The name of the key that the media servers know.",
    )
    livekit_secret: Word = Field(
        "",
        alias="MDO_LIVEKIT_SECRET",
        examples=["made as MDO_TURN_SECRET"],
        json_schema_extra={"read_by": "web, worker"},
        description="That key's secret: at least 32 characters.",
    )

    @cached_property
    def turn_list(self) -> list[str]:
        return call_servers.relay_urls(self.turn)

    @cached_property
    def livekit_list(self) -> list[str]:
        return call_servers.server_urls(self.livekit, "wss", "ws")

    @cached_property
    def livekit_api_list(self) -> list[str]:
        own = call_servers.server_urls(self.livekit_api, "https", "http")
        return own or call_servers.api_urls(self.livekit_list)

"""What the room is measured against: the consumer by the Channels book, and sockets that do nothing at all.

The book's chat consumer with its group for each socket, unchanged but for the shape of the message. Nothing is stored.
"""

import json
from typing import Any

import django

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class ChatConsumer(AsyncWebsocketConsumer):
    """The tutorial's consumer: https://channels.readthedocs.io/en/stable/tutorial/part_3.html"""

    async def connect(self) -> None:
        self.room_group_name = f"chat_{self.scope['url_route']['kwargs']['room_name']}"
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, close_code: int) -> None:
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data or "")
        await self.channel_layer.group_send(self.room_group_name, {"type": "chat.message", "message": message})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(event["message"], separators=(",", ":")))


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """Any page: nothing, with 200."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """A socket that is accepted and never hears a word."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None})
    while (await receive())["type"] != "websocket.disconnect":
        pass


application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter([path("chat/<str:room_name>/", ChatConsumer.as_asgi())])}
)
bare = ProtocolTypeRouter({"http": pages, "websocket": nothing})

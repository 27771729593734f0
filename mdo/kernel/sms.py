"""Text messages: the interface that a hospital's gateway has to fit, and one that writes files.

``MDO_SMS`` names a class with a method ``send(number, text)``, such as ``hospital.gateway.Gateway``; it is made once, without
arguments. ``number`` is as people wrote it, cleaned to digits with a leading ``+``; ``text`` has no health data. ``send`` returns when the gateway took
the message and raises when it did not: the message is then tried again later. Without a gateway a code is read out by the secretary.
"""

import os
from functools import cache
from typing import Protocol
from uuid import uuid4

from django.conf import settings
from django.utils.module_loading import import_string


class Gateway(Protocol):
    """Where text messages leave the house."""

    def send(self, number: str, text: str) -> None: ...


class Files:
    """Writes each message into a file of its own below ``MDO_VAR/sms``, for trying things out: nobody gets it."""

    def send(self, number: str, text: str) -> None:
        folder = settings.MDO_VAR / "sms"
        folder.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(folder / f"{uuid4().hex}.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{number}\n{text}\n")


@cache
def _made(path: str) -> Gateway:
    gateway: Gateway = import_string(path)()
    return gateway


def gateway() -> Gateway | None:
    """The gateway of this site, or ``None``."""
    return _made(settings.MDO_SMS) if settings.MDO_SMS else None

"""Ports of loopback for what a test starts."""

from __future__ import annotations

import random
import socket

HERE = "127.0.0.1"
# Below those that the system hands out to whoever connects: one of these could be taken between its choice and its use.
FIRST, LAST = 15_000, 32_000
_dice = random.SystemRandom()


def free_port() -> int:
    return free_ports(1)


def free_ports(many: int) -> int:
    """The first of ``many`` ports behind each other that nobody has, by TCP or UDP. Raises ``RuntimeError`` where there are none."""
    for _ in range(200):
        first = _dice.randrange(FIRST, LAST - many)
        if all(_free(first + number) for number in range(many)):
            return first
    raise RuntimeError(f"there are not {many} free ports")


def _free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HERE, port))
            except OSError:
                return False
    return True

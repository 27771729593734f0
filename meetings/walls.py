"""Wall displays: the secret of a screen, the code that it shows while it waits, and how often one may try.

A screen is known by a secret in its cookie. While it waits it shows a code of six letters and digits; whoever runs a meeting types
it there. Neither is stored: both are kept as keyed digests, the code in the cache for ten minutes. A code is looked up by its
digest, so the time that this takes says nothing of the code.
"""

import secrets
from collections import deque
from threading import Lock
from time import monotonic
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from mdo.kernel.errors import RuleBroken

COOKIE: Final = "mdo_wall"
# Without those that look alike on a wall: 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U V.
LETTERS: Final = "ACDEFGHJKMNPRTWXY34679"
LENGTH: Final = 6
CODE_LASTS_S: Final = 600
# Screens behind one address (a hospital's whole network), and people at a keyboard.
CODES_PER_ADDRESS: Final = 60
WRONG_AT_MOST: Final = 5


def new_key() -> str:
    """A screen's secret: 256 bits."""
    return secrets.token_urlsafe(32)


def digest(word: str, secret: str) -> str:
    """What is kept of a secret (``word`` "key" or "code"): HMAC-SHA256 with the site's own, hexadecimal."""
    return salted_hmac(f"mdo.wall.{word}", secret, algorithm="sha256").hexdigest()


def spelt(code: str) -> str:
    """A code as somebody types it: small letters, spaces and hyphens do not matter."""
    return "".join(code.split()).replace("-", "").upper()


def offer_code(key: str, address: str) -> str:
    """A fresh code for the screen with this secret; the one before it is worth nothing any more. Raises ``RuleBroken`` when too many
    are asked for from one address."""
    asked = f"wall-asked:{digest('address', address)}"
    cache.add(asked, 0, CODE_LASTS_S)
    if cache.incr(asked) > CODES_PER_ADDRESS:
        raise RuleBroken(_("Too many screens asked for a code. Wait ten minutes."))
    screen = digest("key", key)
    withdraw_code(screen)
    while True:
        code = "".join(secrets.choice(LETTERS) for _each in range(LENGTH))
        if cache.add(f"wall-code:{digest('code', code)}", screen, CODE_LASTS_S):
            break
    cache.set(f"wall-screen:{screen}", digest("code", code), CODE_LASTS_S)
    return code


def withdraw_code(screen: str) -> None:
    """The code of this screen (the digest of its secret) is worth nothing any more."""
    shown = cache.get(f"wall-screen:{screen}")
    if shown:
        cache.delete_many([f"wall-code:{shown}", f"wall-screen:{screen}"])


def waits(key: str) -> bool:
    """Whether the screen's code can still be used."""
    return cache.get(f"wall-screen:{digest('key', key)}") is not None


_wrong: dict[UUID, deque[float]] = {}
_lock = Lock()


def screen_of(code: str, asked_by: UUID) -> str:
    """The screen that shows this code: the digest of its secret. Raises ``RuleBroken`` for a wrong one, and when somebody tried too
    often (counted in this process: the transaction of a refused command leaves no trace)."""
    if _tries(asked_by) >= WRONG_AT_MOST:
        raise RuleBroken(_("Too many wrong codes. Wait ten minutes."), field="code")
    screen: str | None = cache.get(f"wall-code:{digest('code', spelt(code))}")
    if screen is None:
        with _lock:
            _wrong.setdefault(asked_by, deque()).append(monotonic())
        raise RuleBroken(_("No screen shows this code. Look at it again: a code lasts ten minutes."), field="code")
    return screen


def _tries(person_id: UUID) -> int:
    with _lock:
        tries = _wrong.get(person_id)
        while tries and monotonic() - tries[0] > CODE_LASTS_S:
            tries.popleft()
        if not tries:
            _wrong.pop(person_id, None)
            return 0
        return len(tries)

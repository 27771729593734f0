"""The code on a printed report, by which anybody can ask whether it is signed and still in force; and its picture to be scanned."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urljoin

import qrcode
from django.conf import settings
from django.urls import reverse
from qrcode.constants import ERROR_CORRECT_M

from meetings.models import Decision, DecisionSeal

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter is taken for a digit."""
LENGTH: Final = 16
"""80 bits by chance: at thirty tries a minute nobody meets one."""
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})


def fresh() -> str:
    """A code that nobody can guess and that hangs on nothing."""
    return "".join(secrets.choice(ALPHABET) for _n in range(LENGTH))


def seal(decisions: Sequence[Decision], at: datetime) -> None:
    """A code for each of these decisions, which were signed at ``at``; those that they replace say so. Inside the action that signs."""
    DecisionSeal.objects.bulk_create(
        DecisionSeal(
            code=fresh(),
            hospital_id=each.hospital_id,
            board_id=each.board_id,
            decision=each,
            number=each.number or 0,
            digest=each.digest[:12],
            signed_at=at,
        )
        for each in decisions
    )
    replaced = [each.replaces_id for each in decisions if each.replaces_id is not None]
    if replaced:
        DecisionSeal.objects.filter(decision__in=replaced).update(replaced_at=at)


def read(typed: str) -> str:
    """A code as it was typed or scanned, in the one spelling; "" for what cannot be one."""
    code = typed.strip().upper().translate(_MISREAD) if len(typed) <= 40 else ""
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else ""


def spelled(code: str) -> str:
    """In fours, as people read it."""
    return "-".join(code[at : at + 4] for at in range(0, LENGTH, 4))


def page() -> str:
    """Where a code can be typed."""
    return urljoin(settings.MDO_ORIGINS[0], reverse("meetings:verify"))


def address(code: str) -> str:
    """Where the code leads."""
    return urljoin(settings.MDO_ORIGINS[0], reverse("meetings:verify_code", args=[code]))


def picture(text: str) -> str:
    """The QR code of a text as SVG: modules of 1 × 1 in black, with the quiet zone of four that the standard asks."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    size = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path d="{path}"/></svg>'
    )

"""Loads the demonstration and writes down who can sign in."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.contrib.auth import get_user_model

from mdo.cli.home import CannotRun, write_private


def load() -> int:
    """Into an empty database only, in demo mode only; leaves `accounts` in the state folder for the supervisor to print."""
    if not settings.DEMO:
        raise CannotRun("The demonstration is loaded in demo mode only (MDO_MODE=demo).")
    if find_spec("mdo.demo") is None:
        return 0
    demo = import_module("mdo.demo")
    if not get_user_model().objects.exists():
        demo.load()
    write_private(settings.MDO_VAR / "accounts", demo.accounts_text() + "\n")
    return 0

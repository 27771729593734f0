"""The demonstration: a fictional network with a breast board of three hospitals, in the middle of its work.

Loaded once into an empty database, in demo mode only. Everything is made up; names, numbers and texts are the same each
time, dates are relative to the day of loading. What it shows is never evidence of anything clinical.
"""

from mdo.demo.accounts import ACCOUNTS, PASSWORD, accounts_text

__all__ = ["ACCOUNTS", "PASSWORD", "accounts_text", "load"]


def load() -> None:
    """Fill an empty database with the demo network. Raises ``RuntimeError`` where there are people already."""
    from mdo.demo.world import load_world

    load_world()

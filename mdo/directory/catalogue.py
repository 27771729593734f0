"""What a board can be set up with: kinds, dossiers, rule sets. Their codes and words are named by the apps that describe them.

The directory knows neither cases nor meetings; they register their lists when the program starts.
"""

from collections.abc import Callable

Choices = Callable[[], list[tuple[str, str]]]

_lists: dict[str, Choices] = {}


def register(name: str, choices: Choices) -> None:
    """Say where the list ``name`` ("kind", "dossier", "rule_set") comes from. Only once: two lists would contradict each other."""
    if _lists.get(name, choices) is not choices:
        raise RuntimeError(f"two lists are named {name}")
    _lists[name] = choices


def choices(name: str) -> list[tuple[str, str]]:
    """``(code, words)`` of a list, in the language that is active. Raises ``KeyError`` for a list that nobody registered."""
    return _lists[name]()

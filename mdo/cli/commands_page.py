"""`docs/commands.md`: every command of `mdo` and every target of make, in their own words."""

from __future__ import annotations

import argparse
import re

from mdo.cli.run import parser
from mdo.environment import BASE_DIR

TARGET = re.compile(r"^([a-z][a-z-]*):[^#\n]*## (.+)$", re.MULTILINE)


def targets() -> dict[str, str]:
    """The targets of make that say what they do, with their words."""
    return dict(TARGET.findall((BASE_DIR / "Makefile").read_text(encoding="utf-8")))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _arguments(command: argparse.ArgumentParser) -> str:
    found = []
    for each in command._actions:
        if isinstance(each, argparse._HelpAction):
            continue
        name = each.option_strings[-1] if each.option_strings else each.dest.upper()
        choices = f" ({', '.join(map(str, each.choices))})" if each.choices else ""
        found.append(f"`{name}`{choices}" + (f": {each.help}" if each.help else ""))
    return "; ".join(found)


def lines() -> list[str]:
    """The page below its title."""
    (commands,) = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
    what = {each.dest: each.help or "" for each in commands._choices_actions}
    found = [
        "In a clone `mdo` is `.venv/bin/mdo`; in a container it is the image's entry point. `mdo COMMAND --help` says the same.",
        "",
        "## mdo",
        "",
        "| command | what | arguments |",
        "|---|---|---|",
    ]
    found += [
        f"| `mdo {name}` | {_cell(what[name])} | {_cell(_arguments(each))} |" for name, each in commands.choices.items()
    ]
    found += ["", "## make", "", "| target | what |", "|---|---|"]
    return found + [f"| `make {name}` | {_cell(words)} |" for name, words in targets().items()]

"""`docs/index.md`: one list of every page, so that none is forgotten."""

from __future__ import annotations

from pathlib import Path

from mdo.environment import BASE_DIR

DOCS = BASE_DIR / "docs"

# Pages that have a place of their own in the list, and for what somebody opens them. Any other page of a folder follows with its title.
ADMINISTRATORS = {
    "install.md": "what it needs, and how it starts",
    "administrators/settings.md": "every variable",
    "administrators/operate.md": "health, logs, restart, verifying",
    "administrators/trouble.md": "what people see, where to look, what to do",
    "administrators/watch.md": "metrics, rules, `/status/`, the access log as syslog",
    "administrators/backup.md": "the vault, its keys, what is in it",
    "administrators/restore.md": "the way back, and the drill",
    "scale.md": "many machines: what goes where, what one process carries, what gives way first",
    "commands.md": "everything that `mdo` and make can do",
}
BEFORE_USE = {
    "intended-purpose.md": "what it is for, what it is not, and the question of the medical device",
    "processing-register.md": "GDPR, article 30",
    "data-held.md": "every table",
    "dpia.md": "GDPR, article 35",
    "matrix.md": "rights, made from the code",
}
CONTRIBUTORS = {
    "contributors/index.md": "where to begin",
    "events.md": "what happened, by name",
    "room-protocol.md": "frames, commands, close codes",
    "measurements.md": "figures, with command and load",
    "decisions/index.md": "why it is so, and instead of what",
}
GROUPS = (
    ("For administrators", ADMINISTRATORS, ("administrators", ".")),
    ("Before it is used with patients", BEFORE_USE, ()),
    ("For contributors", CONTRIBUTORS, ("contributors",)),
)


def title(page: Path) -> str:
    """The words of a page's first heading."""
    return page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")


def lines() -> list[str]:
    """The page below its title."""
    placed = {name for _head, pages, _folders in GROUPS for name in pages} | {"index.md"}
    found: list[str] = []
    for head, pages, folders in GROUPS:
        rest = sorted(page.relative_to(DOCS).as_posix() for folder in folders for page in (DOCS / folder).glob("*.md"))
        named = dict(pages) | {name: "" for name in rest if name not in placed}
        found += ["", f"## {head}", "", "| page | for |", "|---|---|"]
        found += [
            f"| [{title(DOCS / name)}]({name}) | {words} |" for name, words in named.items() if (DOCS / name).is_file()
        ]
    return found[1:]

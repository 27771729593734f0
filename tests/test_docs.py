"""The documents say what there is: links lead somewhere, commands exist, every page is found from the first one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mdo.cli.run import COMMANDS
from mdo.environment import BASE_DIR

DOCS = BASE_DIR / "docs"
PAGES = sorted([BASE_DIR / "README.md", BASE_DIR / "CHANGELOG.md", *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAKEFILE = (BASE_DIR / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """What a heading is called in an address: small letters, hyphens for spaces, other signs left out."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(page: Path) -> list[str]:
    """Where a page leads within the house."""
    found = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return [each for each in found if "://" not in each and not each.startswith(("mailto:", "/"))]


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    bad = []
    for link in links(page):
        file, _sign, anchor = link.partition("#")
        to = (page.parent / file).resolve() if file else page
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            bad.append(link)
    return bad


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(BASE_DIR).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A head, here\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-head-here) [c](gone.md) [d](there.md#gone) [e](https://example.org/x)\n"
    )
    assert broken(page) == ["gone.md", "there.md#gone"]


def test_every_page_is_found_from_the_list() -> None:
    """`docs/index.md` names every page; decisions have a list of their own."""
    named = {(DOCS / link.split("#")[0]).resolve() for link in links(DOCS / "index.md")}
    named |= {(DOCS / "decisions" / link).resolve() for link in links(DOCS / "decisions" / "index.md")}
    assert sorted(set(DOCS.rglob("*.md")) - named) == [DOCS / "index.md"]
    assert "docs/index.md" in links(BASE_DIR / "README.md")


def words(pattern: str) -> dict[str, set[str]]:
    """What the pages name, and where. Inline code and blocks of code count, and nothing else."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        if page.name == "CHANGELOG.md":  # tells of what was, too
            continue
        text = page.read_text(encoding="utf-8")
        code = "\n".join([*FENCE.findall(text), *re.findall(r"`[^`\n]+`", FENCE.sub("", text))])
        for word in re.findall(pattern, code, re.MULTILINE):
            found.setdefault(word, set()).add(page.relative_to(BASE_DIR).as_posix())
    return found


def test_commands_that_are_named_exist() -> None:
    named = words(r"(?:^|`|bin/|&& )mdo ([a-z][a-z0-9-]*)")
    assert named
    assert {word: where for word, where in named.items() if word not in COMMANDS} == {}


def test_make_targets_that_are_named_exist() -> None:
    assert {
        word: where for word, where in words(r"(?:^|`|&& )make ([a-z][a-z-]*)").items() if word not in TARGETS
    } == {}


def test_every_make_target_is_documented() -> None:
    helped = set(re.findall(r"^([a-z][a-z-]*):.*##", MAKEFILE, re.MULTILINE))
    assert helped == TARGETS  # in `make help`
    assert set(words(r"(?:^|`|&& )make ([a-z][a-z-]*)")) >= TARGETS - {"help"}
    assert set(" ".join(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)).split()) == TARGETS


def test_every_command_is_documented() -> None:
    assert set(words(r"(?:^|`|bin/|&& )mdo ([a-z][a-z0-9-]*)")) >= set(COMMANDS)

"""The rules of the house, held against the code: what lies where, who may import whom, what nobody writes, what is generated.

The walks over addresses, actions, commands, events and tables are in `tests/architecture/`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command

from mdo.cli import generate
from mdo.environment import BASE_DIR
from mdo.kernel.action import ACTIONS

ROOMS = ("mdo", "cases", "meetings")
LEVELS = {"kernel": 0, "directory": 1, "cases": 2, "meetings": 3}

# Words by which something gets past a protection, where they may stand, and why.
SHARP = {
    r"\bcsrf_exempt\b": {
        "meetings/views/hooks.py": "a media server carries no cookie; its signature is looked at before anything else",
        "cases/views/launch.py": "a record system's form carries no cookie of ours; its signature is looked at before anything else",
        "mdo/api.py": "a token opens these addresses, never a cookie, and this one opens nothing",
        "meetings/views/fhir.py": "a token opens these addresses, never a cookie",
        "mdo/directory/scim/views.py": "a token opens these addresses, never a cookie",
    },
    r"\bmark_safe\b|\bSafeString\(|\bformat_html": {
        "meetings/search.py": "the excerpt's marks: the text is escaped first, the marks are ours",
        "mdo/kernel/pieces.py": "text of a template, and each word that fills its holes escaped first",
    },
    r"\.extra\(": {"mdo/kernel/audit.py": "the sealer's bound on transactions, a constant"},
    r"\bRawSQL\b|\.raw\(": {},
    r"\beval\(|\bexec\(|\bpickle\b|\bmarshal\b|yaml\.load\(": {},
    r"\blogin_not_required\b": {
        "mdo/mailbox.py": "the demonstration's mail, in demo mode only",
        "mdo/directory/views/language.py": "choosing a language on the way in",
        "meetings/views/hooks.py": "a media server signs what it tells, and signs in nowhere",
        "cases/views/launch.py": "a record system signs what it tells; the person signs in afterwards",
        "mdo/api.py": "a program's token is looked at instead of a session",
        "meetings/views/fhir.py": "a program's token is looked at instead of a session",
        "mdo/directory/scim/views.py": "a program's token is looked at instead of a session",
        "mdo/directory/views/sign_in.py": "the way to an organisation's own sign-in and back",
        "meetings/views/feeds.py": "a calendar program knows the secret of its address, and signs in nowhere",
        "meetings/views/guests.py": "a guest's link and code come before anybody is signed in",
        "meetings/views/verifying.py": "whoever holds a printed report asks by its code, and learns nothing of what is on it",
        "meetings/views/wall.py": "a screen on a wall signs nobody in: what it shows hangs on who paired it",
    },
    r"db_constraint=False": {
        "cases/models/": "the composite key with the hospital takes its place",
        "meetings/models/": "the composite key with the hospital takes its place",
    },
    r"set_config\(": {
        "mdo/kernel/acting.py": "the door itself",
        "mdo/kernel/action.py": "the write guard lets an action pass",
        "mdo/kernel/work.py": "claiming work is no deed of anybody's",
        "mdo/demo/archive.py": "the demonstration's past weeks happened in the past",
    },
    r"SECURITY DEFINER": {
        "meetings/migrations/0004_decision_search.py": "the index of decisions and the question to it",
        "meetings/migrations/0016_search_in_windows.py": "as above, made anew",
        "meetings/migrations/0020_search_profiles.py": "as above: what was done enters it",
        "meetings/migrations/0028_search_in_place_and_time.py": "as above: place and time are one key of it",
    },
}

# Who reads as the house for a moment (mdo/kernel/acting.py: elevated), and why.
ELEVATED = {
    (
        "meetings/reports/making.py",
        "report.anew",
    ): "a document that somebody may have is set again in their language, of the rows that it was made of",
    (
        "meetings/access.py",
        "meeting.places",
    ): "a guest has a place before the door of an item that they may not read yet",
    (
        "meetings/actions/sitting.py",
        "meeting.close",
    ): "what is left is put back for everybody, also beyond the chair's reach",
    (
        "meetings/actions/signing.py",
        "decision.chain",
    ): "the chain of a board's decisions counts those of every hospital",
    (
        "meetings/actions/inviting.py",
        "guest.slot",
    ): "whether the case of a guest who was just let in is on the table, before they may read it",
    (
        "meetings/actions/inviting.py",
        "guest.lives",
    ): "whether the patient of an invitation lives, before its holder may read anything",
    (
        "cases/actions/merging.py",
        "merge.links",
    ): "a board's links follow a patient's record, which the hospital's secretary merges without seeing them",
    (
        "meetings/missing.py",
        "readiness.note",
    ): "which cases of every hospital are complete as a sitting begins: a yes or no on each",
    (
        "meetings/readiness.py",
        "reminders.timeline",
    ): "to how many a reminder goes, also for drafts that the board may not see: numbers only",
    (
        "meetings/informing/access.py",
        "letter.gp",
    ): "whose patient a letter is about, for the GP to whom it is addressed and who may not read the case",
    (
        "meetings/following_up/access.py",
        "followup.drawn",
    ): "of whom the list of follow-ups speaks, for the data manager who answers it and may open no case",
    (
        "mdo/watch/status.py",
        "status.figures",
    ): "how many rows of every hospital wait, and since when: numbers only",
    ("meetings/views/rows.py", "agenda.label"): "the label of a case that the reader may not read",
}

LONGEST, TOO_LONG = 400, {"product": 600, "tests": 800}  # a file of tests is a list, and may be longer

# Where a test looks again after a moment, with an end to it.
LOOKS_AGAIN = {"tests/meetings/room/test_redis.py": "every 50 ms until the event arrived, at most for a while"}


def sources(*folders: str, suffix: str = ".py") -> Iterator[tuple[str, str]]:
    """Path below the project and text of every file in these folders."""
    for folder in folders:
        for path in sorted((BASE_DIR / folder).rglob(f"*{suffix}")):
            if "__pycache__" not in path.parts and "node_modules" not in path.parts:
                yield str(path.relative_to(BASE_DIR)), path.read_text(encoding="utf-8")


def found(pattern: str, files: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The lines of each file that match, but for comments."""
    expression = re.compile(pattern)
    hits: dict[str, list[str]] = {}
    for path, text in files:
        lines = [line.strip() for line in text.splitlines() if expression.search(line.split("  #")[0])]
        if lines:
            hits[path] = lines
    return hits


# --- who knows whom ----------------------------------------------------------------------------------------------------------


def upward(models: Iterable[type]) -> set[str]:
    """Relations of a model to one of a room above it; a string foreign key hides from the linter, not from here."""
    hits = set()
    for model in models:
        meta = model._meta  # type: ignore[attr-defined]
        for field in meta.get_fields():
            target = getattr(field, "related_model", None)
            if target is None or (field.auto_created and not field.concrete):
                continue  # the other end of somebody else's relation
            if LEVELS.get(meta.app_label, 9) < LEVELS.get(target._meta.app_label, 0):
                hits.add(f"{meta.label}.{field.name} → {target._meta.label}")
    return hits


def test_no_model_refers_to_a_room_above_it() -> None:
    assert {config.label for config in apps.get_app_configs() if config.name.split(".")[0] in ROOMS} >= set(LEVELS)
    assert upward(apps.get_models(include_auto_created=True)) == set()


def test_a_relation_upwards_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEVELS, "cases", 4)
    hits = upward(apps.get_models())
    assert "meetings.AgendaItem.referral → cases.Referral" in hits


def test_import_contracts_say_what_the_design_says() -> None:
    settings = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers, wiring = settings["contracts"]
    assert settings["root_packages"] == list(ROOMS)
    assert (layers["type"], layers["layers"]) == ("layers", ["meetings", "cases", "mdo.directory", "mdo.kernel"])
    assert layers.get("ignore_imports", []) == []
    assert wiring["type"] == "forbidden"
    assert set(wiring["source_modules"]) == set(layers["layers"])
    # Whatever lies in mdo/ beside the two rooms there is wiring, unless it is named here.
    known_to_all = {"mdo.environment", "mdo.logs", "mdo.loopback", "mdo.outward", "mdo.paging"}
    inside = {
        f"mdo.{path.stem}"
        for path in (BASE_DIR / "mdo").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    expected = inside - {"mdo.kernel", "mdo.directory", "mdo.__init__"} - known_to_all
    assert set(wiring["forbidden_modules"]) == expected
    assert wiring.get("ignore_imports", []) == []


def test_import_contracts_are_kept() -> None:
    """In a process of its own: it sets up logging, and silences every logger that is there."""
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(lint), "--no-cache"], cwd=BASE_DIR, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout


def test_there_are_no_model_signals() -> None:
    everywhere = list(sources(*ROOMS))
    assert (
        found(
            r"django\.dispatch|django\.db\.models\.signals|@receiver|\b(?:pre|post)_(?:save|delete|init)\b", everywhere
        )
        == {}
    )
    celery = found(r"\bcelery\b.*\bsignals\b|\bsignals\.\w+\.connect\b", everywhere)
    assert set(celery) == {"mdo/cli/jobs.py"}  # Celery's own: when a worker is ready, how it logs


# --- names and sizes -----------------------------------------------------------------------------------------------------------


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "services", "service", "misc", "lib", "tools"}
    named = {path for path, _ in sources(*ROOMS, "tests") if drawers & set(Path(path).with_suffix("").parts)}
    assert named == set()


def test_files_stay_short() -> None:
    """Near 400 lines a file is split by noun; above 600 it has to be (tests: 800)."""
    kinds = {
        ".py": (*ROOMS, "tests"),
        ".ts": ("frontend/src",),
        ".svelte": ("frontend/src",),
        ".css": ("frontend/css",),
    }
    lengths = {
        path: len(text.splitlines())
        for suffix, folders in kinds.items()
        for path, text in sources(*folders, suffix=suffix)
        if "/migrations/" not in path
    }
    long = {path: length for path, length in lengths.items() if length > LONGEST}
    print("longer than", LONGEST, "lines:", long)
    limit = {path: TOO_LONG["tests" if path.startswith("tests/") else "product"] for path in long}
    assert {path: length for path, length in long.items() if length > limit[path]} == {}


def test_wire_names_are_noun_and_verb() -> None:
    generate.declare_everything()
    assert [name for name in ACTIONS if not re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", name)] == []


# --- what nobody writes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", SHARP)
def test_sharp_words_stand_where_they_are_named(pattern: str) -> None:
    allowed = SHARP[pattern]
    files = [each for each in sources(*ROOMS) if "/migrations/" not in each[0] or "DEFINER" in pattern]
    hits = found(pattern, files)
    elsewhere = {path: lines for path, lines in hits.items() if not path.startswith(tuple(allowed) or "\0")}
    assert elsewhere == {}
    assert {name for name in allowed if not any(path.startswith(name) for path in hits)} == set()


def test_the_search_for_sharp_words_finds_them() -> None:
    text = "@csrf_exempt\ndef view(request):\n    return mark_safe(request.GET['x'])\n"
    assert found(r"\bcsrf_exempt\b", [("a.py", text)]) == {"a.py": ["@csrf_exempt"]}
    assert found(r"\bmark_safe\b", [("a.py", text)]) == {"a.py": ["return mark_safe(request.GET['x'])"]}
    assert found(r"\bmark_safe\b", [("a.py", "pass  # mark_safe is not used")]) == {}


def elevations(files: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """(file, reason) of every call of `elevated`, by any name."""
    hits = set()
    for path, text in files:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "elevated":
                hits.add((path, ast.literal_eval(node.args[0])))
            if isinstance(node, ast.ImportFrom) and any(each.name == "elevated" and each.asname for each in node.names):
                hits.add((path, "under another name"))
    return hits


def test_who_reads_as_the_house_is_named() -> None:
    assert elevations(sources(*ROOMS)) == set(ELEVATED)


def test_doors_of_the_house_are_opened_by_the_house() -> None:
    """`System(…)` acts without asking anybody: jobs, record systems, the room's own drawing, the demonstration, the command line."""
    hits = set(found(r"\bSystem\(", sources(*ROOMS)))
    assert hits == {
        "cases/receiving.py",
        "cases/views/launch.py",
        "mdo/cli/begin.py",
        "mdo/cli/verify.py",
        "mdo/demo/dossiers.py",
        "mdo/directory/views/sign_in.py",
        "mdo/kernel/acting.py",
        "mdo/watch/house.py",
        "meetings/room/stays.py",
        "meetings/room/work.py",
        "meetings/tasks.py",
    }


def test_who_vouches_for_a_person_is_named() -> None:
    """A door with a proof of who acts lets them sign: the web's own, from the session, and the demonstration's."""
    assert set(found(r"\bacting\([^)]*proof=", sources(*ROOMS))) == {
        "mdo/demo/dossiers.py",
        "mdo/directory/middleware.py",
    }
    assert set(found(r"\bProof\(", sources(*ROOMS))) == {
        "mdo/demo/sittings.py",
        "mdo/directory/proofs.py",
    }


ROLE_TEST = r"\.role\s*(?:==|!=|in\b|not in\b)|BoardRole\.Role|OrganisationRole\.Role|\.roles\b|\bSeat\b"


def test_views_and_the_wire_ask_for_rights_and_test_no_role() -> None:
    """Permission lives in `access.py`: whoever shows or takes something asks there."""
    files = [
        each
        for each in sources(*ROOMS)
        if "/views/" in each[0]
        or each[0] == "mdo/directory/context.py"
        or re.fullmatch(r"meetings/room/(consumer|hub|commands|work|protocol)\.py", each[0])
    ]
    assert len(files) > 15
    assert found(ROLE_TEST, files) == {}


def test_templates_and_the_room_s_pages_test_no_role() -> None:
    pages = [*sources("frontend/templates", suffix=".html")]
    assert found(r"\{%-?\s*(?:el)?if[^%]*\broles?\s*(?:==|!=|in\b|not in\b)|\bin [a-z_.]*roles\b", pages) == {}


def test_a_role_tested_in_a_view_would_be_seen() -> None:
    assert found(
        ROLE_TEST, [("v.py", "if standing.role == 'chair':\n    pass\nif BoardRole.Role.CHAIR in found:\n    pass")]
    )


def test_templates_hold_no_script_no_style_and_nothing_unescaped() -> None:
    pages = [*sources("frontend/templates", suffix=".html"), *sources("frontend/templates", suffix=".txt")]
    html = [each for each in pages if each[0].endswith(".html")]
    assert len(html) > 60
    assert found(r"\sstyle\s*=", html) == {}
    assert found(r"\son[a-z]+\s*=\s*[\"']", html) == {}
    assert found(r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")", html) == {}
    assert found(r"\|\s*safe\b|\|\s*safeseq\b", pages) == {}
    assert found(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//", html) == {}
    # Mails are plain text: there is nothing to escape for.
    assert set(found(r"autoescape\s+off", pages)) <= {
        path for path, _ in pages if path.startswith("frontend/templates/mail/")
    }


def test_the_front_end_puts_no_text_into_the_page_as_html() -> None:
    files = [*sources("frontend/src", suffix=".ts"), *sources("frontend/src", suffix=".svelte")]
    product = [each for each in files if not re.search(r"\.(test|testing)\.ts$", each[0])]
    hits = found(r"\{@html|\.innerHTML\b|insertAdjacentHTML|outerHTML\s*=|document\.write|new Function", product)
    assert hits == {
        "frontend/src/room/components/Icon.svelte": [
            '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{@html ICONS[name]}</svg>'
        ],
        # The server's own fragment, escaped by Django and bound by the page's policy.
        "frontend/src/room/components/Fragment.svelte": ["{@html html}"],
    }


def test_writes_to_the_database_go_through_actions() -> None:
    """Views, forms, access and queries change nothing (a trigger would refuse; here it is said where)."""
    writes = r"\.objects\.(?:create|bulk_create|bulk_update|update_or_create|get_or_create)\(|\.save\(|\.delete\(\)|\)\.update\("
    files = [
        each
        for each in sources("cases", "meetings", "mdo/directory")
        if re.search(
            r"/(views/.*|access|forms|queries|search|waiting|invited|forecast|agenda|quorum|calendar|mails)\.py$",
            each[0],
        )
    ]
    assert len(files) > 20
    assert found(writes, files) == {}


def test_the_admin_serves_people_and_no_care_content() -> None:
    labels = {model._meta.app_label for model in admin.site._registry}
    assert labels == {"directory"}


def test_tests_are_neither_skipped_nor_asleep() -> None:
    words = (
        r"@pytest\.mark\.(?:skip|xfail)|pytest\.(?:skip|xfail|importorskip)\(|\btime\.sleep\(|\basyncio\.sleep\((?!0\))"
    )
    # Chaos and benches are no tests: their clients wait at random, and for servers that were killed.
    apart = ("tests/test_architecture.py", "tests/chaos/", "tests/bench/", "tests/upgrade/", "tests/failover/")
    hits = found(words, [each for each in sources("tests") if not each[0].startswith(apart)])
    assert set(hits) <= set(LOOKS_AGAIN)


def strangers(texts: Iterator[tuple[str, str]], locked: set[str]) -> dict[str, str]:
    """Packages that the sources import and the lock of the running program does not hold, with the file that does."""
    known, found = packages_distributions(), {}
    for path, text in texts:
        for node in ast.walk(ast.parse(text)):
            whole = isinstance(node, ast.ImportFrom) and node.level == 0 and node.module
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else [whole] if whole else []
            for top in {str(name).split(".")[0] for name in names} - sys.stdlib_module_names - {*ROOMS, "tests"}:
                if not {_plain_name(each) for each in known.get(top, ())} & locked:
                    found[top] = path
    return found


def _plain_name(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def test_the_program_imports_only_what_is_installed_with_it() -> None:
    """A fresh clone runs before the packages of developers are there: all of them are here, so nothing else would show it."""
    lock = (BASE_DIR / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    locked = {_plain_name(each) for each in re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==", lock, re.MULTILINE)}
    assert strangers(sources("mdo", "cases", "meetings"), locked) == {}
    control = iter([("some.py", "import json\nimport pytest\nfrom django_stubs_ext import StrPromise\n")])
    assert set(strangers(control, locked)) == {"pytest", "django_stubs_ext"}


# --- what is generated -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", generate.FILES)
def test_generated_files_are_current(name: str) -> None:
    """Else: `.venv/bin/mdo generate`."""
    generate.declare_everything()
    assert (BASE_DIR / name).read_text(encoding="utf-8") == generate.FILES[name]()


@pytest.mark.django_db(databases="__all__")
def test_no_migration_is_missing() -> None:
    said = StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=said, verbosity=1)
    assert said.getvalue().strip() == "No changes detected"


# --- documents -----------------------------------------------------------------------------------------------------------------


def test_links_between_documents_lead_somewhere() -> None:
    pages = list(sources("docs", suffix=".md")) + [
        (name, (BASE_DIR / name).read_text(encoding="utf-8")) for name in ("README.md", "CHANGELOG.md")
    ]
    broken = {
        (path, target)
        for path, text in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        if not ((BASE_DIR / path).parent / target).exists()
    }
    assert broken <= {("README.md", "docs/images/room.png")}


def test_documents_name_no_machine() -> None:
    pages = [*sources("docs", suffix=".md"), ("README.md", (BASE_DIR / "README.md").read_text(encoding="utf-8"))]
    assert found(r"(?:^|[\s(`])/(?:root|tmp|home|work)/", pages) == {}

"""`mdo check-migrations`: a migration only adds what the release before can live with, and holds no table for long.

While an upgrade runs, both releases work on the same tables. So whatever the old one reads or does not write has to stay
(*expand*); it goes one release later, when nobody reads it any more (*contract*). And each statement's lock has to be short.

Squawk judges each statement by its rules. It is asked about the statements that really ran, on an empty database, so that
`RunPython` hides nothing. Which rules refuse, and why, stands here; what a migration knows better it says itself::

    class Migration(migrations.Migration):
        allowed = {"ban-drop-column": "No release since 0.3 reads it: removed from the model in 0.3."}
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from mdo.cli import release
from mdo.cli.home import CannotRun

APPS = ("kernel", "directory", "cases", "meetings")

REFUSED = {
    "ban-drop-column": "the release before still reads this column: take it from the model in this release, from the table in the next",
    "ban-drop-table": "the release before still reads this table: drop it in the next one",
    "ban-truncate-cascade": "empties tables that the release before reads",
    "renaming-column": "the release before knows the old name: add a column, write both, drop the old one in the next release",
    "renaming-table": "the release before knows the old name: add a table, write both, drop the old one in the next release",
    "adding-required-field": "the release before does not fill it: give it a db_default, or let it be null",
    "ban-drop-default": "the release before does not fill it and leaves it to the default, which Django takes away again: use db_default",
    "adding-not-nullable-field": "reads the whole table under a lock, and the release before may still write nulls: add a check NOT VALID, validate it in a later migration",
    "ban-drop-not-null": "the release before does not expect nulls in it",
    "changing-column-type": "rewrites the table under a lock, and the release before expects the old type: add a column instead",
    "adding-field-with-default": "a default that changes by row rewrites the table under a lock: add it empty, fill it, then set the default",
    "adding-serial-primary-key-field": "rewrites the table under a lock",
    "require-concurrent-index-creation": "writers wait until it is made: AddIndexConcurrently, in a migration with atomic = False",
    "require-concurrent-index-deletion": "readers and writers wait: RemoveIndexConcurrently, in a migration with atomic = False",
    "require-concurrent-reindex": "readers and writers wait: REINDEX CONCURRENTLY",
    "require-concurrent-partition-attach": "reads the whole table under a lock",
    "require-concurrent-partition-detach": "readers and writers wait",
    "disallowed-unique-constraint": "writers wait until its index is made: make the index concurrently, then ADD CONSTRAINT … USING INDEX",
    "constraint-missing-not-valid": "reads the whole table under a lock: AddConstraintNotValid, then ValidateConstraint in a migration of its own",
    "adding-foreign-key-constraint": "reads both tables under a lock: NOT VALID first, then VALIDATE in a migration of its own",
    "adding-exclusion-constraint": "reads the whole table under a lock that nobody passes",
    "ban-concurrent-index-creation-in-transaction": "cannot run in a transaction: atomic = False",
    "ban-drop-database": "drops a database",
    "ban-drop-schema": "the release before still looks into it",
    "ban-drop-view": "the release before still reads this view: drop it in the next one",
    "ban-drop-function": "the release before still calls this function: drop it in the next one",
    "ban-drop-type": "the release before still knows this type: drop it in the next one",
    "renaming-object": "the release before knows the old name",
    "ban-alter-domain-with-add-constraint": "reads every table of the domain under a lock",
    "ban-create-domain-with-constraint": "its rules cannot be changed beside a running site",
    "ban-alter-enum-in-transaction": "its new value cannot be used in the same transaction",
    "constraint-missing-name": "a later migration could not name it",
    "syntax-error": "cannot be read by the judge",
}

# Reading all of one of these, or making an index on it, takes no longer than a moment: they grow with the number of hospitals and boards.
SMALL = re.compile(r"directory_\w+|meetings_(meeting|meetingseries)")
# These grow with every act: even where nothing is found, reading all of one takes long.
HUGE = re.compile(r"kernel_\w+")
LONG_ON_LARGE_TABLES_ONLY = frozenset(
    {
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
        "disallowed-unique-constraint",
        "constraint-missing-not-valid",
        "adding-foreign-key-constraint",
        "adding-exclusion-constraint",
        "adding-not-nullable-field",
    }
)
QUICK_ON_NEW_COLUMNS = frozenset(
    {"require-concurrent-index-creation", "adding-foreign-key-constraint", "ban-drop-default"}
)

ROWS_ONLY = re.compile(
    r"(SELECT|INSERT|UPDATE|DELETE|WITH|SAVEPOINT|RELEASE|ROLLBACK|SET CONSTRAINTS|SET LOCAL)\b", re.I
)


@dataclass(frozen=True)
class Finding:
    """What is wrong with a statement, by the rule's name."""

    rule: str
    statement: str
    table: str = ""

    @property
    def words(self) -> str:
        return f"{self.rule}: {REFUSED.get(self.rule, 'a rule that is not known here')}\n      {_short(self.statement)}"


def squawk() -> str:
    """Its program, beside this Python or on the path. Raises CannotRun."""
    found = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if found is None:
        raise CannotRun("Squawk is missing, which judges migrations: make install")
    return found


def findings(
    statements: Iterable[str], *, atomic: bool = True, existing: Container[str] | None = None
) -> list[Finding]:
    """What Squawk refuses about the statements of one migration, in their order. ``existing``: the tables that the release before has;
    without it, every table."""
    text = "".join(f"{statement.strip().rstrip(';')};\n" for statement in statements)
    command = [squawk(), "--reporter=json", "--pg-version=15.0", "--include=ban-drop-default"]
    command += ["--assume-in-transaction" if atomic else "--no-assume-in-transaction", "--stdin-filepath=migration.sql"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    try:
        reported: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except ValueError:
        raise CannotRun(f"Squawk said nothing that can be read: {done.stderr[-500:]}") from None
    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    nullable = new_and_nullable(text)
    found: list[Finding] = []
    for each in reported:
        begin = starts[each["line"]] + each["column"]
        end = starts[each["line_end"]] + each["column_end"]
        statement = text[text.rfind(";", 0, begin) + 1 : max(end, text.find(";", begin))]
        finding = Finding(each["rule_name"], statement.strip(), table_of(statement))
        if finding.rule in REFUSED and not harmless(finding, nullable, existing) and finding not in found:
            found.append(finding)
    return found


def table_of(statement: str) -> str:
    """The table that a statement is about; empty where none is named."""
    found = re.search(r'(?:\bTABLE|\bINDEX\b.*\bON)\s+(?:IF EXISTS\s+)?(?:ONLY\s+)?"?(\w+)', statement, re.I | re.S)
    return found[1] if found else ""


def new_and_nullable(text: str) -> set[tuple[str, str]]:
    """(table, column) of what is added and may be null."""
    added = re.findall(r'ALTER TABLE "?(\w+)"? ADD COLUMN "?(\w+)"?([^;]*);', text, re.I)
    return {(table, column) for table, column, rest in added if "NOT NULL" not in rest.upper()}


def harmless(finding: Finding, nullable: set[tuple[str, str]], existing: Container[str] | None) -> bool:
    """What a rule says of every table and is of no weight for this one: new since the release, small, or read where it is empty."""
    table = finding.table
    if not table:
        return False
    if existing is not None and table not in existing:
        return True
    if finding.rule in LONG_ON_LARGE_TABLES_ONLY and SMALL.fullmatch(table):
        return True
    if finding.rule not in QUICK_ON_NEW_COLUMNS or HUGE.fullmatch(table):
        return False
    if finding.rule == "adding-foreign-key-constraint" and " DEFAULT " in finding.statement.upper():
        return False  # every row refers to something
    words = re.search(r"ADD COLUMN \"?(\w+)|ALTER COLUMN \"?(\w+)|\(([^()]*)\)", finding.statement, re.I)
    columns = re.findall(r"\w+", next(filter(None, words.groups()))) if words else []
    return bool(columns) and all((table, column) in nullable for column in columns)


def _short(statement: str) -> str:
    words = " ".join(statement.split())
    return words if len(words) <= 160 else words[:157] + "…"


def refused(migration: Migration, statements: Iterable[str], existing: Container[str] | None = None) -> list[str]:
    """Sentences about what a migration may not do, without what it explains itself."""
    allowed: dict[str, str] = getattr(migration, "allowed", {})
    found = findings(statements, atomic=migration.atomic, existing=existing)
    rules = {finding.rule for finding in found}
    sentences = [finding.words for finding in found if finding.rule not in allowed]
    sentences += [f"{rule}: is allowed without a reason" for rule, why in allowed.items() if len(why.split()) < 4]
    return sentences + [f"{rule}: is allowed, but nothing here does that" for rule in allowed if rule not in rules]


def statements_of(connection: BaseDatabaseWrapper, work: Callable[[], object]) -> list[str]:
    """The statements that ``work`` runs on a connection and that change more than rows."""
    ran: list[str] = []

    def note(execute: Callable[..., Any], statement: Any, values: Any, many: bool, context: dict[str, Any]) -> Any:
        ran.append(str(statement).strip())
        return execute(statement, values, many, context)

    with connection.execute_wrapper(note):
        work()
    return [words for words in ran if not ROWS_ONLY.match(words) and "django_migrations" not in words]


def judge(since: release.Release | None = None, tell: Callable[[str], None] = print) -> int:
    """Apply the migrations since the release to the empty database of the owner, and judge each; 0 when none is refused, else 1."""
    since = since or release.previous()
    if "owner" not in connections:
        raise CannotRun("DATABASE_OWNER_URL is missing: the tables are made by the role that owns them.")
    connection = connections["owner"]
    executor = MigrationExecutor(connection)
    if executor.loader.applied_migrations:
        raise CannotRun("This database has tables already. An empty one is needed: what is judged is really applied.")
    graph = executor.loader.graph
    unknown = [f"{app}.{name}" for app, name in since.migrations.items() if (app, name) not in graph.nodes]
    if unknown:
        raise CannotRun(f"{release.FILE.name} names migrations that are not there: {', '.join(unknown)}")
    released = executor.migration_plan([*since.migrations.items()])
    plan = executor.migration_plan(graph.leaf_nodes())
    # What other packages bring is theirs: it is looked at when they are taken.
    own = [each for each, _ in plan if each.app_label in APPS and (each, False) not in released]
    if not own:
        tell("No migration since the release before.")
        return 0
    first = {each.app_label for each in own}
    others = [key for key in graph.leaf_nodes() if key[0] not in first]
    executor.migrate([*others, *since.migrations.items()])
    existing = frozenset(connection.introspection.table_names())
    bad = 0
    for migration in own:
        target = [(migration.app_label, migration.name)]
        ran = statements_of(connection, partial(MigrationExecutor(connection).migrate, target))
        sentences = refused(migration, ran, existing)
        bad += bool(sentences)
        if sentences:
            tell(f"{migration.app_label}.{migration.name} is refused:")
            for sentence in sentences:
                tell(f"    {sentence}")
    tell(f"{len(own)} migrations since the release before, {bad} refused.")
    return 1 if bad else 0

"""Which migrations are refused beside a running site, and which are not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from django.db import connections, migrations

from mdo.cli import expansion, release
from mdo.cli.home import CannotRun
from mdo.environment import BASE_DIR

ADD_DEFAULT = "ALTER TABLE cases_case ADD COLUMN mood varchar(9) DEFAULT '' NOT NULL"
FOREIGN_KEY = "ALTER TABLE cases_case ADD COLUMN friend uuid NULL CONSTRAINT f REFERENCES cases_case (id)"


@pytest.mark.parametrize(
    ("rule", "statements"),
    [
        ("ban-drop-column", ["ALTER TABLE directory_board DROP COLUMN name CASCADE"]),
        ("ban-drop-table", ["DROP TABLE cases_case CASCADE"]),
        ("ban-drop-table", ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1;'; DROP TABLE cases_case"]),
        ("renaming-column", ["ALTER TABLE cases_case RENAME COLUMN a TO b"]),
        ("renaming-table", ["ALTER TABLE cases_case RENAME TO cases_history"]),
        ("adding-required-field", ["ALTER TABLE cases_case ADD COLUMN mood varchar(9) NOT NULL"]),
        ("ban-drop-default", [ADD_DEFAULT, "ALTER TABLE cases_case ALTER COLUMN mood DROP DEFAULT"]),
        ("adding-not-nullable-field", ["ALTER TABLE cases_case ALTER COLUMN mood SET NOT NULL"]),
        ("ban-drop-not-null", ["ALTER TABLE directory_board ALTER COLUMN name DROP NOT NULL"]),
        ("changing-column-type", ["ALTER TABLE cases_case ALTER COLUMN mood TYPE integer USING mood::integer"]),
        ("adding-field-with-default", ["ALTER TABLE cases_case ADD COLUMN key uuid DEFAULT gen_random_uuid()"]),
        ("require-concurrent-index-creation", ["CREATE INDEX i ON cases_case (mood)"]),
        ("require-concurrent-index-deletion", ["DROP INDEX i"]),
        ("constraint-missing-not-valid", ["ALTER TABLE cases_case ADD CONSTRAINT c CHECK (mood <> '')"]),
        ("adding-foreign-key-constraint", [FOREIGN_KEY.replace("cases_case ADD", "kernel_auditentry ADD")]),
        ("adding-foreign-key-constraint", [FOREIGN_KEY.replace("NULL", "DEFAULT '0' NULL")]),
        ("disallowed-unique-constraint", ["ALTER TABLE cases_case ADD CONSTRAINT u UNIQUE (mood)"]),
        ("ban-drop-function", ["DROP FUNCTION mdo_words(text)"]),
        ("syntax-error", ["ALTER TABLE cases_case ADD COLUMN COLUMN"]),
    ],
)  # fmt: skip
def test_refused(rule, statements):
    assert rule in {finding.rule for finding in expansion.findings(statements, existing={"cases_case", "directory_board", "kernel_auditentry"})}  # fmt: skip


@pytest.mark.parametrize(
    "statements",
    [
        [ADD_DEFAULT],
        ["ALTER TABLE cases_case ADD COLUMN mood varchar(9)"],
        [FOREIGN_KEY, "CREATE INDEX i ON cases_case (friend)"],
        [ADD_DEFAULT.replace("NOT NULL", "NULL"), "ALTER TABLE cases_case ALTER COLUMN mood DROP DEFAULT"],
        ["CREATE INDEX i ON directory_board (name)"],
        ["ALTER TABLE cases_case ADD CONSTRAINT c CHECK (mood <> '') NOT VALID"],
        ["CREATE TABLE cases_new (id int NOT NULL)", "CREATE INDEX i ON cases_new (id)", "DROP TABLE cases_new"],
        ["CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1;'"],
        ["ALTER POLICY mdo ON cases_case USING (true) WITH CHECK (true)"],
    ],
)
def test_let_through(statements):
    assert expansion.findings(statements, existing={"cases_case", "directory_board"}) == []


def test_an_index_may_be_made_concurrently():
    """Within a transaction PostgreSQL itself refuses it, and what is judged is run."""
    assert expansion.findings(["CREATE INDEX CONCURRENTLY i ON cases_case (mood)"], atomic=False) == []


def test_a_migration_may_know_better_and_says_why():
    class Contract(migrations.Migration):
        allowed = {"ban-drop-column": "No release since 0.3 reads it."}

    drop = ["ALTER TABLE cases_case DROP COLUMN mood"]
    assert expansion.refused(Contract("0099", "cases"), drop) == []
    assert len(expansion.refused(migrations.Migration("0099", "cases"), drop)) == 1
    (idle,) = expansion.refused(Contract("0099", "cases"), [])
    assert idle == "ban-drop-column: is allowed, but nothing here does that"
    Contract.allowed = {"ban-drop-column": "because"}
    assert expansion.refused(Contract("0099", "cases"), drop) == ["ban-drop-column: is allowed without a reason"]


def test_what_python_runs_is_seen_too(committed):
    connection = connections["owner"]

    def work():
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", [1])
            cursor.execute("CREATE TEMPORARY TABLE seen (id int)")
            cursor.execute("INSERT INTO seen VALUES (%s)", [1])
            cursor.execute("DROP TABLE seen")

    assert expansion.statements_of(connection, work) == ["CREATE TEMPORARY TABLE seen (id int)", "DROP TABLE seen"]


def test_a_database_that_is_not_empty_is_left_alone(committed):
    with pytest.raises(CannotRun, match="empty"):
        expansion.judge()


def test_the_release_before_is_named_with_migrations_that_are_there():
    before = release.previous()
    assert set(before.migrations) == set(expansion.APPS)
    folders = {"kernel": "mdo/kernel", "directory": "mdo/directory", "cases": "cases", "meetings": "meetings"}
    for app, name in before.migrations.items():
        assert (BASE_DIR / folders[app] / "migrations" / f"{name}.py").is_file()


def test_the_release_before_is_in_the_history_with_those_migrations_as_its_last():
    asked = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"], cwd=BASE_DIR, capture_output=True, check=False
    )
    if asked.stdout.strip() != b"false":  # sources without their history: `make upgrade-test` says what it needs
        return
    before = release.previous()
    folders = {"kernel": "mdo/kernel", "directory": "mdo/directory", "cases": "cases", "meetings": "meetings"}
    for app, name in before.migrations.items():
        tree = ["git", "ls-tree", "--name-only", before.name, f"{folders[app]}/migrations/"]
        listed = subprocess.run(tree, cwd=BASE_DIR, capture_output=True, check=True, text=True).stdout
        assert max(Path(each).stem for each in listed.split() if Path(each).name.startswith("0")) == name

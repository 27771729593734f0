"""Pieces of SQL that migrations of all apps share: the write guard and forced row-level security."""

from collections.abc import Sequence

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def app_role() -> str:
    """The quoted name of the role that runs the product (owns nothing), from ``DATABASE_URL``."""
    return '"' + str(settings.DATABASES["default"]["USER"]).replace('"', '""') + '"'


def for_app_role(sql: str) -> migrations.RunPython:
    """An operation that runs ``sql`` with ``{role}`` replaced by the name of the running role."""

    def forwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        schema_editor.execute(sql.replace("{role}", app_role()))

    return migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)


def guarded(tables: Sequence[str]) -> migrations.RunSQL:
    """Refuse inserts, updates and deletes outside of an action, for every role."""
    sql = "".join(
        f"CREATE TRIGGER write_guard BEFORE INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION mdo_write_guard();\n"
        for table in tables
    )
    return migrations.RunSQL(sql, "".join(f"DROP TRIGGER write_guard ON {table};\n" for table in tables))


def composite_keys(keys: Sequence[tuple[str, str, str]]) -> migrations.RunSQL:
    """``(table, column, target)``: a row refers only to rows of its own hospital (a plain key accepts another's, TRUST §5.8)."""
    sql = "".join(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_same_hospital FOREIGN KEY ({column}, hospital_id)"
        f" REFERENCES {target} (id, hospital_id) DEFERRABLE INITIALLY DEFERRED;\n"
        for table, column, target in keys
    )
    back = "".join(
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_same_hospital;\n" for table, column, _ in keys
    )
    return migrations.RunSQL(sql, back)


def planned_once(rule: str) -> str:
    """A policy's rule whose ``EXISTS (…)`` are planned once each, by ``OFFSET 0`` at their end; what it lets through is the same.

    PostgreSQL plans an ``EXISTS`` within an ``OR`` twice, asked for each row and as a hash of all. Policies lead from table to table
    (a link to two patients, to their cases, to the referrals, to grants), so the innermost was planned up to sixteen times: three
    quarters of what a page cost in the database. Row by row is right here, where pages read rows that they know; a statement that reads a
    whole care table takes longer than before, and has to be narrowed.
    """
    found, start = "", 0
    while (at := rule.find("EXISTS (", start)) >= 0:
        begin = at + len("EXISTS (")
        end, depth = begin, 1
        while depth:
            depth += {"(": 1, ")": -1}.get(rule[end], 0)
            end += 1
        inner = planned_once(rule[begin : end - 1]).rstrip()
        found += rule[start:begin] + inner + ("" if inner.endswith("OFFSET 0") else " OFFSET 0") + ")"
        start = end
    return found + rule[start:]


def plan_once(tables: Sequence[str]) -> migrations.RunPython:
    """An operation that gives the policies of ``tables`` their rules as ``planned_once``."""

    def forwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        with schema_editor.connection.cursor() as cursor:
            for table in tables:
                cursor.execute(
                    "SELECT pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) FROM pg_policy"
                    " WHERE polrelid = %s::regclass AND polname = 'mdo'",
                    [table],
                )
                using, check = (planned_once(rule) for rule in cursor.fetchone())
                schema_editor.execute(f"ALTER POLICY mdo ON {table} USING ({using}) WITH CHECK ({check})")

    return migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)


def row_security(table: str, using: str, check: str | None = None) -> migrations.RunSQL:
    """Force row-level security on ``table``: rows are seen where ``using`` holds and written where ``check`` (or it) holds."""
    sql = (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;\n"
        f"CREATE POLICY mdo ON {table} USING ({planned_once(using)}) WITH CHECK ({planned_once(check or using)});\n"
    )
    back = f"DROP POLICY mdo ON {table}; ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
    return migrations.RunSQL(sql, back)


def read_row_security(table: str, name: str, using: str) -> migrations.RunSQL:
    """Show, beside what the policy of ``table`` shows, rows for which ``using`` holds: for reading alone, nothing more may be written."""
    sql = f"CREATE POLICY {name} ON {table} FOR SELECT USING ({using});"
    return migrations.RunSQL(sql, f"DROP POLICY {name} ON {table};")


_WIDEN = """
DO $do$
DECLARE
    rule text;
BEGIN
    SELECT pg_get_expr(polqual, polrelid) INTO STRICT rule FROM pg_policy
        WHERE polrelid = '{table}'::regclass AND polname = 'mdo';
    rule := '(' || rule || ') OR ' || $also${also}$also$;
    EXECUTE format('ALTER POLICY mdo ON %I USING (%s) WITH CHECK (%s)', '{table}', rule, rule);
END $do$;
"""


def widen_row_security(table: str, also: str) -> migrations.RunSQL:
    """Let the policy of ``table`` show and take, beside what it does already, rows for which ``also`` holds."""
    sql = _WIDEN.replace("{table}", table).replace("{also}", planned_once(also))
    return migrations.RunSQL(sql, migrations.RunSQL.noop)

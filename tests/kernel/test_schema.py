"""The SQL that migrations share, and that every table with care content carries it."""

import pytest
from django.db import connection

from mdo.kernel import schema

GUARDED = {
    "cases_case", "cases_discussion", "cases_document", "cases_grant", "cases_importjob", "cases_importrow", "cases_link",
    "cases_merge", "cases_patient", "cases_preparationnote", "cases_referral", "cases_tumour",
    "meetings_agendaitem", "meetings_decision", "meetings_delivery", "meetings_meeting", "meetings_reminder",
    "meetings_report", "meetings_topic",
}  # fmt: skip
SECURED = {
    "cases_case",
    "cases_discussion",
    "cases_document",
    "cases_link",
    "cases_merge",
    "cases_importjob",
    "cases_importrow",
    "cases_patient",
    "cases_preparationnote",
    "cases_referral",
    "cases_tumour",
    "meetings_decision",
}


def rows(query: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}


def test_every_care_table_has_the_write_guard(db: None) -> None:
    query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'write_guard' AND tgenabled = 'O'"
    assert rows(query) >= GUARDED


def test_row_level_security_is_forced(db: None) -> None:
    query = "SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    assert rows(query) >= SECURED
    assert rows("SELECT tablename FROM pg_policies WHERE policyname = 'mdo'") >= SECURED


def test_every_care_table_has_a_hospital(db: None) -> None:
    nullable = (
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'hospital_id' AND is_nullable = 'NO'"
    )
    assert rows(nullable) >= GUARDED


def test_guarded_names_each_table() -> None:
    operation = schema.guarded(["one", "two"])
    assert str(operation.sql).count("CREATE TRIGGER write_guard") == 2
    assert operation.reverse_sql == "DROP TRIGGER write_guard ON one;\nDROP TRIGGER write_guard ON two;\n"


def test_composite_keys_name_both_columns() -> None:
    operation = schema.composite_keys([("child", "parent_id", "parent")])
    assert "FOREIGN KEY (parent_id, hospital_id) REFERENCES parent (id, hospital_id)" in str(operation.sql)
    assert operation.reverse_sql == "ALTER TABLE child DROP CONSTRAINT child_parent_id_same_hospital;\n"


@pytest.mark.parametrize(("check", "with_check"), [(None, "a = 1"), ("b = 2", "b = 2")])
def test_row_security_forces_the_owner_too(check: str | None, with_check: str) -> None:
    operation = schema.row_security("thing", "a = 1", check)
    assert "FORCE ROW LEVEL SECURITY" in str(operation.sql)
    assert f"USING (a = 1) WITH CHECK ({with_check})" in str(operation.sql)
    assert "DISABLE ROW LEVEL SECURITY" in str(operation.reverse_sql)


def test_for_app_role_names_the_running_role() -> None:
    said = []

    class Editor:
        def execute(self, sql: str) -> None:
            said.append(sql)

    operation = schema.for_app_role("GRANT SELECT ON thing TO {role};")
    operation.code(None, Editor())  # type: ignore[arg-type]
    assert said == ['GRANT SELECT ON thing TO "mdo_app";']


@pytest.mark.parametrize(
    ("rule", "planned"),
    [
        ("a = 1", "a = 1"),
        ("a OR EXISTS (SELECT 1 FROM t WHERE f(x))", "a OR EXISTS (SELECT 1 FROM t WHERE f(x) OFFSET 0)"),
        (
            "EXISTS ( SELECT 1 FROM t WHERE NOT (EXISTS ( SELECT 1 FROM u))) OR (b)",
            "EXISTS ( SELECT 1 FROM t WHERE NOT (EXISTS ( SELECT 1 FROM u OFFSET 0)) OFFSET 0) OR (b)",
        ),
    ],
)
def test_each_exists_of_a_rule_is_planned_once(rule: str, planned: str) -> None:
    assert schema.planned_once(rule) == planned
    assert schema.planned_once(planned) == planned


def test_no_policy_asks_an_exists_that_is_planned_twice(db: None) -> None:
    """A link of two patients leads over their cases to referrals and grants: 16 times, where each step is planned twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT polrelid::regclass::text, pg_get_expr(polqual, polrelid) FROM pg_policy")
        found = dict(cursor.fetchall())
    assert {table for table, rule in found.items() if schema.planned_once(rule) != rule} == set()
    assert "OFFSET 0" in found["cases_link"]  # what is looked for is there to be found


def test_policies_that_stand_are_planned_anew(db: None) -> None:
    """Read as PostgreSQL holds them, and written again with the same effect."""
    said = []

    class Editor:
        def __init__(self) -> None:
            self.connection = connection

        def execute(self, sql: str) -> None:
            said.append(sql)

    schema.plan_once(["cases_link", "cases_case"]).code(None, Editor())  # type: ignore[arg-type]
    assert [sql.split(" USING ")[0] for sql in said] == [
        "ALTER POLICY mdo ON cases_link",
        "ALTER POLICY mdo ON cases_case",
    ]
    assert all("OFFSET 0" in sql and " WITH CHECK (" in sql for sql in said)


def test_a_policy_beside_and_a_wider_one() -> None:
    beside = schema.read_row_security("thing", "by_house", "a = 1")
    assert (str(beside.sql), str(beside.reverse_sql)) == (
        "CREATE POLICY by_house ON thing FOR SELECT USING (a = 1);",
        "DROP POLICY by_house ON thing;",
    )
    wider = str(schema.widen_row_security("thing", "EXISTS (SELECT 1 FROM t)").sql)
    assert "polrelid = 'thing'::regclass" in wider
    assert "$also$EXISTS (SELECT 1 FROM t OFFSET 0)$also$" in wider

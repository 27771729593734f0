"""What the database itself holds everybody to: asked of PostgreSQL's catalogue, for every table that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import ForeignKey, Model

from mdo.cli import register_page
from mdo.environment import BASE_DIR
from tests.database import as_owner

CARE = (
    "cases_patient",
    "cases_case",
    "cases_tumour",
    "cases_discussion",
    "cases_document",
    "cases_preparationnote",
    "cases_importjob",
    "cases_importrow",
    "cases_referral",
    "cases_link",
    "cases_merge",
    "cases_received",
    "cases_launch",
    "cases_sketch",
    "meetings_billingline",
    "meetings_decision",
    "meetings_decisionaction",
    "meetings_followup",
    "meetings_guestinvitation",
    "meetings_handover",
    "meetings_informedstatement",
    "meetings_registrationform",
    "meetings_registryexport",
    "meetings_remark",
    "meetings_route",
    "meetings_savedsearch",
    "meetings_textdocument",
    "meetings_textupdate",
    "meetings_voice",
)

# Tables of `cases` and `meetings` that change outside of an action, and why.
UNGUARDED = {
    "meetings_lease": "the room's breath: one row for each connection, kept alive by its process",
    "meetings_callroom": "work: which rooms of the media server are to be ended",
    "meetings_series": "a rule for dates, without care content; set in an action all the same",
    "meetings_seriesexception": "as above",
    "meetings_decisionindex": "revoked from the program's role; written by triggers on guarded tables",
    "meetings_vocabulary": "as above",
    "meetings_textdocument": "typed text has a path of its own: many small updates, one audit row for a person and document",
    "meetings_textupdate": "as above; rows are only ever added",
}

# Whose owner may be nobody, and why.
WITHOUT_OWNER = {"kernel_auditentry": "the trace of what belongs to no hospital (signing in, the site's operator)"}

# A relation between two tables that have a hospital each, without a composite key: they may be of two hospitals, and why.
ACROSS_HOSPITALS = {
    "cases_link.one_id": "a link is between two hospitals: each end has a composite key with its own",
    "cases_link.other_id": "as above",
    "meetings_agendaitem.meeting_id": "a partner's case on the organiser's agenda",
    "meetings_agendaitem.postponed_to_id": "as above",
    "meetings_meeting.current_item_id": "as above",
    "meetings_decision.meeting_id": "a decision belongs to the patient's hospital, its meeting to the organiser",
    "meetings_report.meeting_id": "as above",
    "meetings_delivery.meeting_id": "a mail about a referral of a partner, from the organiser's meeting",
    "meetings_dispatch.meeting_id": "a report of a partner's case, from the organiser's meeting",
    "meetings_guestinvitation.meeting_id": "a guest of a partner's case, at the organiser's meeting",
    "meetings_reminder.meeting_id": "holds nothing of a case",
    "meetings_digestline.delivery_id": "one digest holds lines about meetings of several organisers; none holds anything of a case",
    "meetings_decision.replaces_id": "both are of the same item, whose key is composite; the trigger compares them",
}

# Functions that run as their owner, and so past the policies: the index of decisions and the one question to it.
DEFINERS = {
    "mdo_index_decision",
    "mdo_index_decisions",
    "mdo_index_on_decision",
    "mdo_index_on_case",
    "mdo_index_on_referral",
    "mdo_index_on_patient",
    "mdo_index_on_follow_up",
    "mdo_search_decisions",
}

# Django's own join tables of its admin: no client names their rows.
COUNTED = {
    "directory.Person_groups",
    "directory.Person_user_permissions",
    "meetings.DecisionSeal",  # its key is the code, made by chance
    "meetings.TextUpdate",
}

# What the program's role may only add to, or not touch at all.
APPEND_ONLY = {"kernel_auditentry", "kernel_auditseal", "kernel_journalentry"}


@pytest.fixture
def catalogue(db: None) -> Iterator[Any]:
    """A cursor of the owner's, whose changes are undone: so that a protection can be taken away to see it missed."""
    with as_owner() as owner, owner.transaction(force_rollback=True), owner.cursor() as cursor:
        yield cursor


def ask(cursor: Any, sql: str, *values: Any) -> list[Any]:
    cursor.execute(sql, values or None)
    return [row[0] if len(row) == 1 else row for row in cursor.fetchall()]


def own_models() -> list[type[Model]]:
    labels = {"kernel", "directory", "cases", "meetings"}
    return [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in labels]


# --- row-level security ----------------------------------------------------------------------------------------------------------


def not_forced(cursor: Any) -> set[str]:
    """Care tables whose rows are not held back from everybody, their owner included."""
    protected = ask(
        cursor,
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity"
        " AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*')",
    )
    return set(CARE) - set(protected)


def test_care_tables_have_forced_row_level_security(catalogue: Any) -> None:
    assert not_forced(catalogue) == set()


# Django's own tables that hold nothing of anybody.
OF_NOBODY = {"auth_group", "auth_group_permissions", "auth_permission", "django_content_type", "django_migrations"}


def test_the_processing_register_names_every_table(catalogue: Any) -> None:
    """`mdo/cli/register.yaml`: what is new says there what it holds, of whom and for how long."""
    there = ask(catalogue, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert set(register_page.tables()) == set(there) - OF_NOBODY
    assert {name for name, said in register_page.tables().items() if said["care"]} == set(CARE)
    page = (BASE_DIR / "docs" / "data-held.md").read_text()
    assert [name for name in there if name not in OF_NOBODY and f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("off", ["NO FORCE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY"])
def test_a_table_without_its_policy_would_be_seen(catalogue: Any, off: str) -> None:
    catalogue.execute(f"ALTER TABLE cases_tumour {off}")
    assert not_forced(catalogue) == {"cases_tumour"}


def test_every_policy_asks_who_is_there(catalogue: Any) -> None:
    policies = ask(catalogue, "SELECT tablename, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'")
    assert {table for table, _, _, _ in policies} == set(CARE)
    for table, command, using, check in policies:
        assert "mdo_kind()" in using, table
        assert check == (None if command == "SELECT" else using), table  # for reading alone: nothing is written by it


def test_the_program_owns_nothing_and_passes_no_policy(catalogue: Any) -> None:
    role = settings.DATABASES["default"]["USER"]
    owner = settings.DATABASES["owner"]["USER"]
    assert role != owner
    assert (
        ask(
            catalogue,
            "SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s) AND (rolsuper OR rolbypassrls OR rolcreaterole)",
            role,
            owner,
        )
        == []
    )
    assert (
        ask(
            catalogue,
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND pg_get_userbyid(c.relowner) = %s",
            role,
        )
        == []
    )
    assert ask(catalogue, "SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) = %s", role) == []
    assert ask(catalogue, "SELECT pg_has_role(%s, %s, 'MEMBER')", role, owner) == [False]
    assert ask(catalogue, "SELECT has_schema_privilege(%s, 'public', 'CREATE')", role) == [False]


def test_the_tests_run_as_the_program(db: None) -> None:
    with connection.cursor() as cursor:
        assert ask(cursor, "SELECT current_user::text") == [settings.DATABASES["default"]["USER"]]


def test_functions_that_run_as_the_owner_are_named_and_bound(catalogue: Any) -> None:
    found = ask(
        catalogue,
        "SELECT p.proname, coalesce(array_to_string(p.proconfig, ';'), '') FROM pg_proc p JOIN pg_namespace n ON"
        " n.oid = p.pronamespace WHERE n.nspname = 'public' AND p.prosecdef",
    )
    assert {name for name, _ in found} == DEFINERS
    for name, config in found:
        assert "search_path=public, pg_temp" in config, name


def test_only_the_question_may_be_asked_of_the_index(db: None) -> None:
    with connection.cursor() as cursor:
        may = ask(
            cursor,
            "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'"
            " AND p.prosecdef AND has_function_privilege(p.oid, 'EXECUTE')",
        )
        assert may == ["mdo_search_decisions"]
        reads = "has_table_privilege('meetings_decisionindex', 'SELECT, INSERT, UPDATE, DELETE')"
        assert ask(cursor, f"SELECT {reads}") == [False]


def test_there_are_no_views(catalogue: Any) -> None:
    # A plain view passes row-level security (TRUST §5.8): whoever adds one makes it security_invoker and says so here.
    assert ask(catalogue, "SELECT viewname FROM pg_views WHERE schemaname = 'public'") == []
    assert ask(catalogue, "SELECT matviewname FROM pg_matviews WHERE schemaname = 'public'") == []


# --- the write guard -------------------------------------------------------------------------------------------------------------


def unguarded(cursor: Any) -> set[str]:
    """Tables of `cases` and `meetings` that would take a write outside of an action."""
    every = ask(
        cursor,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND (tablename LIKE 'cases_%' OR tablename LIKE 'meetings_%')",
    )
    # INSERT, DELETE and UPDATE (4 + 8 + 16), before (2), for each statement: bit 0 unset.
    guarded = ask(
        cursor,
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
        " WHERE p.proname = 'mdo_write_guard' AND t.tgenabled = 'O' AND t.tgtype = 4 + 8 + 16 + 2",
    )
    return set(every) - set(guarded)


def test_care_tables_change_in_actions_only(catalogue: Any) -> None:
    assert unguarded(catalogue) == set(UNGUARDED)


def test_a_table_without_its_guard_would_be_seen(catalogue: Any) -> None:
    catalogue.execute("ALTER TABLE cases_patient DISABLE TRIGGER write_guard")
    assert unguarded(catalogue) == {*UNGUARDED, "cases_patient"}


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_the_trace_can_only_be_added_to(db: None, table: str) -> None:
    with connection.cursor() as cursor:
        may = ask(
            cursor,
            f"SELECT has_table_privilege('{table}', 'UPDATE'), has_table_privilege('{table}', 'DELETE'),"
            f" has_table_privilege('{table}', 'TRUNCATE'), has_table_privilege('{table}', 'INSERT')",
        )
    assert may == [(False, False, False, True)]


def test_nobody_truncates(db: None) -> None:
    with connection.cursor() as cursor:
        assert (
            ask(
                cursor,
                "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
                " AND has_table_privilege(c.oid, 'TRUNCATE')",
            )
            == []
        )


# --- whose it is -----------------------------------------------------------------------------------------------------------------


def test_every_row_has_its_hospital(catalogue: Any) -> None:
    nullable = ask(
        catalogue,
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'hospital_id'"
        " AND is_nullable = 'YES'",
    )
    assert set(nullable) == set(WITHOUT_OWNER)


def test_every_care_table_has_a_hospital(catalogue: Any) -> None:
    having = set(
        ask(
            catalogue,
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'hospital_id'",
        )
    )
    assert set(CARE) <= having


def _composite(cursor: Any) -> set[str]:
    """`table.column` of every foreign key that compares the hospital too."""
    return set(
        ask(
            cursor,
            "SELECT conrelid::regclass::text || '.' || a.attname FROM pg_constraint k"
            " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]"
            " JOIN pg_attribute h ON h.attrelid = k.conrelid AND h.attnum = k.conkey[2] AND h.attname = 'hospital_id'"
            " WHERE k.contype = 'f' AND cardinality(k.conkey) = 2 AND k.convalidated",
        )
    )


def test_a_row_refers_to_rows_of_its_own_hospital(catalogue: Any) -> None:
    owned = {model for model in own_models() if any(each.name == "hospital" for each in model._meta.get_fields())}
    relations = {
        f"{model._meta.db_table}.{field.column}"
        for model in owned
        for field in model._meta.fields
        if isinstance(field, ForeignKey) and field.related_model in owned
    }
    assert relations - _composite(catalogue) == set(ACROSS_HOSPITALS)


def test_keys_are_made_by_the_client(db: None) -> None:
    """Rows of the rooms above the kernel have UUIDs (version 7, from the client); the kernel's own counters are its own."""
    counted = {
        model._meta.label
        for model in own_models()
        if model._meta.app_label != "kernel" and model._meta.pk.get_internal_type() != "UUIDField"
    }
    assert counted == COUNTED


def test_the_migrated_database_is_what_the_models_say(db: None) -> None:
    tables = {name for name in connection.introspection.table_names() if name.split("_")[0] in ("cases", "meetings")}
    models = {model._meta.db_table for model in own_models() if model._meta.app_label in ("cases", "meetings")}
    assert tables == models | {"meetings_decisionindex", "meetings_vocabulary"}

"""The program runs as a role that owns nothing and cannot pass row-level security."""

import psycopg.errors
import pytest
from django.db import DatabaseError, connection, connections

pytestmark = pytest.mark.django_db


def test_the_program_runs_as_mdo_app():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("mdo_app", False, False, False, False)


def test_the_program_owns_nothing():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'mdo_app'"
            " UNION ALL SELECT count(*) FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolname = 'mdo_app'"
        )
        assert cursor.fetchall() == [(0,), (0,)]


def test_the_program_cannot_make_a_table():
    with pytest.raises(DatabaseError) as caught, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.sneaked (id int)")
    assert isinstance(caught.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_both_aliases_are_one_database():
    assert connections["owner"].settings_dict["NAME"] == connection.settings_dict["NAME"]

"""What is logged holds no care content."""

import logging
import sys

import psycopg
import pytest
from django.db import connection, transaction

from mdo.logs import PlainFormatter, describe

CANARY = "Canary-Vanderlinden-1961"


def formatted(message, *args, error=None):
    record = logging.LogRecord("test", logging.ERROR, __file__, 1, message, args, error)
    return PlainFormatter().format(record)


def test_an_error_is_logged_without_its_message():
    try:
        try:
            raise ValueError(CANARY)
        except ValueError as inner:
            raise RuntimeError(f"{CANARY} again") from inner
    except RuntimeError:
        text = formatted("It failed.", error=sys.exc_info())
    assert CANARY not in text
    assert "builtins.RuntimeError" in text
    assert "builtins.ValueError" in text
    assert "test_logs.py" in text


def test_a_standard_formatter_would_have_told():
    """Negative control: the same record through logging's own formatter holds the canary."""
    try:
        raise ValueError(CANARY)
    except ValueError:
        record = logging.LogRecord("test", logging.ERROR, __file__, 1, "It failed.", (), sys.exc_info())
    assert CANARY in logging.Formatter().format(record)


def test_an_error_as_argument_is_described():
    assert CANARY not in formatted("It failed: %s", ValueError(CANARY))


def test_what_celery_says_of_a_failed_task():
    context = {
        "name": "meetings.tasks.sweep",
        "id": "1",
        "exc": f"ValueError({CANARY})",
        "args": CANARY,
        "kwargs": CANARY,
    }
    text = formatted("Task %(name)s[%(id)s] raised unexpected: %(exc)s %(args)s %(kwargs)s", context)
    assert CANARY not in text
    assert "meetings.tasks.sweep[1]" in text


@pytest.mark.django_db
def test_a_database_error_is_described_by_state_and_constraint():
    with pytest.raises(Exception) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_content_type (app_label, model) VALUES (%s, 'x'), (%s, 'x')", [CANARY, CANARY]
        )
    assert isinstance(caught.value.__cause__, psycopg.errors.UniqueViolation)
    words = describe(caught.value)
    assert CANARY not in words
    assert words.startswith("django.db.utils.IntegrityError sqlstate=23505 constraint=django_content_type_app_label")

"""What is logged holds no care content, in whichever form."""

import json
import logging
import re
import sys

import psycopg
import pytest
from django.db import connection, transaction
from django.test import Client

from mdo import logs
from mdo.logs import JsonFormatter, PlainFormatter, describe

CANARY = "Canary-Vanderlinden-1961"
FORMS = pytest.mark.parametrize("form", [PlainFormatter, JsonFormatter])


def formatted(message, *args, error=None, form=PlainFormatter):
    record = logging.LogRecord("test", logging.ERROR, __file__, 1, message, args, error)
    return form().format(record)


@FORMS
def test_an_error_is_logged_without_its_message(form):
    try:
        try:
            raise ValueError(CANARY)
        except ValueError as inner:
            raise RuntimeError(f"{CANARY} again") from inner
    except RuntimeError:
        text = formatted("It failed.", error=sys.exc_info(), form=form)
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


@FORMS
def test_an_error_as_argument_is_described(form):
    assert CANARY not in formatted("It failed: %s", ValueError(CANARY), form=form)


@FORMS
def test_what_celery_says_of_a_failed_task(form):
    context = {
        "name": "meetings.tasks.sweep",
        "id": "1",
        "exc": f"ValueError({CANARY})",
        "args": CANARY,
        "kwargs": CANARY,
    }
    text = formatted("Task %(name)s[%(id)s] raised unexpected: %(exc)s %(args)s %(kwargs)s", context, form=form)
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


def test_one_object_a_line():
    try:
        raise ValueError(CANARY)
    except ValueError:
        text = formatted("It failed\nat %s.", "night\u2028", error=sys.exc_info(), form=JsonFormatter)
    assert len(text.splitlines()) == 1
    said = json.loads(text)
    assert set(said) == {"time", "level", "logger", "event", "error"}
    assert (said["level"], said["logger"], said["event"]) == ("ERROR", "test", "It failed\nat night\u2028.")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["time"])
    assert said["error"].startswith("builtins.ValueError\n")


GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_lines_of_one_request_carry_its_id():
    with logs.request(GIVEN) as named:
        inside = json.loads(formatted("Seen.", form=JsonFormatter))
    assert named == inside["request"] == GIVEN
    assert "request" not in json.loads(formatted("Seen.", form=JsonFormatter))


@pytest.mark.parametrize(
    "given", [None, "", CANARY, "61030425114", "f" * 65, f"{GIVEN}\n", f"{GIVEN} x", "Zwaluwkanarie-Rosa"]
)
def test_what_is_no_id_is_replaced(given):
    """A name or a number in the header would stand in every line."""
    with logs.request(given) as named:
        assert re.fullmatch(r"[0-9a-f]{32}", named)
        assert named != given


@pytest.mark.django_db
def test_the_answer_carries_the_id():
    assert Client().get("/nowhere", headers={"X-Request-ID": GIVEN}).headers["X-Request-ID"] == GIVEN
    own = Client().get("/nowhere", headers={"X-Request-ID": CANARY}).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", own)

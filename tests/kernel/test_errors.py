import pytest
from django.utils.functional import lazystr

from mdo.kernel import errors

TABLE = {
    errors.NotFound: ("not_found", 404),
    errors.Denied: ("forbidden", 403),
    errors.Unproved: ("unproved", 401),
    errors.RuleBroken: ("rule", 422),
    errors.IdReused: ("id_reused", 409),
    errors.Unavailable: ("unavailable", 503),
}


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_each_refusal_has_its_code_and_status(kind: type[errors.Refused]) -> None:
    error = kind(lazystr("A sentence."), field="name")  # type: ignore[arg-type]
    assert (error.code, error.status, error.message, error.field, str(error)) == (
        *TABLE[kind],
        "A sentence.",
        "name",
        "A sentence.",
    )
    assert type(error.message) is str


def test_invalid_names_its_first_field() -> None:
    error = errors.Invalid({"title": ["Give a title.", "At most 300."], "minutes": [lazystr("Too long.")]})  # type: ignore[list-item]
    assert (error.code, error.status, error.field, error.message) == ("invalid", 422, "title", "Give a title.")
    assert error.errors == {"title": ["Give a title.", "At most 300."], "minutes": ["Too long."]}


def test_stale_says_the_current_version() -> None:
    error = errors.Stale("Changed in between.", current=7)
    assert (error.code, error.status, error.current, error.field) == ("stale", 409, 7, "version")


def test_a_plain_refusal_needs_no_words() -> None:
    error = errors.NotFound()
    assert (error.message, error.field) == ("", None)

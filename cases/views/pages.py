"""What the pages of cases have in common: the language, refusals shown in the page."""

from collections.abc import Sequence
from typing import Any, Final

from django.forms import BaseForm
from django.utils.translation import get_language

from mdo.kernel.errors import IdReused, Invalid, Refused, RuleBroken, Stale

# What a page shows itself, with everything typed still there; the middleware answers the others.
SHOWN: Final = (Invalid, RuleBroken, Stale, IdReused)


def language() -> str:
    """The code of the reader's language ("nl")."""
    return (get_language() or "en")[:2]


def put_errors(form: BaseForm, error: Refused) -> None:
    """Put a refusal of an action beside the fields that it names; what names no field of the form goes above it."""
    by_field: list[tuple[str | None, Sequence[str]]] = [(error.field, [error.message])]
    if isinstance(error, Invalid):
        by_field = list(error.errors.items())
    for field, sentences in by_field:
        for sentence in sentences:
            visible = field in form.fields and not form.fields[field].widget.is_hidden
            form.add_error(field if visible else None, sentence)


def as_errors(error: Refused, fields: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """A refusal for ``components/errors_summary.html``; ``fields`` gives the address of a field on another page."""
    found = error.errors if isinstance(error, Invalid) else {error.field or "": [error.message]}
    return [
        {"field_id": "", "url": (fields or {}).get(field, ""), "message": sentence}
        for field, sentences in found.items()
        for sentence in sentences
    ]

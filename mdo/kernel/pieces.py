"""Pieces of a page that come again in every row of a table: an icon, a hospital's letters, a state. Loaded as a builtin, so every
template has it.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any, cast

from django import template
from django.template import Context
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True)
def piece(context: Context, name: str, /, **given: Any) -> SafeString:
    """``{% piece "components/hospital.html" organisation=… compact=True %}``: as ``{% include … only %}``, rendered once a page for the
    same arguments. They must be hashable; the piece sees nothing else of the page.

    Of sixty rows with five includes each, three quarters of the time to draw them went into the same few pieces.
    """
    kept = _kept(context)
    key = (name, *given.items())
    found: SafeString | None = kept.get(key)
    if found is None:
        found = kept[key] = _drawn(context, name, given)
    return found


@register.simple_tag(takes_context=True)
def filled(context: Context, name: str, words: Mapping[str, object], /, **given: Any) -> SafeString:
    """``{% filled "meetings/_agenda_row.html" line.words shape=line.shape table=table %}``: a piece with holes, rendered once a page for the
    same arguments and filled with the ``words`` of each row, escaped. In the piece they are called ``row.…``; they may stand anywhere
    in its text and in no condition or filter: what decides about the form of a row is an argument (``TypeError`` otherwise).

    Rows differ in a name, an id and a time, and have few forms: drawing sixty anew took half of an agenda's time.
    """
    kept = _kept(context)
    key = (filled, name, *given.items())
    found: list[str] | None = kept.get(key)
    if found is None:
        found = kept[key] = _HOLE.split(_drawn(context, name, {**given, "row": _Holes()}))
    escaped: dict[str, str] = {}  # an id stands in ten places of its row
    parts = found.copy()  # text at even places, the names of holes at odd ones
    for place in range(1, len(parts), 2):
        hole = parts[place]
        if hole not in escaped:
            escaped[hole] = conditional_escape(str(words[hole]))  # what is safe stays so
        parts[place] = escaped[hole]
    return SafeString("".join(parts))


_MARK = secrets.token_hex(8)  # in no text of anybody's
_HOLE = re.compile(rf"{_MARK}:(\w+):")


class _Hole(SafeString):
    def __bool__(self) -> bool:
        raise TypeError("what fills a hole differs from row to row: a condition asks an argument")


class _Holes:
    def __getitem__(self, name: str) -> _Hole:
        return _Hole(f"{_MARK}:{name}:")


def _kept(context: Context) -> dict[Any, Any]:
    """What was rendered on this page already; it goes with the page."""
    return cast(dict[Any, Any], context.render_context.setdefault(__name__, cast(Any, {})))


def _drawn(context: Context, name: str, given: dict[str, Any]) -> SafeString:
    assert context.template is not None
    return context.template.engine.get_template(name).render(context.new(given))

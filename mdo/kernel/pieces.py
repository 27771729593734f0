"""Pieces of a page that come again in every row of a table: an icon, a hospital's letters, a state. Loaded as a builtin, so every
template has it.
"""

from typing import Any, cast

from django import template
from django.template import Context
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True)
def piece(context: Context, name: str, /, **given: Any) -> SafeString:
    """``{% piece "components/hospital.html" organisation=… compact=True %}``: as ``{% include … only %}``, rendered once a page for the
    same arguments. They must be hashable; the piece sees nothing else of the page.

    Of sixty rows with five includes each, three quarters of the time to draw them went into the same few pieces.
    """
    kept: dict[Any, SafeString] = context.render_context.setdefault(__name__, cast(Any, {}))  # type: ignore[assignment]
    key = (name, *given.items())
    found = kept.get(key)
    if found is None:
        assert context.template is not None
        found = kept[key] = context.template.engine.get_template(name).render(context.new(given))
    return found

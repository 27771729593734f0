"""Dates as people write them: Django's ``date`` filter, with the months in the letters that the language uses.

Django's ``M`` ("Nov") capitalises in every language; Dutch and French write "do 19 nov". Loaded as a builtin, so every template has it.
"""

import datetime
import re

from django import template
from django.template import defaultfilters
from django.utils import timezone
from django.utils.formats import FORMAT_SETTINGS
from django.utils.translation import get_language

register = template.Library()

SMALL_MONTHS = ("nl", "fr")
_MONTH = re.compile(r"(?<!\\)M")


def written(form: str | None) -> str | None:
    """A format with its short month in the letters of the active language; names of Django's own formats stay."""
    if form is None or form in FORMAT_SETTINGS or (get_language() or "").partition("-")[0] not in SMALL_MONTHS:
        return form
    return _MONTH.sub("b", form)


@register.filter(expects_localtime=True, is_safe=False)
def date(value: datetime.date | datetime.datetime | str | None, form: str | None = None) -> str:
    """Django's filter of this name."""
    return str(defaultfilters.date(value, written(form)))


def local(moment: datetime.datetime, form: str) -> str:
    """A moment in the zone and the language that are active, as the filter writes it in a template."""
    return date(timezone.localtime(moment), form)

"""Fields that forms of all apps use."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)


class DayField(forms.DateField):
    """A day as the browser's own date input sends it, within reason (so that a day can be added to it)."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def to_python(self, value: Any) -> date | None:
        day = super().to_python(value)
        if day is not None and not EARLIEST <= day <= LATEST:
            raise ValidationError(_("Give a day between 1900 and 2200."), code="range")
        return day

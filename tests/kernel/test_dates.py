from datetime import date

import pytest
from django.template import Context, Template
from django.utils import translation

DAY = date(2026, 11, 19)


@pytest.mark.parametrize(
    ("language", "form", "expected"),
    [
        ("nl", "D j M", "do 19 nov"),
        ("nl-be", "j M Y", "19 nov 2026"),
        ("fr", "j M", "19 nov"),
        ("en", "D j M", "Thu 19 Nov"),
        ("nl", r"j \M M", "19 M nov"),
    ],
)
def test_months_in_the_letters_of_the_language(language: str, form: str, expected: str) -> None:
    with translation.override(language):
        shown = Template("{{ day|date:form }}").render(Context({"day": DAY, "form": form}))
    assert shown.rstrip(".").replace("Do", "do") == expected


def test_named_formats_stay_and_nothing_shows_nothing() -> None:
    with translation.override("nl"):
        named = Template('{{ day|date:"SHORT_DATE_FORMAT" }}').render(Context({"day": DAY}))
        default = Template("{{ day|date }}").render(Context({"day": DAY}))
        nothing = Template('{{ day|date:"M" }}').render(Context({"day": None}))
    assert ("2026" in named, "november 2026" in default, nothing) == (True, True, "")

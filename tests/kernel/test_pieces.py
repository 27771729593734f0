"""A piece that comes again is drawn once a page, and knows nothing but its arguments."""

from django.template import Context, Template


def test_each_is_drawn_with_its_own_arguments() -> None:
    row = '{% piece "components/status.html" state=n label=label %}'
    words = Template("{% for n in states %}" + row + "{% endfor %}").render(Context({"states": "aab", "label": "<b>"}))
    assert words.count("status-a") == 2
    assert words.count("status-b") == 1
    assert words.count("&lt;b&gt;") == 3


def test_the_same_arguments_are_drawn_once() -> None:
    class Counted(str):
        drawn = 0
        __slots__ = ()

        def __str__(self) -> str:
            Counted.drawn += 1
            return "x"

    Template('{% for n in "aaaa" %}{% piece "components/status.html" state="a" label=label %}{% endfor %}').render(
        Context({"label": Counted("x")})
    )
    assert Counted.drawn == 1


def test_a_piece_sees_its_arguments_alone() -> None:
    assert "secret" not in Template('{% piece "components/status.html" state="a" %}').render(
        Context({"label": "secret"})
    )

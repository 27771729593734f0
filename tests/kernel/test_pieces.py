"""A piece that comes again is drawn once a page, and knows nothing but its arguments."""

import pytest
from django.template import Context, Engine, Template
from django.utils.safestring import mark_safe


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


def filled(rows: list[dict[str, object]], piece: str) -> str:
    """``piece`` drawn for each of ``rows``, from a template of that text."""
    engine = Engine(
        loaders=[("django.template.loaders.locmem.Loader", {"piece.html": piece})], builtins=["mdo.kernel.pieces"]
    )
    page = '{% for each in rows %}{% filled "piece.html" each shape=each.shape %}{% endfor %}'
    return str(engine.from_string(page).render(Context({"rows": rows, "secret": "secret"})))


def test_holes_are_filled_with_each_rows_own_words_escaped() -> None:
    rows: list[dict[str, object]] = [
        {"shape": "a", "name": '<b title="x">', "n": 1},
        {"shape": "b", "name": mark_safe("<i>"), "n": 2},
        {"shape": "a", "name": "C", "n": 3},
    ]
    piece = '{% if shape == "a" %}A{% endif %}[{{ row.name }}|{{ row.n }}|{{ row.name }}]{{ secret }}'
    assert filled(rows, piece) == "".join(
        ["A[&lt;b title=&quot;x&quot;&gt;|1|&lt;b title=&quot;x&quot;&gt;]", "[<i>|2|<i>]", "A[C|3|C]"]
    )


def test_a_piece_is_drawn_once_for_each_form_of_its_rows() -> None:
    drawn: list[str] = []

    class Shape(str):
        __slots__ = ()

        def __str__(self) -> str:
            drawn.append(self)
            return self

    rows: list[dict[str, object]] = [{"shape": Shape("ab"[n % 2]), "n": n} for n in range(60)]
    assert filled(rows, "{{ shape }}{{ row.n }} ").split()[:3] == ["a0", "b1", "a2"]
    assert drawn.count("a") == drawn.count("b") == 1


def test_a_hole_decides_nothing() -> None:
    """The form of one row would become that of all."""
    with pytest.raises(TypeError, match="a condition asks an argument"):
        filled([{"shape": "a", "n": 0}], "{% if row.n %}some{% endif %}")
    with pytest.raises(KeyError):
        filled([{"shape": "a", "n": 0}], "{{ row.unknown }}")

"""The watch over the browsers itself: each complaint that a journey must not meet is noticed."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.journeys.visitors import Visitor, Visitors
from tests.parts import until

pytestmark = pytest.mark.journey


@pytest.fixture
def visitor(cast: Cast, visitors: Visitors) -> Visitor:
    visitor = visitors.bring("requester", cast.requester, signed_in=False)
    visitor.go("/accounts/login/")
    return visitor


def noticed(visitor: Visitor, words: str) -> None:
    """Such a fault was noted; it is taken off the list, so that this journey ends well."""

    def there() -> bool:
        visitor.page.title()  # what the browser says arrives while it is spoken to
        return any(words in fault for fault in visitor.faults)

    until(there, f"a fault with: {words}", 10)
    visitor.faults.clear()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("console.error('oops')", "oops"),
        ("setTimeout(() => { throw new Error('broken') })", "script error: broken"),
        ("fetch('/static/nowhere.js')", "404 of GET"),
        ("fetch('http://127.0.0.1:9/').catch(() => {})", "Content Security Policy"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
    ],
)
def test_a_complaint_of_the_browser_is_noticed(visitor: Visitor, script: str, words: str) -> None:
    visitor.page.evaluate(f"() => {{ {script} }}")
    noticed(visitor, words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_serious_fault_of_accessibility_is_noticed(visitor: Visitor, scheme: str) -> None:
    visitor.page.evaluate(
        """scheme => {
            const heading = document.querySelector('h1');
            const paint = () => {
                const dark = matchMedia('(prefers-color-scheme: dark)').matches;
                heading.style.color = (scheme === 'dark') === dark ? (dark ? '#222' : '#ddd') : '';
            };
            matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
            paint();
        }""",
        scheme,
    )
    visitor.look("painted")
    noticed(visitor, f"painted, {scheme}: serious color-contrast")


def test_a_field_without_a_name_is_noticed(visitor: Visitor) -> None:
    visitor.page.evaluate(
        """() => {
            document.querySelector('label[for=id_login]').remove();
            document.getElementById('id_login').removeAttribute('placeholder');
        }"""
    )
    visitor.look("unnamed")
    noticed(visitor, "critical label")

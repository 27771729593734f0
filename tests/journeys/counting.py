"""How often somebody has to press something: counted by the browser itself, over every page of a journey."""

from __future__ import annotations

from tests.journeys.visitors import Visitor

# Only what a person did: a key that is held counts once, and what a script of the page does counts for nothing.
_COUNT = """(() => {
    const add = (event) => {
        if (!event.isTrusted || event.repeat) return;
        sessionStorage.setItem('pressed', String(Number(sessionStorage.getItem('pressed') ?? 0) + 1));
    };
    addEventListener('pointerdown', add, true);
    addEventListener('keydown', add, true);
})();"""


class Counter:
    """Counts the keys and buttons that a visitor presses from now on, on the pages that they open from now on."""

    def __init__(self, visitor: Visitor) -> None:
        self.page = visitor.page
        visitor.context.add_init_script(_COUNT)

    @property
    def pressed(self) -> int:
        return int(self.page.evaluate("Number(sessionStorage.getItem('pressed') ?? 0)"))

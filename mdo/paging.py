"""Pages of long lists, of which several may stand on one page."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict


class Part(Page[Any]):
    """A page of one list. Its place stands in the address under ``key``, beside whatever else stands there: `components/pagination.html`."""

    key: str
    query: QueryDict

    def at(self, number: int) -> str:
        """The address of another page of the same list."""
        query = self.query.copy()
        query[self.key] = str(number)
        return f"?{query.urlencode()}"

    def before(self) -> str:
        return self.at(self.previous_page_number()) if self.has_previous() else ""

    def after(self) -> str:
        return self.at(self.next_page_number()) if self.has_next() else ""


def part(request: HttpRequest, rows: QuerySet[Any], lines: int, key: str = "page") -> Part:
    """The page that the request asks for, read already: its first for what is no number, its last beyond the end. Two queries."""
    found = Paginator(rows, lines).get_page(request.GET.get(key))
    asked = Part(list(found), found.number, found.paginator)
    asked.key, asked.query = key, request.GET
    return asked

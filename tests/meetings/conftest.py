"""The item of a guest by link, the table that is asked about access, and the ways in which the search walks its index."""

from collections.abc import Iterator

import pytest
from django.db import connection

from meetings.models import AgendaItem
from tests.cast import Cast
from tests.meetings import tables
from tests.meetings.guesting import set_table


@pytest.fixture
def own(cast: Cast) -> AgendaItem:
    """The guest's own item: the second of three on a sitting that begins in a quarter of an hour."""
    _meeting, items = set_table(cast)
    return items[1]


@pytest.fixture
def table(cast: Cast) -> tables.Table:
    return tables.set_up(cast)


@pytest.fixture(params=[(2000, 24), (-1, 24), (-1, 0)], ids=["a few", "by place and month", "by months"])
def each_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each way in which the index is walked: a handful of decisions would only ever go the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('mdo.search_few', %s, false), set_config('mdo.search_several', %s, false)",
            [str(number) for number in request.param],
        )
        yield
        cursor.execute("SELECT set_config('mdo.search_few', '', false), set_config('mdo.search_several', '', false)")

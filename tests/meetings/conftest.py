"""The item of a guest by link, and the table that is asked about access."""

import pytest

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

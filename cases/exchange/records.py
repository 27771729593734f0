"""The one JSON form: ``{"decisions": [{…}, …]}`` or the bare list; each record holds fields of ``columns.yaml`` by their code.

A value is a text, a number, or a list of texts (steps, participants), which becomes lines.
"""

import json
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from cases.exchange.tables import (
    MOST_COLUMNS,
    MOST_ROWS,
    Cell,
    Facts,
    InvalidTable,
    Row,
    Table,
    plain,
    too_many_columns,
    too_many_rows,
)


class _Twice(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def open_records(text: str, encoding: str) -> Table:
    """The records of a JSON text as a table: a column for each name that one of them has. Raises ``InvalidTable``."""
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except _Twice as error:
        raise InvalidTable(_("A record of the JSON file names a field twice."), code="json_twice") from error
    except (ValueError, RecursionError) as error:
        raise InvalidTable(_("The file is no valid JSON."), code="json") from error
    records = found.get("decisions") if isinstance(found, dict) and set(found) == {"decisions"} else found
    if not isinstance(records, list) or not records or not all(isinstance(each, dict) for each in records):
        raise InvalidTable(_('The JSON file must hold a list of records: {"decisions": [{…}, …]}.'), code="json_shape")
    if len(records) > MOST_ROWS:
        raise too_many_rows()
    header = tuple(dict.fromkeys(str(name)[:200] for record in records for name in record))
    if len(header) > MOST_COLUMNS:
        raise too_many_columns()
    if len(header) < 2:
        raise InvalidTable(_("The records of the JSON file hold nothing that can be read."), code="json_shape")

    def lines() -> Iterator[Row]:
        for number, record in enumerate(records, start=1):
            yield Row(number, tuple(_cell(record.get(name)) for name in header))

    return Table(header, Facts("json", encoding=encoding), lines, 0)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell()
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        value = "\n".join(str(each) for each in value)
    if isinstance(value, bool | dict | list):
        return Cell(str(value)[:100], fault="shape")
    return plain(str(value).strip())

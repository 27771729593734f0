"""Questions whose SQL is made once in a process: where does somebody sit, who is in office. Every page and every action asks them.

Django makes the SQL of a query set anew each time. For a question of many parts that takes longer than PostgreSQL takes to answer it.
"""

import copy
import functools
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_type_hints
from uuid import UUID, uuid4

from django.db import connections
from django.db.models import QuerySet

P = ParamSpec("P")
R = TypeVar("R")

_STAND_INS: Mapping[type, Callable[[int], object]] = {
    UUID: lambda _n: uuid4(),
    str: lambda _n: uuid4().hex,
    date: lambda n: date(1700, 1, 1) + timedelta(days=n),
    datetime: lambda n: datetime(1700, 1, 1).astimezone() + timedelta(days=n),
}


def compiled(build: Callable[P, QuerySet[Any, R]]) -> Callable[P, list[R]]:
    """A question out of a function that gives a query set. Its arguments (ids, days, moments, words) are all that differs from one asking
    to the next; the answer is a list of rows.

    ``build`` runs twice, with stand-ins for its arguments and where no door is open. So whoever asks first leaves nothing of theirs in the
    question: what the function reads of the door fails, and what it reckons by itself (an hour from now, an ``if``) is a ``RuntimeError``.
    """
    kinds = {name: kind for name, kind in get_type_hints(build).items() if name != "return"}
    made: list[_Made[R]] = []

    @functools.wraps(build)
    def ask(*args: P.args, **values: P.kwargs) -> list[R]:
        if args or values.keys() != kinds.keys():
            raise TypeError(f"{build.__name__} takes these, by name: {', '.join(kinds)}")
        for name, kind in kinds.items():
            if not isinstance(values[name], kind):  # an id that is missing would find nothing, or too much
                raise TypeError(f"{build.__name__}: {name} is no {kind.__name__}")
        if not made:
            made.append(_make(build, kinds))
        return made[0].ask(values)

    return cast(Callable[P, list[R]], ask)


@dataclass(frozen=True)
class _Made(Generic[R]):
    """``places``: for each parameter of the SQL the argument that goes there, or ``None`` for what is always the same."""

    rows: QuerySet[Any, R]
    compiler: Any
    sql: str
    parameters: tuple[object, ...]
    places: tuple[str | None, ...]

    def ask(self, values: Mapping[str, object]) -> list[R]:
        found = self.rows.all()
        found.query.get_compiler = functools.partial(self._compiler, values)  # type: ignore[method-assign]
        return list(found)

    def _compiler(self, values: Mapping[str, object], using: str, *_more: object) -> Any:
        """Django's compiler, that knows already what it selects and what it says."""
        ready = copy.copy(self.compiler)
        ready.connection = connections[using]
        parameters = zip(self.places, self.parameters, strict=True)
        filled = tuple(value if name is None else values[name] for name, value in parameters)
        ready.as_sql = lambda *_args, **_more: (self.sql, filled)
        return ready


def _make(build: Callable[..., QuerySet[Any, R]], kinds: Mapping[str, type]) -> _Made[R]:
    first, second = (_once(build, kinds, offset) for offset in (0, len(kinds)))
    constants = [
        [value for value, name in zip(each.parameters, each.places, strict=True) if name is None]
        for each in (first, second)
    ]
    if (first.sql, first.places) != (second.sql, second.places) or constants[0] != constants[1]:
        raise RuntimeError(f"{build.__name__} says something that is none of its arguments")
    if unsaid := kinds.keys() - set(first.places):
        raise RuntimeError(f"{build.__name__} asks nothing by {', '.join(sorted(unsaid))}")
    return first


def _once(build: Callable[..., QuerySet[Any, R]], kinds: Mapping[str, type], offset: int) -> _Made[R]:
    stand_ins = {name: _STAND_INS[kind](offset + n) for n, (name, kind) in enumerate(kinds.items())}
    rows = Context().run(build, **stand_ins)
    compiler = rows.query.get_compiler(rows.db)
    sql, parameters = compiler.as_sql()
    names = {value: name for name, value in stand_ins.items()}
    places = tuple(names.get(value) if type(value) in kinds.values() else None for value in parameters)
    return _Made(rows, compiler, sql, tuple(parameters), places)

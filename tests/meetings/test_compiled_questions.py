"""Every compiled question of access and of the door can be made, each by itself, whoever asked it first elsewhere."""

import inspect
from datetime import date, datetime
from types import ModuleType
from typing import Any, get_type_hints
from uuid import UUID, uuid4

import pytest
from django.db.models import QuerySet

import cases.access
import mdo.directory.access
import mdo.kernel.command_ids
import meetings.access
from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled

_STAND_IN: dict[type, Any] = {UUID: uuid4, str: lambda: uuid4().hex, date: lambda: now().date(), datetime: now}


def questions(module: ModuleType) -> dict[str, Any]:
    """The functions below ``@compiled`` that a module defines."""
    below = {name: inspect.unwrap(each) for name, each in vars(module).items() if hasattr(each, "__wrapped__")}
    return {
        name: each
        for name, each in below.items()
        if each.__module__ == module.__name__ and get_type_hints(each).get("return") is QuerySet
    }


@pytest.mark.parametrize(
    ("module", "at_least"),
    [(mdo.kernel.command_ids, 1), (mdo.directory.access, 6), (cases.access, 3), (meetings.access, 3)],
)
def test_each_can_be_made(db: None, module: ModuleType, at_least: int) -> None:
    found = questions(module)
    assert len(found) >= at_least
    for build in found.values():
        kinds = {name: kind for name, kind in get_type_hints(build).items() if name != "return"}
        with pytest.raises(TypeError, match="by name"):
            compiled(build)()
        assert compiled(build)(**{name: _STAND_IN[kind]() for name, kind in kinds.items()}) == []

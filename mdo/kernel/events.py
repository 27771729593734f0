"""What happened, in the past tense. Events hold ids, states, numbers and versions, never care content.

They are journaled (for the live room), audited (their ids) and documented (``docs/events.md`` is made from this registry).
"""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

EVENTS: dict[str, type["Event"]] = {}


class Event(BaseModel):
    """Base of all events. A subclass sets ``name`` (``noun.verb_past``); a name given twice fails at import."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        if not cls.name:
            return  # an abstract base
        if cls.name in EVENTS:
            raise TypeError(f"two events are named {cls.name}")
        if not cls.__doc__:
            raise TypeError(f"{cls.__name__} needs a docstring that says what happened")
        EVENTS[cls.name] = cls

    def object_ids(self) -> dict[str, UUID]:
        """The ids in the event, by field: what the audit row points at."""
        return {field: value for field, value in self if isinstance(value, UUID)}

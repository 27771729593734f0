"""What happens to people, organisations, agreements and boards."""

from typing import ClassVar
from uuid import UUID

from mdo.kernel.events import Event


class DirectoryChanged(Event):
    """The site's operator or an organisation's administrator changed a person, a role, an organisation, an agreement or a board."""

    name: ClassVar[str] = "directory.changed"
    kind: str
    object_id: UUID
    how: str

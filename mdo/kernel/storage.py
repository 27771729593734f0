"""Files at rest, encrypted (``mdo.kernel.encryption``), under names by chance: in a folder, or on an S3 store (``mdo.objects``)."""

import io
import logging
from abc import ABC, abstractmethod
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, storages
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext as _

from mdo.kernel.encryption import CHUNK, Damaged, Decrypted, encrypt
from mdo.kernel.errors import Unavailable

log = logging.getLogger(__name__)


class Encrypted(ABC):
    """What both have in common. Files have no address: views serve them through access control."""

    @staticmethod
    def name_for(file_id: UUID) -> str:
        """Where the file with this (random) id lies. Names tell nothing of what they hold."""
        return f"{file_id.hex[-2:]}/{file_id.hex}"

    def url(self, name: str | None) -> str:
        raise ValueError("stored files have no address")

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        if self.exists(name):  # type: ignore[attr-defined]
            raise FileExistsError(name)  # names are bound into the encryption and are never reused
        return name

    def _sealed(self, name: str, content: File) -> io.BytesIO:
        stored = io.BytesIO()
        content.seek(0)
        for piece in encrypt(content, settings.MDO_FILE_KEY, name):
            stored.write(piece)
        stored.seek(0)
        return stored

    def _open(self, name: str, mode: str = "rb") -> File:
        if mode != "rb":
            raise ValueError("stored files are read, never changed")
        stored = self._stored(name)
        try:
            raw = Decrypted(stored, settings.MDO_FILE_KEY, name)
        except Damaged:
            stored.close()
            raise
        return File(io.BufferedReader(raw, CHUNK), name)

    @abstractmethod
    def _stored(self, name: str) -> IO[bytes]:
        """The file as it lies there. Raises ``FileNotFoundError``."""


@deconstructible
class EncryptedStorage(Encrypted, FileSystemStorage):
    """Files in ``MEDIA_ROOT``."""

    def __init__(self) -> None:
        super().__init__(
            location=settings.MEDIA_ROOT, base_url=None, file_permissions_mode=0o600, directory_permissions_mode=0o700
        )

    def _save(self, name: str, content: File) -> str:
        """Raises ``Unavailable`` where the disk takes nothing: it is full, not writable, or gone."""
        stored = self._sealed(name, content)
        try:
            return str(super()._save(name, File(stored)))  # type: ignore[misc]
        except OSError as error:
            log.error("a file cannot be stored below MDO_VAR (%s)", error.strerror or type(error).__name__)
            raise Unavailable(_("This file cannot be stored now. Tell the site's operator.")) from error

    def _stored(self, name: str) -> IO[bytes]:
        return open(self.path(name), "rb")


storage: Any = storages["files"]


def read_whole(name: str) -> bytes:
    """What a small file holds. Raises ``Unavailable`` where it cannot be read."""
    try:
        with storage.open(name) as file:
            return bytes(file.read())
    except (OSError, Damaged) as error:
        raise Unavailable(_("This document cannot be read now. Ask your administrator.")) from error

"""Stored files on an S3 store instead of a folder. What is put there is encrypted before (``mdo.kernel.storage``), so the store sees neither names nor content."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext as _

from mdo.kernel.errors import Unavailable
from mdo.kernel.storage import Encrypted

log = logging.getLogger(__name__)

WINDOW = 1 << 20
"""Bytes fetched at once: a document is read from its beginning to its end, 64 KiB at a time."""


@contextmanager
def _answered() -> Iterator[None]:
    """Raises ``Unavailable`` where the store is away or refuses: whoever asked is told so, and may try again."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        log.error("the S3 store does not do what it is asked (%s)", type(error).__name__)
        raise Unavailable(_("Files cannot be reached now. Tell the site's operator.")) from error


class Bucket:
    """One bucket at ``endpoint``, by a key that may read, write and delete objects in it and nothing else. Safe for many threads."""

    def __init__(self, endpoint: str, bucket: str, key: str, secret: str, region: str) -> None:
        self.endpoint, self.name, self._key, self._secret, self._region = endpoint, bucket, key, secret, region

    @cached_property
    def client(self) -> Any:
        import boto3  # slow to load, and most houses keep files in a folder
        from botocore.config import Config

        # Path style: such stores stand under one name in a hospital's network, not under one for each bucket. No proxy of the
        # environment, and short limits: a request of somebody waits for it.
        config = Config(
            s3={"addressing_style": "path"},
            connect_timeout=3,
            read_timeout=20,
            retries={"max_attempts": 3, "mode": "standard"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=24,
        )
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self._key,
            aws_secret_access_key=self._secret,
            region_name=self._region,
            config=config,
        )

    def put(self, name: str, content: io.BytesIO) -> None:
        """Store it whole; acknowledged by the store when this returns."""
        with _answered():
            self.client.put_object(Bucket=self.name, Key=name, Body=content, ContentType="application/octet-stream")

    def size(self, name: str) -> int | None:
        """In bytes as stored; ``None`` when there is no such object."""
        from botocore.exceptions import ClientError

        with _answered():
            try:
                return int(self.client.head_object(Bucket=self.name, Key=name)["ContentLength"])
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise

    def open(self, name: str) -> Ranged:
        """Raises ``FileNotFoundError``."""
        size = self.size(name)
        if size is None:
            raise FileNotFoundError(name)
        return Ranged(self, name, size)

    def part(self, name: str, start: int, length: int) -> bytes:
        with _answered():
            answer = self.client.get_object(Bucket=self.name, Key=name, Range=f"bytes={start}-{start + length - 1}")
            body: bytes = answer["Body"].read()
        return body

    def delete(self, name: str) -> None:
        with _answered():
            self.client.delete_object(Bucket=self.name, Key=name)


class Ranged(io.RawIOBase):
    """A readable, seekable view on an object; fetches a window of 1 MiB around what is asked."""

    def __init__(self, bucket: Bucket, name: str, size: int) -> None:
        super().__init__()
        self._bucket, self._name, self._size, self._position = bucket, name, size, 0
        self._window: tuple[int, bytes] = (0, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        """All of what was asked for, unless the object ends before."""
        end = self._size if size is None or size < 0 else min(self._size, self._position + size)
        pieces = []
        while self._position < end:
            start, held = self._window
            if not start <= self._position < start + len(held):
                start = self._position
                held = self._bucket.part(self._name, start, min(WINDOW, self._size - start))
                if not held:
                    break  # it is shorter than it said: the reader finds a damaged file
                self._window = (start, held)
            piece = held[self._position - start : end - start]
            pieces.append(piece)
            self._position += len(piece)
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


@deconstructible
class ObjectStorage(Encrypted, Storage):
    """Files in the bucket that ``MDO_S3`` names, so that web and worker machines share no disk."""

    def __init__(self) -> None:
        self.bucket = Bucket(**settings.MDO_S3)

    def _save(self, name: str, content: File) -> str:
        self.bucket.put(name, self._sealed(name, content))
        return name

    def _stored(self, name: str) -> Any:
        return self.bucket.open(name)

    def exists(self, name: str) -> bool:
        return self.bucket.size(name) is not None

    def size(self, name: str) -> int:
        found = self.bucket.size(name)
        if found is None:
            raise FileNotFoundError(name)
        return found

    def delete(self, name: str) -> None:
        self.bucket.delete(name)

"""Stored files on a real S3 store: the same promises as in a folder (tests/kernel/test_storage.py), over a line that may fail.

Run by `make test-objects`; not a part of `make test`, which has no such server.
"""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile, File

from mdo.cli.process import Child, Program
from mdo.environment import parse_s3_url
from mdo.kernel.encryption import CHUNK, Damaged
from mdo.kernel.errors import Unavailable
from mdo.objects import WINDOW, ObjectStorage
from tests.kernel.test_storage import NEAR_A_CHUNK, content
from tests.parts import until
from tests.ports import free_port
from tests.s3.program import PROGRAM

KEY, SECRET = "mdo", "the-secret-of-these-tests"


def start(folder: Path, port: int) -> Child:
    environment = {**os.environ, "ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
    command = [str(PROGRAM), "--quiet", "--port", f"127.0.0.1:{port}", "posix", str(folder / "data")]
    child = Child.start(Program("versitygw", command, environment, folder / "log"), folder / "pids")

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(listens, "the S3 server", log=folder / "log")
    return child


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    folder = tmp_path_factory.mktemp("s3")
    (folder / "data").mkdir()
    (folder / "pids").mkdir()
    port = free_port()
    child = start(folder, port)
    yield folder, port
    child.stop()


@pytest.fixture
def store(server: tuple[Path, int], settings: Any, request: pytest.FixtureRequest) -> ObjectStorage:
    _folder, port = server
    bucket = f"b{abs(hash(request.node.name)) % 10**12}"
    settings.MDO_S3 = parse_s3_url(f"http://{KEY}:{SECRET}@127.0.0.1:{port}/{bucket}")
    made = ObjectStorage()
    made.bucket.client.create_bucket(Bucket=bucket)
    return made


@pytest.mark.parametrize("size", [*NEAR_A_CHUNK, 3 * WINDOW + 11])
def test_what_goes_in_comes_out_in_whole_and_in_ranges(store: ObjectStorage, size: int) -> None:
    assert store.save("aa/one", ContentFile(content(size))) == "aa/one"
    with store.open("aa/one") as file:
        assert file.read() == content(size)
        for start_at in (0, size // 2, max(0, size - 3)):
            file.seek(start_at)
            assert file.read(5) == content(size)[start_at : start_at + 5]


def test_the_store_sees_neither_content_nor_a_name(store: ObjectStorage, server: tuple[Path, int]) -> None:
    store.save("aa/one", ContentFile(b"Mevrouw Janssens " * 9000))
    (stored,) = [path for path in (server[0] / "data" / store.bucket.name).rglob("one") if path.is_file()]
    assert b"Janssens" not in stored.read_bytes()
    assert store.size("aa/one") == stored.stat().st_size


def test_what_was_changed_cut_or_exchanged_there_is_refused(store: ObjectStorage, server: tuple[Path, int]) -> None:
    data = server[0] / "data" / store.bucket.name
    for name in ("aa/one", "aa/two", "aa/cut", "aa/changed"):
        store.save(name, ContentFile(content(CHUNK + 9)))
    whole = (data / "aa" / "one").read_bytes()
    (data / "aa" / "two").write_bytes(whole)  # another file under this name
    (data / "aa" / "cut").write_bytes(whole[:-20])
    (data / "aa" / "changed").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    for name in ("aa/two", "aa/cut", "aa/changed"):
        with pytest.raises(Damaged):
            store.open(name)
    with store.open("aa/one") as file:  # the control: untouched
        assert file.read() == content(CHUNK + 9)


def test_a_name_is_never_reused_and_what_is_gone_is_gone(store: ObjectStorage) -> None:
    store.save("aa/one", ContentFile(b"1"))
    with pytest.raises(FileExistsError):
        store.save("aa/one", ContentFile(b"2"))
    store.delete("aa/one")
    assert not store.exists("aa/one")
    for ask in (store.open, store.size):
        with pytest.raises(FileNotFoundError):
            ask("aa/one")


def test_no_address_and_no_writing(store: ObjectStorage) -> None:
    store.save("aa/one", File(io.BytesIO(b"1")))
    with pytest.raises(ValueError, match="never changed"):
        store.open("aa/one", "rb+")
    with pytest.raises(ValueError, match="no address"):
        store.url("aa/one")


def test_another_secret_opens_nothing(store: ObjectStorage, settings: Any) -> None:
    store.save("aa/one", ContentFile(b"1"))
    settings.MDO_S3 = {**settings.MDO_S3, "secret": "another"}
    with pytest.raises(Unavailable):
        ObjectStorage().open("aa/one")


def test_a_store_that_is_away_is_a_fault_and_comes_back(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "pids").mkdir()
    port = free_port()
    child = start(tmp_path, port)
    settings.MDO_S3 = parse_s3_url(f"http://{KEY}:{SECRET}@127.0.0.1:{port}/bucket")
    store = ObjectStorage()
    store.bucket.client.create_bucket(Bucket="bucket")
    store.save("aa/one", ContentFile(b"1"))
    child.stop()
    with pytest.raises(Unavailable):
        store.open("aa/one")
    with pytest.raises(Unavailable):
        store.save("aa/two", ContentFile(b"2"))
    child = start(tmp_path, port)
    with store.open("aa/one") as file:
        assert file.read() == b"1"
    assert not store.exists("aa/two")
    child.stop()

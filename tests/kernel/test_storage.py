"""Encrypted files: what goes in comes out, in whole or in ranges; whatever was touched is refused before a byte leaves."""

import io
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.base import ContentFile, File
from hypothesis import example, given
from hypothesis import strategies as st

from mdo.kernel.encryption import CHUNK, HEADER, TAG, Damaged, Decrypted, encrypt
from mdo.kernel.storage import EncryptedStorage

KEY = bytes(range(32))
NAME = "ab/0123456789ab"
NEAR_A_CHUNK = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK + 7)
SIZES = st.one_of(st.integers(0, 300), st.sampled_from(NEAR_A_CHUNK), st.integers(0, 4 * CHUNK))


def content(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def sealed(plain: bytes, name: str = NAME, key: bytes = KEY) -> bytes:
    return b"".join(encrypt(io.BytesIO(plain), key, name))


def opened(stored: bytes, name: str = NAME, key: bytes = KEY) -> io.BufferedReader:
    return io.BufferedReader(Decrypted(io.BytesIO(stored), key, name), CHUNK)


@given(SIZES)
@example(CHUNK)
def test_what_goes_in_comes_out(size: int) -> None:
    stored = sealed(content(size))
    chunks = max(1, -(-size // CHUNK))
    assert len(stored) == HEADER + size + chunks * TAG
    assert opened(stored).read() == content(size)


@given(SIZES, st.integers(0, 4 * CHUNK), st.integers(0, 2 * CHUNK))
def test_any_range_can_be_read(size: int, start: int, length: int) -> None:
    reader = opened(sealed(content(size)))
    reader.seek(start)
    assert reader.read(length) == content(size)[start : start + length]


@given(st.integers(0, 2 * CHUNK + 5), st.lists(st.integers(1, 40_000), max_size=6))
def test_a_source_that_gives_little_at_a_time(size: int, portions: list[int]) -> None:
    """A socket or an unbuffered file may give less than was asked for, before its end."""

    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            asked = CHUNK if size is None or size < 0 else size
            return super().read(min(asked, portions.pop() if portions else asked))

    stored = b"".join(encrypt(Dripping(content(size)), KEY, NAME))
    assert opened(stored).read() == content(size)


def test_nothing_of_the_plain_text_is_stored() -> None:
    plain = b"mammacarcinoom " * 10_000
    stored = sealed(plain)
    assert b"mamma" not in stored
    assert sealed(plain) != stored  # another salt each time


@given(st.sampled_from([0, 5, 100, CHUNK, CHUNK + 3]), st.data())
def test_any_flipped_bit_is_refused(size: int, data: Any) -> None:
    stored = bytearray(sealed(content(size)))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Damaged):
        opened(bytes(stored)).read()


@given(st.sampled_from([0, 5, CHUNK, CHUNK + 3, 2 * CHUNK + 100]), st.data())
def test_any_cut_is_refused_before_a_byte_leaves(size: int, data: Any) -> None:
    stored = sealed(content(size))
    keep = data.draw(st.one_of(st.integers(0, len(stored) - 1), st.just(HEADER + CHUNK + TAG)))
    if keep >= len(stored):
        keep = len(stored) - 1
    with pytest.raises(Damaged):
        Decrypted(io.BytesIO(stored[:keep]), KEY, NAME)


@given(st.binary(min_size=1, max_size=CHUNK + 40))
def test_anything_appended_is_refused(more: bytes) -> None:
    with pytest.raises(Damaged):
        opened(sealed(content(CHUNK + 3)) + more).read()


def test_swapped_chunks_are_refused() -> None:
    stored = sealed(content(3 * CHUNK))
    step = CHUNK + TAG
    head, parts = stored[:HEADER], [stored[HEADER + n * step : HEADER + (n + 1) * step] for n in range(3)]
    assert opened(head + b"".join(parts)).read() == content(3 * CHUNK)
    with pytest.raises(Damaged):
        opened(head + parts[1] + parts[0] + parts[2]).read()


def test_a_chunk_of_another_file_is_refused() -> None:
    one, two = sealed(content(2 * CHUNK)), sealed(content(2 * CHUNK))
    step = HEADER + CHUNK + TAG
    with pytest.raises(Damaged):
        opened(one[:HEADER] + two[HEADER:step] + one[step:]).read()


def test_a_dropped_chunk_is_refused() -> None:
    stored = sealed(content(3 * CHUNK))
    with pytest.raises(Damaged):
        opened(stored[: HEADER + CHUNK + TAG] + stored[HEADER + 2 * (CHUNK + TAG) :]).read()


def test_another_name_or_key_is_refused() -> None:
    stored = sealed(content(10))
    with pytest.raises(Damaged):
        opened(stored, name="ab/other")
    with pytest.raises(Damaged):
        opened(stored, key=os.urandom(32))


@pytest.mark.parametrize("junk", [b"", b"MDO1", b"%PDF" + b"0" * 100, b"MDO1" + b"0" * 23, b"MDO2" + b"0" * 200])
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(Damaged):
        Decrypted(io.BytesIO(junk), KEY, NAME)


def test_positions() -> None:
    raw = Decrypted(io.BytesIO(sealed(content(100))), KEY, NAME)
    assert (raw.readable(), raw.seekable(), raw.writable(), raw.tell(), raw.size) == (True, True, False, 0, 100)
    assert (raw.seek(-10, io.SEEK_END), raw.seek(5, io.SEEK_CUR), raw.seek(-500, io.SEEK_CUR)) == (90, 95, 0)
    assert raw.seek(1000) == 1000
    assert raw.read(5) == b""
    raw.close()
    assert raw.closed


# --- the storage class -------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, settings: Any) -> EncryptedStorage:
    settings.MEDIA_ROOT = tmp_path
    return EncryptedStorage()


def test_stored_and_opened(store: EncryptedStorage, tmp_path: Path) -> None:
    file_id = UUID("0192f7c0-0000-7000-8000-00000000abcd")
    name = store.name_for(file_id)
    assert name == "cd/0192f7c000007000800000000000abcd"
    source = ContentFile(content(CHUNK + 9))
    source.read(4)  # wherever the source stood, all of it is stored
    assert store.save(name, source) == name
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "cd").stat().st_mode & 0o777 == 0o700
    with store.open(name) as file:
        assert file.read() == content(CHUNK + 9)
        file.seek(CHUNK - 2)
        assert file.read(4) == content(CHUNK + 9)[CHUNK - 2 : CHUNK + 2]


def test_a_name_is_never_reused(store: EncryptedStorage) -> None:
    store.save("aa/one", ContentFile(b"1"))
    with pytest.raises(FileExistsError):
        store.save("aa/one", ContentFile(b"2"))
    with store.open("aa/one") as file:
        assert file.read() == b"1"


def test_a_file_moved_to_another_name_is_refused(store: EncryptedStorage, tmp_path: Path) -> None:
    store.save("aa/one", ContentFile(b"1"))
    (tmp_path / "aa" / "one").rename(tmp_path / "aa" / "two")
    with pytest.raises(Damaged):
        store.open("aa/two")


def test_stored_files_are_not_written_to(store: EncryptedStorage) -> None:
    store.save("aa/one", ContentFile(b"1"))
    with pytest.raises(ValueError, match="never changed"):
        store.open("aa/one", "rb+")


def test_no_file_has_an_address(store: EncryptedStorage) -> None:
    store.save("aa/one", File(io.BytesIO(b"1")))
    with pytest.raises(ValueError):
        store.url("aa/one")

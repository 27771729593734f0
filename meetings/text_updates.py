"""What a Yjs update says, read by ourselves before any library touches it. Pure.

A client's update is bytes of a stranger. This reader knows the part of the format (Yjs update, version 1) that typing in one
plain text makes: inserted words and deleted stretches. Everything else that the format can say (other roots, nested types,
formatting, embeds, attributes, gaps) is refused, and so is what does not fit the document as it is: words built on words that
are not there, words under another writer's name, a cut through the middle of a character. What passes is applied to a copy of
the document next (``room/text_copy.py``), and what that copy says it learnt is what is stored.

Format: ``yjs/src/utils/encoding.js`` and ``lib0/encoding.js`` (variable-length integers, least significant group first).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from meetings.texts import ROOT

MOST_BYTES: Final = 48 * 1024  # what fits into one frame of 64 KiB in base64
MOST_CLOCK: Final = 2**30  # of one writer in one document; the libraries count in 32 bits
MOST_CLIENT: Final = 2**53
# Writers: every page that was opened is one, with a number of its own.
MOST_OF_ONE: Final = 200  # of one person in one document
MOST_FRESH: Final = 4  # that one update brings for the first time

_DELETED, _STRING = 1, 4
_HAS_LEFT, _HAS_RIGHT, _HAS_KEY, _KIND = 0x80, 0x40, 0x20, 0x1F

Place = tuple[int, int]  # (writer, clock): one unit of text, for ever


class NoUpdate(ValueError):
    """Bytes that are no update of a plain text, or not one of this document."""


class Unknown(NoUpdate):
    """Builds on something that this document does not hold: whoever sent it has to join anew."""


@dataclass(frozen=True)
class Block:
    """A stretch of one writer's text: ``words`` (``None``: deleted before it was ever sent) from ``clock`` on, ``length`` UTF-16 units."""

    client: int
    clock: int
    length: int
    left: Place | None
    right: Place | None
    words: str | None


@dataclass(frozen=True)
class Update:
    """A decoded update: new stretches in their order, and deleted ranges ``(writer, clock, length)``."""

    blocks: list[Block]
    deletions: list[tuple[int, int, int]]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        try:
            value = self.data[self.at]
        except IndexError:
            raise NoUpdate("ends too early") from None
        self.at += 1
        return value

    def number(self, below: int) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 56:
                raise NoUpdate("a number is too long")
        if value >= below:
            raise NoUpdate("a number is too large")
        return value

    def count(self) -> int:
        """A number of things of which each takes a byte at least: more than there are bytes is a lie."""
        return self.number(len(self.data) + 1)

    def words(self) -> str:
        length = self.count()
        raw = self.data[self.at : self.at + length]
        if len(raw) != length:
            raise NoUpdate("ends too early")
        self.at += length
        try:
            return raw.decode("utf-8")  # strict: no lone surrogates
        except UnicodeDecodeError as error:
            raise NoUpdate("is no text") from error

    def place(self) -> Place:
        return self.number(MOST_CLIENT), self.number(MOST_CLOCK)


def units(words: str) -> int:
    """The length of a text as Yjs counts: in UTF-16 units."""
    return len(words) if words.isascii() else len(words.encode("utf-16-le")) // 2


def read(data: bytes, *, most: int = MOST_BYTES) -> Update:
    """Decode an update of at most ``most`` bytes. Raises ``NoUpdate`` for anything that typing in a plain text does not make, and
    for NUL and carriage returns."""
    if len(data) > most:
        raise NoUpdate("is too long")
    reader = _Reader(data)
    blocks: list[Block] = []
    seen: set[int] = set()
    for _ in range(reader.count()):
        count = reader.count()
        client = reader.number(MOST_CLIENT)
        clock = reader.number(MOST_CLOCK)
        if client in seen:
            raise NoUpdate("names a writer twice")
        seen.add(client)
        for _ in range(count):
            block = _block(reader, client, clock)
            clock += block.length
            if clock >= MOST_CLOCK:
                raise NoUpdate("a number is too large")
            blocks.append(block)
    deletions = list(_deletions(reader))
    if reader.at != len(data):
        raise NoUpdate("goes on after its end")
    return Update(blocks, deletions)


def _block(reader: _Reader, client: int, clock: int) -> Block:
    info = reader.byte()
    kind = info & _KIND
    if kind not in (_DELETED, _STRING) or info & _HAS_KEY:
        raise NoUpdate("is more than plain text")
    left = reader.place() if info & _HAS_LEFT else None
    right = reader.place() if info & _HAS_RIGHT else None
    if left is None and right is None and (reader.number(2) != 1 or reader.words() != ROOT):
        raise NoUpdate("belongs to another text")
    if kind == _DELETED:
        words, length = None, reader.number(MOST_CLOCK)
    else:
        words = reader.words()
        length = units(words)
        if "\0" in words or "\r" in words:  # text fields hold neither: places in the text would not be the same for all
            raise NoUpdate("holds a character that no text field holds")
    if length == 0:
        raise NoUpdate("is empty")
    return Block(client, clock, length, left, right, words)


def _deletions(reader: _Reader) -> Iterator[tuple[int, int, int]]:
    for _ in range(reader.count()):
        client = reader.number(MOST_CLIENT)
        for _ in range(reader.count()):
            clock, length = reader.number(MOST_CLOCK), reader.number(MOST_CLOCK)
            if length == 0:
                raise NoUpdate("is empty")
            yield client, clock, length


def read_state(data: bytes) -> dict[int, int]:
    """Decode a state vector: how much of each writer somebody has. Raises ``NoUpdate``."""
    if len(data) > MOST_BYTES:
        raise NoUpdate("is too long")
    reader = _Reader(data)
    state = {}
    for _ in range(reader.count()):
        client = reader.number(MOST_CLIENT)
        state[client] = reader.number(MOST_CLOCK)
    if reader.at != len(data):
        raise NoUpdate("goes on after its end")
    return state


def write_state(state: dict[int, int]) -> bytes:
    """Encode a state vector."""
    out = bytearray()
    for number in (len(state), *(part for entry in state.items() for part in entry)):
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)
    return bytes(out)


@dataclass
class Known:
    """What a document holds, as far as it must be known to judge an update: how much of each writer, who stands behind a
    writer's number, and where characters lie that take two UTF-16 units (by their first one)."""

    state: dict[int, int] = field(default_factory=dict)
    people: dict[int, UUID | None] = field(default_factory=dict)
    pairs: set[Place] = field(default_factory=set)

    def copy(self) -> "Known":
        return Known(dict(self.state), dict(self.people), set(self.pairs))

    def check(self, update: Update, by: UUID) -> dict[int, int]:
        """Whether ``by`` may add this update here; returns the state vector after it. Raises ``Unknown`` and ``NoUpdate``."""
        after = dict(self.state)
        for block in update.blocks:
            have = after.get(block.client, 0)
            if block.clock > have:
                raise Unknown("a stretch before this one is missing")
            after[block.client] = max(have, block.clock + block.length)
        fresh_writers = len(after) - len(self.state)
        if fresh_writers > MOST_FRESH or (fresh_writers and self._pages_of(by) + fresh_writers > MOST_OF_ONE):
            raise NoUpdate("there are too many writers")
        fresh = {place for block in update.blocks for place in _pairs(block)} if _has_pairs(update) else set()
        pairs = self.pairs | fresh if fresh else self.pairs
        for block in update.blocks:
            if self.people.get(block.client, by) != by:
                raise NoUpdate("writes under another's name")
            have = self.state.get(block.client, 0)
            if block.clock + block.length <= have:
                continue  # known already: nothing of it is looked at
            for place in (block.left, block.right):
                if place is not None and place[1] >= after.get(place[0], 0):
                    raise Unknown("it stands beside words that are missing")
            if pairs and (
                block.left in pairs
                or (block.right is not None and (block.right[0], block.right[1] - 1) in pairs)
                or (have > block.clock and (block.client, have - 1) in pairs)
            ):
                raise NoUpdate("cuts a character in two")
        for client, clock, length in update.deletions:
            if clock + length > after.get(client, 0):
                raise Unknown("it deletes words that are missing")
            if pairs and ((client, clock - 1) in pairs or (client, clock + length - 1) in pairs):
                raise NoUpdate("cuts a character in two")
        return after

    def _pages_of(self, person: UUID) -> int:
        return sum(1 for each in self.people.values() if each == person)

    def take(self, update: Update, by: UUID | None) -> None:
        """Remember an update that the document has taken."""
        for block in update.blocks:
            have = self.state.get(block.client, 0)
            if block.clock + block.length > have:
                self.state[block.client] = block.clock + block.length
                self.people.setdefault(block.client, by)
                if block.words is not None and not block.words.isascii():
                    self.pairs |= {place for place in _pairs(block) if place[1] >= have}


def _has_pairs(update: Update) -> bool:
    return any(block.words is not None and not block.words.isascii() for block in update.blocks)


def _pairs(block: Block) -> Iterator[Place]:
    at = block.clock
    for letter in block.words or "":
        if letter > "\uffff":
            yield block.client, at
            at += 1
        at += 1

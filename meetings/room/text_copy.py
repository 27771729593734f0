"""A typed text as one process holds it in memory. The rows are the truth; this follows them and can be thrown away at any time.

Not safe to use from two threads at once: the one task of its sheet (``text.py``) hands it from thread to thread.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from pycrdt import Doc, Text

from meetings import texts
from meetings.text_updates import Known, NoUpdate, Unknown, Update, read, read_state, units, write_state

logger = logging.getLogger(__name__)
T = TypeVar("T")
NOTHING: Final = b"\0\0"
MOST_STORED: Final = (
    2**20
)  # what the house itself puts into a row (a whole prepared text) is longer than what a frame carries


class TooLong(Exception):
    """The text would hold more characters than a text may."""


def _within(function: Callable[..., T], *args: Any) -> T:
    """Call the library; a panic inside of it is bad input, never the end of the process. Raises ``NoUpdate``."""
    try:
        return function(*args)
    except Exception as error:
        raise NoUpdate("is not understood") from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # pyo3's; it derives from BaseException
            raise NoUpdate("is not understood") from error
        raise


class Copy:
    """The document as of row ``n``, and a trial of it on which updates are tried before they are stored."""

    def __init__(self) -> None:
        self.n = 0
        self._document = texts.empty()
        self._known = Known()
        self._trial: Doc[Text] | None = None
        self._tried = Known()
        self._accepted: list[tuple[bytes, UUID]] = []  # in the trial, not in a row yet
        self._at_most = 0  # the trial's text is no longer than this
        self._typists: set[UUID | None] = set()

    def has_typed(self, person: UUID) -> bool:
        """Whether a row that was taken is this person's."""
        return person in self._typists

    def take(self, n: int, data: bytes, by: UUID | None) -> None:
        """The row ``n``; one that was taken already changes nothing. Raises ``ValueError`` when one before it is missing."""
        if n <= self.n:
            return
        if n != self.n + 1:
            raise ValueError(f"row {n} after row {self.n}")
        _within(self._document.apply_update, data)
        self._typists.add(by)
        self.n = n
        try:
            update = read(data, most=MOST_STORED)
        except NoUpdate:
            # Not stored by us, or by an earlier version: better a text of which less is known than none.
            logger.warning("a row of a text is not understood")
            self._known.state = read_state(self._document.get_state())
            self.forget_trial()
            return
        self._known.take(update, by)
        if self._accepted:
            if self._accepted.pop(0)[0] != data:
                self.forget_trial()
        elif self._trial is not None:
            _within(self._trial.apply_update, data)
            self._tried.take(update, by)
            self._at_most += _words(update)

    def attempt(self, data: bytes, by: UUID) -> bytes:
        """What the document learns from this update, on top of what was accepted before: the bytes to store, empty for nothing.

        Raises ``NoUpdate``, ``Unknown`` or ``TooLong``; nothing of that update is then kept.
        """
        update = read(data)
        trial = self._begin_trial()
        after = self._tried.check(update, by)
        learnt: list[bytes] = []
        subscription = trial.observe(lambda event: learnt.append(event.update))
        try:
            _within(trial.apply_update, data)
            if read_state(trial.get_state()) != after:
                raise Unknown("a part of it has no place")
            stored = next((each for each in learnt if each != NOTHING), b"")
            if stored:
                self._accept(trial, stored, by)
        except (NoUpdate, TooLong):
            self._trial = None  # made anew from the document and what was accepted
            raise
        finally:
            trial.unobserve(subscription)
        return stored

    def _accept(self, trial: "Doc[Text]", stored: bytes, by: UUID) -> None:
        update = read(stored, most=MOST_STORED)
        at_most = self._at_most + _words(update)
        if at_most > texts.MOST_CHARACTERS:
            at_most = len(texts.plain(trial))
            if at_most > texts.MOST_CHARACTERS:
                raise TooLong
        self._at_most = at_most
        self._tried.take(update, by)
        self._accepted.append((stored, by))

    def _begin_trial(self) -> "Doc[Text]":
        if self._trial is None:
            self._trial = texts.assemble([self._document.get_update(), *(data for data, _ in self._accepted)])
            self._tried = self._known.copy()
            for data, by in self._accepted:
                self._tried.take(read(data, most=MOST_STORED), by)
            self._at_most = len(texts.plain(self._trial))
        return self._trial

    def forget_trial(self) -> None:
        """What was accepted is not going to be stored."""
        self._trial, self._accepted = None, []

    def missing(self, state: bytes) -> tuple[bytes, bytes]:
        """What somebody with this state vector lacks, and the state vector of the document. Raises ``NoUpdate``."""
        theirs = read_state(state)
        # A state that ends within a character is nobody's; whoever claims one is told everything.
        if any((client, clock - 1) in self._known.pairs for client, clock in theirs.items()):
            theirs = {}
        # What they have that is not here is theirs to send.
        shared = {client: min(clock, self._known.state.get(client, 0)) for client, clock in theirs.items()}
        known = {client: clock for client, clock in shared.items() if clock}
        return _within(self._document.get_update, write_state(known)), self._document.get_state()

    def plain(self) -> str:
        """The words."""
        return texts.plain(self._document)


def _words(update: Update) -> int:
    return sum(units(block.words) for block in update.blocks if block.words)

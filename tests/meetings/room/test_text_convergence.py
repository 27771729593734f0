"""A sample of `make chaos`: five people type through cuts and end with the same words, which are those of the rows."""

import pytest

from meetings.room import text_work
from tests.cast import Cast
from tests.chaos import text_convergence


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everybody_ends_with_the_same_words(committed: None, cast: Cast, seed: int) -> None:
    outcome = text_convergence.run_seed(cast, seed)
    assert outcome.diverged == []
    assert (outcome.edits, outcome.cuts > 5, outcome.rows > 50) == (1500, True, True)


def test_a_lost_word_would_be_seen(committed: None, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a server that says saved and stores something else."""
    add = text_work._add

    def lose(document, new, by, **known):
        add(document, [(n, b"\0\0" if n % 10 == 0 else data, by) for n, data, by in new], by, **known)

    monkeypatch.setattr(text_work, "_add", lose)
    outcome = text_convergence.run_seed(cast, 1, edits=60)
    assert outcome.diverged != []

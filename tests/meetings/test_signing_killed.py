"""PostgreSQL dies while twelve are being signed: each is signed once or clearly not, and the same form sent again ends it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from mdo.environment import BASE_DIR, names
from tests.chaos.signing import NUMBER

SEEDS = ("1", "2", "3", "4")


def faults(rounds: list[dict[str, Any]]) -> list[str]:
    """What of these rounds was not as promised."""
    found = []
    for number, each in enumerate(rounds):
        first = number * NUMBER + 1
        whole = each["signed_then"] in (0, NUMBER) and each["signed_then"] + each["waiting_then"] == NUMBER
        # 0: the connection was cut with the database
        told = {303: ("signed",), 503: ("once", "not"), 0: ("",)}.get(each["first"], ())
        for holds, words in (
            (whole, "half of them were signed, or the page showed something else than the database holds"),
            (each["told"] in told, f"answered {each['first']} and said {each['told']!r}"),
            (each["told"] != "signed" or each["signed_then"] == NUMBER, "signed, it said, and was not"),
            (each["told"] != "not" or each["signed_then"] == 0, "not signed, it said, and was"),
            (each["again"] == 303 and each["signed"] == NUMBER, "the form sent again did not end it"),
            (each["numbers"] == list(range(first, first + NUMBER)), "the chain has gaps or doubles"),
            (each["rows"] == 1, "the access log does not say it once"),
        ):
            if not holds:
                found.append(f"seed {each['seed']}: {words}")
    return found


@pytest.mark.slow
def test_each_is_signed_once_or_clearly_not() -> None:
    """A database and a site of its own, killed four times at random moments and once between the commit and the answer; the run ends with `mdo verify-decisions`."""
    outside = {name: value for name, value in os.environ.items() if name not in names()}
    command = [sys.executable, "-m", "tests.chaos.signing", *SEEDS]
    done = subprocess.run(command, cwd=BASE_DIR, env=outside, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rounds = json.loads(done.stdout.splitlines()[-1])["rounds"]
    assert [each["seed"] for each in rounds] == [0, *map(int, SEEDS), 0]
    assert faults(rounds) == []
    assert (rounds[0]["first"], any(each["first"] != 303 for each in rounds)) == (303, True), "no kill met a signature"
    # Killed between the commit and the answer: all of them are signed, whatever could still be said, and the form sent again says so.
    last = rounds[-1]
    assert (last["committed"], last["signed_then"], last["waiting_then"], last["again"]) == (True, 12, 0, 303)


WHOLE = {
    "seed": 1, "first": 503, "told": "once", "signed_then": 0, "waiting_then": 12, "again": 303, "signed": 12, "rows": 1,
    "numbers": list(range(1, 13)),
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": 303, "told": "signed"},  # acknowledged and lost
        {"first": 500, "told": ""},
        {"signed_then": 5, "waiting_then": 7},
        {"told": "not", "signed_then": 12, "waiting_then": 0},
        {"waiting_then": 0},
        {"again": 409},
        {"numbers": [*range(1, 12), 11]},
        {"rows": 2},
    ],
)
def test_what_would_be_wrong_is_found(wrong: dict[str, Any]) -> None:
    """Negative control of the judgement itself."""
    assert faults([WHOLE]) == []
    assert len(faults([{**WHOLE, **wrong}])) == 1

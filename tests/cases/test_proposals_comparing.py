"""Several texts beside each other: whose tumour is whose, what contradicts, what changed. And the command that prints proposals."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest

from cases.coding.proposals import propose
from cases.coding.proposals.comparing import Change, changes, contradictions, read, together, values_of
from mdo.cli.home import CannotRun
from mdo.cli.propose import LONGEST
from mdo.cli.propose import propose as command

DEVELOPING = Path(__file__).parent / "proposals" / "developing"
PATHOLOGY = (
    "Naaldbiopsie linker borst. Invasief carcinoom NST, graad 2. ER 90 % positief, PR 70 %, HER2 1+, Ki-67 18 %."
)


def found(*texts: str) -> dict[tuple[int, str], list[object]]:
    """The contradictions of texts, as the values by tumour and question."""
    said = together([read(str(number), text) for number, text in enumerate(texts)])
    return {(one.tumour, one.key): [each.proposal.value for each in one.said] for one in contradictions(said)}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((PATHOLOGY, "Mammacarcinoom links, ER positief 90 %, HER2 1+."), {}),
        ((PATHOLOGY, "Mammacarcinoom links, ER negatief, HER2 2+."), {"er": ["positive", "negative"], "her2_ihc": ["1+", "2+"]}),
        ((PATHOLOGY + "\nBesluit: mammacarcinoom links, ER negatief.",), {"er": ["positive", "negative"]}),
        ((PATHOLOGY, "Echografie: rechter borst hypo-echogene massa van 17 mm, BI-RADS 5."), {"laterality": ["left", "right"]}),
        # A size by each method, a clinical and a pathological stage, and nodes of two stations are no contradiction.
        (("Mammografie: linker borst massa van 19 mm, cT1c N0.", "Mastectomie links: invasief carcinoom NST van 24 mm, pT2 pN1a."), {}),
        (("Mammacarcinoom links cT1c cN0 cM0", "Mammacarcinoom links, cT2N0M0"), {"cT": ["1c", "2"]}),
    ],
)  # fmt: skip
def test_what_contradicts(texts: tuple[str, ...], expected: dict[str, list[object]]) -> None:
    assert found(*texts) == {(1, key): values for key, values in expected.items()}


def test_tumours_of_two_texts_meet_by_their_side_not_by_their_order() -> None:
    left, right = (
        "Links: invasief carcinoom NST van 12 mm in de linker borst.",
        "Rechts: invasief lobulair carcinoom van 30 mm in de rechter borst.",
    )
    said = together([read("a", f"{left}\n{right}"), read("b", f"{right}\n{left}"), read("c", right)])
    sides = {(one.text, one.tumour): one.proposal.value for one in said if one.key == "laterality"}
    assert sides == {("a", 1): "left", ("a", 2): "right", ("b", 1): "left", ("b", 2): "right", ("c", 2): "right"}
    assert contradictions(said) == []


def test_what_changed_since() -> None:
    new = values_of(together([read("a", "Mammacarcinoom links cT2 N1 M0, ER 90 %, HER2 2+")]))
    before = {1: {"cT": "1c", "cN": "1", "er": "positive", "her2_ihc": "1+", "grade": 2}, 2: {"er": "negative"}}
    assert changes(new, before) == [Change("cT", 1, "1c", ("2",)), Change("her2_ihc", 1, "1+", ("2+",))]


# --- mdo propose -------------------------------------------------------------------------------------------------------


def printed(content: bytes) -> bytes:
    target = BytesIO()
    assert command(BytesIO(content), target) == 0
    return target.getvalue()


def test_the_command_prints_what_the_rules_say_in_characters() -> None:
    text = "Œstrogènes 90 % – carcinome canalaire infiltrant du sein gauche 😀, grade 2.\r\nHER2 1+"
    lines = [json.loads(line) for line in printed(text.encode()).decode().splitlines()]
    assert lines == [one.as_json() for one in propose(text)]
    assert {text[line["start"] : line["end"]] for line in lines} >= {"2", "gauche", "1+"}
    assert {tuple(line) for line in lines} == {("field", "value", "tumour", "start", "end")}
    assert printed(b"") == b""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("Mammacarcinoom, été".encode("cp1252"), "The text is not UTF-8: byte 17 cannot be read."),
        ("graad 2".encode("utf-16"), "The text is not UTF-8: byte 1 cannot be read."),
        (b"\xed\xa0\x80", "The text is not UTF-8: byte 1 cannot be read."),  # half of a character
        (b"1" * (LONGEST + 1), "The text is longer than 200 kB."),
    ],
)
def test_the_command_refuses_whole(content: bytes, sentence: str) -> None:
    target = BytesIO()
    with pytest.raises(CannotRun, match=sentence.replace(".", r"\.")):
        command(BytesIO(content), target)
    assert target.getvalue() == b""


def test_the_command_needs_no_settings_and_starts_fast() -> None:
    text = (DEVELOPING / "01-nl-biopsy-synoptic.txt").read_bytes()
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mdo", "propose"],
        input=text,
        capture_output=True,
        check=True,
        env={},
    )
    assert run.stdout == printed(text)
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.decode().splitlines() if "|" in line}
    assert "cases.coding.proposals" in loaded
    assert {name for name in loaded if name.partition(".")[0] in ("django", "celery", "psycopg", "redis")} == set()


DATELESS = "verslag\n" * 8
"""A head without a date, which is looked for again by whoever meets one below."""


@pytest.mark.parametrize(
    ("opening", "piece"),
    [
        *(("x", piece) for piece in ("\0", " ", "1", "(", "\u202e", "a|b\n", "> ")),
        ("", "Borst: tumor 12 mm.\n"),
        ("Borst: ER positief.\n", "Borst: ER 0 %, ER positief.\n"),
        (DATELESS, "12/01/2026: invasief ca\n"),
    ],
)
def test_time_grows_with_the_length_and_no_faster(opening: str, piece: str) -> None:
    def took(length: int) -> float:
        text, times = f"{opening}{(piece * length)[:length]}x", []
        for _ in range(3):
            begun = time.process_time()
            propose(text)
            times.append(time.process_time() - begun)
        return min(times)

    propose("graad 2")
    assert took(40_000) < 16 * max(took(5_000), 0.02)  # eight times the length; squared it would be 64

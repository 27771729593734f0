"""Values proposed from pasted texts: what the rules read, what they leave alone, and that no text breaks them.

The texts that judge the rules are measured by `make bench-proposals` and asserted nowhere: a test that is mended until it is green
would be one more way to write rules for them. Those that judged before and were read since hold what they hold now.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.coding.proposals import FIELDS, propose, proposing, sections, sizes
from cases.coding.proposals.reading import Reading
from tests.cases.proposals.scoring import ALL, FOLDER, Answer, Score, score, score_text, texts

PHRASES = sorted((FOLDER / "phrases").glob("*.txt"))


def misread(path: Path) -> list[str]:
    """The phrases of a file that are not read as they say. Its first line names the fields; each further one is ``values | phrase``,
    with ``value@field`` where there are several, ``#2`` behind what is said of a second tumour, and ``\\n`` for a new line."""
    head, *lines = path.read_text("utf-8").splitlines()
    fields = head.removeprefix("# ").split(",")
    wrong = []
    for line in lines:
        values, _bar, phrase = line.partition("|")
        wanted = {value.strip() for value in values.split(",") if value.strip()}
        read = set()
        for found in propose(phrase.removeprefix(" ").replace("\\n", "\n")):
            if found.field in fields:
                value = found.value if isinstance(found.value, str) else f"{found.value:g}"
                tumour = f"#{found.tumour}" if found.tumour > 1 else ""
                read.add(value + tumour + (f"@{found.field}" if len(fields) > 1 else ""))
        if read != wanted:
            wrong.append(f"{line}: {sorted(read)}")
    return wrong


@pytest.mark.parametrize("path", PHRASES, ids=lambda path: path.stem)
def test_a_phrase_is_read_as_it_is_meant(path: Path) -> None:
    assert misread(path) == []


def test_what_is_denied_is_why_some_phrases_propose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reading, "is_denied", lambda *_given: False)
    assert any(misread(path) for path in PHRASES)


def test_what_is_not_chosen_or_unsure_is_why_others_propose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, phrases in ((sections, "not_chosen", "sides"), (sizes, "is_unsure", "sizes")):
        with monkeypatch.context() as without:
            without.setattr(module, name, lambda *_given: ())
            assert misread(FOLDER / "phrases" / f"{phrases}.txt")


@pytest.mark.parametrize(
    ("name", "instead", "phrases"),
    [
        ("_undecided", lambda *_given: set(), "nodes"),
        ("_undecided", lambda *_given: set(), "receptors"),
        ("_undecided", lambda *_given: set(), "sizes"),
        ("contradicts_stage", lambda *_given: False, "sizes"),
        ("_with_both_counts", lambda numbered: (numbered, []), "nodes"),
    ],
)
def test_what_is_left_out_where_a_text_contradicts_itself_is_left_out_by_each_rule(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[..., object], phrases: str
) -> None:
    monkeypatch.setattr(proposing, name, instead)
    assert misread(FOLDER / "phrases" / f"{phrases}.txt")


def test_of_the_developing_texts_nothing_is_read_wrong_and_little_is_left() -> None:
    scores = score("developing", propose)
    for field, one in scores.items():
        assert one.right == one.proposed, field
        assert one.recall >= 0.8, field
    assert scores[ALL].recall >= 0.95


def test_the_texts_that_judged_once_are_not_read_worse() -> None:
    for folder, wrong, missed in (("held_out", 1, 70), ("held_out_2", 0, 34), ("held_out_3", 0, 60)):
        one = score(folder, propose)[ALL]
        assert (one.proposed - one.right, one.expected - one.found) <= (wrong, missed), folder


Change = Callable[[str], str]
CHANGES: dict[str, Change] = {
    "decomposed": lambda char: unicodedata.normalize("NFD", char),
    "crlf": lambda char: "\r\n" if char == "\n" else char,
    "no-break": lambda char: "\u00a0" if char == " " else char,
    "soft hyphens": lambda char: char + "\u00ad" if char in "aeiou" else char,
    "zero width": lambda char: char + "\u200b" if char in "aeiou" else char,
    "full width digits": lambda char: chr(ord(char) + 0xFEE0) if char in "0123456789" else char,
}


@pytest.mark.parametrize("name", CHANGES)
def test_places_hold_however_the_text_is_written(name: str) -> None:
    total, plain = Score(), Score()
    for text, expected in list(texts("developing"))[::2]:
        for one in score_text(propose(text), expected).values():
            plain.add(one)
        written, places = "", []
        for char in text:
            places.append(len(written))
            written += CHANGES[name](char)
        places.append(len(written))
        moved = [Answer(a.field, a.value, a.tumour, places[a.start], places[a.end]) for a in expected]
        for one in score_text(propose(written), moved).values():
            total.add(one)
    assert total == plain


# What reports are made of, in any order: closer to what breaks rules than letters at random.
_PIECES = st.sampled_from(
    [
        "pT1c",
        "N0",
        "(sn)",
        "ER",
        "90",
        "%",
        "<1%",
        "PR",
        "-",
        "HER2",
        "2+",
        "FISH",
        "Ki-67",
        "graad",
        "III",
        "links",
        "re.",
        "mamma",
        "carcinoom",
        "DCIS",
        "24",
        "mm",
        "1,5",
        "cm",
        "2/14",
        "klieren",
        "geen",
        "niet",
        "?",
        "(",
        ")",
        "/",
        ":",
        ";",
        ".",
        ",",
        "\n",
        "\t",
        "12/03/2024",
        "31.02.2024",
        "C50.4",
        "8500/3",
        ">",
        "99999999999",
        "0",
        "٠",
        "ﬁ",
        "i̇",
        "\ud7ff",
        "😀",
    ]
)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=60).map(" ".join)))
def test_no_text_breaks_the_rules(text: str) -> None:
    found = propose(text)
    assert found == propose(text)
    for one in found:
        assert one.field in FIELDS
        assert 0 <= one.start < one.end <= len(text)
        assert one.tumour >= 1


def test_there_is_something_to_judge_the_rules_by() -> None:
    # Rules that propose nothing, or everything for another tumour, would be seen.
    nothing = score("held_out", lambda _text: [])[ALL]
    assert (nothing.recall, nothing.expected) == (0.0, 703)

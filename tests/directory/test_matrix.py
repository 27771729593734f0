"""The matrix of TRUST §2: the table as it is written, held against the data, and every cell asked."""

from collections.abc import Iterator

import pytest

from mdo.directory.matrix import MATRIX, NO, YES, Seat, permits
from mdo.directory.matrix import _row as row_of

FACTS = sorted(
    {
        word
        for cells in MATRIX.values()
        for cell in cells.values()
        if cell not in (YES, NO)
        for word in (cell, *cell.split("_"))
    }
)

# TRUST §2 again, by hand, so that a slip in the data is seen: row → seats with the right always, then seat → fact.
ALWAYS = {
    "join": "CKSZTM",
    "see_agenda": "CKSTM",
    "read_case": "CKSM",
    "submit": "KS",
    "prepare": "CKSTM",
    "build_agenda": "CKS",
    "run": "CKS",
    "share": "CKSZTM",
    "draft": "CKSTM",
    "read_back": "CKTM",
    "record": "CK",
    "sign": "K",
    "read_minutes": "CKS",
    "read_report": "CKS",
    "register": "KS",
    "deliver": "KS",
    "follow_up": "CKS",
    "break_glass": "CKTM",
    "administer": "",
    "agree": "",
    "read_audit": "",
    "see_status": "",
    "provision": "",
    "system": "",
    "own_account": "",
}
CONDITIONAL = {
    "join": {"X": "agr", "G": "slot", "O": "invited"},
    "see_agenda": {"Z": "agr", "X": "agr", "G": "own_row", "O": "pseudonyms"},
    "read_case": {"Z": "own", "T": "own", "X": "agr", "G": "slot", "O": "slot", "P": "cases.read"},
    "submit": {"C": "late", "Z": "own", "T": "own", "M": "own", "X": "own", "G": "asked", "P": "cases.submit"},
    "prepare": {"Z": "own", "X": "agr"},
    "build_agenda": {"Z": "proposes"},
    "run": {},
    "share": {"X": "agr", "G": "slot"},
    "draft": {"Z": "own", "X": "agr_set"},
    "read_back": {"X": "agr"},
    "record": {"S": "delegated"},
    "sign": {},
    "read_minutes": {"Z": "agr_all", "M": "agr_all", "X": "agr_all"},
    "read_report": {"Z": "own", "T": "own", "M": "own", "X": "agr_own", "G": "letter", "P": "fhir.read"},
    "register": {"Z": "own"},
    "deliver": {"Z": "own"},
    "follow_up": {"Z": "own", "T": "own", "M": "own", "X": "own", "B": "own"},
    "break_glass": {"X": "own", "D": "reviews"},
    "administer": {"A": "own"},
    "agree": {"A": "own", "D": "reads"},
    "read_audit": {
        "S": "own_acts",
        "Z": "own_acts",
        "T": "own_acts",
        "M": "own_acts",
        "X": "own_acts",
        "D": "own",
        "B": "own_acts",
        "P": "fhir.audit",
    },
    "see_status": {"A": "own"},
    "provision": {"P": "scim"},
    "system": {},
    "own_account": {},
}


def cells() -> Iterator[tuple[str, Seat, str]]:
    for row, columns in MATRIX.items():
        for seat, cell in columns.items():
            yield row, seat, cell


@pytest.mark.parametrize("row", MATRIX)
def test_the_data_say_what_the_table_says(row: str) -> None:
    always = "".join(seat for seat, cell in MATRIX[row].items() if cell == YES)
    conditional = {str(seat): cell for seat, cell in MATRIX[row].items() if cell not in (YES, NO)}
    assert (always, conditional) == (ALWAYS[row], CONDITIONAL[row])
    assert set(MATRIX[row]) == set(Seat)


@pytest.mark.parametrize(("row", "seat", "cell"), list(cells()))
def test_every_cell(row: str, seat: Seat, cell: str) -> None:
    words = set(cell.split("_")) if cell.startswith("agr_") else {cell}
    assert permits(row, {seat}) is (cell == YES)
    # Each fact by itself, then all of them but one, then all.
    for fact in FACTS:
        assert permits(row, {seat}, {fact}) is (cell in (YES, fact) or words == {fact}), fact
    for word in words - {YES, NO}:
        without = set(FACTS) - {word, cell}
        assert not permits(row, {seat}, without), word
    assert permits(row, {seat}, FACTS) is (cell != NO)


@pytest.mark.parametrize("row", MATRIX)
def test_nobody_has_nothing_and_seats_add_up(row: str) -> None:
    assert not permits(row, (), FACTS)
    assert permits(row, set(Seat)) is bool(ALWAYS[row])


def test_an_unknown_row_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        permits("dance", {Seat.CHAIR})


def test_a_row_needs_every_column() -> None:
    with pytest.raises(ValueError, match="11 cells, not 2"):
        row_of(YES, NO)

"""Who may do what: the table of TRUST §2 as data. ``access`` modules ask it; tests are generated from it.

A cell says under which fact a seat has the right: ``YES`` always, ``NO`` never, any other word only when that fact holds
for the object at hand (``own`` the own hospital's or, for a requester, the own patient; ``agr`` an agreement in force covers
it and the case was referred to this board; ``slot`` the guest's own item is open; ``cases.read`` a scope of a program's token; ``set``/``delegated`` a setting of the
board; …). Outside of the table one rule holds for every seat that comes from a board: nothing about a patient crosses between
two organisations without an agreement in force (DOMAIN §1); the reach of a seat is computed in ``access.py``.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

YES: Final = "yes"
NO: Final = "no"


class Seat(StrEnum):
    """In what capacity somebody sits at a table. The letters are the columns of the table."""

    CHAIR = "C"
    COORDINATOR = "K"
    SECRETARY = "S"  # of the organising hospital
    PARTNER_SECRETARY = "Z"
    REQUESTER = "T"
    MEMBER = "M"  # or preparer, of the organising hospital
    PARTNER_MEMBER = "X"
    GUEST = "G"
    OBSERVER = "O"
    ADMIN = "A"
    PRIVACY_OFFICER = "D"
    DATA_MANAGER = "B"  # of the own hospital: says what became of its decisions
    MACHINE = "P"  # a program of the hospital, by a token


# What a data manager may do: ask what became of what was decided for the own hospital's patients, and nothing that this does not need.
_DATA_MANAGERS = {
    "follow_up": "own",
    "read_audit": "own_acts",
}
# What a program may do, by the scopes of its token (``ApiToken.Scope``): narrower than any seat, and nothing that is not named here.
_MACHINES = {
    "read_case": "cases.read",
    "submit": "cases.submit",
    "read_report": "fhir.read",
    "read_audit": "fhir.audit",
    "provision": "scim",
}


_COLUMNS = tuple(seat for seat in Seat if seat not in (Seat.DATA_MANAGER, Seat.MACHINE))


def _row(*cells: str) -> dict[Seat, str]:
    if len(cells) != len(_COLUMNS):
        raise ValueError(f"a row has {len(_COLUMNS)} cells, not {len(cells)}")
    return dict(zip(_COLUMNS, cells, strict=True))


# fmt: off
MATRIX: Final[dict[str, dict[Seat, str]]] = {
    #                          C      K      S            Z      T      M      X      G       O           A      D
    "join":             _row(YES,   YES,   YES,         YES,   YES,   YES,   "agr", "slot", "invited",  NO,    NO),
    "see_agenda":       _row(YES,   YES,   YES,         "agr", YES,   YES,   "agr", "own_row", "pseudonyms", NO, NO),
    "read_case":        _row(YES,   YES,   YES,         "own", "own", YES,   "agr", "slot", "slot",     NO,    NO),
    "submit":           _row("late", YES,  YES,         "own", "own", "own", "own", "asked", NO,        NO,    NO),
    "prepare":          _row(YES,   YES,   YES,         "own", YES,   YES,   "agr", NO,     NO,         NO,    NO),
    "build_agenda":     _row(YES,   YES,   YES,         "proposes", NO, NO,  NO,    NO,     NO,         NO,    NO),
    "run":              _row(YES,   YES,   YES,         NO,    NO,    NO,    NO,    NO,     NO,         NO,    NO),
    "share":            _row(YES,   YES,   YES,         YES,   YES,   YES,   "agr", "slot", NO,         NO,    NO),
    "draft":            _row(YES,   YES,   YES,         "own", YES,   YES,   "agr_set", NO, NO,         NO,    NO),
    "read_back":        _row(YES,   YES,   NO,          NO,    YES,   YES,   "agr", NO,     NO,         NO,    NO),
    "record":           _row(YES,   YES,   "delegated", NO,    NO,    NO,    NO,    NO,     NO,         NO,    NO),
    "sign":             _row(NO,    YES,   NO,          NO,    NO,    NO,    NO,    NO,     NO,         NO,    NO),
    "read_minutes":     _row(YES,   YES,   YES,         "agr_all", NO, "agr_all", "agr_all", NO, NO,    NO,    NO),
    "read_report":      _row(YES,   YES,   YES,         "own", "own", "own", "agr_own", "letter", NO,   NO,    NO),
    "register":         _row(NO,    YES,   YES,         "own", NO,    NO,    NO,    NO,     NO,         NO,    NO),
    "deliver":          _row(NO,    YES,   YES,         "own", NO,    NO,    NO,    NO,     NO,         NO,    NO),
    "follow_up":        _row(YES,   YES,   YES,         "own", "own", "own", "own", NO,     NO,         NO,    NO),
    "break_glass":      _row(YES,   YES,   NO,          NO,    YES,   YES,   "own", NO,     NO,         NO,    "reviews"),
    "administer":       _row(NO,    NO,    NO,          NO,    NO,    NO,    NO,    NO,     NO,         "own", NO),
    "agree":            _row(NO,    NO,    NO,          NO,    NO,    NO,    NO,    NO,     NO,         "own", "reads"),
    "read_audit":       _row(NO,    NO,    "own_acts",  "own_acts", "own_acts", "own_acts", "own_acts", NO, NO, NO, "own"),
    # How the system runs, in numbers without content: for whoever is asked why a mail did not come. Not the seats at a table, who have no use
    # for it; not the privacy officer, who reads the log itself.
    "see_status":       _row(NO,    NO,    NO,          NO,    NO,    NO,    NO,    NO,     NO,         "own", NO),
    # Nor in it: entering who joins an organisation and shutting out who leaves, which its own directory does and gives nobody a seat.
    "provision":        _row(NO,    NO,    NO,          NO,    NO,    NO,    NO,    NO,     NO,         NO,    NO),
    # Not in the table: what the house does by itself (sweeps, deliveries, the site's operator in Django's admin).
    "system":           _row(NO,    NO,    NO,          NO,    NO,    NO,    NO,    NO,     NO,         NO,    NO),
    # Nor this: what everybody may change about their own account, whatever their seat.
    "own_account":      _row(NO,    NO,    NO,          NO,    NO,    NO,    NO,    NO,     NO,         NO,    NO),
}
# fmt: on
for _name, _cells in MATRIX.items():
    _cells[Seat.DATA_MANAGER] = _DATA_MANAGERS.get(_name, NO)
    _cells[Seat.MACHINE] = _MACHINES.get(_name, NO)


def permits(row: str, seats: Collection[Seat], facts: Collection[str] = ()) -> bool:
    """Whether somebody in any of ``seats`` has the right ``row`` when ``facts`` hold. Raises ``KeyError`` for an unknown row.

    A cell such as ``agr_set`` needs each of its words (``agr`` and ``set``).
    """
    cells = MATRIX[row]
    return any(cells[seat] == YES or (cells[seat] != NO and _holds(cells[seat], facts)) for seat in seats)


def _holds(cell: str, facts: Collection[str]) -> bool:
    return cell in facts or (cell.startswith("agr_") and {"agr", cell.removeprefix("agr_")} <= set(facts))

"""Tables whose columns are tumours, told one tumour after the other.

A row of such a table says two things in one line. Its cells are laid out anew, each behind the head of its row, so that
every rule can read them as it reads a form; the characters keep the places from which they came.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

_CELL = re.compile(r"[ ]{2,}|[ ]?\|[ ]?")
_WORD = r"(?:les[i1l]ons?|laes[i1l]e|les[i1l]e|letsel|tumou?r|tumeur|haard|focus|foyer|herd|mass|masse|massa|nodule?|index|knoten|rundherd|lasion)"
_HEAD = re.compile(
    rf"(?:tumor)?{_WORD}[ ]?(?:nr\.?[ ]?|no\.?[ ]?|#)?(?P<label>[1-4lI]|[A-D]|I{{1,3}})(?![A-Za-z0-9])(?P<more>.{{0,60}})\Z",
    re.IGNORECASE,
)
_COUNTER = re.compile(rf"(?:(?:tumor)?{_WORD}(?:[ ]?(?:nr|no|n°|#))?|nr|no|n°|#)", re.IGNORECASE)
_COUNT = re.compile(rf"(?:{_WORD}[ ]?)?[#(]?(?:[1-6lI]|[A-F]|II|III)[.)]?", re.IGNORECASE)
_BARE = re.compile(r"\(?#?(?P<label>[1-4lI]|[A-D]|II|III)\)?")
_ORDINAL = re.compile(
    rf"(?:(?P<first>eerste|first|premiere?|erster?|index|1e|1st|1ere?|main|primary)|(?P<second>tweede|second|deuxieme|seconde?|zweiter?|2e|2nd|satelli[a-z]*))"
    rf"[ -]?{_WORD}\Z",
    re.IGNORECASE,
)
_SIDE = re.compile(
    r"(?:(?:(?P<left>links?e?r?|linke|gauche|left|sein gauche|mamma links|borst links)"
    r"|(?P<right>rechte?r?s?|rechte|droite?|right|sein droit|mamma rechts|borst rechts))"
    r"[ ]?(?:borst|mamma|brust|breast)?)\Z",
    re.IGNORECASE,
)
_WIDEST = 300
_MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class _Cell:
    start: int
    end: int
    text: str


def told_in_turn(cased: str) -> tuple[str, list[tuple[int, int]]] | None:
    """The text with its tables laid out anew, and where each piece of it comes from: (length, place).

    None where there is no such table. A piece whose place is -1 was put in.
    """
    if "  " not in cased and "|" not in cased:
        return None
    lines: list[tuple[int, int]] = []
    position = 0
    for line in cased.split("\n"):
        lines.append((position, position + len(line)))
        position += len(line) + 1
    starts = [start for start, _ in lines]
    out: list[str] = []
    pieces: list[tuple[int, int]] = []

    def put(text: str, place: int) -> None:
        out.append(text)
        pieces.append((len(text), place))

    changed = False
    number = 0
    kept = 0
    while number < len(lines):
        if (listed := _one_a_row(cased, lines, number)) is not None:
            changed = True
            put(cased[kept : lines[number][0]], kept)
            for tumour, cells in enumerate(listed[0], 1):
                put(f"tumor {tumour}\n", -1)
                for head, cell in cells:
                    put(head.text.rstrip(" :."), head.start)
                    put(": ", -1)
                    put(cell.text, cell.start)
                    put("\n", -1)
                put("\n", -1)
            number = listed[1]
            kept = lines[number - 1][1]
            continue
        heads = _heads(cased, lines[number])
        rows = _rows(cased, lines, number + 1, len(heads)) if heads else []
        if len(rows) < 2:
            number += 1
            continue
        changed = True
        put(cased[kept : lines[number][0]], kept)
        for column, head in enumerate(heads):
            if _SIDE.match(head.text.strip()):
                put(head.text.strip() + "\n", head.start)
            else:
                put(f"tumor {column + 1}\n", -1)
                if (told := _HEAD.match(head.text.strip())) and told["more"].strip(" :,-"):
                    offset = head.text.index(told["more"])
                    put(told["more"] + "\n", head.start + offset)
            for row in rows:
                if (value := _value(row, heads, column, lines[number][0], starts)) is None:
                    continue
                if value is row[column] and len(row) == len(heads):
                    put(value.text + "\n", value.start)
                    continue
                put(row[0].text.rstrip(" :."), row[0].start)
                put(": ", -1)
                put(value.text, value.start)
                put("\n", -1)
            put("\n", -1)
        kept = rows[-1][-1].end
        while number < len(lines) and lines[number][0] <= kept:
            number += 1
    if not changed:
        return None
    put(cased[kept:], kept)
    return "".join(out), pieces


def _cells(cased: str, line: tuple[int, int]) -> list[_Cell]:
    start, end = line
    if end - start > _WIDEST:
        return []
    found = []
    position = start
    for match in [*_CELL.finditer(cased, start, end), None]:
        stop = match.start() if match else end
        if cased[position:stop].strip():
            found.append(_Cell(position, stop, cased[position:stop]))
        position = match.end() if match else stop
    return found


def _heads(cased: str, line: tuple[int, int]) -> list[_Cell]:
    """The cells of a line that name two or more tumours, or both sides."""
    found = _cells(cased, line)
    if not 2 <= len(found) <= 5:
        return []
    first = found[0].text.strip(" :")
    bare = [match["label"] for cell in found[1:] if (match := _BARE.fullmatch(cell.text.strip()))]
    if re.fullmatch(_WORD, first, re.IGNORECASE) and len(bare) == len(found) - 1 >= 2 and bare[0] in "1lIA":
        return found[1:]
    bare = [match["label"] for cell in found if (match := _BARE.fullmatch(cell.text.strip()))]
    if len(bare) == len(found) >= 2 and bare[0] in ("1", "A", "I") and bare[1] in ("2", "B", "II"):
        return found
    labelled = [(cell, match["label"]) for cell in found if (match := _HEAD.match(cell.text.strip()))]
    if len(labelled) >= 2 and len({label for _, label in labelled}) == len(labelled):
        return [cell for cell, _ in labelled]
    ordered = [(cell, match) for cell in found if (match := _ORDINAL.match(cell.text.strip()))]
    if len(ordered) == 2 and ordered[0][1]["first"] and ordered[1][1]["second"]:
        return [cell for cell, _ in ordered]
    sided = [(cell, match) for cell in found if (match := _SIDE.match(cell.text.strip()))]
    if len(sided) == 2 and {bool(m["left"]) for _, m in sided} == {True, False}:
        return [cell for cell, _ in sided]
    return []


def _one_a_row(
    cased: str, lines: list[tuple[int, int]], number: int
) -> tuple[list[list[tuple[_Cell, _Cell]]], int] | None:
    """A table in which each row is a tumour: its rows as heads and cells, and the line behind it."""
    heads = _cells(cased, lines[number])
    if len(heads) < 3 or not _COUNTER.fullmatch(heads[0].text.strip(" .:")):
        return None
    rows: list[list[tuple[_Cell, _Cell]]] = []
    line = number + 1
    while line < len(lines) and len(rows) < 6:
        row = _cells(cased, lines[line])
        if len(row) != len(heads) or not _COUNT.fullmatch(row[0].text.strip()):
            break
        rows.append(list(zip(heads[1:], row[1:], strict=True)))
        line += 1
    return (rows, line) if len(rows) > 1 else None


def _rows(cased: str, lines: list[tuple[int, int]], first: int, columns: int) -> list[list[_Cell]]:
    """The rows below a head: lines of cells, up to the first line that is none."""
    rows: list[list[_Cell]] = []
    blank = False
    for line in lines[first : first + _MOST_ROWS]:
        found = _cells(cased, line)
        if not found and not rows:
            continue
        if not found:
            blank = True
            continue
        if len(found) < 2 or (blank and len(found) <= columns):
            break
        blank = False
        rows.append(found)
    return rows


def _value(row: list[_Cell], heads: list[_Cell], column: int, head_line: int, starts: list[int]) -> _Cell | None:
    """The cell of a row that stands below a head: by order, or by place where cells are missing."""
    values = row[1:]
    if len(values) == len(heads):
        return values[column]
    if len(row) == len(heads) and len({re.split(r"[ :]", cell.text.strip().lower())[0] for cell in row}) == 1:
        return row[column]  # each cell has its own label
    row_line = starts[bisect_right(starts, row[0].start) - 1]
    for cell in values:
        offsets = [abs((head.start - head_line) - (cell.start - row_line)) for head in heads]
        if offsets.index(min(offsets)) == column:
            return cell
    return None

"""Tables whose columns are tumours, told one tumour after the other.

A row of such a table says two things in one line. Its cells are laid out anew, each behind the head of its row, so that
every rule can read them as it reads a form; the characters keep the places from which they came.
"""

import re
from dataclasses import dataclass

_CELL = re.compile(r"[ ]{2,}|[ ]?\|[ ]?")
_HEAD = re.compile(r"(?P<word>[A-Za-z]{4,12})[ ]?(?:nr\.?[ ]?|no\.?[ ]?)?(?P<label>[1-4]|[A-D]|I{1,3})\Z")
_SIDE = re.compile(
    r"(?:(?:(?P<left>links?e?r?|linke|gauche|left|sein gauche)|(?P<right>rechte?r?s?|rechte|droite?|right|sein droit))"
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
    out: list[str] = []
    pieces: list[tuple[int, int]] = []

    def put(text: str, place: int) -> None:
        out.append(text)
        pieces.append((len(text), place))

    changed = False
    number = 0
    kept = 0
    while number < len(lines):
        heads = _heads(cased, lines[number])
        rows = _rows(cased, lines, number + 1) if heads else []
        if len(rows) < 2:
            number += 1
            continue
        changed = True
        put(cased[kept : lines[number][0]], kept)
        for column, head in enumerate(heads):
            put(head.text, head.start)
            put("\n", -1)
            for row in rows:
                if (value := _value(row, heads, column, lines[number][0], lines)) is None:
                    continue
                put(row[0].text.rstrip(" :."), row[0].start)
                put(": ", -1)
                put(value.text, value.start)
                put("\n", -1)
            put("\n", -1)
        kept = rows[-1][-1].end
        number += 1 + len(rows)
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
    labelled = [(cell, match) for cell in found if (match := _HEAD.match(cell.text.strip()))]
    if len(labelled) >= 2 and len({m["word"].lower() for _, m in labelled}) == 1:
        labels = {m["label"] for _, m in labelled}
        if len(labels) == len(labelled):
            return [cell for cell, _ in labelled]
    sided = [(cell, match) for cell in found if (match := _SIDE.match(cell.text.strip()))]
    if len(sided) == 2 and {bool(m["left"]) for _, m in sided} == {True, False}:
        return [cell for cell, _ in sided]
    return []


def _rows(cased: str, lines: list[tuple[int, int]], first: int) -> list[list[_Cell]]:
    """The rows below a head: lines of cells, up to the first line that is none."""
    rows = []
    for line in lines[first : first + _MOST_ROWS]:
        found = _cells(cased, line)
        if len(found) < 2:
            break
        rows.append(found)
    return rows


def _value(
    row: list[_Cell], heads: list[_Cell], column: int, head_line: int, lines: list[tuple[int, int]]
) -> _Cell | None:
    """The cell of a row that stands below a head: by order, or by place where cells are missing."""
    values = row[1:]
    if len(values) == len(heads):
        return values[column]
    row_line = max(start for start, _ in lines if start <= row[0].start)
    for cell in values:
        offsets = [abs((head.start - head_line) - (cell.start - row_line)) for head in heads]
        if offsets.index(min(offsets)) == column:
            return cell
    return None

"""Boxes of a form: what stands beside an empty one was offered and not chosen."""

import re
from collections.abc import Iterator

_BOX = re.compile(
    r"\[[ ]{0,2}(?P<tick>[xXvV✓✔]?)[ ]{0,2}\]|(?P<full>[☒☑■✓✔])|(?P<empty>[☐□❏▢])|\((?P<round>[xX]|[ ]{1,2})\)"
)


def not_chosen(cased: str) -> Iterator[tuple[int, int]]:
    """The stretches that belong to an empty box, of lines with an empty and a ticked one: `Side: [ ] right  [x] left`."""
    position = 0
    for line in cased.split("\n"):
        boxes = list(_BOX.finditer(line)) if any(mark in line for mark in "[☐□❏▢(") else []
        ticks = [bool(box["tick"] or box["full"] or (box["round"] or "").strip()) for box in boxes]
        if len(boxes) > 1 and any(ticks) and not all(ticks):
            lead = line[: boxes[0].start()]
            first = max(lead.rfind(mark) for mark in ":.?") + 1
            ends = [box.start() for box in boxes[1:]] + [len(line)]
            # The first box stands before its option or behind it, and the others like it.
            before = not lead[first:].strip()
            begins = [first, *(box.end() for box in boxes[:-1])]
            for place, box in enumerate(boxes):
                if not ticks[place]:
                    start, end = (box.end(), ends[place]) if before else (begins[place], box.start())
                    yield position + start, position + end
        position += len(line) + 1

"""`mdo propose`: what the rules propose for a text, without settings, database or Django."""

from __future__ import annotations

import json
import sys
from typing import BinaryIO, Final

from mdo.cli.home import CannotRun

LONGEST: Final = 200_000
"""Bytes of a text that is read: some eighty pages. What is longer is no report and is refused whole."""


def propose(source: BinaryIO, target: BinaryIO) -> int:
    """Read a UTF-8 text, write one JSON object a line (see `cases.coding.proposals`); `start` and `end` count characters.

    Raises `CannotRun` for more than `LONGEST` bytes and for bytes that are no UTF-8; nothing is written then.
    """
    from cases.coding.proposals import propose as proposals

    content = source.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise CannotRun(f"The text is longer than {LONGEST // 1000} kB. Give the reports of now only.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotRun(
            f"The text is not UTF-8: byte {error.start + 1} cannot be read. Save it as UTF-8 and try again."
        ) from None
    lines = [json.dumps(each.as_json(), ensure_ascii=False) + "\n" for each in proposals(text)]
    try:
        target.write("".join(lines).encode())
        target.flush()
    except BrokenPipeError:
        sys.stderr.close()  # whoever reads has enough
    return 0

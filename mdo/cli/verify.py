"""`mdo verify-decisions`: whether the signed decisions of every board are what was signed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from mdo.cli.home import CannotRun


def verify_decisions(board: str | None) -> int:
    """Recompute the chain of one board, or of all, and hold it against the access log; one line for each finding, which holds ids and
    numbers only. Exit code 0 without findings, else 1. Raises `CannotRun` for a board that does not exist.
    """
    from mdo.directory.models import Board
    from mdo.kernel.acting import System, acting
    from meetings import chain

    found = checked = signed = 0
    with acting(System("verify"), None, "work"):
        boards = Board.objects.order_by("pk")
        if board is not None:
            boards = boards.filter(pk=_id(board))
            if not boards.exists():
                raise CannotRun(f"There is no board {board}.")
        for board_id in boards.values_list("pk", flat=True):
            checked += 1
            signed += chain.length(board_id)
            for finding in chain.verify(board_id):
                found += 1
                print(f"board {board_id} number {finding.number} decision {finding.decision_id}: {finding.what}")
    print(f"{checked} boards, {signed} signed decisions, {found} findings.")
    return 1 if found else 0


def verify_audit(until: str | None) -> int:
    """Recompute the chains of the access log; one line for each finding, which holds ids and numbers only. With ``until`` (ISO, with its
    offset) anchors of later moments do not count. Exit code 0 without findings, else 1. Raises `CannotRun` for a moment that is none.
    """
    from django.conf import settings

    from mdo.backup.commands import moment_of
    from mdo.backup.restoring import anchors_until
    from mdo.kernel import audit
    from mdo.kernel.acting import System, acting

    anchors = settings.MDO_VAR / "anchors" / "audit.jsonl"
    with TemporaryDirectory() as folder:
        if until is not None and anchors.is_file():
            earlier = Path(folder) / "anchors"
            earlier.write_text(anchors_until(anchors.read_text(), moment_of(until)))
            anchors = earlier
        with acting(System("verify"), None, "work"):
            found = audit.verify(anchors, settings.MDO_FILE_KEY)
    for finding in found:
        print(f"chain {finding.chain_id} number {finding.n}: {finding.what}")
    print(f"{len(found)} findings.")
    return 1 if found else 0


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CannotRun(f"{text} is not the id of a board.") from None

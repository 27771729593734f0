"""The negative control: a worker that commits "sent" before it sends. Only the chaos run starts it.

`python -m tests.chaos.early_deliveries`: reports go out a moment after their row says so, as with a worker that stores first.
"""

from __future__ import annotations

import sys
from threading import Timer
from typing import Any
from uuid import UUID

SENT_AFTER_S = 0.2


def main() -> int:
    from mdo.cli import jobs

    app = jobs._configure()
    app.loader.import_default_modules()
    from meetings import tasks
    from meetings.actions import dispatching

    late: list[tuple[Any, Any]] = []
    send, hand_over = dispatching._send, tasks._hand_over

    def _hand_over(row_id: UUID, route_id: UUID, down: dict[UUID, str]) -> str:
        fault = hand_over(row_id, route_id, down)
        while late:
            Timer(SENT_AFTER_S, send, late.pop()).start()
        return fault

    setattr(dispatching, "note", lambda **detail: None)  # noqa: B010  the trace is closed by the time that it goes out
    dispatching._send = lambda row, document: late.append((row, document))
    tasks._hand_over = _hand_over
    return jobs.run_worker(beat=True, threads=4)


if __name__ == "__main__":
    sys.exit(main())

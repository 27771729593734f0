"""Twenty requests a second of people who are signed in, whatever happens to the site: pages, and the files that browsers fetch with them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from time import monotonic

PER_SECOND = 20
FILES_OF_A_PAGE = 3  # requests for files to each one for a page, as a browser makes that holds nothing yet
ANSWER_WITHIN_S = 30.0


async def get(port: int, path: str, cookie: str = "") -> tuple[int, bytes]:
    """Status and body. Raises ``OSError`` or ``TimeoutError`` when nothing comes that can be read."""
    async with asyncio.timeout(ANSWER_WITHIN_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            head = (
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nAccept-Encoding: identity\r\n"
            )
            writer.write((head + (f"Cookie: {cookie}\r\n" if cookie else "") + "\r\n").encode())
            answer = await reader.read()
        finally:
            writer.close()
    top, separator, body = answer.partition(b"\r\n\r\n")
    words = top.split(b" ", 2)
    if not separator or len(words) < 2 or not words[1].isdigit():
        raise OSError("the line was cut")
    return int(words[1]), body


@dataclass
class Visitors:
    """Asks for pages at the same pace, answered or not, and notes what came in which part of the run."""

    port: int
    pages: list[str]
    cookies: list[str]
    files: list[str]
    part: str = "before"
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    slowest_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    remarks: list[str] = field(default_factory=list)

    async def live(self) -> None:
        """Until cancelled; what is under way is finished."""
        rng = random.Random(1)
        asked: set[asyncio.Task[None]] = set()
        due = monotonic()
        try:
            while True:
                due += 1 / PER_SECOND
                await asyncio.sleep(max(0.0, due - monotonic()))
                wanted = self.files if rng.random() < FILES_OF_A_PAGE / (1 + FILES_OF_A_PAGE) else self.pages
                task = asyncio.create_task(self._ask(rng.choice(wanted), rng.choice(self.cookies)))
                asked.add(task)
                task.add_done_callback(asked.discard)
        finally:
            if asked:
                await asyncio.wait(asked, timeout=ANSWER_WITHIN_S)

    async def _ask(self, page: str, cookie: str) -> None:
        part, began = self.part, monotonic()
        try:
            status, _ = await get(self.port, page, cookie)
            word = str(status)
        except (OSError, TimeoutError) as error:
            word = type(error).__name__
        self.statuses[part][word] += 1
        self.slowest_s[part] = max(self.slowest_s[part], round(monotonic() - began, 2))
        if word != "200" and len(self.remarks) < 20:
            self.remarks.append(f"{part}: {page} {word}")

    def failed(self, only: str = "") -> int:
        """Answers of 500 and above, and requests without one; of one part of the run, or of all."""
        return sum(
            number
            for part, words in self.statuses.items()
            for word, number in words.items()
            if (not only or part == only) and (not word.isdigit() or int(word) >= 500)
        )

    @property
    def asked(self) -> int:
        return sum(sum(part.values()) for part in self.statuses.values())

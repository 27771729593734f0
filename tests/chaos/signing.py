"""PostgreSQL is ended with `kill -9` while twelve decisions are being signed: each is signed once, or clearly not.

`python -m tests.chaos.signing SEED…` writes one line of JSON. For each seed a coordinator signs the twelve of a meeting over HTTP, at a
random moment of it the database dies and comes back, the page is looked at, and the same form is sent again with its command id, as a
browser's reload does. Once more it dies between the commit and the answer (`tests/chaos/late.py`). `tests/meetings/test_signing_killed.py` runs it and judges.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import asdict, dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.bench.rig import Rig, wait_for
from tests.chaos.run import Parts

if TYPE_CHECKING:
    from tests.cast import Cast

NUMBER = 12
DECISIONS = re.compile(r'name="decision" value="([^"]+)"')
COMMAND = re.compile(r'name="command_id" value="([^"]+)"')
SAID = {"once": "één keer gebeurd of helemaal niet", "not": "omdat het niet geregistreerd kan worden"}
"""What a page of 503 says: nobody knows, or, where the database went as the trace was written, that nothing was done."""


@dataclass
class Round:
    """What came of one meeting."""

    seed: int
    killed_after_s: float
    first: int  # the status of the first answer, 0 for a connection that was cut
    told: str  # what the page of that answer says of what was sent: "once", "not", "signed" or ""
    signed_then: int  # how many were signed once the database was back
    waiting_then: int  # how many the page then showed as waiting
    again: int  # the status of the same form sent again
    signed: int
    numbers: list[int]
    took_s: float
    rows: int  # how often the access log says that these were signed
    committed: bool = False  # killed once all were stored, before the answer


class Browser:
    """The coordinator's: a session and its forms."""

    def __init__(self, address: str, session: str) -> None:
        self.address = address
        self.cookies = f"mdo_session={session}; mdo_csrf={'c' * 32}"

    def ask(self, path: str, form: list[tuple[str, str]] | None = None) -> tuple[int, str]:
        """Status and page; a redirect is not followed, and a connection that was cut is 0."""
        body = urllib.parse.urlencode([*form, ("csrfmiddlewaretoken", "c" * 32)]).encode() if form else None
        request = urllib.request.Request(self.address + path, body, {"Cookie": self.cookies})
        try:
            with urllib.request.build_opener(Stay).open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (urllib.error.URLError, OSError):
            return 0, ""


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def twelve(cast: Cast) -> UUID:
    """A closed meeting with as many recorded decisions."""
    from meetings.models import AgendaItem, Meeting
    from tests.factories import make_decision, make_item, make_meeting, make_referral

    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    for _ in range(NUMBER):
        referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
        make_decision(make_item(meeting, referral, state=AgendaItem.State.DISCUSSED), recorded_by=cast.chair.person)
    return meeting.pk


def session_of(cast: Cast) -> str:
    """A session of the coordinator, who has just typed their password."""
    from importlib import import_module

    from django.conf import settings

    from tests.room_client import sign_in

    key = sign_in(cast.coordinator)
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(cast.coordinator.pk)
    session.save()
    return key


def read(browser: Browser, meeting_id: UUID) -> list[tuple[str, str]]:
    """The form of one meeting, as its page shows it: what *Sign all* would send."""
    page = browser.ask("/signing/")[1].partition(f'action="/signing/{meeting_id}/"')[2].partition("</form>")[0]
    return (
        [("command_id", COMMAND.findall(page)[0]), *(("decision", each) for each in DECISIONS.findall(page))]
        if page
        else []
    )


def play(
    parts: Parts, browser: Browser, meeting_id: UUID, seed: int, after_s: float | None, *, committed: bool = False
) -> Round:
    """Sign the twelve; kill after so many seconds, or as soon as the answer is there (not at all: ``None``), or, ``committed``, once all of
    them are stored while the answer waits."""
    form = read(browser, meeting_id)
    assert len(form) == NUMBER + 1, f"the page shows {len(form)} fields"
    path = f"/signing/{meeting_id}/"
    answers: list[tuple[int, str]] = []
    began, took = time.monotonic(), 0.0

    answered = Event()

    def send() -> None:
        nonlocal took
        answers.append(browser.ask(path, form))
        took = time.monotonic() - began
        answered.set()

    sending = Thread(target=send)
    sending.start()
    if after_s is not None:
        answered.wait(after_s)
        back = parts.kill("postgres", random.Random(seed))
        wait_for(back, "PostgreSQL", 60)
    if committed:
        wait_for(lambda: count(parts, meeting_id) == NUMBER, "the commit", 60)
        assert not answered.is_set(), "the answer was there before the kill"
        wait_for(parts.kill("postgres", random.Random(seed)), "PostgreSQL", 60)
    sending.join(60)
    status, page = answers[0]
    told = "signed" if status == 303 else next((word for word, said in SAID.items() if said in page), "")
    signed_then = count(parts, meeting_id)
    waiting_then = len([each for each in read(browser, meeting_id) if each[0] == "decision"])
    again = browser.ask(path, form)[0]
    where = "FROM meetings_decision WHERE meeting_id = %s AND state = 'signed'"
    numbers = [number for (number,) in parts.look(f"SELECT number {where} ORDER BY number", meeting_id)]
    ((rows,),) = parts.look(
        "SELECT count(*) FROM kernel_auditentry WHERE action = 'decision.sign' AND outcome = 'ok' AND detail->>'meeting_id' = %s",
        str(meeting_id),
    )
    return Round(
        seed,
        round(after_s or 0, 3),
        status,
        told,
        signed_then,
        waiting_then,
        again,
        count(parts, meeting_id),
        numbers,
        round(took, 3),
        rows,
        committed,
    )


def count(parts: Parts, meeting_id: UUID) -> int:
    ((number,),) = parts.look(
        "SELECT count(*) FROM meetings_decision WHERE meeting_id = %s AND state = 'signed'", meeting_id
    )
    return int(number)


def main(seeds: list[int]) -> dict[str, Any]:
    with Rig("signing") as rig:
        from tests.cast import make_cast

        cast = make_cast()
        meetings = [twelve(cast) for _ in (0, *seeds, "committed")]
        browser = Browser("", session_of(cast))
        parts = Parts(rig)
        browser.address = f"http://127.0.0.1:{rig.serve('web', '-m', 'mdo', 'web').port}"
        browser.ask("/signing/")  # everything is loaded
        rounds = [play(parts, browser, meetings[0], 0, None)]
        for seed, meeting_id in zip(seeds, meetings[1:-1], strict=True):
            after = random.Random(seed).uniform(0, 1.1 * rounds[0].took_s)
            rounds.append(play(parts, browser, meeting_id, seed, after))
        browser.address = f"http://127.0.0.1:{rig.serve('late', '-m', 'tests.chaos.late').port}"
        browser.ask("/signing/")
        rounds.append(play(parts, browser, meetings[-1], 0, None, committed=True))
        rig.run("verify-decisions")  # ends the run where the chain does not add up
        return {"rounds": [asdict(each) for each in rounds]}


if __name__ == "__main__":
    print(json.dumps(main([int(each) for each in sys.argv[1:]])))

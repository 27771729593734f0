"""`python -m tests.chaos.deliveries`: whatever is killed, every delivery arrives, and one that arrives twice is the same. Writes
`var/chaos-deliveries.json`.

Five hundred deliveries wait: a quarter each by mail, HL7, FHIR and folder, to peers on real sockets. Three workers run; fifty times the
oldest is ended with `kill -9` while deliveries are on their way, and started again. In the end each must have arrived; a repetition must have
the same Message-ID, MSH-10, identifier or file name, and say the same; beside each description in the folder lies the PDF whose digest it holds.

The same is done with a worker that commits before it sends (`early_deliveries.py`): it must lose, or this run proves nothing.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from mdo.cli.process import Child
from tests.bench.rig import Rig, comes_true, origin, write
from tests.chaos.run import end

if TYPE_CHECKING:
    from tests.delivery_peers import Ehr, Fhir
    from tests.parts import MailServer

CASES, KILLS, WORKERS = 125, 50, 3
PAUSE_S = 0.04  # how long a peer thinks: so that kills find something on its way
ALL_WITHIN_S = 240.0
_serial = count(1)
HONEST = ("-m", "mdo", "worker", "--beat")
EARLY = ("-m", "tests.chaos.early_deliveries")


@dataclass
class Peers:
    """Where everything arrives."""

    ehr: Ehr
    fhir: Fhir
    mail: MailServer
    folder: Path
    files: dict[str, set[bytes]] = field(default_factory=dict)  # what a description held whenever it was looked at
    torn: set[str] = field(default_factory=set)  # descriptions beside which lay no PDF, or another

    def look(self, *, all_pdfs: bool = False) -> None:
        """Read what lies there; the PDF of a description when that is seen for the first time, or of all."""
        for path in self.folder.glob("*/*.json"):
            told, new = path.read_bytes(), path.name not in self.files
            self.files.setdefault(path.name, set()).add(told)
            pdf = path.with_suffix(".pdf")
            if (new or all_pdfs) and not (
                pdf.is_file() and sha256(pdf.read_bytes()).hexdigest() == json.loads(told)["sha256"]
            ):
                self.torn.add(path.name)

    @property
    def arrived(self) -> int:
        self.look()
        mails = len(list((self.mail.folder / "new").iterdir()))
        return len(self.ehr.messages) + len(self.fhir.asked) + len(self.files) + mails

    def by_id(self) -> dict[str, list[str]]:
        """What arrived under each id, without what may differ: the moment of sending."""
        found: dict[str, list[str]] = {}
        for raw, number in zip(self.ehr.messages, self.ehr.numbers, strict=True):
            said = [each for each in raw.split(b"\r") if each[:3] in (b"PID", b"TXA", b"OBX")]
            found.setdefault(f"hl7 {number}", []).append(repr(said))
        for (identifier, path, _headers), body in zip(self.fhir.asked, self.fhir.bodies, strict=True):
            found.setdefault(f"fhir {identifier}", []).append(path + body.decode())
        for message in self.mail.messages:
            text = f"{message['To']} {message['Subject']} {message.get_body().get_content()}"  # type: ignore[union-attr]
            found.setdefault(f"mail {message['Message-ID']}", []).append(text)
        for name, held in self.files.items():
            found[f"folder {name}"] = [each.decode() for each in held]
        return found


def fill(cast: Any, peers: Peers, cases: int, *, only: str = "") -> None:
    """A closed meeting with so many signed reports and routes for them, and as many mails."""
    from django.db import close_old_connections

    from meetings.actions.mailing import order
    from meetings.actions.reporting import make_report
    from meetings.actions.signing import sign_decisions
    from meetings.models import AgendaItem, Decision, Delivery, Meeting, Report, Route
    from tests.factories import make_case, make_decision, make_item, make_meeting, make_patient, make_referral, writing
    from tests.meetings.acts import by_house, call, house
    from tests.meetings.test_signing import seen

    close_old_connections()
    told: Mapping[str, dict[str, Any]] = {
        "hl7": {"address": f"127.0.0.1:{peers.ehr.port}"},
        "fhir": {"address": peers.fhir.base},
        "ehealthbox": {"folder": "zh"},
    }
    with writing():
        for channel, settings in told.items():
            if only in ("", channel):
                Route.objects.get_or_create(
                    hospital=cast.organiser,
                    name=channel,
                    channel=channel,
                    kinds=["case"],
                    recipients=["gp"],
                    settings=settings,
                )
        Route.objects.exclude(name__in=[only] if only else list(told)).update(active=False)
    doctor = cast.guest.person
    doctor.licence_number = "11223393140"
    doctor.save(update_fields=["licence_number"])
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    decisions = []
    for _ in range(cases):
        patient = make_patient(cast.organiser, gp=doctor)
        case = make_case(cast.organiser, cast.requester.person, patient=patient)
        referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="discussed")
        item = make_item(meeting, referral, state=AgendaItem.State.DISCUSSED)
        decisions.append(make_decision(item, recorded_by=cast.chair.person))
    call(sign_decisions, cast.coordinator, meeting_id=meeting.pk, decisions=seen(decisions))
    with house():
        reports = list(
            Report.objects.filter(meeting=meeting, kind="case", state="waiting").values_list("pk", flat=True)
        )
    for report in reports:
        by_house(make_report, report_id=report)
    if not only:
        with writing():
            for decision in Decision.objects.filter(meeting=meeting):
                detail = {"decisions": [str(decision.pk)], "for": str(cast.organiser.pk)}
                order(
                    Delivery.Kind.REPORTS,
                    {cast.requester.pk: detail},
                    meeting=meeting,
                    hospital_id=cast.organiser.pk,
                    occasion=f"chaos:{decision.pk.hex[-20:]}",
                )


def expected() -> dict[str, str]:
    """Under which id each delivery must arrive → its state, as the database has it now."""
    from django.db import close_old_connections

    from meetings.delivering.documents import control_id
    from meetings.models import Delivery, Dispatch
    from tests.meetings.acts import house

    close_old_connections()
    found = {}
    with house():
        for row in Dispatch.objects.select_related("report"):
            names = {
                "hl7": f"hl7 {control_id(row.pk)}",
                "fhir": f"fhir urn:uuid:{row.report_id}",
                "ehealthbox": f"folder {row.pk}.json",
            }
            found[names[row.channel]] = row.state
        for mail in Delivery.objects.exclude(
            state="dropped"
        ):  # also those to GPs about letters, which the worker makes meanwhile
            found[f"mail {mail.message_id}"] = mail.state
    return found


def in_flight() -> int:
    """How many are claimed and neither sent nor put back."""
    from django.db import close_old_connections

    from mdo.kernel.clock import now
    from meetings.models import Delivery, Dispatch
    from tests.meetings.acts import house

    close_old_connections()
    with house():
        return sum(
            each.objects.filter(state="waiting", leased_until__gt=now()).count() for each in (Delivery, Dispatch)
        )


@dataclass
class Outcome:
    expected: int = 0
    arrived: int = 0
    lost: int = 0
    strangers: int = 0
    repeated: int = 0
    altered: int = 0
    torn: int = 0
    unfinished: int = 0
    kills: int = 0
    kills_in_flight: int = 0
    seconds: float = 0.0


def run(rig: Rig, peers: Peers, program: tuple[str, ...], *, kills: int, workers: int, rng: random.Random) -> Outcome:
    """Send what waits, and kill; then hold what arrived against what was ordered."""
    ordered = expected()
    began, before = monotonic(), peers.arrived
    found, total = Outcome(expected=len(ordered)), sum(state != "done" for state in ordered.values())
    living: list[Child] = []

    def start() -> None:
        living.append(rig.start(f"worker{next(_serial)}", *program, MDO_HANDOVER=str(peers.folder)))

    for _ in range(workers):
        start()
    try:
        for number in range(kills):
            aim = before + total * 0.85 * (number + rng.random()) / kills  # not always as a delivery ends
            comes_true(lambda aim=aim: peers.arrived > aim, 30)  # type: ignore[misc]
            flying = in_flight()
            end(living.pop(0))
            start()
            found.kills += 1
            found.kills_in_flight += flying > 0
            if number % 10 == 9:
                print(
                    f"  {number + 1} kills, {peers.arrived - before} arrived, {monotonic() - began:.0f} s", flush=True
                )
        comes_true(lambda: set(expected().values()) == {"done"}, ALL_WITHIN_S)
    finally:
        for child in living:
            child.ask_to_stop()
        for child in living:
            child.wait_or_kill()
    peers.look(all_pdfs=True)
    stored, arrived = expected(), peers.by_id()
    found.arrived = len(set(stored) & set(arrived))
    found.lost = len(set(stored) - set(arrived))
    found.strangers = len(set(arrived) - set(stored))
    found.repeated = sum(len(each) > 1 for each in arrived.values())
    found.altered = sum(len(set(each)) > 1 for each in arrived.values())
    found.torn = len(peers.torn)
    found.unfinished = Counter(state != "done" for state in stored.values())[True]
    found.seconds = round(monotonic() - began, 1)
    return found


def main() -> int:
    about = origin()
    with Rig("chaos-deliveries") as rig, ExitStack() as parts:
        from django.conf import settings

        from tests.cast import make_cast
        from tests.delivery_peers import ehr, fhir_server
        from tests.parts import MailServer

        server = MailServer(settings.MDO_MAILBOX, settings.EMAIL_PORT)
        server.start()
        parts.callback(server.stop)
        folder = rig.stack.home.path / "handover"
        peers = Peers(
            parts.enter_context(ehr(pause_s=PAUSE_S)), parts.enter_context(fhir_server(pause_s=PAUSE_S)), server, folder
        )
        cast = make_cast()
        fill(cast, peers, CASES)
        print(f"{len(expected())} deliveries wait", flush=True)
        kept = run(rig, peers, HONEST, kills=KILLS, workers=WORKERS, rng=random.Random(1))
        print("control: commits before it sends", flush=True)
        fill(cast, peers, 24, only="hl7")
        control = run(rig, peers, EARLY, kills=5, workers=2, rng=random.Random(7))
    result = {**vars(kept), "control_lost": control.lost, **about, "load_after": round(os.getloadavg()[0], 2)}
    print(json.dumps(result, indent=2))
    print(write("chaos-deliveries", result))
    missed = [
        sentence
        for holds, sentence in (
            (kept.expected >= 500, "fewer than 500 deliveries"),
            (kept.kills >= 50, "fewer than 50 kills"),
            (kept.kills_in_flight >= 25, "too few kills met a delivery on its way"),
            (not kept.lost, "deliveries are lost"),
            (not kept.unfinished, "deliveries are not done"),
            (not kept.strangers, "something arrived that nobody ordered"),
            (not kept.altered, "a repetition says something else"),
            (not kept.torn, "a PDF in the folder is missing, or not the one that its description names"),
            (control.lost > 0, "the control lost nothing: this run could not have seen a loss"),
        )
        if not holds
    ]
    print("Failed: " + "; ".join(missed) if missed else "Kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

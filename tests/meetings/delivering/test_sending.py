"""What goes out by each route, over real sockets and into a real folder; and what does not, with a code that tells nothing."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import hl7
import pytest
from fhir.resources.R4B import get_fhir_model_class

from mdo.kernel import clock
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry, JournalEntry
from meetings.actions.dispatching import retry_dispatch, send_dispatch
from meetings.delivering import mllp
from meetings.delivering.documents import control_id
from meetings.delivering.faults import NotTaken
from meetings.models import Decision, Dispatch, Report, Route
from meetings.tasks import hand_over
from tests.cast import Cast, acting_as
from tests.delivery_peers import Ehr, ehr, fhir_server
from tests.factories import writing
from tests.meetings.acts import audited, call, house
from tests.meetings.delivering.routing import NAME, make_closed, make_route, rows, send, sign, tell
from tests.meetings.test_signing import correct

FACILITY = {"sending_facility": "ZH", "receiving_application": "EHR", "receiving_facility": "ZH", "authority": "ZH"}


@pytest.fixture
def decision(cast: Cast) -> Decision:
    return make_closed(cast)


def hl7_route(cast: Cast, port: int, **settings: Any) -> Route:
    return make_route(cast.organiser, "hl7", settings={"address": f"127.0.0.1:{port}", **FACILITY, **settings})


def pdf_of(report: Report) -> bytes:
    from meetings.views.showing import printed

    report.refresh_from_db()
    return printed(report)


# --- HL7 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["MDM^T02", "ORU^R01"])
def test_a_record_system_gets_the_report(cast: Cast, decision: Decision, form: str) -> None:
    with ehr() as peer:
        hl7_route(cast, peer.port, form=form)
        (report,) = sign(cast, decision)
        (row,) = rows()
        assert (row.state, row.channel, row.role, row.recipient) == ("waiting", "hl7", "record", None)
        assert send(row).state == "done"
        assert send(row).state == "done"  # again: nothing happens
    (raw,) = peer.messages
    message = hl7.parse(raw.decode())
    names = [str(segment[0]) for segment in message]
    told = ["EVN", "PID", "PV1", "TXA"] if form == "MDM^T02" else ["PID", "OBR"]
    assert names == ["MSH", *told, "OBX"]
    head = message.segment("MSH")
    assert (str(head[9]), str(head[10]), str(head[12]), str(head[18])) == (
        "MDM^T02^MDM_T02" if form == "MDM^T02" else "ORU^R01^ORU_R01", control_id(row.pk), "2.5.1", "UNICODE UTF-8",
    )  # fmt: skip
    assert len(control_id(row.pk)) == 20
    assert str(message.segment("PID")[3]).startswith("H-0^^^ZH^MR")
    assert base64.b64decode(str(message.segment("OBX")[5]).split("^")[4]) == pdf_of(report)
    assert str(report.pk) in str(message.segment("TXA" if form == "MDM^T02" else "OBR"))
    assert audited("dispatch.send")[0][1:] == (cast.organiser.pk, "ok")


def test_a_correction_names_what_it_replaces_and_a_late_old_version_stays_here(cast: Cast, decision: Decision) -> None:
    with ehr() as peer:
        hl7_route(cast, peer.port)
        (report,) = sign(cast, decision)
        correction = new_id()
        correct(cast, decision, correction_id=correction)
        with house():
            new = Decision.objects.get(pk=correction)
        (corrected,) = sign(cast, new)
        old, newer = rows()
        assert (send(old).state, rows(pk=old.pk)[0].last_error) == ("dropped", "replaced")
        assert send(newer).state == "done"
    (raw,) = peer.messages
    message = hl7.parse(raw.decode())
    assert str(message.segment("MSH")[9]) == "MDM^T10^MDM_T02"
    assert str(message.segment("TXA")[13]) == f"{report.pk}^MDO"
    assert str(message.segment("OBX")[11]) == "C"
    assert newer.report_id == corrected.pk


def test_what_was_taken_back_stays_here(cast: Cast, decision: Decision) -> None:
    """The record system was down: it gets the summary that holds, not the one that was closed again, also when somebody tries that again."""
    with ehr() as peer:
        told = {"address": f"127.0.0.1:{peer.port}", **FACILITY}
        make_route(cast.organiser, "hl7", kinds=["summary"], settings=told)
        sign(cast, decision)
        tell(cast, decision, words="Eerst.")
        (first,) = rows()
        tell(cast, decision, version=1, informed=False)
        assert (send(first).state, rows(pk=first.pk)[0].last_error) == ("dropped", "replaced")
        with writing():
            Dispatch.objects.update(state="given_up", last_error="no_answer")
        call(retry_dispatch, cast.secretary, dispatch_id=first.pk)
        assert rows(pk=first.pk)[0].state == "dropped"
        assert send(first).state == "dropped"
        assert peer.messages == []
        tell(cast, decision, version=2, words="Dan.")
        _first, second = rows()
        assert send(second).state == "done"
    assert len(peer.messages) == 1


def test_a_second_letter_of_one_version_names_the_one_before(cast: Cast, decision: Decision) -> None:
    """By HL7 and by FHIR; and the first letter of a correction names the last of the version before."""
    with ehr() as peer, fhir_server() as server:
        make_route(cast.organiser, "hl7", kinds=["letter"], settings={"address": f"127.0.0.1:{peer.port}", **FACILITY})
        make_route(cast.organiser, "fhir", kinds=["letter"], settings={"address": server.base})
        sign(cast, decision)
        for row in rows():
            send(row)
        tell(cast, decision)
        for row in rows():
            send(row)
        correction = new_id()
        correct(cast, decision, correction_id=correction)
        with house():
            new = Decision.objects.get(pk=correction)
        sign(cast, new)
        for row in rows():
            send(row)
    with house():
        made = Report.objects.filter(kind="letter", state="done").order_by("created_at", "pk")
        first, second, third = (str(each) for each in made.values_list("pk", flat=True))
    messages = [hl7.parse(raw.decode()) for raw in peer.messages]
    assert [(str(each.segment("MSH")[9]), str(each.segment("TXA")[13])) for each in messages] == [
        ("MDM^T02^MDM_T02", ""),
        ("MDM^T10^MDM_T02", f"{first}^MDO"),
        ("MDM^T10^MDM_T02", f"{second}^MDO"),
    ]
    replaced = {
        name: [each["target"]["identifier"]["value"] for each in resource.get("relatesTo", [])]
        for name, resource in server.created.items()
    }
    assert replaced == {
        f"urn:uuid:{first}": [],
        f"urn:uuid:{second}": [f"urn:uuid:{first}"],
        f"urn:uuid:{third}": [f"urn:uuid:{second}"],
    }


def test_what_people_typed_breaks_no_segment(cast: Cast) -> None:
    """Line ends, separators and escapes in every name; letters that a character set does not have."""
    odd = "Ka|na^rie~&\\\rOBX|1|TX|kwaad\x1c\x0b\n č"
    decision = make_closed(cast, family_name=odd, given_name="É\r\nMSH|", record_number="H|7\r7")
    with ehr() as peer:
        route = hl7_route(cast, peer.port)
        sign(cast, decision)
        (row,) = rows()
        send(row)
        with writing():
            Route.objects.filter(pk=route.pk).update(settings={**route.settings, "charset": "8859/1"})
            Dispatch.objects.update(state="waiting")
        send(row)
    assert [len(raw.split(b"\r")) for raw in peer.messages] == [7, 7]  # six segments and the end of the last
    utf, latin = (hl7.parse(raw.decode(codec)) for raw, codec in zip(peer.messages, ("utf-8", "latin-1"), strict=True))
    assert (
        str(utf.segment("PID")[5]) == "Ka\\F\\na\\S\\rie\\R\\\\T\\\\E\\ OBX\\F\\1\\F\\TX\\F\\kwaad č^É MSH\\F\\^^^^^L"
    )
    assert str(latin.segment("PID")[5]).endswith("kwaad ?^É MSH\\F\\^^^^^L")
    assert peer.numbers[0] == peer.numbers[1]  # the same delivery, the same control id


@pytest.mark.parametrize(
    ("manner", "code", "down"),
    [
        ("error", "refused:AE 207", False),
        ("reject", "refused:AR", False),
        ("other", "garbled", False),
        ("noise", "garbled", False),
        ("flood", "garbled", False),
        ("half", "cut", True),
        ("cut", "cut", True),
        ("freeze", "no_answer", True),
        ("drip", "no_answer", True),
    ],
)
def test_a_peer_that_does_not_acknowledge(
    cast: Cast, decision: Decision, monkeypatch: pytest.MonkeyPatch, manner: str, code: str, down: bool
) -> None:
    """The code says nothing of the patient, and no peer holds the worker: not one that is silent, nor one that gives a byte now and then."""
    monkeypatch.setattr(mllp, "ALL_S", 0.6)
    with ehr(manner) as peer:
        hl7_route(cast, peer.port)
        sign(cast, decision)
        (row,) = rows()
        began = monotonic()
        with pytest.raises(NotTaken) as refused:
            send(row)
        assert monotonic() - began < 3
    assert (refused.value.code, refused.value.down) == (code, down)
    assert rows()[0].state == "waiting"


def test_nobody_there(cast: Cast, decision: Decision) -> None:
    with ehr() as peer:
        hl7_route(cast, peer.port)
    sign(cast, decision)
    with pytest.raises(NotTaken) as refused:
        send(rows()[0])
    assert (refused.value.code, refused.value.down) == ("unreachable", True)


def test_the_limit_is_ten_seconds() -> None:
    assert mllp.CONNECT_S < mllp.ALL_S <= 10


# --- FHIR --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["DocumentReference", "Bundle"])
def test_a_fhir_server_gets_it_once(cast: Cast, decision: Decision, form: str) -> None:
    with fhir_server() as peer:
        route = make_route(cast.organiser, "fhir", settings={"address": f"{peer.base}/", "form": form})
        (report,) = sign(cast, decision)
        (row,) = rows()
        assert send(row).state == "done"
        with writing():
            Dispatch.objects.update(state="waiting")
        assert send(row).state == "done"
    number = report.pk if form == "DocumentReference" else decision.pk
    assert [(each[0], each[1]) for each in peer.asked] == [(f"urn:uuid:{number}", f"/r4/{form}")] * 2
    assert peer.bodies[0] == peer.bodies[1]
    assert "Authorization" not in peer.asked[0][2]
    (resource,) = peer.created.values()
    get_fhir_model_class(form).model_validate(resource)
    if form == "DocumentReference":
        assert base64.b64decode(resource["content"][0]["attachment"]["data"]) == pdf_of(report)
        assert resource["contained"][0]["name"][0]["family"] == NAME
    else:
        assert resource["type"] == "document"
    assert route.secret_name == ""


@pytest.mark.parametrize(
    ("manner", "status", "code", "down"),
    [
        ("take", 422, "http:422", False),
        ("take", 401, "http:401", True),
        ("take", 503, "http:503", True),
        ("redirect", 0, "http:302", False),
        ("noise", 0, "garbled", True),
        ("freeze", 0, "no_answer", True),
    ],
)
def test_a_fhir_server_that_does_not_take_it(
    cast: Cast, decision: Decision, monkeypatch: pytest.MonkeyPatch, manner: str, status: int, code: str, down: bool
) -> None:
    monkeypatch.setattr(mllp, "ALL_S", 0.6)
    with fhir_server(manner, status) as peer:
        make_route(cast.organiser, "fhir", settings={"address": peer.base})
        sign(cast, decision)
        with pytest.raises(NotTaken) as refused:
            send(rows()[0])
    assert (refused.value.code, refused.value.down) == (code, down)
    assert len(peer.asked) == 1  # a redirect is not followed


def test_an_address_that_is_not_allowed_is_not_called(cast: Cast, decision: Decision, settings: Any) -> None:
    """Whatever stands in the row: the list of the site's administrator is asked when it is sent, too."""
    with ehr() as peer, fhir_server() as server:
        hl7_route(cast, peer.port)
        make_route(cast.organiser, "fhir", settings={"address": server.base})
        sign(cast, decision)
        settings.DEMO, settings.MDO_DELIVERY_HOSTS = False, ["ehr.example.org:2575"]
        for row in rows():
            with pytest.raises(NotTaken) as refused:
                send(row)
            assert (refused.value.code, refused.value.down) == ("not_allowed", True)
        assert (peer.lines, server.asked) == (0, [])
        settings.MDO_DELIVERY_HOSTS = [f"127.0.0.1:{peer.port}"]  # the control
        assert send(next(each for each in rows() if each.channel == "hl7")).state == "done"


# --- a folder ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    settings.MDO_HANDOVER = tmp_path / "handover"
    return tmp_path / "handover"


def test_the_messaging_program_finds_both_files(cast: Cast, decision: Decision, root: Path) -> None:
    make_route(cast.organiser, "ehealthbox", settings={"folder": "zh"}, recipients=["gp", "requester"])
    (report,) = sign(cast, decision)
    gp, requester = rows()
    assert (requester.state, requester.last_error) == ("given_up", "no_licence")
    assert (gp.recipient, send(gp).state) == (cast.guest.person, "done")
    before = {path.name: path.read_bytes() for path in (root / "zh").iterdir()}
    with writing():
        Dispatch.objects.filter(pk=gp.pk).update(state="waiting")
    send(gp)
    assert {path.name: path.read_bytes() for path in (root / "zh").iterdir()} == before
    assert set(before) == {f"{gp.pk}.pdf", f"{gp.pk}.json"}
    assert before[f"{gp.pk}.pdf"] == pdf_of(report)
    told = json.loads(before[f"{gp.pk}.json"])
    assert told["recipient"] == {"licence_number": "11223393140"}
    assert told["patient"] == {"national_number": decision_patient(decision).national_number}
    assert (told["document"], told["delivery"], told["test"]) == (str(report.pk), str(gp.pk), False)
    assert NAME not in before[f"{gp.pk}.json"].decode()


def decision_patient(decision: Decision) -> Any:
    with house():
        found = Decision.objects.select_related("case__patient").get(pk=decision.pk)
        assert found.case is not None
        return found.case.patient


def test_a_folder_that_leads_elsewhere(cast: Cast, decision: Decision, root: Path, tmp_path: Path) -> None:
    """A link in the site's folder, a name that climbs, a file in its place, no folder at all."""
    make_route(cast.organiser, "ehealthbox", settings={"folder": "zh"})
    sign(cast, decision)
    (row,) = rows()
    (tmp_path / "elsewhere").mkdir()
    root.mkdir()
    (root / "zh").symlink_to(tmp_path / "elsewhere")
    assert fault(row) == "folder"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (root / "zh").unlink()
    (root / "zh").write_text("")
    assert fault(row) == "folder"
    (root / "zh").unlink()
    with writing():
        Route.objects.update(settings={"folder": "zh"})
    assert send(row).state == "done"  # the control


def fault(row: Dispatch) -> str:
    with pytest.raises(NotTaken) as refused:
        send(row)
    return refused.value.code


# --- the worker --------------------------------------------------------------------------------------------------------


def test_only_the_house_sends(cast: Cast, decision: Decision) -> None:
    hl7_route(cast, 1)
    sign(cast, decision)
    (row,) = rows()
    with pytest.raises(Denied), acting_as(cast.secretary) as person:
        send_dispatch(by=person, dispatch_id=row.pk)


def several(cast: Cast, number: int) -> None:
    for _ in range(number):
        sign(cast, make_closed(cast))


def test_a_frozen_system_is_tried_once_in_a_round_and_holds_nothing_else(
    committed: None, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mllp, "ALL_S", 0.5)
    with ehr("freeze") as frozen, fhir_server() as server:
        hl7_route(cast, frozen.port)
        make_route(cast.organiser, "fhir", settings={"address": server.base})
        several(cast, 6)
        hand_over()
        assert frozen.lines == 1
        assert len(server.created) == 6
        state = {(row.channel, row.state, row.last_error) for row in rows()}
        assert state == {("hl7", "waiting", "no_answer"), ("fhir", "done", "")}
        frozen.manner = "take"
        hand_over()
        assert frozen.messages == []  # a pause first
        with clock.frozen(now() + timedelta(seconds=11)):
            hand_over()
        assert len(set(frozen.numbers)) == 6
    assert {row.state for row in rows()} == {"done"}
    assert NAME not in caplog.text
    with house():
        kept = [
            *AuditEntry.objects.filter(action__startswith="dispatch").values(),
            *Dispatch.objects.values(),
            *JournalEntry.objects.values(),
        ]
    assert NAME not in str(kept)


def test_a_refusal_of_one_report_does_not_hold_the_others(committed: None, cast: Cast) -> None:
    with ehr("error") as peer:
        hl7_route(cast, peer.port)
        several(cast, 3)
        hand_over()
        assert peer.lines == 3
    assert {(row.state, row.attempts, row.last_error) for row in rows()} == {("waiting", 1, "refused:AE 207")}


def test_given_up_after_twelve_attempts(committed: None, cast: Cast) -> None:
    with ehr("error") as peer:
        hl7_route(cast, peer.port)
        several(cast, 1)
        at = now()
        for _ in range(13):
            at += timedelta(hours=3)
            with clock.frozen(at):
                hand_over()
        assert peer.lines == 12
    assert (rows()[0].state, rows()[0].last_error) == ("given_up", "refused:AE 207")


def test_one_round_at_a_time(committed: None, cast: Cast) -> None:
    from meetings import tasks

    peer: Ehr
    with ehr() as peer:
        hl7_route(cast, peer.port)
        several(cast, 1)
        with tasks._handing_over:
            hand_over()
        assert peer.lines == 0
        hand_over()
        assert peer.lines == 1


def test_a_real_worker_is_woken(committed: None, cast: Cast, worker: Any) -> None:
    from tests.parts import until

    with ehr() as peer:
        hl7_route(cast, peer.port)
        several(cast, 1)
        until(lambda: peer.messages, "the report", within_s=9)

"""What `/metrics` says, to whom, and that its rules and its dashboard ask for what there is."""

import json
import os
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.test import Client
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mdo.environment import BASE_DIR
from mdo.kernel import audit, metrics
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import frozen, now
from mdo.kernel.ids import new_id
from mdo.watch import exposition, house
from meetings.models import Delivery, Reminder
from tests.cast import Cast
from tests.factories import make_meeting, writing

TOKEN = "a-token-for-prometheus-alone"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)


@pytest.fixture
def told(settings: Any, tmp_path: Any) -> Any:
    settings.MDO_METRICS_TOKEN, settings.MDO_VAR = TOKEN, tmp_path
    return tmp_path


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float | None:
    return samples(text).get((name, frozenset(labels.items())))


def house_now() -> str:
    """The house's part, looked at anew."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(exposition.House(house.Kept(house.look)))
    return generate_latest(registry).decode()


# --- who reads it ------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_the_setting_there_is_no_such_address(settings: Any) -> None:
    settings.MDO_METRICS_TOKEN = ""
    nowhere = Client().get("/nowhere-at-all", headers=HEADERS)
    found = Client().get("/metrics", headers=HEADERS)
    assert (found.status_code, nowhere.status_code) == (404, 404)
    assert b"mdo_" not in found.content


@pytest.mark.django_db
@pytest.mark.parametrize("said", ["", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer é"])
def test_whoever_sends_no_token_reads_nothing(told: Any, said: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": said})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"mdo_" not in answer.content


@pytest.mark.django_db
def test_it_is_read_and_nothing_else(told: Any) -> None:
    assert Client().post("/metrics", headers=HEADERS).status_code == 405
    answer = Client().get("/metrics", headers=HEADERS)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert value(answer.content.decode(), "mdo_build", version="0.1.0") == 1


# --- what is counted ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_requests_count_by_route_and_class_never_by_path(told: Any) -> None:
    def count(route: str, status: str) -> float:
        return value(exposition.text().decode(), "mdo_http_requests_total", route=route, status=status) or 0.0

    before = (count("cases:detail", "3xx"), count("none", "4xx"), count("static", "4xx"))
    Client().get(f"/cases/{uuid4()}/")  # led to the way in
    Client().get("/Kanariezwaluw/")
    Client().get("/static/Kanariezwaluw.css")
    after = (count("cases:detail", "3xx"), count("none", "4xx"), count("static", "4xx"))
    assert [round(a - b) for a, b in zip(after, before, strict=True)] == [1, 1, 1]
    assert b"Kanariezwaluw" not in exposition.text()


@pytest.mark.django_db
def test_a_label_that_was_sent_would_be_seen() -> None:
    """Negative control: were a path or a command as sent a label, the search for ids would find it."""
    registry = CollectorRegistry()
    Counter("mdo_wrong", "A path as a label.", ["path"], registry=registry).labels(f"/cases/{uuid4()}/").inc()
    assert UUID.search(generate_latest(registry).decode())
    assert not UUID.search(exposition.text().decode())


def test_commands_count_their_time_and_their_refusals() -> None:
    def now_at(name: str, **labels: str) -> float:
        return metrics.REGISTRY.get_sample_value(name, labels) or 0.0

    before = now_at("mdo_room_command_seconds_count", command="test.one")
    metrics.command("test.one", 0.2)
    metrics.command("test.one", 0.2, "rule")
    assert now_at("mdo_room_command_seconds_count", command="test.one") == before + 2
    assert now_at("mdo_room_commands_refused_total", command="test.one", code="rule") == 1


# --- the house ---------------------------------------------------------------------------------------------------------------------


def late_work(cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    with writing():
        Reminder.objects.all().delete()
        for number, state in enumerate(("waiting", "waiting", "given_up", "done")):
            Delivery.objects.create(
                hospital=cast.organiser,
                meeting=meeting,
                recipient=cast.chair.person,
                kind="reports",
                occasion=f"closed:{number}",
                message_id=f"<{new_id()}@test>",
                due_at=now() - timedelta(seconds=100 * (number + 1)),
                state=state,
                done_at=now() if state in ("given_up", "done") else None,
            )
        Reminder.objects.create(
            hospital=cast.organiser, meeting=meeting, kind="signature", due_at=now() - timedelta(seconds=61)
        )
        Reminder.objects.create(
            hospital=cast.organiser, meeting=meeting, kind="report", due_at=now() - timedelta(seconds=59)
        )


def test_the_house_says_how_late_it_is(cast: Cast, told: Any) -> None:
    with frozen(now()):
        late_work(cast)
        (told / "anchors").mkdir()
        (told / "anchors" / "audit.jsonl").write_text("{}")
        os.utime(told / "anchors" / "audit.jsonl", (now().timestamp() - 90,) * 2)
        state = {
            "covered_until": (now() - timedelta(seconds=30)).isoformat(),
            "base_at": (now() - timedelta(hours=2)).isoformat(),
        }
        (told / "backup-state.json").write_text(json.dumps(state))
        text = house_now()
    assert value(text, "mdo_house_read") == 1
    assert value(text, "mdo_work_due", queue="deliveries") == 2
    assert value(text, "mdo_work_oldest_seconds", queue="deliveries") == 200
    assert value(text, "mdo_work_given_up", queue="deliveries") == 1
    assert value(text, "mdo_work_due", queue="imports") == 0
    assert value(text, "mdo_reminders_late") == 1
    assert value(text, "mdo_backup_age_seconds") == 30
    assert value(text, "mdo_backup_base_age_seconds") == 7200
    assert round(value(text, "mdo_audit_anchor_age_seconds") or 0) == 90


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said",
    [None, "", "[]", "{}", '{"covered_until": 3}', '{"covered_until": "then"}', '{"covered_until": "2026-01-01"}'],
)
def test_what_nobody_wrote_has_no_number(told: Any, said: str | None) -> None:
    if said is not None:
        (told / "backup-state.json").write_text(said)
    text = house_now()
    assert value(text, "mdo_house_read") == 1
    assert value(text, "mdo_backup_age_seconds") is None
    assert value(text, "mdo_audit_anchor_age_seconds") is None


@pytest.mark.django_db
def test_rows_that_are_not_sealed_are_counted_until_they_are(told: Any) -> None:
    before = value(house_now(), "mdo_audit_unsealed") or 0
    with acting(System("clerk"), None, "work"):
        audit.act("test.done", hospital_id=None, detail={})
    text = house_now()
    assert value(text, "mdo_audit_unsealed") == before + 1
    assert (value(text, "mdo_audit_seal_lag_seconds") or 0) > 0


def test_a_look_serves_five_seconds_and_a_failed_one_says_so() -> None:
    looks: list[int] = []
    clock = [100.0]

    def look() -> Any:
        looks.append(1)
        if len(looks) == 2:
            raise RuntimeError("the database is away")
        return f"look {len(looks)}"

    kept = house.Kept(look, lambda: clock[0])
    assert [kept.get(), kept.get()] == ["look 1", "look 1"]
    clock[0] += 4.9
    assert kept.get() == "look 1"
    clock[0] += 0.2
    assert [kept.get(), kept.get()] == [None, None]
    clock[0] += 5
    assert (kept.get(), len(looks)) == ("look 3", 3)


@pytest.mark.django_db
def test_a_database_that_does_not_answer_costs_the_process_its_own_numbers_not() -> None:
    def fails() -> Any:
        raise RuntimeError

    registry = CollectorRegistry(auto_describe=False)
    registry.register(exposition.House(house.Kept(fails)))
    registry.register(exposition.Rooms())
    text = generate_latest(registry).decode()
    assert (value(text, "mdo_house_read"), value(text, "mdo_work_due", queue="reports")) == (0, None)
    assert (value(text, "mdo_rooms_open"), value(text, "mdo_sockets_open")) == (0, 0)


# --- rules and dashboard -------------------------------------------------------------------------------------------------------------

RULES = yaml.safe_load((BASE_DIR / "deploy" / "watch" / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((BASE_DIR / "deploy" / "watch" / "dashboard.json").read_text())
ASKED = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]


def unknown(expressions: list[str], exposed: set[str]) -> set[str]:
    named = {name for each in expressions for name in re.findall(r"\b(?:mdo|process)_\w+", each)}
    return named - exposed


def exposed(text: str) -> set[str]:
    """Every name that a sample may have: of a counter or histogram without one yet as well."""
    names = set()
    for family in text_string_to_metric_families(text):
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        names |= {family.name + ending for ending in endings}
    return names


def test_rules_and_dashboard_ask_for_what_there_is(cast: Cast, told: Any) -> None:
    text = exposition.text().decode()
    assert unknown(ASKED, exposed(text)) == set()
    assert unknown(["max(mdo_room_sockets)"], exposed(text)) == {"mdo_room_sockets"}  # negative control


@pytest.mark.django_db
def test_what_is_measured_of_the_house_is_watched() -> None:
    """Each number of the issue has a rule or a panel: none is measured for nobody."""
    text = exposition.text().decode()
    for name in sorted(each for each in exposed(text) if each.startswith("mdo_")):
        root = re.sub(r"_(bucket|count|sum|total)$", "", name)
        assert any(root in each for each in ASKED), name


def test_each_rule_says_how_grave_it_is_and_what_it_means() -> None:
    page = (BASE_DIR / "docs" / "administrators" / "watch.md").read_text()
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"]["summary"].endswith("."), rule["alert"]
        assert f"`{rule['alert']}`" in page, rule["alert"]
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)

"""The page of the system's state: who finds it, what it says, and of whom."""

import dataclasses
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from mdo.directory.models import Organisation
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.watch import house, status
from meetings.models import Delivery
from tests.cast import NAMES, Cast
from tests.factories import make_meeting, writing


def page(cast: Cast, who: str) -> tuple[int, str]:
    client = Client()
    client.force_login(cast.members[who].person, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/status/")
    return answer.status_code, re.sub(r"\s+", " ", answer.content.decode())


def give_up(cast: Cast, hospital: Organisation, days: int = 0) -> None:
    with writing():
        Delivery.objects.create(
            hospital=hospital,
            meeting=make_meeting(cast.board),
            recipient=cast.chair.person,
            kind="reports",
            occasion=f"closed:{new_id()}"[:40],
            message_id=f"<{new_id()}@test>",
            due_at=now() - timedelta(days=days),
            state="given_up",
            done_at=now() - timedelta(days=days),
        )


def test_administrators_find_it_and_nobody_else(cast: Cast) -> None:
    assert {who for who in NAMES if page(cast, who)[0] == 200} == {"admin"}
    assert {page(cast, who)[0] for who in NAMES if who != "admin"} == {404}


def row(html: str, first: str) -> list[str]:
    (found,) = re.findall(rf'<th scope="row">{first}</th>(.*?)</tr>', html)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", found)]


def test_what_was_given_up_is_the_own_organisation_s(cast: Cast) -> None:
    with writing():
        Delivery.objects.all().delete()
    give_up(cast, cast.organiser)
    give_up(cast, cast.organiser, days=8)  # long ago
    give_up(cast, cast.third)
    give_up(cast, cast.third)
    client = Client()
    client.force_login(cast.admin.person, backend="django.contrib.auth.backends.ModelBackend")
    html = re.sub(r"\s+", " ", client.get("/status/", headers={"Accept-Language": "en"}).content.decode())
    names = {"en": "Mails", "nl": "Mails", "fr": "E-mails", "de": "E-Mails"}
    mails = row(html, names[cast.admin.person.language])
    assert (mails[0], mails[1], mails[2]) == ("0", "–", "1")
    with writing():
        assert house.figures().queues["deliveries"].given_up == 3  # negative control: of everybody it is more


def lines(scanner: bool | None = None, **changed: Any) -> dict[str, tuple[str, bool]]:
    found = house.Figures(
        queues={name: house.Queue(0, 0.0, 0) for name in house.QUEUES},
        reminders_late=0,
        unsealed=0,
        seal_lag_s=0.0,
        unsent=None,
        unsent_age_s=None,
        anchor_age_s=10.0,
        backup_age_s=10.0,
        base_backup_age_s=3600.0,
        heartbeat_age_s=2.0,
    )
    return {each.what: (each.said, each.fine) for each in status._lines(dataclasses.replace(found, **changed), scanner)}


def test_what_is_late_asks_for_attention(settings: Any) -> None:
    assert [fine for _, fine in lines().values()] == [True] * 5
    late = {
        "heartbeat_age_s": 61.0,
        "seal_lag_s": 61.0,
        "anchor_age_s": 301.0,
        "backup_age_s": 121.0,
        "base_backup_age_s": 172_801.0,
    }
    for number, (name, value) in enumerate(late.items()):
        assert [fine for _, fine in lines(**{name: value}).values()] == [each != number for each in range(5)], name
        if name != "seal_lag_s":
            assert list(lines(**{name: None}).values())[number] == ("not known", False)


def test_rows_that_wait_are_counted_in_words() -> None:
    assert lines(unsealed=3, seal_lag_s=3600.0)["Access log: sealed"] == (
        "3 rows wait, the first written an hour ago",
        False,
    )
    sent = "Access log: sent to the hospital's collector"
    assert sent not in lines()
    assert lines(unsent=0, unsent_age_s=0.0)[sent] == ("all rows", True)
    assert lines(unsent=1, unsent_age_s=7200.0)[sent] == ("1 row waits, written 2\xa0hours ago", False)


def test_a_virus_scanner_that_is_away_asks_for_attention(cast: Cast, settings: Any) -> None:
    assert lines(scanner=True)["Virus scanner"] == ("it answers", True)
    assert "Virus scanner" not in lines()
    settings.MDO_CLAMAV = "/nowhere/clamd.ctl"
    client = Client()
    client.force_login(cast.admin.person, backend="django.contrib.auth.backends.ModelBackend")
    shown = [(each.what, each.said, each.fine) for each in client.get("/status/").context["lines"]]
    with translation.override(cast.admin.person.language):
        away = (gettext("Virus scanner"), gettext("it does not answer"), False)
    assert away in shown


@pytest.mark.parametrize(
    ("queue", "fine"),
    [
        (house.Queue(3, 299.0, 0), True),
        (house.Queue(3, 301.0, 0), False),
        (house.Queue(0, 0.0, 1), False),
    ],
)
def test_work_that_is_late_or_given_up_asks_for_attention(queue: house.Queue, fine: bool) -> None:
    found = house.Figures(dict.fromkeys(house.QUEUES, queue), 0, 0, 0.0, None, None, None, None, None, None)
    assert [each.fine for each in status._work(found)] == [fine] * len(house.QUEUES)

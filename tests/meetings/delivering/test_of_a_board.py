"""A board's page: what did not go out of its meetings, and the letters of all of them, printed together or by day and marked as posted."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.urls import reverse
from pypdf import PdfReader

from mdo.directory.models import Organisation
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from mdo.kernel.storage import storage
from meetings.models import Dispatch, Meeting, Report, Route
from meetings.views import boards
from tests.cast import Cast
from tests.factories import BRUSSELS, writing
from tests.meetings.acts import audited, client_of, house
from tests.meetings.delivering.routing import make_closed, make_route, rows, sign


def test_what_did_not_go_out_stands_on_the_board_s_page(cast: Cast) -> None:
    make_route(cast.organiser, "hl7", settings={})
    decision = make_closed(cast)
    sign(cast, decision)
    page = reverse("meetings:board", args=[cast.board.pk])
    assert client_of(cast.secretary).get(page).context["stuck"] == []
    with writing():
        Dispatch.objects.update(state="given_up", attempts=12, last_error="no_answer", done_at=now())
    shown = client_of(cast.secretary).get(page)
    assert [(each.meeting.pk, each.given_up) for each in shown.context["stuck"]] == [(decision.meeting_id, 1)]
    assert reverse("meetings:deliveries", args=[decision.meeting_id]) in shown.content.decode()
    for name in ("radiologist", "partner", "partnersecretary"):  # deliver nothing, or nothing of this hospital
        assert client_of(cast.members[name]).get(page).context["stuck"] == [], name


def test_letters_of_all_meetings_are_printed_together_or_by_day(cast: Cast) -> None:
    make_route(cast.organiser, "paper", settings={})
    Organisation.objects.filter(pk=cast.organiser.pk).update(postal_address="Kloosterdreef 10\n9999 Torhout")
    for _n in range(2):
        sign(cast, make_closed(cast))
    first, second = rows(channel="paper")
    assert first.meeting_id != second.meeting_id
    with writing():
        Dispatch.objects.filter(pk=first.pk).update(created_at=now() - timedelta(days=3))
    client, address = client_of(cast.secretary), reverse("meetings:board_letters", args=[cast.board.pk])
    posted = reverse("meetings:board_posted", args=[cast.board.pk])
    board = client.get(reverse("meetings:board", args=[cast.board.pk]))
    days = board.context["letters"]["days"]
    assert (board.context["letters"]["number"], [ids for _day, ids in days]) == (2, [[first.pk], [second.pk]])
    # Beside the button that prints a day stands the one that says of that day alone that it is posted.
    forms = [part.split("</form>")[0] for part in board.content.decode().split("<form") if posted in part]
    assert [(f"day={day:%Y-%m-%d}" in part, part.count('name="dispatch"')) for (day, _ids), part in zip(days, forms, strict=True)] == [(True, 1)] * 2  # fmt: skip
    whole = PdfReader(BytesIO(client.get(address).content))
    one = PdfReader(BytesIO(client.get(f"{address}?day={second.created_at.astimezone(BRUSSELS):%Y-%m-%d}").content))
    assert len(whole.pages) == 2 * len(one.pages)
    assert "Kloosterdreef 10" in whole.pages[0].extract_text()
    assert client.get(f"{address}?day=2001-01-01").status_code == 404
    assert client.get(f"{address}?day=soon").status_code == 422
    sent = {"command_id": new_id(), "sent": "1", "dispatch": [str(first.pk), str(second.pk)]}
    for name, status in (("radiologist", 403), ("partner", 403), ("outsider", 404), ("datamanager", 404)):
        assert client_of(cast.members[name]).get(address).status_code == status, name
        assert client_of(cast.members[name]).post(posted, sent).status_code == status, name
    assert client_of(cast.partnersecretary).get(address).status_code == 404  # none of the own hospital
    assert told(client_of(cast.partnersecretary).post(posted, sent, follow=True)) == [
        "Geen van deze brieven wacht nog."
    ]
    assert {row.state for row in rows(channel="paper")} == {"waiting"}
    assert told(client.post(posted, sent, follow=True)) == ["2 brieven als bezorgd gemarkeerd."]
    assert told(client.post(posted, sent, follow=True)) == ["Geen van deze brieven wacht nog."]  # a double click
    assert {row.state for row in rows(channel="paper")} == {"done"}
    assert client.get(address).status_code == 404


def told(page: Any) -> list[str]:
    assert page.redirect_chain[0][1] == 303
    return [str(each) for each in page.context["messages"]]


def test_a_letter_whose_file_is_damaged_holds_up_no_other(cast: Cast) -> None:
    make_route(cast.organiser, "paper", settings={})
    for _n in range(2):
        sign(cast, make_closed(cast))
    bad, good = rows(channel="paper")
    whole: dict[Any, bytes] = {}
    for row in (bad, good):
        with house():
            path = Path(storage.path(Report.objects.get(pk=row.report_id).storage_name))
        whole[path] = path.read_bytes()
    spoil(*whole)
    client, address = client_of(cast.secretary), reverse("meetings:board_letters", args=[cast.board.pk])
    assert client.get(address).status_code == 503  # not one can be read: the store is at fault, and nothing is given up
    assert [row.state for row in rows(channel="paper")] == ["waiting"] * 2
    for path, content in whole.items():
        path.write_bytes(content)
    both = len(PdfReader(BytesIO(client.get(address).content)).pages)
    spoil(next(iter(whole)))
    printed = client.get(address)
    assert (printed.status_code, 2 * len(PdfReader(BytesIO(printed.content)).pages)) == (200, both)
    assert [(row.state, row.last_error) for row in rows(channel="paper")] == [("given_up", "no_file"), ("waiting", "")]
    assert audited("dispatch.lose") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    traced = AuditEntry.objects.filter(action="letters.printed").order_by("-at").first()
    assert traced is not None
    with house():
        assert traced.detail["cases"] == [str(Report.objects.get(pk=good.report_id).decision.case_id)]  # type: ignore[union-attr]
    page = client.get(reverse("meetings:board", args=[cast.board.pk]))
    assert [str(each) for each in page.context["messages"]] == [
        "1 brief zit niet bij wat u afdrukt: het bestand is onleesbaar. De brief staat als opgegeven bij de verzendingen."
    ]
    assert [(each.meeting.pk, each.given_up) for each in page.context["stuck"]] == [(bad.meeting_id, 1)]


def spoil(*paths: Path) -> None:
    for path in paths:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))


def test_letters_to_print_push_nothing_off_the_board_s_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not go out of an older meeting stays there, however many later ones have letters alone."""
    monkeypatch.setattr(boards, "MOST_SITTINGS", 1)
    make_route(cast.organiser, "hl7", settings={})
    old, late = make_closed(cast), make_closed(cast)
    sign(cast, old)
    with writing():
        Dispatch.objects.update(state="given_up", last_error="no_answer", done_at=now())
        Meeting.objects.filter(pk=old.meeting_id).update(starts_at=F("starts_at") - timedelta(days=7))
        Route.objects.update(active=False)
    make_route(cast.organiser, "paper", settings={})
    sign(cast, late)
    assert [row.channel for row in rows(meeting=late.meeting_id)] == ["paper"]
    page = client_of(cast.secretary).get(reverse("meetings:board", args=[cast.board.pk]))
    assert [each.meeting.pk for each in page.context["stuck"]] == [old.meeting_id]

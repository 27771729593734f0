"""A board's page: what did not go out of its meetings, and the letters of all of them, printed together or by day and marked as posted."""

from datetime import timedelta
from io import BytesIO

from django.urls import reverse
from pypdf import PdfReader

from mdo.directory.models import Organisation
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings.models import Dispatch
from tests.cast import Cast
from tests.factories import writing
from tests.meetings.acts import client_of
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
    board = client.get(reverse("meetings:board", args=[cast.board.pk]))
    assert (len(board.context["letters"]["ids"]), len(board.context["letters"]["days"])) == (2, 2)
    whole = PdfReader(BytesIO(client.get(address).content))
    one = PdfReader(BytesIO(client.get(f"{address}?day={second.created_at:%Y-%m-%d}").content))
    assert len(whole.pages) == 2 * len(one.pages)
    assert "Kloosterdreef 10" in whole.pages[0].extract_text()
    assert client.get(f"{address}?day=2001-01-01").status_code == 404
    assert client.get(f"{address}?day=soon").status_code == 422
    posted = reverse("meetings:board_posted", args=[cast.board.pk])
    sent = {"command_id": new_id(), "sent": "1", "dispatch": [str(first.pk), str(second.pk)]}
    for name, status in (("radiologist", 403), ("partner", 403), ("outsider", 404), ("datamanager", 404)):
        assert client_of(cast.members[name]).get(address).status_code == status, name
        assert client_of(cast.members[name]).post(posted, sent).status_code == status, name
    assert client_of(cast.partnersecretary).get(address).status_code == 404  # none of the own hospital
    client_of(cast.partnersecretary).post(posted, sent)
    assert {row.state for row in rows(channel="paper")} == {"waiting"}
    for _twice in range(2):
        assert client.post(posted, sent).status_code == 303
    assert {row.state for row in rows(channel="paper")} == {"done"}
    assert client.get(address).status_code == 404

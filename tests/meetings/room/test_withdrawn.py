"""A case that is taken back while it is on the table holds nobody up."""

import pytest

from cases import states
from cases.models import Referral
from mdo.kernel.acting import System, acting
from meetings.models import AgendaItem, Meeting
from tests.cast import Cast
from tests.factories import writing
from tests.meetings.room.test_snapshot_law import Table

pytestmark = pytest.mark.usefixtures("committed")


@pytest.mark.parametrize("way", ["next", "close"])
def test_withdrawn_while_open(cast: Cast, way: str) -> None:
    table = Table(cast)
    assert table.command("meeting.start", "chair", {}) == "ok"
    first = table.items()[0]
    assert table.command("agenda.open_item", "chair", {"item": first.pk, "version": first.version}) == "ok"
    with writing():
        states.move(Referral.objects.get(pk=first.referral_id), Referral.Status.WITHDRAWN)
    if way == "next":
        assert table.command("agenda.next", "chair", {"from_item": first.pk}) == "ok"
    assert table.command("meeting.close", "chair", {}) == ("rule" if way == "next" else "ok")
    if way == "next":
        # The next case is open now and wants its recommendation; the withdrawn one is out of the way.
        current = next(item for item in table.items() if item.state == "open")
        assert (
            table.command(
                "agenda.postpone", "chair", {"item": current.pk, "version": current.version, "reason": "other"}
            )
            == "ok"
        )
        assert table.command("meeting.close", "chair", {}) == "ok"
    with acting(System("test"), None, "test"):
        meeting = Meeting.objects.get(pk=table.meeting.pk)
        states_now = dict(AgendaItem.objects.filter(meeting=meeting).values_list("position", "state"))
    assert meeting.state == "closed"
    assert states_now == {1: "withdrawn", 2: "postponed", 3: "postponed", 4: "postponed"}

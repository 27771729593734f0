"""A table at which every kind of row lies: what the tests of access ask about."""

from dataclasses import dataclass

from mdo.kernel.acting import System
from meetings.models import AgendaItem, Meeting
from tests.cast import Cast
from tests.factories import (
    make_grant,
    make_item,
    make_meeting,
    make_referral,
    make_topic,
    writing,
)

HOUSE = System("sweep")
ALL = {"own", "partner", "third", "topic"}


@dataclass
class Table:
    """A running meeting: an own case of the organiser (open, with a guest), one of the partner, one of the third, a topic."""

    meeting: Meeting
    own: AgendaItem
    partner: AgendaItem
    third: AgendaItem
    topic: AgendaItem
    elsewhere: Meeting  # another meeting of the same board, without items

    @property
    def items(self) -> dict[str, AgendaItem]:
        return {"own": self.own, "partner": self.partner, "third": self.third, "topic": self.topic}


def set_up(cast: Cast) -> Table:
    """The table, with guest and observer let in to what is open."""
    with writing():
        meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
        own = make_referral(
            cast.board, cast.organiser, cast.requester.person, status="scheduled", guest=cast.guest.person
        )
        partner = make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="scheduled")
        third = make_referral(cast.board, cast.third, cast.outsider.person, status="scheduled")
        items = (
            make_item(meeting, own, state="open"),
            make_item(meeting, partner),
            make_item(meeting, third),
            make_item(meeting, topic=make_topic(cast.board)),
        )
        for person in (cast.guest.person, cast.observer.person):
            make_grant(own.case, person, source_id=items[0].pk)
        return Table(meeting, *items, make_meeting(cast.board))

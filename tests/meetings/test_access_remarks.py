"""Who reads and writes what stands beside an item: the rule above meetings/access.py, case by case."""

import pytest

from mdo.kernel.acting import System, acting
from mdo.kernel.errors import Denied
from mdo.kernel.ids import new_id
from meetings import access
from meetings.actions import remarking
from meetings.models import Remark
from tests.cast import Cast, acting_as
from tests.factories import (
    writing,
)
from tests.meetings.tables import HOUSE, Table


def test_what_was_written_beside_a_topic_is_its_boards(cast: Cast, table: Table) -> None:
    topic = table.items["topic"]
    with acting_as(cast.radiologist) as radiologist:
        for text in ("Volgende week.", "Of de week erna."):
            remarking.say(by=radiologist, meeting_id=table.meeting.pk, item_id=topic.pk, text=text, command_id=new_id())
    reads = {}
    for name in ("chair", "partner", "requester", "observer", "guest", "outsider"):
        with acting_as(cast.members[name]) as by:
            reads[name] = len(access.visible_remarks(by, [topic.pk]))
    assert reads == {"chair": 2, "partner": 2, "requester": 0, "observer": 0, "guest": 0, "outsider": 0}
    with acting(HOUSE, None, "work"):
        assert len(access.visible_remarks(HOUSE, [topic.pk])) == 2


def test_whoever_acts_for_nobody_writes_nothing(cast: Cast) -> None:
    with acting(cast.chair.person, None, "care"), pytest.raises(Denied):
        access.acting_organisation()


def test_who_reads_what_was_written_beside_an_item(cast: Cast, table: Table) -> None:
    """Whoever reads the case in full; of a topic, whoever reads what is decided about it and is neither guest nor observer; the house all of it."""
    both = [table.own.pk, table.topic.pk]
    with writing():
        for item in (table.own, table.topic):
            Remark.objects.create(
                item=item,
                case_id=item.referral.case_id if item.referral else None,
                hospital_id=item.hospital_id,
                board=cast.board,
                by=cast.chair.person,
                organisation=cast.organiser,
                kind="chat",
                text="Beelden gezien.",
            )
    read = {}
    for name, member in cast.members.items():
        with acting_as(member) as by:
            read[name] = [each.item_id for each in access.visible_remarks(by, both)]
    seated = ("chair", "coordinator", "secretary", "radiologist", "partner")
    assert {name: found for name, found in read.items() if found} == {
        **dict.fromkeys(seated, both),
        "requester": [table.own.pk],
    }
    with acting(System("look"), None, "work"):
        assert [each.item_id for each in access.visible_remarks(System("look"), both)] == both

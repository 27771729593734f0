"""A text stands still while it is read back and once it is recorded; what is recorded is what the rows say."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction

from mdo.kernel.acting import acting
from mdo.kernel.errors import Stale
from meetings import texts
from meetings.models import AgendaItem, Decision, Meeting, TextDocument
from meetings.room import audience, text_work
from meetings.room.text_copy import Copy
from tests.cast import Cast
from tests.database import as_owner
from tests.factories import make_item, make_meeting, make_referral, writing
from tests.meetings.room.typists import FIELD, HOUSE, Typist, open_table, rows, stored
from tests.parts import until
from tests.room_client import RoomClient, room_of, unhurried

pytestmark = pytest.mark.usefixtures("committed")


@sync_to_async
def set_table(cast: Cast, read_back: str = "no_objection") -> tuple[Meeting, AgendaItem]:
    type(cast.board).objects.filter(pk=cast.board.pk).update(read_back=read_back)
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    return meeting, make_item(meeting, referral)


@sync_to_async
def decision_of(item: AgendaItem) -> Decision:
    with acting(HOUSE, None, "work"):
        return Decision.objects.get(item=item)


async def open_item(chair: RoomClient, item: AgendaItem) -> None:
    await chair.done("agenda.open_item", item=item.pk, version=item.version)


async def test_who_joined_before_the_item_was_opened_is_told_when_it_is(cast: Cast) -> None:
    meeting, item = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        early = Typist(item.pk)
        state = await early.join(radiologist)
        assert (state["n"], state["editable"], early.plain) == (0, False, "")
        refused = await early.try_to_send(early.write("te vroeg"))
        assert (refused["t"], refused["code"]) == ("text.refused", "frozen")
        await open_item(chair, item)
        assert (await early.until("text.frozen"))["frozen"] is False
        fresh = Typist(item.pk)
        assert (await fresh.join(radiologist))["editable"] is True
        await fresh.type("Nu")


async def test_read_back_freezes_and_withdrawing_thaws(cast: Cast) -> None:
    meeting, item = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await open_item(chair, item)
        one, two, aside = Typist(item.pk), Typist(item.pk), Typist(item.pk, texts.DISCUSSION)
        await one.join(chair)
        await two.join(radiologist)
        await aside.join(radiologist)
        await one.type("Borstsparend.")
        await two.reach(1)
        stale = await chair.do("readback.begin", item=item.pk, version=1, text=0)
        assert (stale["t"], stale["code"], stale["current"]) == ("refused", "stale", 1)
        assert (await chair.do("readback.begin", item=item.pk, version=1, text=1))["t"] == "ack"
        told = await two.until("text.frozen")
        assert told == {"t": "text.frozen", **two.about, "frozen": True, "n": 1}
        refused = await two.try_to_send(two.write(" Of niet?"))
        assert (refused["t"], refused["code"], refused["message"] != "") == ("text.refused", "frozen", True)
        await aside.type("De bespreking gaat voort.")
        late = Typist(item.pk)
        state = await late.join(radiologist)
        assert (state["frozen"], state["editable"], late.plain) == (True, False, "Borstsparend.")
        assert (await chair.do("readback.withdraw", item=item.pk))["t"] == "ack"
        assert (await late.until("text.frozen"))["frozen"] is False
        await late.type(" Of niet?")
        assert await sync_to_async(stored)(item) == (2, "Borstsparend. Of niet?")


async def test_recording_freezes_both_and_reopening_thaws(cast: Cast) -> None:
    meeting, item = await set_table(cast, "off")
    async with room_of(meeting.pk, cast.chair, cast.radiologist, cast.partner) as (chair, radiologist, partner):
        await open_item(chair, item)
        one, aside = Typist(item.pk), Typist(item.pk, texts.DISCUSSION)
        await one.join(radiologist)
        await aside.join(partner)
        await aside.type("Wens van de patiënte: sparend.")
        await one.type("Lumpectomie.")
        stale = await chair.do("decision.record", item=item.pk, version=1, text=0)
        assert (stale["t"], stale["code"]) == ("refused", "stale")
        assert (await chair.do("decision.record", item=item.pk, version=1, text=1))["t"] == "ack"
        for typist in (one, aside):
            assert (await typist.until("text.frozen"))["frozen"] is True
            assert (await typist.try_to_send(typist.write("nog iets")))["code"] == "frozen"
        decision = await decision_of(item)
        assert (decision.text, decision.discussion) == ("Lumpectomie.", "Wens van de patiënte: sparend.")
        assert decision.text_digest == texts.digest(
            {texts.RECOMMENDATION: decision.text, texts.DISCUSSION: decision.discussion}
        )
        assert (await chair.do("decision.reopen", item=item.pk))["t"] == "ack"
        assert (await one.until("text.frozen"))["frozen"] is False
        again = Typist(item.pk)
        await again.join(radiologist)
        await again.type(" Met sentinelklier.")
        assert (await sync_to_async(stored)(item))[1] == "Lumpectomie. Met sentinelklier."


async def test_nothing_slips_in_between_the_look_and_the_record(cast: Cast) -> None:
    """Typing and recording at once, many times: what was recorded is what the rows said, and what was acknowledged is in it."""
    for _ in range(3):
        meeting, item = await set_table(cast, "off")
        async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
            await open_item(chair, item)
            typist = Typist(item.pk)
            await typist.join(radiologist)
            await typist.type("Begin.")

            async def keep_typing(typist: Typist = typist) -> list[str]:
                """Types until the text is frozen; returns what was acknowledged."""
                held = []
                for number in range(200):
                    word = f" {number};"
                    answer = await typist.try_to_send(typist.write(word))
                    if answer["t"] == "text.refused":
                        assert answer["code"] == "frozen"
                        break
                    held.append(word)
                return held

            typing = asyncio.create_task(keep_typing())
            answer = {"t": "refused", "current": 1}
            while answer["t"] == "refused":
                unhurried(meeting.pk)
                answer = await chair.do("decision.record", item=item.pk, version=1, text=answer["current"])
                await chair.send({"do": "ping", "seen": chair.seq})
            held = await typing
            decision = await decision_of(item)
            n, words = await sync_to_async(stored)(item)
            assert decision.text == words == "Begin." + "".join(held)
            assert n == 1 + len(held)


def test_what_is_being_stored_while_it_is_frozen_is_in_what_stands(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Freezing waits for an update whose transaction is open, and then reads it too."""
    meeting, item = async_to_sync(open_table)(cast)
    place = audience.find(cast.radiologist.pk, meeting.pk, cast.radiologist.organisation_id)
    assert place is not None
    typist, copy = Typist(item.pk), Copy()
    text_work.store(place, meeting.pk, (item.pk, FIELD), copy, [typist.write("Besproken")])
    written, go_on, frozen = threading.Event(), threading.Event(), []
    add = text_work._add

    def held(document, new, by, **known):
        add(document, new, by, **known)
        written.set()
        assert go_on.wait(60)

    def freeze() -> None:
        with acting(HOUSE, None, "work"):
            frozen.append(texts.freeze(item, [FIELD]))
        connections.close_all()

    def store() -> None:
        text_work.store(place, meeting.pk, (item.pk, FIELD), copy, [typist.write(" met de patiënte.")])
        connections.close_all()

    monkeypatch.setattr(text_work, "_add", held)
    storing, freezing = threading.Thread(target=store), threading.Thread(target=freeze)
    with as_owner() as watch:
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')"
        storing.start()
        assert written.wait(60)
        freezing.start()
        until(lambda: watch.execute(waiting).fetchone() == (True,), "freezing that waits")
        go_on.set()
        storing.join()
        freezing.join()
    assert frozen == [{FIELD: (2, "Besproken met de patiënte.")}]


async def test_an_item_that_leaves_the_table_takes_its_texts_along(cast: Cast) -> None:
    meeting, item = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await open_item(chair, item)
        typist = Typist(item.pk)
        await typist.join(radiologist)
        await typist.type("Half")
        version = chair.item(item.pk)["version"]
        assert (await chair.do("agenda.postpone", item=item.pk, version=version, reason="other"))["t"] == "ack"
        assert (await typist.until("text.frozen"))["frozen"] is True
        assert (await typist.try_to_send(typist.write(" woord")))["code"] == "frozen"
        assert await sync_to_async(rows)(item) == [(1, cast.radiologist.pk)]


async def test_what_another_process_freezes_is_heard_by_looking(cast: Cast) -> None:
    """Without the journal and without a word: the look at the database finds it."""
    meeting, item = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await open_item(chair, item)
        typist = Typist(item.pk)
        await typist.join(radiologist)

        @sync_to_async
        def elsewhere(frozen: bool) -> None:
            with writing():
                TextDocument.objects.filter(item=item, field=FIELD).update(frozen=frozen)

        await elsewhere(True)
        assert (await typist.until("text.frozen"))["frozen"] is True
        await elsewhere(False)
        assert (await typist.until("text.frozen"))["frozen"] is False


def test_freezing_says_what_it_froze(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    item = make_item(meeting, referral, state=AgendaItem.State.OPEN)
    decision = Decision(text="Van vroeger", discussion="")
    with writing():
        texts.begin(item, decision)
        texts.begin(item, Decision(text="Nog eens", discussion="Nog eens"))  # what is there stays
        assert texts.current(item, texts.RECOMMENDATION) == (1, "Van vroeger")
        assert texts.current(item, texts.DISCUSSION)[0] == 1
        with pytest.raises(Stale) as stale, transaction.atomic():
            texts.freeze(item, texts.FIELDS, 0)
        assert (stale.value.current, stale.value.field) == (1, "text")
        assert set(TextDocument.objects.filter(item=item).values_list("frozen", flat=True)) == {False}
        found = texts.freeze(item, [texts.RECOMMENDATION], 1)
        assert found == {texts.RECOMMENDATION: (1, "Van vroeger")}
        assert texts.freeze(item, [texts.RECOMMENDATION]) == found
        texts.thaw(item, texts.FIELDS)
        assert set(TextDocument.objects.filter(item=item).values_list("frozen", flat=True)) == {False}

"""Reading back, recording and writing on, chat and late remarks, people before one screen: ways, refusals, events, audit rows."""

from typing import Any

import pytest

from mdo.directory.models import Board
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from meetings import access, attendance, chain, readback, texts
from meetings.actions import attending, draft, reading_back, remarking, signing, sitting
from meetings.models import AgendaItem, Beside, Decision, Remark, TextDocument, Voice
from meetings.room import snapshot
from tests.cast import Cast, acting_as
from tests.factories import make_item, make_lease, make_meeting, make_referral, writing
from tests.meetings.acts import audited, call, house


class Table:
    """A running meeting with one case of the organiser on the table, its wording typed, and another one waiting."""

    def __init__(self, cast: Cast, read_back: str) -> None:
        self.cast = cast
        with writing():
            cast.board.read_back = read_back
            cast.board.save()
        self.meeting = make_meeting(cast.board)
        requester = cast.requester.person
        self.item = make_item(self.meeting, make_referral(cast.board, cast.organiser, requester, status="scheduled"))
        self.next = make_item(self.meeting, make_referral(cast.board, cast.organiser, requester, status="scheduled"))
        self.by("chair", sitting.start_meeting)
        self.by("chair", sitting.open_item, item_id=self.item.pk, version=1)
        self.type("Borstsparende heelkunde.")

    def by(self, who: str, action: Any, **arguments: Any) -> Any:
        return call(action, self.cast.members[who], meeting_id=self.meeting.pk, **arguments)

    def at(self, who: str, action: Any, **arguments: Any) -> Any:
        return self.by(who, action, item_id=self.item.pk, **arguments)

    def type(self, words: str) -> None:
        item = self.now
        with house():
            texts.write(item, texts.RECOMMENDATION, words, self.cast.chair.person)

    @property
    def now(self) -> AgendaItem:
        with house():
            return AgendaItem.objects.select_related("referral", "meeting__board").get(pk=self.item.pk)

    @property
    def decision(self) -> Decision:
        with house():
            return Decision.objects.get(item=self.item)

    def frozen(self) -> dict[str, bool]:
        with house():
            return dict(TextDocument.objects.filter(item=self.item).values_list("field", "frozen"))

    def read_back(self) -> int:
        self.at("chair", reading_back.begin_read_back, version=1, seen=1)
        return self.now.read_back_round


@pytest.fixture
def unopposed(cast: Cast) -> Table:
    return Table(cast, Board.ReadBack.NO_OBJECTION)


@pytest.fixture
def each(cast: Cast) -> Table:
    return Table(cast, Board.ReadBack.EACH)


@pytest.fixture
def plain(cast: Cast) -> Table:
    return Table(cast, Board.ReadBack.OFF)


# --- read-back ---------------------------------------------------------------------------------------------------------


def test_without_a_read_back_nothing_is_recorded(unopposed: Table, cast: Cast) -> None:
    with pytest.raises(RuleBroken):
        unopposed.at("chair", draft.record_decision, version=1, seen=1)
    done = unopposed.at("chair", reading_back.begin_read_back, version=1, seen=1)
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": unopposed.meeting.pk, "item_id": unopposed.item.pk, "round": 1}
    ]
    assert audited("readback.begin") == [(cast.chair.pk, cast.organiser.pk, "ok")]
    assert unopposed.frozen() == {"recommendation": True, "discussion": False}
    unopposed.at("chair", draft.record_decision, version=1, seen=1)
    assert unopposed.decision.text == "Borstsparende heelkunde."
    assert unopposed.frozen() == {"recommendation": True, "discussion": True}
    assert unopposed.decision.text_digest == texts.digest(
        {"recommendation": "Borstsparende heelkunde.", "discussion": ""}
    )


def test_the_wording_that_is_read_back_is_the_one_that_was_seen(unopposed: Table) -> None:
    unopposed.type("Iets anders.")
    with pytest.raises(Stale) as refusal:
        unopposed.at("chair", reading_back.begin_read_back, version=1, seen=1)
    assert refusal.value.current == 2
    with pytest.raises(Stale):
        unopposed.at("chair", reading_back.begin_read_back, version=7, seen=2)


def test_what_is_read_back_does_not_change(unopposed: Table) -> None:
    unopposed.read_back()
    with pytest.raises(RuleBroken):
        unopposed.at("radiologist", draft.save_draft, version=1, steps=[], intent=None)
    with pytest.raises(RuleBroken):
        unopposed.at("chair", reading_back.begin_read_back, version=1, seen=1)
    done = unopposed.at("radiologist", reading_back.withdraw_wording)
    assert [event.name for event in done.events] == ["readback.withdrawn"]
    assert unopposed.frozen()["recommendation"] is False
    unopposed.at("radiologist", draft.save_draft, version=1, steps=[], intent=None)
    with pytest.raises(RuleBroken):
        unopposed.at("radiologist", reading_back.withdraw_wording)


def test_next_records_what_nobody_objected_to(unopposed: Table, cast: Cast) -> None:
    unopposed.read_back()
    unopposed.at("partner", reading_back.dissent, round=1, reason="Liever eerst systemisch.")
    with pytest.raises(RuleBroken):
        unopposed.by("secretary", sitting.next_item, from_item=unopposed.item.pk)
    unopposed.by("chair", sitting.next_item, from_item=unopposed.item.pk)
    decision = unopposed.decision
    assert (decision.state, unopposed.now.state) == ("recorded", "discussed")
    assert [(voice["kind"], voice["reason"]) for voice in decision.voices] == [("dissent", "Liever eerst systemisch.")]
    assert audited("decision.record") == [(cast.chair.pk, cast.organiser.pk, "ok")]


def test_each_discipline_is_asked(each: Table, cast: Cast) -> None:
    for name in ("chair", "radiologist", "partner", "secretary", "observer"):
        member = cast.members[name]
        make_lease(each.meeting, member.person, member.organisation)
    each.read_back()
    with pytest.raises(RuleBroken):
        each.by("chair", sitting.next_item, from_item=each.item.pk)
    with pytest.raises(RuleBroken):
        each.at("chair", draft.record_decision, version=1, seen=1)
    for name in ("chair", "radiologist"):
        each.at(name, reading_back.confirm_wording, round=1)
    item = each.now
    with house():
        waiting = readback.missing(readback.present_at(item), readback.voices_of(item))
    assert waiting == [cast.partner.person.discipline]
    each.at("partner", reading_back.dissent, round=1, reason="Liever eerst systemisch.")
    each.at("chair", draft.record_decision, version=1, seen=1)
    assert sorted(voice["kind"] for voice in each.decision.voices) == ["confirm", "confirm", "dissent"]


def test_somebody_may_change_their_word_while_the_wording_stands(each: Table) -> None:
    each.read_back()
    each.at("radiologist", reading_back.dissent, round=1, reason="Neen.")
    each.at("radiologist", reading_back.confirm_wording, round=1)
    with house():
        assert list(Voice.objects.values_list("kind", "reason")) == [("confirm", "")]


def test_a_wording_that_changed_is_asked_anew(each: Table) -> None:
    each.read_back()
    each.at("radiologist", reading_back.confirm_wording, round=1)
    each.at("radiologist", reading_back.withdraw_wording)
    with pytest.raises(RuleBroken):
        each.at("radiologist", reading_back.confirm_wording, round=1)
    assert each.read_back() == 2
    with pytest.raises(Stale):
        each.at("radiologist", reading_back.confirm_wording, round=1)
    item = each.now
    with house():
        assert readback.voices_of(item) == []


@pytest.mark.parametrize("name", ["secretary", "partnersecretary", "observer"])
def test_who_has_no_word_in_it(each: Table, name: str) -> None:
    each.read_back()
    with pytest.raises((Denied, NotFound)):
        each.at(name, reading_back.confirm_wording, round=1)


def test_a_dissent_says_why(each: Table) -> None:
    each.read_back()
    for reason in ("  ", "x" * 2001):
        with pytest.raises(Invalid):
            each.at("radiologist", reading_back.dissent, round=1, reason=reason)


def test_nothing_is_read_back_where_the_board_does_not(plain: Table) -> None:
    with pytest.raises(RuleBroken):
        plain.at("chair", reading_back.begin_read_back, version=1, seen=1)
    plain.at("chair", draft.record_decision, version=1, seen=1)


def test_an_empty_wording_is_not_read_back(unopposed: Table) -> None:
    unopposed.type("  ")
    with pytest.raises(RuleBroken):
        unopposed.at("chair", reading_back.begin_read_back, version=1, seen=2)


def test_what_was_recorded_is_written_on(unopposed: Table) -> None:
    with pytest.raises(RuleBroken):
        unopposed.at("chair", draft.reopen_decision)
    unopposed.read_back()
    unopposed.at("chair", draft.record_decision, version=1, seen=None)
    with pytest.raises(RuleBroken):
        unopposed.at("chair", draft.record_decision, version=1, seen=None)
    with pytest.raises(RuleBroken):
        unopposed.at("chair", reading_back.begin_read_back, version=1, seen=1)
    with pytest.raises(Denied):
        unopposed.at("radiologist", draft.reopen_decision)
    done = unopposed.at("chair", draft.reopen_decision)
    assert [event.name for event in done.events] == ["decision.reopened"]
    assert unopposed.frozen() == {"recommendation": False, "discussion": False}
    assert (unopposed.decision.state, unopposed.decision.voices) == ("draft", [])


def test_a_dissent_is_covered_by_the_signature(unopposed: Table, cast: Cast) -> None:
    unopposed.read_back()
    unopposed.at("partner", reading_back.dissent, round=1, reason="Liever eerst systemisch.")
    unopposed.by("chair", sitting.next_item, from_item=unopposed.item.pk)
    unopposed.by("chair", sitting.postpone_item, item_id=unopposed.next.pk, version=2, reason="out_of_time")
    unopposed.by("chair", sitting.close_meeting)
    read = [(unopposed.decision.pk, chain.seen(unopposed.decision))]
    unopposed.by("coordinator", signing.sign_decisions, decisions=read)
    signed = unopposed.decision
    assert signed.digest == chain.digest(signed, signed.previous_digest)
    signed.voices = []
    assert signed.digest != chain.digest(signed, signed.previous_digest)


def test_an_older_signature_is_held_against_its_own_list() -> None:
    assert set(chain.CONTENT[2]) - set(chain.CONTENT[1]) == {
        "content_version",
        "discussion",
        "protocol",
        "voices",
        "text_digest",
    }
    old = Decision(content_version=1, discussion="x")
    assert chain.seen(old) == chain.seen(Decision(id=old.pk, content_version=1, discussion="y"))


# --- chat and late remarks ---------------------------------------------------------------------------------------------


def test_chat_is_kept_and_read_by_whoever_reads_the_case(unopposed: Table, cast: Cast) -> None:
    done = unopposed.at("partner", remarking.say, text="  Beelden gezien. ")
    (event,) = done.events
    assert (event.name, event.kind) == ("remark.made", "chat")
    assert "Beelden" not in event.model_dump_json()
    for name, sees in {"chair": 1, "partner": 1, "requester": 1, "observer": 0, "outsider": 0}.items():
        with acting_as(cast.members[name]) as person:
            assert len(access.visible_remarks(person, [unopposed.item.pk])) == sees, name


def test_chat_is_refused(unopposed: Table, cast: Cast) -> None:
    for text in ("  ", "x" * 4001):
        with pytest.raises(Invalid):
            unopposed.at("chair", remarking.say, text=text)
    for name in ("observer", "outsider"):
        with pytest.raises((Denied, NotFound)):
            unopposed.at(name, remarking.say, text="x")
    with pytest.raises(RuleBroken):
        unopposed.at("chair", remarking.remark_late, text="Te vroeg.")


def test_a_late_remark_stands_beside_the_decision(unopposed: Table, cast: Cast) -> None:
    unopposed.read_back()
    unopposed.by("chair", sitting.next_item, from_item=unopposed.item.pk)
    before = chain.seen(unopposed.decision)
    unopposed.at("radiologist", remarking.remark_late, text="Nog een letsel links.")
    assert chain.seen(unopposed.decision) == before
    with house():
        assert list(Remark.objects.values_list("kind", "text")) == [("late", "Nog een letsel links.")]
    with pytest.raises(RuleBroken):
        unopposed.by("radiologist", remarking.remark_late, item_id=unopposed.next.pk, text="x")


def test_a_remark_repeated_is_one(unopposed: Table) -> None:
    command_id = new_id()
    for _ in range(2):
        unopposed.at("chair", remarking.say, text="Een keer.", command_id=command_id)
    with house():
        assert Remark.objects.count() == 1


# --- several before one screen -----------------------------------------------------------------------------------------


def test_people_before_one_screen_count_for_the_quorum(plain: Table, cast: Cast) -> None:
    make_lease(plain.meeting, cast.chair.person, cast.organiser)
    table = {"name": "", "discipline": "", "person": cast.radiologist.pk}
    done = plain.by("chair", attending.sit_beside, **table)
    assert [event.name for event in done.events] == ["presence.beside_changed"]
    plain.by("chair", attending.sit_beside, name=" An  Peeters ", discipline="pathology", person=None)
    with house():
        room = snapshot.load(plain.meeting.pk)
        board, billing = attendance.quorums(room.meeting.board, attendance.beside_here(room.beside, room.here), {})
    assert (board.have, billing.have) == (2, 1)  # a typed name is nobody's whom a billing rule knows
    plain.at("chair", draft.record_decision, version=1, seen=1)
    rows = {row["name"]: row for row in plain.decision.attendance}
    assert rows["An Peeters"]["role"] == "beside"
    assert [means for _, _, means in rows["An Peeters"]["times"]] == ["room"]
    assert rows[cast.radiologist.person.display_name]["person"] == str(cast.radiologist.pk)


def test_beside_is_refused(plain: Table, cast: Cast) -> None:
    make_lease(plain.meeting, cast.radiologist.person, cast.organiser)
    with pytest.raises(RuleBroken):
        plain.by("chair", attending.sit_beside, name="", discipline="", person=cast.radiologist.pk)
    for values in (
        {"name": "", "discipline": "pathology", "person": None},
        {"name": "An", "discipline": "astrology", "person": None},
        {"name": "", "discipline": "", "person": cast.outsider.pk},
    ):
        with pytest.raises(Invalid):
            plain.by("chair", attending.sit_beside, **values)
    with pytest.raises((Denied, NotFound)):
        plain.by("observer", attending.sit_beside, name="An", discipline="pathology", person=None)


def test_who_sat_beside_leaves(plain: Table, cast: Cast) -> None:
    plain.by("radiologist", attending.sit_beside, name="An", discipline="pathology", person=None)
    with house():
        beside = Beside.objects.get()
    with pytest.raises(Denied):
        plain.by("partner", attending.leave_beside, beside_id=beside.pk)
    plain.by("chair", attending.leave_beside, beside_id=beside.pk)
    with pytest.raises(NotFound):
        plain.by("chair", attending.leave_beside, beside_id=beside.pk)

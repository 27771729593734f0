"""Updates of strangers: what typing makes is taken, anything else is refused before a library sees it, and nothing of it stays."""

import base64
import json
import random
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlFragment

from meetings import text_updates, texts
from meetings.room.text_copy import Copy, TooLong
from meetings.text_updates import Known, NoUpdate, Unknown, read, read_state, write_state

ME, YOU = UUID(int=1), UUID(int=2)


def number(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def words(text: str | bytes) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode()
    return number(len(raw)) + raw


IN_TEXT = b"\x01" + words("text")


def item(
    text: str | bytes = "a",
    *,
    left: tuple[int, int] | None = None,
    right: tuple[int, int] | None = None,
    parent: bytes = IN_TEXT,
    kind: int = 4,
    content: bytes | None = None,
    key: bool = False,
) -> bytes:
    """One struct as a client would encode it, or would not."""
    info = kind | (0x80 if left else 0) | (0x40 if right else 0) | (0x20 if key else 0)
    out = bytes([info])
    for place in (left, right):
        if place is not None:
            out += number(place[0]) + number(place[1])
    if left is None and right is None:
        out += parent + (words("key") if key else b"")
    return out + (words(text) if content is None else content)


def update(*writers: tuple[int, int, list[bytes]], deletions: bytes = b"\0") -> bytes:
    return (
        number(len(writers))
        + b"".join(
            number(len(items)) + number(client) + number(clock) + b"".join(items) for client, clock, items in writers
        )
        + deletions
    )


def deleting(client: int, *ranges: tuple[int, int]) -> bytes:
    return b"\x01" + number(client) + number(len(ranges)) + b"".join(number(a) + number(b) for a, b in ranges)


NO_UPDATES = {
    "nothing": b"",
    "one byte": b"\0",
    "noise": bytes(range(256)),
    "a count without end": number(2**40),
    "a number of ten bytes": b"\xff" * 10,
    "more writers than bytes": number(2**31) + b"\x05\0",
    "words longer than the bytes": b"\x01\x01\x05\0\x04" + IN_TEXT + number(2**50),
    "more deletions than bytes": update(deletions=b"\x01\x05" + number(2**40)),
    "goes on after its end": update((5, 0, [item()])) + b"\0",
    "another root": update((5, 0, [item(parent=b"\x01" + words("other"))])),
    "inside of a nested type": update((5, 0, [item(parent=b"\0" + number(5) + number(0))])),
    "formatting": update((5, 0, [item(kind=6, content=words("bold") + words("true"))])),
    "an embed": update((5, 0, [item(kind=5, content=words('{"image":"x"}'))])),
    "binary": update((5, 0, [item(kind=3, content=words(b"\0\1"))])),
    "JSON": update((5, 0, [item(kind=2, content=b"\x01" + words("1"))])),
    "any": update((5, 0, [item(kind=8, content=b"\x01\x7d\x05")])),
    "a nested type": update((5, 0, [item(kind=7, content=b"\0")])),
    "a document": update((5, 0, [item(kind=9, content=words("guid") + b"\x76\0")])),
    "an attribute": update((5, 0, [item(key=True)])),
    "a gap": update((5, 0, [b"\x0a\x05"])),
    "collected": update((5, 0, [b"\0\x05"])),
    "no UTF-8": update((5, 0, [item(b"\xff\xfe")])),
    "a lone surrogate": update((5, 0, [item(b"\xed\xa0\x80")])),
    "NUL": update((5, 0, [item("a\0b")])),
    "a carriage return": update((5, 0, [item("a\r\nb")])),
    "no words": update((5, 0, [item("")])),
    "a deleted stretch without length": update((5, 0, [item(kind=1, content=b"\0")])),
    "a stretch that is too long": update((5, 0, [item(kind=1, content=number(2**31 - 1))])),
    "a clock that is too large": update((5, 2**30, [item()])),
    "a clock that grows too large": update((5, 2**30 - 1, [item("ab")])),
    "a writer that is too large": update((2**53, 0, [item()])),
    "a writer twice": update((5, 0, [item()]), (5, 1, [item()])),
    "deletes nothing": update(deletions=deleting(5, (0, 0))),
    "too many bytes": update((5, 0, [item("x" * 50_000)])),
}


@pytest.mark.parametrize("name", NO_UPDATES)
def test_what_typing_does_not_make_is_refused(name: str) -> None:
    copy = Copy()
    with pytest.raises(NoUpdate):
        copy.attempt(NO_UPDATES[name], ME)
    assert copy.plain() == ""
    assert copy.attempt(update((9, 0, [item("goed")])), ME)


@pytest.mark.parametrize(
    "make",
    [
        lambda doc: doc.get("text", type=Array).append(1),
        lambda doc: doc.get("text", type=Map).update({"a": "b"}),
        lambda doc: doc.get("other", type=Text).insert(0, "x"),
        lambda doc: doc.get("text", type=XmlFragment).children.append("x"),
        lambda doc: doc["text"].insert_embed(0, b"x"),
        lambda doc: doc["text"].insert(0, "x", {"bold": True}),
    ],
)
def test_what_the_library_can_write_besides_plain_text_is_refused(make) -> None:
    doc: Doc[Text] = Doc({"text": Text()})
    make(doc)
    with pytest.raises(NoUpdate):
        Copy().attempt(doc.get_update(), ME)


def held(text: str = "abc", client: int = 5) -> Copy:
    """A copy that holds a text by somebody."""
    copy = Copy()
    data = copy.attempt(update((client, 0, [item(text)])), ME)
    copy.take(1, data, ME)
    return copy


DANGLING = {
    "a stretch before is missing": update((5, 10, [item()])),
    "of a writer nobody knows": update((7, 1, [item()])),
    "beside nothing on the left": update((6, 0, [item(left=(9, 3))])),
    "beside nothing on the right": update((6, 0, [item(right=(5, 3))])),
    "deletes what is not there": update(deletions=deleting(5, (2, 2))),
    "deletes of nobody": update(deletions=deleting(8, (0, 1))),
    "beside itself": update((6, 0, [item(left=(6, 0))])),
    "beside what comes after it": update((6, 0, [item(left=(6, 1)), item()])),
    "two that lean on each other": update((7, 0, [item(left=(6, 0))]), (6, 0, [item(left=(7, 0))])),
}


@pytest.mark.parametrize("name", DANGLING)
def test_what_has_no_place_is_refused_and_leaves_nothing(name: str) -> None:
    copy = held()
    with pytest.raises(Unknown):
        copy.attempt(DANGLING[name], ME)
    # What it leant on comes: nothing of it was kept aside.
    assert copy.attempt(update((5, 3, [item("d" * 20, left=(5, 2))])), ME)
    assert copy.attempt(update((9, 0, [item("e" * 9, left=(5, 2))])), ME)
    copy.forget_trial()
    assert copy.plain() == "abc"


CUTS = {
    "inserts within": update((6, 0, [item("x", left=(5, 1))])),
    "inserts before its second half": update((6, 0, [item("x", right=(5, 2))])),
    "deletes its first half": update(deletions=deleting(5, (1, 1))),
    "deletes its second half": update(deletions=deleting(5, (2, 1))),
    "deletes up to its middle": update(deletions=deleting(5, (0, 2))),
}


@pytest.mark.parametrize("name", CUTS)
def test_no_character_is_cut_in_two(name: str) -> None:
    """A character beyond the first 65,536 takes two units; the libraries do different things with half of one."""
    copy = held("a😀b")
    with pytest.raises(NoUpdate):
        copy.attempt(CUTS[name], ME)
    assert copy.attempt(update(deletions=deleting(5, (1, 2))), ME)


def test_nobody_writes_under_another_s_name() -> None:
    copy = held()
    with pytest.raises(NoUpdate):
        copy.attempt(update((5, 3, [item("d", left=(5, 2))])), YOU)
    assert copy.attempt(update((6, 0, [item("d", left=(5, 2))])), YOU)
    assert copy.attempt(update(deletions=deleting(5, (0, 1))), YOU)  # one may strike what another wrote


def test_pages_of_one_person_are_numbered() -> None:
    copy = Copy()
    for client in range(1, text_updates.MOST_OF_ONE + 1):
        assert copy.attempt(update((client, 0, [item()])), ME)
    with pytest.raises(NoUpdate):
        copy.attempt(update((10_000, 0, [item()])), ME)
    assert copy.attempt(update((10_000, 0, [item()])), YOU)
    with pytest.raises(NoUpdate):
        copy.attempt(update(*((20_000 + each, 0, [item()]) for each in range(5))), YOU)


def test_a_text_holds_twenty_thousand_characters() -> None:
    copy = Copy()
    for n in range(4):
        data = copy.attempt(update((5, n * 5000, [item("é" * 5000, left=(5, n * 5000 - 1) if n else None)])), ME)
        copy.take(n + 1, data, ME)
    assert len(copy.plain()) == texts.MOST_CHARACTERS
    with pytest.raises(TooLong):
        copy.attempt(update((6, 0, [item("x")])), YOU)
    # What is struck makes room, and it is characters that count, not bytes or units.
    struck = copy.attempt(update(deletions=deleting(5, (0, 2))), ME)
    copy.take(5, struck, ME)
    data = copy.attempt(update((6, 0, [item("😀😀")])), YOU)
    copy.take(6, data, YOU)
    assert len(copy.plain()) == texts.MOST_CHARACTERS


def test_what_was_accepted_stays_when_the_next_one_is_refused() -> None:
    copy = Copy()
    first = copy.attempt(update((5, 0, [item("een ")])), ME)
    with pytest.raises(NoUpdate):
        copy.attempt(update((6, 0, [item(left=(6, 0))])), ME)
    with pytest.raises(TooLong):
        copy.attempt(update((5, 4, [item("x" * 20_000, left=(5, 3))])), ME)
    second = copy.attempt(update((5, 4, [item("twee", left=(5, 3))])), ME)
    copy.take(1, first, ME)
    copy.take(2, second, ME)
    assert copy.plain() == "een twee"
    assert texts.plain(texts.assemble([first, second])) == "een twee"


def test_a_row_that_is_missing_is_noticed() -> None:
    copy = Copy()
    copy.take(1, update((5, 0, [item("a")])), ME)
    copy.take(1, update((5, 0, [item("a")])), ME)
    with pytest.raises(ValueError, match="row 3 after row 1"):
        copy.take(3, update((5, 1, [item("c", left=(5, 0))])), ME)


def test_a_row_that_nobody_could_have_typed_harms_no_other() -> None:
    """Rows of before, or put there by hand: the text is read and typed on all the same."""
    doc: Doc[Text] = Doc({"text": Text("vet\r\n")})
    doc["text"].format(0, 3, {"bold": True})
    copy = Copy()
    copy.take(1, update((5, 0, [item("begin ")])), ME)
    copy.take(2, doc.get_update(), None)
    data = copy.attempt(update((5, 6, [item("en voort", left=(5, 5))])), ME)
    copy.take(3, data, ME)
    assert sorted(copy.plain()) == sorted("begin en voortvet\r\n")
    assert read_state(copy.missing(b"\0")[1]) == copy._known.state


def test_words_from_elsewhere_are_as_typed() -> None:
    assert texts.as_typed("een\r\ntwee\rdrie\n\0") == "een\ntwee\ndrie\n"


@pytest.mark.parametrize("state", [b"", b"\x01", number(2**40), b"\x01\x05" + number(2**60), b"\0\0", b"\xff" * 20_000])
def test_no_state_vector_is_refused(state: bytes) -> None:
    with pytest.raises(NoUpdate):
        held().missing(state)


@pytest.mark.parametrize("theirs", [{}, {5: 2}, {5: 99}, {7: 4}, {5: 1, 2**52: 2**29}])
def test_whatever_somebody_claims_to_have_they_get_the_rest(theirs: dict[int, int]) -> None:
    copy = held("a😀b")
    data, state = copy.missing(write_state(theirs))
    assert read_state(state) == {5: 4}
    theirs_now = texts.assemble([update((5, 0, [item("a😀b")]))])
    theirs_now.apply_update(data)
    assert texts.plain(theirs_now) == "a😀b"


def test_a_state_vector_is_read_as_it_was_written() -> None:
    doc: Doc[Text] = Doc({"text": Text("abc")}, client_id=2**40)
    assert read_state(doc.get_state()) == {2**40: 3}
    assert write_state({2**40: 3}) == doc.get_state()


# --- whatever the bytes ---------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_no_bytes_are_a_fault(data: bytes) -> None:
    copy = held()
    try:
        copy.attempt(data, ME)
    except (NoUpdate, TooLong):
        copy.forget_trial()
    assert copy.plain() == "abc"


SESSION: list[bytes] = []


def session() -> list[bytes]:
    """Updates of real typing, made once."""
    if not SESSION:
        chance = random.Random(7)
        doc: Doc[Text] = Doc({"text": Text()}, client_id=77)
        subscription = doc.observe(lambda event: SESSION.append(event.update))
        text = doc["text"]
        for _ in range(60):
            plain = str(text)
            at = len(plain[: chance.randint(0, len(plain))].encode())
            if plain and chance.random() < 0.3:
                del text[at : at + len(plain.encode()[at:].decode()[:3].encode())]
            else:
                text.insert(at, chance.choice(["x", "é", "😀", "lang woord "]))
        doc.unobserve(subscription)
    return SESSION


@pytest.mark.slow
@settings(max_examples=300)
@given(st.data())
def test_no_change_to_real_bytes_is_a_fault(data: st.DataObject) -> None:
    """Bytes of real updates, changed, cut and put together anew: taken or refused, and copy and rows say the same ever after."""
    copy, rows = Copy(), []
    for each in session()[: data.draw(st.integers(0, 40))]:
        learnt = copy.attempt(each, ME)
        if learnt:
            rows.append(learnt)
            copy.take(len(rows), learnt, ME)
    for _ in range(data.draw(st.integers(1, 4))):
        raw = bytearray(data.draw(st.sampled_from(session())))
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(raw)))
            raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        by = data.draw(st.sampled_from([ME, YOU]))
        try:
            learnt = copy.attempt(bytes(raw), by)
        except (NoUpdate, TooLong):
            continue
        if learnt:
            rows.append(learnt)
            copy.take(len(rows), learnt, by)
    assert copy.plain() == texts.plain(texts.assemble(rows))
    assert "\0" not in copy.plain()
    fresh = Copy()
    for n, row in enumerate(rows, start=1):
        fresh.take(n, row, None)
    assert fresh.plain() == copy.plain()


def test_real_typing_is_taken() -> None:
    known = Known()
    for each in session():
        found = read(each)
        known.check(found, ME)
        known.take(found, ME)
    doc = texts.assemble(session())
    assert known.state == read_state(doc.get_state())
    assert uuid4() not in known.people.values()


SESSIONS = json.loads((Path(__file__).parent / "yjs_sessions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(len(SESSIONS)))
def test_what_browsers_send_is_taken(number: int) -> None:
    """Recorded from Yjs itself (yjs_sessions.mjs): typing, pasting, striking, undo, cuts; every update, and the same text."""
    people = [UUID(int=each) for each in (11, 12, 13)]
    copy, rows = Copy(), 0
    for who, data in SESSIONS[number]["sent"]:
        learnt = copy.attempt(base64.b64decode(data), people[who])
        if learnt:
            rows += 1
            copy.take(rows, learnt, people[who])
    assert copy.plain() == SESSIONS[number]["text"]
    assert rows > 30

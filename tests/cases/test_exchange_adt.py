"""What an ADT message says: identifiers, names, days, deaths, character sets, escapes; and what is no message at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.exchange import adt, hl7v2
from cases.exchange.adt import Death, Numbers
from cases.exchange.hl7v2 import Trouble

TODAY = date(2026, 11, 29)
NUMBER = "65041235794"


def message(
    pid: str = f"PID|1||4711^^^AZSG^PI~{NUMBER}^^^NISS^NN||Claes^Sofie||19650412|F",
    *more: str,
    event: str = "A08",
    charset: str = "",
    encoding: str = "ascii",
    control_id: str = "1",
    sender: str = "AZSG",
    receiver: str = "MDO",
    processing: str = "P",
    version: str = "2.5.1",
    kind: str = "ADT",
) -> bytes:
    """One message; ``pid`` and ``more`` are its segments after MSH and EVN."""
    head = f"MSH|^~\\&|ZIS|{sender}|MDO|{receiver}|20261128101112||{kind}^{event}|{control_id}|{processing}|{version}||||||{charset}"
    return "\r".join([head, f"EVN|{event}|20261127", pid, *more, ""]).encode(encoding)


def said(raw: bytes, **options: str) -> adt.Said:
    (found,) = adt.read(raw, today=TODAY, **options).patients
    return found


def trouble(raw: bytes, **options: str) -> tuple[int, str]:
    with pytest.raises(Trouble) as refused:
        adt.read(raw, today=TODAY, **options)
    return refused.value.code, refused.value.where


def pid(
    number: str = "4711^^^AZSG^PI", name: str = "Claes^Sofie", birth: str = "19650412", sex: str = "F", rest: str = ""
) -> bytes:
    return message(f"PID|1||{number}||{name}||{birth}|{sex}{rest}")


def died(day: str = "", flag: str = "") -> bytes:
    return pid(rest="|" * 21 + f"{day}|{flag}")


def test_a_whole_patient():
    assert said(message()) == adt.Said(
        Numbers(NUMBER, ("4711",)), "Claes", "Sofie", date(1965, 4, 12), "female", None, None
    )


def test_an_empty_field_says_nothing():
    assert said(pid(name="", birth="", sex="")) == adt.Said(Numbers("", ("4711",)))


@pytest.mark.parametrize(
    ("number", "authority", "found"),
    [
        (f"{NUMBER}^^^^NNBEL", "", Numbers(NUMBER)),
        ("65.04.12-357.94^^^INSZ&2.16&ISO^NI", "", Numbers(NUMBER)),
        ("1^^^A^PI~2^^^B^PI~3^^^A^MR", "", Numbers("", ("1", "2", "3"))),
        ("1^^^A^PI~2^^^B^PI~3^^^A^MR", "a", Numbers("", ("1", "3"))),
        ("1^^^X^VN~2", "", Numbers("", ("2",))),
    ],
)
def test_identifiers(number: str, authority: str, found: Numbers):
    assert said(pid(number), authority=authority).numbers == found


def test_the_national_number_may_stand_in_pid_19():
    assert said(pid(rest="|" * 11 + NUMBER)).numbers == Numbers(NUMBER, ("4711",))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Van den Broeck&Van den&Broeck^An^Maria", ("Van den Broeck", "An Maria")),
        ("Roep^Naam^^^^^N~Wettig^Naam^^^^^L", ("Wettig", "Naam")),
        (r"A\T\B\S\C^D\E\E \.br\ F", ("A&B^C", r"D\E F")),
        (r"O\X27\Neil^\H\Jo\N\ ", ("O'Neil", "Jo")),
        ("Alleen", ("Alleen", "")),
        ("D\\", ("D\\", "")),
    ],
)
def test_names(name: str, found: tuple[str, str]):
    here = said(pid(name=name))
    assert (here.family_name, here.given_name) == found


@pytest.mark.parametrize(
    ("charset", "encoding", "given"),
    [
        ("8859/1", "latin-1", ""),
        ("UNICODE UTF-8", "utf-8", ""),
        ("8859/15", "iso8859-15", ""),
        ("", "utf-8", "UNICODE UTF-8"),
    ],
)
def test_character_sets(charset: str, encoding: str, given: str):
    raw = message(
        "PID|1||4711||Büşra^Zoë" if "utf" in encoding else "PID|1||4711||Bührä^Zoë", charset=charset, encoding=encoding
    )
    assert said(raw, charset=given).given_name == "Zoë"


@pytest.mark.parametrize(
    ("charset", "encoding"), [("", "latin-1"), ("UNICODE UTF-8", "latin-1"), ("8859/1", "utf-8"), ("ASCII", "utf-8")]
)
def test_wrong_encodings_are_refused_and_not_guessed(charset: str, encoding: str):
    raw = message("PID|1||4711||Mühl^Zoë", charset=charset, encoding=encoding)
    assert trouble(raw) == (102, "MSH-18")


@pytest.mark.parametrize(
    ("birth", "found"),
    [
        ("19650412", date(1965, 4, 12)),
        ("196504121530+0100", date(1965, 4, 12)),
        ("1965", None),
        ("19650400", None),
        ('""', None),
    ],
)
def test_days(birth: str, found: date | None):
    assert said(pid(birth=birth)).birth_date == found


@pytest.mark.parametrize(
    ("day", "flag", "found"),
    [
        ("20261031", "", Death("dead", date(2026, 10, 31))),
        ("20261031120000", "Y", Death("dead", date(2026, 10, 31))),
        ("", "Y", Death("dead", None, date(2026, 11, 27))),
        ("", "N", Death("alive")),
        ('""', "", Death("alive")),
        ("", "", None),
    ],
)
def test_deaths(day: str, flag: str, found: Death | None):
    assert said(died(day, flag)).death == found


def test_merges():
    raw = message(message().decode().split("\r")[2], "MRG|99^^^AZSG^PI", "PID|2||5||B^C", "MRG|6", event="A40")
    assert [each.merged for each in adt.read(raw, today=TODAY).patients] == [Numbers("", ("99",)), Numbers("", ("6",))]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pid(birth="19650231"), (102, "PID-7")),
        (pid(birth="12/04/1965"), (102, "PID-7")),
        (pid(sex="X"), (103, "PID-8")),
        (pid(number="65041235795^^^NISS^NN"), (102, "PID-3")),
        (pid(number="^^^AZSG^PI"), (101, "PID-3")),
        (pid(number="1" * 41), (102, "PID-3")),
        (pid(name="A" * 301), (102, "PID-5")),
        (pid(name='""'), (101, "PID-5")),
        (pid(name="A\tB"), (102, "PID-5")),
        (pid(name=r"A\C2842\B"), (102, "PID-5")),
        (pid(name=r"A\XZZ\B"), (102, "PID-5")),
        (pid(name=r"A\X00\B"), (102, "PID-5")),
        (died("20260230"), (102, "PID-29")),
        (died("20261031", "N"), (102, "PID-30")),
        (died("", "?"), (103, "PID-30")),
        (message("PV1|1"), (100, "PID")),
        (message("PID|1||4711||A\0B"), (102, "MSH")),
        (message("PID|1||4711||A^B", charset="JIS"), (103, "MSH-18")),
        (message("PID|1||4711||" + "A" * 1_000_000), (102, "PID")),
        (message("PID|1||4711||A^B", "PID|2||12||A^B"), (100, "PID")),
        (message(event="A40"), (100, "MRG")),
        (message("MRG|1", event="A40"), (100, "MRG")),
        (message(message().decode().split("\r")[2], "MRG|^^^X", event="A40"), (101, "MRG-1")),
    ],
)
def test_what_cannot_be_taken_says_where(raw: bytes, expected: tuple[int, str]):
    assert trouble(raw) == expected


def test_what_is_not_read_may_be_long():
    assert said(message(message().decode().split("\r")[2], "OBX|1|ED|" + "A" * 1_000_000)).family_name == "Claes"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"kind": "ORU", "event": "R01"}, 200),
        ({"event": "A02"}, 201),
        ({"processing": "T"}, 202),
        ({"version": "3"}, 203),
        ({"control_id": ""}, 101),
    ],
)
def test_what_is_not_for_us(options: dict[str, str], code: int):
    with pytest.raises(Trouble) as refused:
        adt.check_header(hl7v2.header(message(**options)), processing="P")
    assert (refused.value.code, refused.value.rejected) == (code, True)


@pytest.mark.parametrize(
    "raw", [b"", b"\r\r", b"PID|1", b"MSH", b"MSH|", b"MSH|^~\\&", b"MSH|||||||||", b"MSH|abcd|x|y", b"MSH|^^^^|x|y"]
)
def test_what_has_no_header(raw: bytes):
    with pytest.raises(Trouble) as refused:
        adt.check_header(hl7v2.header(raw), processing="P")
    assert refused.value.rejected


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_are_a_fault(junk: bytes, after: bool):
    raw = message()[:120] + junk + (message()[120:] if after else b"")
    try:
        adt.check_header(hl7v2.header(raw), processing="P")
        adt.read(raw, today=TODAY)
    except Trouble as found:
        answer = hl7v2.acknowledgement(None, found, control_id="1", stamp="2")
        assert answer.startswith(b"MSH|^~\\&|")


def test_the_answer():
    head = hl7v2.header(message(control_id="A|B"[:1]))
    assert hl7v2.acknowledgement(head, None, control_id="9", stamp="20261129000000") == (
        b"MSH|^~\\&|MDO|MDO|ZIS|AZSG|20261129000000||ACK^A08^ACK|9|P|2.5.1\rMSA|AA|A\r"
    )
    wrong = hl7v2.acknowledgement(head, Trouble(102, "PID-7", "No such day | at all."), control_id="9", stamp="1")
    assert wrong.split(b"\r")[1:] == [
        b"MSA|AE|A",
        b"ERR||PID^1^7|102^Data type error^HL70357|E||||No such day \\F\\ at all.",
        b"",
    ]
    assert b"MSA|AR|" in hl7v2.acknowledgement(None, Trouble(201, "MSH-9", "x"), control_id="9", stamp="1")

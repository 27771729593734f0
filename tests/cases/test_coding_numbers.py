"""Belgian numbers: the examples of the domain notes, what is refused and why, and that reading undoes writing."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.coding import national_number
from cases.coding.errors import InvalidNationalNumber
from cases.coding.national_number import NationalNumber
from cases.coding.partial_date import PartialDate
from mdo.directory import enterprise_number, licence_number
from mdo.directory.enterprise_number import InvalidEnterpriseNumber
from mdo.directory.licence_number import InvalidLicenceNumber
from mdo.kernel.codes import InvalidCode
from mdo.kernel.digits import digits_of

TODAY = date(2025, 11, 26)


def refusal(text: str, today: date = TODAY) -> tuple[str, str]:
    with pytest.raises(InvalidNationalNumber) as caught:
        national_number.parse(text, today=today)
    return str(caught.value.code), caught.value.sentence


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "65.04.12-357.94",
            NationalNumber("65041235794", "national", PartialDate(1965, 4, 12), "male"),
        ),
        ("12.03.15-246.91", NationalNumber("12031524691", "national", PartialDate(2012, 3, 15), "female")),
        # The first nine digits leave no remainder: the check digits are 97.
        ("58.07.09-124.97", NationalNumber("58070912497", "national", PartialDate(1958, 7, 9), "female")),
        ("71.44.12-055.26", NationalNumber("71441205526", "bis", PartialDate(1971, 4, 12), "male")),
        ("72.24.12-055.04", NationalNumber("72241205504", "bis", PartialDate(1972, 4, 12), None)),
    ],
)
def test_the_examples_are_read(text: str, expected: NationalNumber) -> None:
    assert national_number.parse(text, today=TODAY) == expected
    assert str(expected) == text


def test_a_birth_in_the_future_is_refused() -> None:
    assert refusal("65.04.12-357.26") == (
        "future",
        "This number belongs to somebody born in 2065: check it for a typing error.",
    )
    # The same number is right once that day has come, and not the day before.
    assert refusal("65.04.12-357.26", date(2065, 4, 11))[0] == "future"
    assert national_number.parse("65.04.12-357.26", today=date(2065, 4, 12)).birth == PartialDate(2065, 4, 12)


@pytest.mark.parametrize(
    "text",
    [
        "65041235794",
        "65 04 12 357 94",
        "  65.04.12 - 357-94\n",
        "65/04/12_357.94",
        "65\u00a004\u00a012\u2013357\u2011\u200b94",
        "\u202a65.04.12-357.94\u202c",
        "６５０４１２３５７９４",
        "٦٥٠٤١٢٣٥٧٩٤",
        "(65.04.12)[357.94]",
    ],
)
def test_punctuation_does_not_matter(text: str) -> None:
    assert national_number.parse(text, today=TODAY).digits == "65041235794"


@pytest.mark.parametrize(
    "text, code, sentence",
    [
        ("", "length", "A national number has 11 digits; this one has 0."),
        ("65.04.12-357.9", "length", "A national number has 11 digits; this one has 10."),
        ("65.04.12-357.944", "length", "A national number has 11 digits; this one has 12."),
        ("65.O4.12-357.94", "characters", "A national number holds digits only, like 65.04.12-357.94."),
        ("65.04.12-357.94 €", "characters", "A national number holds digits only, like 65.04.12-357.94."),
        ("6" * 5000, "characters", "A national number holds digits only, like 65.04.12-357.94."),
        ("65²04.12-357.94", "characters", "A national number holds digits only, like 65.04.12-357.94."),
        (
            "65.04.12-357.95",
            "check",
            "The last two digits do not fit the others: check the number for a typing error.",
        ),
        ("65.04.12-357.00", "check", "The last two digits do not fit the others: check the number for a typing error."),
        ("65.13.12-357.07", "date", "The first six digits of a national number are a birth date."),
        ("65.04.32-357.01", "date", "The first six digits of a national number are a birth date."),
        (
            "65.04.12-000.63",
            "serial",
            "The seventh to ninth digit of a national number lie between 001 and 998.",
        ),
        (
            "65.04.12-999.31",
            "serial",
            "The seventh to ninth digit of a national number lie between 001 and 998.",
        ),
    ],
)
def test_what_is_no_national_number(text: str, code: str, sentence: str) -> None:
    assert refusal(text) == (code, sentence)


def numbered(nine: str, *, from_2000: bool = False) -> str:
    return nine + national_number.check_digits(nine, born_from_2000=from_2000)


def test_a_day_that_the_month_does_not_have_is_refused() -> None:
    assert refusal(numbered("650231001"))[0] == "date"
    assert refusal(numbered("010229001", from_2000=True))[0] == "date"
    assert national_number.parse(numbered("000229001", from_2000=True), today=TODAY).birth == PartialDate(2000, 2, 29)
    # 1900 was no leap year.
    assert refusal(numbered("000229001"))[0] == "date"


@pytest.mark.parametrize("month, kind", [("00", "national"), ("20", "bis"), ("40", "bis")])
def test_an_unknown_month_leaves_the_year(month: str, kind: str) -> None:
    number = national_number.parse(numbered(f"65{month}00003"), today=TODAY)
    assert (number.kind, number.birth) == (kind, PartialDate(1965))
    # When the serial numbers of an unknown day ran out, the day counts on.
    assert national_number.parse(numbered(f"65{month}17003"), today=TODAY).birth == PartialDate(1965)


def test_an_unknown_day_leaves_year_and_month() -> None:
    assert national_number.parse(numbered("650400002"), today=TODAY).birth == PartialDate(1965, 4)
    assert national_number.parse(numbered("654400002"), today=TODAY).birth == PartialDate(1965, 4)


def test_a_wholly_unknown_birth_date() -> None:
    assert national_number.parse(numbered("000001003"), today=TODAY).birth == PartialDate(None)


@pytest.mark.parametrize("month", [13, 19, 33, 39, 53, 60, 99])
def test_months_that_mean_nothing(month: int) -> None:
    assert refusal(numbered(f"65{month:02d}12357"))[0] == "date"


def test_a_partial_date_in_the_future_is_refused() -> None:
    assert refusal(numbered("260000001", from_2000=True))[0] == "future"
    assert refusal(numbered("251200001", from_2000=True))[0] == "future"
    assert refusal(numbered("251127001", from_2000=True))[0] == "future"
    for nine in ("250000001", "251100001", "251126001"):
        assert national_number.parse(numbered(nine, from_2000=True), today=TODAY).birth.year == 2025


births = st.dates(min_value=date(1900, 1, 1), max_value=TODAY)
serials = st.integers(min_value=1, max_value=998)


@given(birth=births, serial=serials, offset=st.sampled_from([0, 20, 40]))
def test_every_number_comes_back(birth: date, serial: int, offset: int) -> None:
    nine = f"{birth.year % 100:02d}{birth.month + offset:02d}{birth.day:02d}{serial:03d}"
    digits = numbered(nine, from_2000=birth.year >= 2000)
    number = national_number.parse(national_number.formatted(digits), today=TODAY)
    assert number == NationalNumber(
        digits=digits,
        kind="bis" if offset else "national",
        birth=PartialDate(birth.year, birth.month, birth.day),
        sex=None if offset == 20 else "male" if serial % 2 else "female",
    )


@given(birth=births, serial=serials, place=st.integers(0, 10), digit=st.integers(0, 9))
def test_one_wrong_digit_never_gives_the_same_person(birth: date, serial: int, place: int, digit: int) -> None:
    nine = f"{birth.year % 100:02d}{birth.month:02d}{birth.day:02d}{serial:03d}"
    digits = numbered(nine, from_2000=birth.year >= 2000)
    wrong = digits[:place] + str(digit) + digits[place + 1 :]
    if wrong == digits:
        return
    try:
        found = national_number.parse(wrong, today=TODAY)
    except InvalidNationalNumber:
        return
    # A single wrong digit can only pass as a birth in the other century; the birth date then tells.
    assert found.birth.year is None or (found.birth.year >= 2000) != (birth.year >= 2000)
    assert national_number.birth_date_conflict(found, birth) is not None or found.birth.is_unknown


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_a_sentence(text: str) -> None:
    for parse in (
        lambda t: national_number.parse(t, today=TODAY),
        licence_number.parse,
        enterprise_number.parse,
    ):
        try:
            parse(text)
        except InvalidCode as refused:
            assert refused.sentence.endswith(".")  # noqa: PT017 - taking it is right too


def test_birth_date_and_number_are_compared() -> None:
    number = national_number.parse("65.04.12-357.94", today=TODAY)
    assert national_number.birth_date_conflict(number, date(1965, 4, 12)) is None
    assert str(national_number.birth_date_conflict(number, date(1965, 12, 4))) == (
        "The national number says another birth date than the one given: check both."
    )
    only_year = national_number.parse(numbered("650000003"), today=TODAY)
    assert national_number.birth_date_conflict(only_year, date(1965, 12, 4)) is None
    assert national_number.birth_date_conflict(only_year, date(1964, 12, 4)) is not None
    unknown = national_number.parse(numbered("000001003"), today=TODAY)
    assert national_number.birth_date_conflict(unknown, date(1931, 1, 1)) is None


def test_sex_and_number_are_compared() -> None:
    male = national_number.parse("65.04.12-357.94", today=TODAY)
    sexless = national_number.parse("72.24.12-055.04", today=TODAY)
    assert str(national_number.sex_conflict(male, "female")) == (
        "The national number says another sex than the one given: check both."
    )
    assert [national_number.sex_conflict(male, sex) for sex in ("male", "other", "unknown")] == [None] * 3
    assert [national_number.sex_conflict(sexless, sex) for sex in ("male", "female")] == [None] * 2


# --------------------------------------------------------------------------------------------------- partial dates


def test_partial_dates() -> None:
    assert [str(PartialDate(*parts)) for parts in ((None,), (1965,), (1965, 4), (1965, 4, 2))] == [
        "",
        "1965",
        "1965-04",
        "1965-04-02",
    ]
    assert PartialDate(1965, 4, 2).as_date() == date(1965, 4, 2)
    assert PartialDate(1965, 4).as_date() is None
    assert (PartialDate(1965, 4, 2).is_complete, PartialDate(1965, 4).is_complete) == (True, False)
    assert not PartialDate(None).is_after(date(1, 1, 1))


@pytest.mark.parametrize("parts", [(None, 4), (1965, None, 2), (1965, 13), (1965, 2, 30)])
def test_impossible_partial_dates(parts: tuple[int | None, ...]) -> None:
    with pytest.raises(ValueError):
        PartialDate(*parts)


# ------------------------------------------------------------------------------------------------------- licences


def test_the_licence_example() -> None:
    licence = licence_number.parse("1-12233-93-140")
    assert (licence.digits, licence.checks, licence.warning) == ("11223393140", True, None)
    assert (licence.identifying, licence.qualification, licence.profession) == ("11223393", "140", "physician")
    assert str(licence) == "1-12233-93-140"


def test_the_newer_modulus_is_right_too() -> None:
    check = licence_number.check_digits("112234", 89)
    assert check != licence_number.check_digits("112234", 97)
    assert licence_number.parse(f"112234{check}140").warning is None


def test_a_wrong_check_warns_and_does_not_block() -> None:
    licence = licence_number.parse("1-12233-94-140")
    assert (licence.digits, licence.checks) == ("11223394140", False)
    assert str(licence.warning) == (
        "The check digits of this licence number do not fit: compare it with the person's card or stamp."
    )


@pytest.mark.parametrize(
    "first, profession", [("1", "physician"), ("4", "nurse_or_midwife"), ("7", "hospital"), ("3", None)]
)
def test_the_first_digit_tells_the_profession(first: str, profession: str | None) -> None:
    assert licence_number.parse(f"{first}2223393140").profession == profession


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("1-12233-93", "A licence number has 11 digits; this one has 8."),
        ("1-12233-93-14O", "A licence number holds digits only, like 1-12233-93-140."),
        ("0-12233-93-140", "A licence number does not start with 0."),
    ],
)
def test_what_is_no_licence_number(text: str, sentence: str) -> None:
    with pytest.raises(InvalidLicenceNumber) as caught:
        licence_number.parse(text)
    assert caught.value.sentence == sentence


@given(six=st.integers(100000, 999999), qualification=st.integers(0, 999), modulus=st.sampled_from([97, 89]))
def test_every_licence_comes_back(six: int, qualification: int, modulus: int) -> None:
    digits = f"{six}{licence_number.check_digits(str(six), modulus)}{qualification:03d}"
    licence = licence_number.parse(licence_number.formatted(digits))
    assert (licence.digits, licence.checks) == (digits, True)


# ----------------------------------------------------------------------------------------------------- enterprises


@pytest.mark.parametrize("text", ["0566.988.259", "0566988259", "BE 0566.988.259", "be0566988259", "BE-0566 988 259"])
def test_the_enterprise_example(text: str) -> None:
    number = enterprise_number.parse(text)
    assert (number.digits, str(number)) == ("0566988259", "0566.988.259")


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("566.988.259", "An enterprise number has 10 digits; this one has 9."),
        ("2566.988.259", "An enterprise number starts with 0 or 1."),
        ("0566.988.258", "The last two digits do not fit the others: check the number for a typing error."),
        ("NL0566.988.259", "An enterprise number holds digits only, like 0566.988.259."),
        ("BEL0566988259", "An enterprise number holds digits only, like 0566.988.259."),
    ],
)
def test_what_is_no_enterprise_number(text: str, sentence: str) -> None:
    with pytest.raises(InvalidEnterpriseNumber) as caught:
        enterprise_number.parse(text)
    assert caught.value.sentence == sentence


@given(st.integers(0, 19_999_999))
def test_every_enterprise_number_comes_back(number: int) -> None:
    digits = f"{number:08d}" + enterprise_number.check_digits(f"{number:08d}")
    assert enterprise_number.parse(enterprise_number.formatted(digits)).digits == digits


def test_digits_of_refuses_what_is_no_digit() -> None:
    assert [digits_of(text) for text in ("1a", "1²", "½", "1+1", "1😀")] == [None] * 5
    assert digits_of("1-2\t3\u200e") == "123"

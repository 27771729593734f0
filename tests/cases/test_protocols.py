"""When a protocol covers a case: conditions read, refused where nobody or everybody would meet them, and held against dossiers."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from cases.dossiers import dossier
from cases.dossiers.protocols import NotConditions, questions, read, reasons, told
from tests.factories import case_data, tumour_data

BREAST = dossier("breast")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def asks(level: str, field: str, test: str, *values: str) -> dict[str, Any]:
    return {"level": level, "field": field, "test": test, "values": list(values)}


LUMINAL = [
    asks("case", "menopause", "in", "post"),
    asks("tumour", "clinical_tnm.t", "in", "cT1", "t2"),
    asks("tumour", "clinical_tnm.n", "in", "N0"),
    asks("tumour", "er_status", "in", "positive"),
    asks("tumour", "size_imaging", "at_most", "20"),
    asks("tumour", "ki67", "at_most", "20"),
    asks("tumour", "topography", "in", "C50"),
]


def covered(conditions: list[dict[str, Any]], *tumours: dict[str, Any], **answers: Any) -> list[str] | None:
    return reasons(BREAST, read(BREAST, conditions), case_data(**answers), tumours or (tumour_data(),), "nl")


def test_a_case_that_meets_all_of_it_is_covered_and_says_why() -> None:
    why = covered(LUMINAL)
    assert why is not None
    assert why[0] == "Menopauze: postmenopauzaal"
    assert why[1].endswith("T1c")
    assert why[4].endswith("17 mm")
    assert covered([asks("case", "wishes", "filled")], wishes="Geheim") == ["Wensen van de patiënt: filled in"]


@pytest.mark.parametrize(
    "change",
    [{"clinical_tnm": {"edition": "8", "t": "cT3", "n": "cN0", "m": "cM0"}}, {"ki67": 21}, {"size_imaging": "20.1"}]
    + [{name: None} for name in ("er_status", "clinical_tnm", "size_imaging", "ki67", "topography")],
    ids=str,
)
def test_one_answer_that_differs_or_is_not_known_leaves_it_to_the_board(change: dict[str, Any]) -> None:
    assert covered(LUMINAL, tumour_data(**change)) is None


def test_every_tumour_must_meet_it_and_there_must_be_one() -> None:
    assert covered(LUMINAL, tumour_data(), tumour_data(laterality="right")) is not None
    assert covered(LUMINAL, tumour_data(), tumour_data(ki67=80)) is None
    assert reasons(BREAST, read(BREAST, LUMINAL), case_data(), (), "nl") is None
    assert reasons(BREAST, (), case_data(), (tumour_data(),), "nl") is None  # no condition covers nothing


@pytest.mark.parametrize(
    ("condition", "answer", "holds"),
    [
        (asks("case", "menopause", "not_in", "pre"), {"menopause": "post"}, True),
        (asks("case", "menopause", "not_in", "pre"), {"menopause": None}, False),
        (asks("case", "comorbidity", "empty"), {"comorbidity": None}, True),
        (asks("case", "comorbidity", "empty"), {}, False),
        (asks("case", "imaging_done", "in", "mri", "ct"), {"imaging_done": ["ct", "ultrasound"]}, True),
        (asks("case", "imaging_done", "not_in", "mri"), {"imaging_done": ["ct", "mri"]}, False),
        (asks("case", "trial_name", "filled"), {"trial_considered": "no", "trial_name": "hidden"}, False),
    ],
    ids=str,
)
def test_each_test(condition: dict[str, Any], answer: dict[str, Any], holds: bool) -> None:
    assert (covered([condition], **answer) is not None) is holds


def test_t1_covers_its_parts_and_nothing_else() -> None:
    for value, holds in [("cT1mi", True), ("cT1", True), ("ypT1c(m)", True), ("cT2", False), ("cTis", False)]:
        tumour = tumour_data(clinical_tnm={"edition": "8", "t": value, "n": "cN0", "m": "cM0"})
        found = reasons(BREAST, read(BREAST, [asks("tumour", "clinical_tnm.t", "in", "T1")]), {}, (tumour,), "nl")
        assert (found is not None) is holds, value
    assert covered([asks("tumour", "clinical_tnm.t", "in", "T1c")], tumour_data()) is not None


@pytest.mark.parametrize(
    "conditions",
    [
        [asks("tumour", "ki67", "at_least", "30"), asks("tumour", "ki67", "at_most", "20")],
        [asks("case", "menopause", "in", "pre"), asks("case", "menopause", "in", "post")],
        [asks("case", "menopause", "in", "pre"), asks("case", "menopause", "not_in", "pre")],
        [asks("case", "menopause", "in", "pre"), asks("case", "menopause", "empty")],
        [asks("case", "menopause", "not_in", "pre", "peri", "post", "not_applicable", "unknown")],
        [asks("tumour", "clinical_tnm.t", "in", "T1"), asks("tumour", "clinical_tnm.t", "in", "T2")],
        [asks("tumour", "clinical_tnm.t", "in", "T1a"), asks("tumour", "clinical_tnm.t", "not_in", "T1")],
        [asks("case", "imaging_done", "in", "mri"), asks("case", "imaging_done", "not_in", "mri", "ct")],
        [asks("tumour", "topography", "in", "C50.1"), asks("tumour", "topography", "not_in", "C50")],
    ],
    ids=str,
)
def test_what_no_case_can_meet_is_refused_with_the_question(conditions: list[dict[str, Any]]) -> None:
    with pytest.raises(NotConditions) as refused:
        read(BREAST, conditions)
    [(number, sentence)] = refused.value.problems
    assert number is None
    assert "No case can ever meet" in sentence


def test_what_can_be_met_is_not_refused() -> None:
    read(BREAST, [asks("tumour", "clinical_tnm.t", "in", "T1"), asks("tumour", "clinical_tnm.t", "in", "T1c")])
    read(BREAST, [asks("tumour", "ki67", "at_least", "20"), asks("tumour", "ki67", "at_most", "20")])
    read(BREAST, [asks("case", "menopause", "in", "pre", "peri"), asks("case", "menopause", "not_in", "pre")])


@pytest.mark.parametrize(
    "condition",
    [
        {},
        asks("case", "nothing", "in", "x"),
        asks("tumour", "menopause", "in", "post"),
        asks("case", "menopause", "at_most", "5"),
        asks("case", "menopause", "in"),
        asks("case", "menopause", "in", "sometimes"),
        asks("case", "wishes", "in", "x"),
        asks("tumour", "ki67", "at_most", "many"),
        asks("tumour", "ki67", "at_most", "NaN"),
        asks("tumour", "ki67", "at_most", "101"),
        asks("tumour", "ki67", "at_most", "1", "2"),
        asks("tumour", "clinical_tnm.t", "in", "N0"),
        asks("tumour", "clinical_tnm.t", "in", "T1; DROP"),
        asks("tumour", "clinical_tnm", "in", "T1"),
        asks("tumour", "topography", "in", "C61"),
        asks("case", "menopause", "in", *(f"v{number}" for number in range(61))),
    ],
    ids=lambda each: str(each)[:60],
)
def test_what_fits_no_question_is_refused_at_its_number(condition: dict[str, Any]) -> None:
    with pytest.raises(NotConditions) as refused:
        read(BREAST, [LUMINAL[0], condition])
    assert [number for number, _sentence in refused.value.problems] == [1]


def test_none_and_too_many_are_refused() -> None:
    for conditions in ([], LUMINAL * 2):
        with pytest.raises(NotConditions):
            read(BREAST, conditions)


def test_every_question_of_every_dossier_can_be_asked() -> None:
    for code in ("breast", "general"):
        definition = dossier(code)
        for question in questions(definition, "nl"):
            read(definition, [asks(question.level, question.path, "filled")])
            [condition] = read(definition, [asks(question.level, question.path, "empty")])
            assert question.label.split(":")[0] in told(definition, condition, "nl")

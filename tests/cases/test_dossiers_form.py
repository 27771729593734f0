"""The dossier's form: canonical data in, canonical data out; what is refused, dropped and kept."""

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.dossiers import clean, dossier, form_class, initial
from cases.dossiers.definition import Field, Level

TODAY = date(2025, 11, 26)
HEAD = {"dossier": "breast", "version": 2}

TUMOUR: dict[str, Any] = {
    "laterality": "left",
    "topography": "C50.4",
    "incidence_date": "2025-11-03",
    "basis_of_diagnosis": "2",
    "morphology": "8500/3",
    "grade": "2",
    "clinical_tnm": {"edition": "8", "t": "cT2", "n": "cN1", "m": "cM0"},
    "size_imaging": "24.5",
    "margins": "free",
    "closest_margin": "3",
    "er_status": "positive",
    "er_percent": 90,
    "pr_status": "negative",
    "her2_ihc": "2+",
    "her2_ish": "not_amplified",
    "her2_low": "yes",
    "ki67": 20,
    "sentinel_examined": 2,
    "sentinel_positive": 1,
    "brca1": "germline",
}
CASE: dict[str, Any] = {
    "clinical_summary": "Line one\nline two",
    "performance_status": "1",
    "imaging_done": ["mammography", "mri"],
    "trial_considered": "yes",
    "trial_name": "PALLAS",
}


def errors_of(level: Level, data: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        clean("breast", level, data, today=TODAY)
    return caught.value.message_dict


@pytest.mark.parametrize(("level", "data"), [("case", CASE), ("tumour", TUMOUR), ("case", {}), ("tumour", {})])
def test_canonical_data_come_back_equal(level: Level, data: dict[str, Any]) -> None:
    once = clean("breast", level, data, today=TODAY)
    assert once == HEAD | data
    assert list(once)[2:] == [field.key for field in dossier("breast").fields(level) if field.key in data]
    assert clean("breast", level, once, today=TODAY) == once


def post(level: Level, values: dict[str, Any], prefix: str = "t0") -> Any:
    named = {f"{prefix}-{key}": value for key, value in values.items()}
    return form_class("breast", level, "en")(named, prefix=prefix, today=TODAY)


def test_categories_that_cannot_be_right_together_are_refused() -> None:
    wrong = {"edition": "8", "t": "pTis(DCIS)", "n": "pN1a", "m": "cM0"}
    sentence = "A carcinoma in situ has no metastases: compare pTis(DCIS) with pN1a."
    assert errors_of("tumour", {"pathological_tnm": wrong}) == {"pathological_tnm": [sentence]}
    # What is not whole, or has no stage, is no contradiction.
    for right in (wrong | {"n": "pN0"}, {"edition": "8", "t": "pT0", "n": "pN1a"}, wrong | {"t": "pTX"}):
        assert clean("breast", "tumour", {"pathological_tnm": right}, today=TODAY)["pathological_tnm"] == right
    # What else was typed can be kept all the same.
    form = post("tumour", {"pathological_tnm_0": "pTis pN1a cM0", "pathological_tnm_1": "8", "grade": "2"})
    assert form.partial(HEAD | {"grade": "1"}) == HEAD | {"grade": "2"}


def test_a_browser_gives_the_same_data() -> None:
    typed = {key: str(value) for key, value in TUMOUR.items() if key != "clinical_tnm"}
    form = post("tumour", typed | {"clinical_tnm_0": "T2 N1 M0", "clinical_tnm_1": "8"})
    assert form.errors == {}
    assert form.canonical == HEAD | TUMOUR


def test_stored_data_fill_the_form_and_come_back_unchanged() -> None:
    stored = HEAD | TUMOUR
    form = form_class("breast", "tumour", "nl")(initial=initial("breast", "tumour", stored), prefix="t0", today=TODAY)
    typed: dict[str, Any] = {}
    for name in form.fields:
        bound = form[name]
        value = bound.initial
        if name.endswith("_tnm"):
            widget: Any = form.fields[name].widget
            typed[f"{name}_0"], typed[f"{name}_1"] = widget.decompress(value)
        elif value is not None:
            typed[name] = str(value)
    assert post("tumour", typed).canonical == stored


def test_what_people_type_is_understood() -> None:
    form = post(
        "tumour",
        {
            "size_imaging": " 12,50 mm ",
            "size_pathology": "0,0",
            "ki67": "20 %",
            "sentinel_examined": "2.0",
            "incidence_date": "03/11/2025",
            "morphology": "other",
            "morphology_other": "8140 3",
            "clinical_tnm_0": "ct2,n1,m0",
            "clinical_tnm_1": "7",
        },
    )
    assert form.canonical == HEAD | {
        "incidence_date": "2025-11-03",
        "morphology": "other",
        "morphology_other": "8140/3",
        "clinical_tnm": {"edition": "7", "t": "cT2", "n": "cN1", "m": "cM0"},
        "size_imaging": "12.5",
        "size_pathology": "0",
        "ki67": 20,
        "sentinel_examined": 2,
    }


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"laterality": "up"}, {"laterality": ["Select a valid choice. up is not one of the available choices."]}),
        (
            {"topography": "C61.9"},
            {"topography": ["Select a valid choice. C61.9 is not one of the available choices."]},
        ),
        ({"ki67": 101}, {"ki67": ["Ensure this value is less than or equal to 100."]}),
        ({"ki67": -1}, {"ki67": ["Ensure this value is greater than or equal to 0."]}),
        ({"ki67": 1.5}, {"ki67": ["Enter a whole number."]}),
        ({"ki67": "1_0"}, {"ki67": ["Enter a whole number."]}),
        ({"ki67": "9" * 5000}, {"ki67": ["Enter a whole number."]}),
        ({"ki67": True}, {"ki67": ["This value has the wrong shape."]}),
        ({"ki67": [20]}, {"ki67": ["This value has the wrong shape."]}),
        ({"ki67": {"$gt": 1}}, {"ki67": ["This value has the wrong shape."]}),
        ({"size_imaging": "1e2"}, {"size_imaging": ["Enter a number."]}),
        ({"size_imaging": "NaN"}, {"size_imaging": ["Enter a number."]}),
        ({"size_imaging": float("inf")}, {"size_imaging": ["Enter a number."]}),
        (
            {"size_imaging": "1.234"},
            {"size_imaging": ["Ensure that there are no more than 2 decimal places."]},
        ),
        ({"incidence_date": "2025-11-27"}, {"incidence_date": ["This date lies in the future."]}),
        ({"incidence_date": "2025-02-30"}, {"incidence_date": ["Enter a valid date."]}),
        ({"incidence_date": 20251101}, {"incidence_date": ["This value has the wrong shape."]}),
        (
            {"clinical_tnm": {"edition": "8", "t": "pT2"}},
            {"clinical_tnm": ["pT2 does not belong here: the prefix must be c, rc, r."]},
        ),
        ({"clinical_tnm": {"t": "cT2"}}, {"clinical_tnm": ["Choose the edition of the TNM classification."]}),
        (
            {"clinical_tnm": {"edition": "5", "t": "cT2"}},
            {"clinical_tnm": ["Select a valid choice. 5 is not one of the available choices."]},
        ),
        ({"clinical_tnm": "cT2"}, {"clinical_tnm": ["This value has the wrong shape."]}),
        ({"clinical_tnm": {"edition": "8", "stage": "IIA"}}, {"clinical_tnm": ["This value has the wrong shape."]}),
        (
            {"morphology": "other", "morphology_other": "adeno"},
            {"morphology_other": ["A morphology code is four digits, a slash and the behaviour, like 8140/3."]},
        ),
        (
            {"sentinel_examined": 1, "sentinel_positive": 2},
            {"sentinel_positive": ["This is more than “Sentinel nodes examined” (1)."]},
        ),
        ({"hospital_id": "x"}, {"hospital_id": ["This dossier has no such field."]}),
        ({"er_status": "maybe", "owner": 1}, {
            "owner": ["This dossier has no such field."],
            "er_status": ["Select a valid choice. maybe is not one of the available choices."],
        }),
        ({"version": 1}, {"version": ["These data belong to another dossier or version."]}),
        ({"dossier": "lung"}, {"dossier": ["These data belong to another dossier or version."]}),
    ],
)  # fmt: skip
def test_what_is_refused(data: dict[str, Any], errors: dict[str, list[str]]) -> None:
    assert errors_of("tumour", data) == errors


def test_text_is_bounded_after_cleaning() -> None:
    assert clean("breast", "case", {"wishes": "x" * 10_000}, today=TODAY)["wishes"] == "x" * 10_000
    assert errors_of("case", {"wishes": "x" * 10_001}) == {
        "wishes": ["Ensure this value has at most 10000 characters (it has 10001)."]
    }
    assert "wishes" in clean("breast", "case", {"wishes": "x" * 10_000 + "\u200b\x00 \r\n"}, today=TODAY)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("nul\x00, vertical\x0btab, \ud800 surrogate", "nul, verticaltab,  surrogate"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("O'Brien מִרְיָם 漢 €", "O'Brien מִרְיָם 漢 €"),
        ("e\u0301", "é"),
        ("<img src=http://169.254.169.254> #set =HYPERLINK()", "<img src=http://169.254.169.254> #set =HYPERLINK()"),
    ],
)
def test_text_is_kept_as_it_was_meant(typed: str, kept: str) -> None:
    assert clean("breast", "case", {"comorbidity": typed}, today=TODAY)["comorbidity"] == kept


def test_what_is_empty_is_not_stored() -> None:
    empty = {"clinical_summary": " \r\n", "performance_status": "", "menopause": None}
    assert clean("breast", "case", empty, today=TODAY) == HEAD


def test_several_choices_are_stored_in_the_order_of_the_list() -> None:
    kept = clean("breast", "case", {"imaging_done": ["mri", "mammography", "mri"]}, today=TODAY)
    assert kept == HEAD | {"imaging_done": ["mammography", "mri"]}
    assert clean("breast", "case", {"imaging_done": []}, today=TODAY) == HEAD
    assert errors_of("case", {"imaging_done": ["mri", "x-ray eyes"]}) == {
        "imaging_done": ["Select a valid choice. x-ray eyes is not one of the available choices."]
    }
    for wrong in ("mri", [1], {"mri": True}):
        assert errors_of("case", {"imaging_done": wrong}) == {"imaging_done": ["This value has the wrong shape."]}
    assert errors_of("tumour", {"clinical_tnm": {"edition": 8, "t": "cT2"}}) == {
        "clinical_tnm": ["This value has the wrong shape."]
    }


def test_what_is_not_asked_is_dropped_even_when_wrong() -> None:
    kept = clean("breast", "tumour", {"her2_ihc": "0", "her2_ish": "amplified", "her2_low": "yes"}, today=TODAY)
    assert kept == HEAD | {"her2_ihc": "0"}
    form = post("tumour", {"margins": "focal", "closest_margin": "far away"})
    assert form.canonical == HEAD | {"margins": "focal"}
    # A wrong answer hides what hangs on it, but keeps the form from being valid.
    form = post("tumour", {"margins": "sideways", "closest_margin": "far away"})
    assert list(form.errors) == ["margins"]
    with pytest.raises(ValueError):
        _ = form.canonical


def test_nothing_typed_is_lost_on_an_error() -> None:
    form = post("tumour", {"ki67": "lots", "clinical_tnm_0": "cT9", "clinical_tnm_1": "7", "er_percent": "33"})
    assert not form.is_valid()
    page = form.as_div()
    for value in ('value="lots"', 'value="cT9"', 'value="33"', '<option value="7" selected>'):
        assert value in page


def test_names_that_the_dossier_does_not_have_are_refused() -> None:
    form = post("tumour", {"ki67": "20", "hospital_id": "x"})
    assert form.errors == {"__all__": ["The form holds a field that this dossier does not have."]}
    # What stands beside it in the same request is not its business.
    both = {"csrfmiddlewaretoken": "x", "command_id": "y", "t1-ki67": "30", "t0-ki67": "20"}
    assert form_class("breast", "tumour")(both, prefix="t0", today=TODAY).canonical == HEAD | {"ki67": 20}
    assert form_class("breast", "tumour")({"command_id": "y", "ki67": "20"}, today=TODAY).canonical == HEAD | {
        "ki67": 20
    }


def test_groups_for_the_page() -> None:
    form = form_class("breast", "tumour", "nl")(prefix="t0", today=TODAY)
    assert [(group.key, group.label) for group in form.groups] == [
        ("tumour", "Tumor"),
        ("stage", "TNM en grootte"),
        ("receptors", "Receptoren en proliferatie"),
        ("nodes", "Lymfeklieren"),
        ("genes", "Genetica"),
    ]
    rows = {row.definition.key: row for group in form.groups for row in group.rows}
    assert list(rows) == list(form.fields)
    margin = rows["closest_margin"]
    assert (margin.unit, margin.show_if_name, margin.show_if_values, margin.owes) == (
        "mm",
        "t0-margins",
        "free",
        "pathology",
    )
    assert (rows["her2_ish"].show_if_name, rows["her2_ish"].show_if_values) == ("t0-her2_ihc", "1+ 2+ 3+ not_done")
    assert (rows["laterality"].required_for_submission, rows["laterality"].show_if_name) == (True, "")
    assert rows["clinical_tnm"].field.id_for_label == "id_t0-clinical_tnm_0"
    assert 'aria-label="cTNM: ' in str(rows["clinical_tnm"].field)


def test_words_follow_the_language_that_is_asked_and_not_the_active_one() -> None:
    with translation.override("fr"):
        labels = [
            form_class("breast", "case", language)(today=TODAY)["menopause"].label for language in ("nl", "de", "en")
        ]
        fallback = form_class("breast", "case", "fr")(today=TODAY)["comorbidity"].help_text
    assert labels == ["Menopauze", "Menopause", "Menopause"]
    assert fallback == "Also medication and allergies that matter for the recommendation."
    codes: Any = form_class("breast", "tumour", "nl")(today=TODAY).fields["topography"]
    assert codes.choices[1] == ("C50.0", "C50.0 – Tepel en tepelhof")


def test_a_dossier_that_does_not_exist() -> None:
    with pytest.raises(KeyError):
        form_class("moon", "case")
    with pytest.raises(KeyError):
        form_class("breast", "case", None, 99)


# ------------------------------------------------------------------------------------------------------ any input


def answers(field: Field) -> st.SearchStrategy[Any]:
    definition = dossier("breast")
    match field.kind:
        case "multichoice":
            return st.lists(st.sampled_from(definition.values(field)), unique=True)
        case "choice" | "code":
            return st.sampled_from(definition.values(field))
        case "integer":
            return st.integers(field.minimum, field.maximum)
        case "decimal":
            return st.decimals(0, 300, places=2).map(str)
        case "date":
            return st.dates(date(1950, 1, 1), TODAY).map(date.isoformat)
        case "tnm":
            prefix = field.prefixes[0]
            return st.sampled_from(["TX", "T1c", "T2(m)", "Tis(DCIS)"]).map(lambda t: {"edition": "8", "t": prefix + t})
        case "text" if field.pattern:
            return st.sampled_from(["8140/3", "8500/2"])
        case _:
            return st.text(max_size=50)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_taken_comes_back_equal(data: st.DataObject) -> None:
    for level in ("case", "tumour"):
        fields = list(dossier("breast").fields(level))
        chosen = data.draw(st.lists(st.sampled_from(fields), unique_by=lambda field: field.key))
        typed = {field.key: data.draw(answers(field)) for field in chosen}
        for positive in ("sentinel", "axillary", "other"):
            typed.pop(f"{positive}_positive", None)
        once = clean("breast", level, typed, today=TODAY)
        assert clean("breast", level, once, today=TODAY) == once
        assert set(once) - set(HEAD) <= set(typed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KEYS = [field.key for field in dossier("breast").fields("tumour")]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=10), json_values, max_size=4))
def test_any_json_is_taken_or_refused_with_a_sentence(data: dict[str, Any]) -> None:
    try:
        once = clean("breast", "tumour", data, today=TODAY)
    except ValidationError as refused:
        sentences = [sentence for found in refused.message_dict.values() for sentence in found]
        assert sentences
        assert all(sentence.endswith(".") for sentence in sentences)
    else:
        assert clean("breast", "tumour", once, today=TODAY) == once

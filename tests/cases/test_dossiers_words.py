"""Answers as words, and what a board still misses."""

from typing import Any

import pytest

from cases.dossiers import DisplayGroup, MissingItem, Row, display, item_words, missing, title
from cases.dossiers.display import owes_words

TUMOUR: dict[str, Any] = {
    "dossier": "breast",
    "version": 1,
    "laterality": "left",
    "topography": "C50.4",
    "incidence_date": "2025-11-26",
    "basis_of_diagnosis": "2",
    "morphology": "8500/3",
    "clinical_tnm": {"edition": "8", "t": "cT2", "m": "cM0"},
    "size_imaging": "24.5",
    "her2_ihc": "0",
    "ki67": 20,
}
FULL = TUMOUR | {"er_status": "positive", "pr_status": "not_done"}
CASE = {
    "clinical_summary": "x",
    "performance_status": "0",
    "imaging_findings": "x",
    "pathology_findings": "x",
    "wishes": "x",
}


def test_answers_as_words() -> None:
    assert display("breast", "tumour", TUMOUR, "nl") == [
        DisplayGroup(
            "tumour",
            "Tumor",
            (
                Row("laterality", "Zijde", "links"),
                Row("topography", "Plaats (ICD-O-3)", "Bovenste buitenkwadrant", "C50.4"),
                Row("incidence_date", "Incidentiedatum", "woensdag 26 november 2025"),
                Row("basis_of_diagnosis", "Basis van de diagnose", "histologie van de primaire tumor", "2"),
                Row("morphology", "Histologie (ICD-O-3)", "Invasief carcinoom, geen speciaal type (NST)", "8500/3"),
            ),
        ),
        DisplayGroup(
            "stage",
            "TNM en grootte",
            (
                Row(
                    "clinical_tnm",
                    "cTNM",
                    "tumor > 20 mm en ≤ 50 mm; geen metastasen op afstand",
                    "cT2 cM0 (TNM 8)",
                ),
                Row("size_imaging", "Grootte op beeldvorming", "24,5", unit="mm"),
            ),
        ),
        DisplayGroup(
            "receptors",
            "Receptoren en proliferatie",
            (
                Row("her2_ihc", "HER2 (immunohistochemie)", "0", loinc="85319-2"),
                Row("ki67", "Ki-67", "20", unit="%", loinc="85330-9"),
            ),
        ),
    ]


def row(data: dict[str, Any], language: str) -> Row:
    (group,) = display("breast", "tumour", data, language)
    (only,) = group.rows
    return only


def test_words_of_single_answers() -> None:
    assert row({"size_imaging": "24.5"}, "en").words == "24.5"
    assert row({"size_imaging": "24.5"}, "fr").words == "24,5"
    assert row({"incidence_date": "2025-11-26"}, "de").words == "Mittwoch 26 November 2025"
    # What a list does not hold any more still shows what was stored.
    assert row({"topography": "C61.9"}, "nl") == Row("topography", "Plaats (ICD-O-3)", "C61.9", "C61.9")
    assert row({"laterality": "upwards"}, "nl").words == "upwards"
    assert row({"clinical_tnm": {"edition": "3", "t": "cT2"}}, "nl").words == "cT2"


def test_several_choices_as_words() -> None:
    (group,) = display("breast", "case", {"imaging_done": ["mammography", "mri"]}, "fr")
    assert group.rows == (Row("imaging_done", "Imagerie réalisée", "mammographie, IRM"),)


def test_a_morphology_outside_the_list() -> None:
    groups = display("breast", "tumour", {"morphology": "other", "morphology_other": "8140/3"}, "en")
    assert groups[0].rows == (
        Row("morphology", "Histology (ICD-O-3)", "other"),
        Row("morphology_other", "Other morphology code", "malignant, primary", "8140/3"),
    )


def test_nothing_and_what_is_not_asked_stay_away() -> None:
    assert display("breast", "case", {}, "nl") == []
    assert display("breast", "case", {"clinical_summary": "", "menopause": None, "trial_name": "X"}, "nl") == []


def test_the_name_of_a_tumour() -> None:
    assert [title("breast", TUMOUR, language) for language in ("nl", "en", "fr", "de")] == [
        "Links, bovenste buitenkwadrant",
        "Left, upper outer quadrant",
        "Gauche, quadrant supéro-externe",
        "Links, oberer äußerer Quadrant",
    ]
    assert title("breast", {"topography": "C50.0"}, "nl") == "Tepel en tepelhof"
    assert title("breast", {}, "nl") == ""


def test_data_of_a_version_that_does_not_exist() -> None:
    with pytest.raises(KeyError):
        display("breast", "case", {"version": 99}, "nl")


def keys(items: list[MissingItem]) -> list[tuple[str, int | None]]:
    return [(item.field, item.tumour_index) for item in items]


def test_nothing_is_missing() -> None:
    assert missing("breast", CASE, [FULL, FULL]) == []


def test_what_is_missing_of_an_empty_case() -> None:
    assert missing("breast", {}, [], language="nl") == [
        MissingItem("clinical_summary", "Klinische samenvatting", "requester", "aanvrager", "summary"),
        MissingItem("performance_status", "WHO-score (ECOG)", "requester", "aanvrager", "performance_status"),
        MissingItem("imaging_findings", "Beeldvorming", "radiology", "radiologie", "imaging"),
        MissingItem("pathology_findings", "Pathologie", "pathology", "pathologie", "pathology"),
        MissingItem("wishes", "Wensen van de patiënt", "requester", "aanvrager", "wishes"),
        MissingItem("tumour", "Minstens één tumor", "requester", "aanvrager", "tumour"),
    ]


def test_what_is_missing_of_each_tumour() -> None:
    assert keys(missing("breast", CASE, [FULL, {}])) == [
        ("laterality", 1),
        ("topography", 1),
        ("clinical_tnm", 1),
        ("er_status", 1),
        ("pr_status", 1),
        ("her2_ihc", 1),
    ]
    (item,) = missing("breast", CASE, [FULL | {"er_status": ""}], language="en")
    assert item == MissingItem("er_status", "Oestrogen receptor (ER)", "pathology", "pathology", "receptors", 0)


def test_what_is_owed_only_then() -> None:
    assert keys(missing("breast", CASE, [FULL | {"her2_ihc": "2+"}])) == [("her2_ish", 0)]
    assert keys(missing("breast", CASE, [FULL | {"her2_ihc": "3+"}])) == []
    assert keys(missing("breast", CASE, [FULL | {"morphology": None}])) == [("morphology", 0)]
    assert keys(missing("breast", CASE, [FULL | {"morphology": None, "basis_of_diagnosis": "6"}])) == []
    assert keys(missing("breast", CASE, [FULL | {"morphology": "other"}])) == [("morphology_other", 0)]


def test_a_board_chooses_what_it_asks() -> None:
    assert keys(missing("breast", {}, [{}], items=["receptors", "wishes"])) == [
        ("wishes", None),
        ("er_status", 0),
        ("pr_status", 0),
        ("her2_ihc", 0),
    ]
    assert keys(missing("breast", {}, [{}], items=[])) == []
    assert dict(item_words("breast", "nl"))["receptors"] == "ER, PR en HER2"
    assert owes_words("breast", "pathology", "fr") == "pathologie"

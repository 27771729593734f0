"""General oncology: sets that follow from the topography, TNM by the tumour's own chapter, answers that have to agree."""

import copy
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pydantic import ValidationError as InvalidDefinition

from cases.coding.words import read_yaml
from cases.dossiers import board_kind, clean, display, dossier, form_class, item_words, missing, title
from cases.dossiers.definition import LEVELS, Dossier
from cases.dossiers.display import Row

TODAY = date(2025, 11, 26)
HEAD = {"dossier": "general", "version": 2}
LUNG: dict[str, Any] = {
    "topography": "C34.1",
    "laterality": "left",
    "basis_of_diagnosis": "2",
    "morphology": "8140/3",
    "clinical_tnm": {"edition": "8", "t": "cT2a", "n": "cN1", "m": "cM0"},
    "egfr": "wild_type",
    "alk": "negative",
    "ros1": "negative",
    "pdl1": "done",
    "pdl1_percent": 60,
    "fev1": 82,
    "dlco": 71,
}
RECTUM: dict[str, Any] = {
    "topography": "C20.9",
    "morphology": "8140/3",
    "clinical_tnm": {"edition": "8", "t": "cT3", "n": "cN1b", "m": "cM0"},
    "mmr": "proficient",
    "ras": "mutated",
    "ras_variant": "KRAS G12D",
    "braf": "wild_type",
    "cea": "4.2",
    "anal_verge_distance": "7.5",
    "crm": "threatened",
    "crm_distance": "0.8",
}
PROSTATE: dict[str, Any] = {
    "topography": "C61.9",
    "morphology": "8140/3",
    "clinical_tnm": {"edition": "8", "t": "cT2c", "n": "cN0", "m": "cM0"},
    "psa": "8.4",
    "gleason": "4+3",
    "isup_grade_group": "3",
    "pirads": "4",
}
SETS = {
    "lung": ["egfr", "alk", "ros1", "pdl1", "molecular_other", "fev1", "dlco"],
    "colorectal": ["mmr", "ras", "braf", "cea", "anal_verge_distance", "crm"],
    "prostate": ["psa", "gleason", "isup_grade_group", "pirads"],
}


def cleaned(data: dict[str, Any]) -> dict[str, Any]:
    return clean("general", "tumour", data, today=TODAY)


def errors_of(data: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        cleaned(data)
    return caught.value.message_dict


def test_every_word_is_there_in_four_languages() -> None:
    general = dossier("general")
    words = [general.words, general.no_tumour, *general.owes.values(), *(item.words for item in general.items)]
    for level in LEVELS:
        for group in general.groups(level):
            words.append(group.words)
            for field in group.fields:
                words += [field.words, *([field.help] if field.help else []), *(each.words for each in field.choices)]
    assert {tuple(sorted(each)) for each in words} == {("de", "en", "fr", "nl")}


@pytest.mark.parametrize("data", [LUNG, RECTUM, PROSTATE, {}])
def test_canonical_data_come_back_equal(data: dict[str, Any]) -> None:
    once = cleaned(data)
    assert once == HEAD | data
    assert cleaned(once) == once


# ------------------------------------------------------------------------------------------------------------------ sets


def asked(topography: str | None) -> list[str]:
    general = dossier("general")
    seen = general.visible("tumour", {"topography": topography} if topography else {})
    return [group.key for group in general.groups("tumour") if any(field.key in seen for field in group.fields)]


@pytest.mark.parametrize(
    ("topography", "groups"),
    [
        (None, ["tumour", "stage"]),
        ("C50.4", ["tumour", "stage"]),
        ("C34.0", ["tumour", "stage", "lung"]),
        ("C34.9", ["tumour", "stage", "lung"]),
        ("C18.7", ["tumour", "stage", "colorectal"]),
        ("C19.9", ["tumour", "stage", "colorectal"]),
        ("C20.9", ["tumour", "stage", "colorectal"]),
        ("C61.9", ["tumour", "stage", "prostate"]),
        ("C33.9", ["tumour", "stage"]),
        ("C21.1", ["tumour", "stage"]),
    ],
)
def test_a_set_follows_from_the_topography(topography: str | None, groups: list[str]) -> None:
    assert asked(topography) == groups


def test_the_rectum_is_asked_more_than_the_colon() -> None:
    general = dossier("general")
    colon, rectum = (general.visible("tumour", {"topography": each}) for each in ("C18.7", "C20.9"))
    assert sorted(rectum - colon) == ["anal_verge_distance", "crm"]
    assert sorted(colon - rectum) == []


def test_only_what_has_two_sides_is_asked_for_one() -> None:
    general = dossier("general")
    sides = {
        each: "laterality" in general.visible("tumour", {"topography": each})
        for each in ("C34.1", "C64.9", "C61.9", "C18.7", "C38.4", "C38.1", "C57.0", "C57.1")
    }
    assert sides == {
        "C34.1": True,
        "C64.9": True,
        "C61.9": False,
        "C18.7": False,
        "C38.4": True,
        "C38.1": False,
        "C57.0": True,
        "C57.1": False,
    }


def test_another_topography_drops_the_set() -> None:
    kept = cleaned(LUNG | {"topography": "C61.9", "clinical_tnm": None, "psa": "5"})
    assert kept == HEAD | {"topography": "C61.9", "basis_of_diagnosis": "2", "morphology": "8140/3", "psa": "5"}
    # Even what is wrong in it is no reason to refuse.
    assert cleaned({"topography": "C61.9", "fev1": 1000}) == HEAD | {"topography": "C61.9"}


def test_the_page_learns_what_shows_a_group() -> None:
    form = form_class("general", "tumour", "nl")(prefix="t0", today=TODAY)
    groups = {group.key: group for group in form.groups}
    assert (groups["stage"].show_if_name, groups["stage"].show_if_values) == ("", "")
    assert groups["lung"].show_if_name == "t0-topography"
    assert groups["lung"].show_if_values == "C34.0 C34.1 C34.2 C34.3 C34.8 C34.9"
    assert groups["prostate"].show_if_values == "C61.9"
    rows = {row.definition.key: row for group in form.groups for row in group.rows}
    assert (rows["anal_verge_distance"].show_if_name, rows["anal_verge_distance"].show_if_values) == (
        "t0-topography",
        "C19.9 C20.9",
    )
    assert (rows["egfr"].show_if_name, rows["egfr_variant"].show_if_name) == ("", "t0-egfr")
    assert {
        key: [
            row.definition.key
            for row in groups[key].rows
            if not row.show_if_name or row.show_if_name == "t0-topography"
        ]
        for key in SETS
    } == SETS


# ------------------------------------------------------------------------------------------------------------------- TNM


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (
            {"topography": "C61.9", "clinical_tnm": {"edition": "8", "t": "cT2a", "n": "cN2"}},
            {"clinical_tnm": ["cN2 is no category of this tumour in edition 8 of the TNM classification."]},
        ),
        (
            {"topography": "C61.9", "pathological_tnm": {"edition": "8", "t": "pT2c"}},
            {"pathological_tnm": ["pT2c is no category of this tumour in edition 8 of the TNM classification."]},
        ),
        (
            {"topography": "C34.1", "clinical_tnm": {"edition": "7", "t": "cT1c"}},
            {"clinical_tnm": ["cT1c is no category of this tumour in edition 7 of the TNM classification."]},
        ),
        (
            {"topography": "C18.7", "clinical_tnm": {"edition": "8", "t": "cT2", "n": "cN3"}},
            {"clinical_tnm": ["cN3 is no category of this tumour in edition 8 of the TNM classification."]},
        ),
        (
            {"topography": "C34.1", "clinical_tnm": {"edition": "8", "t": "pT2"}},
            {"clinical_tnm": ["pT2 does not belong here: the prefix must be c, rc, r."]},
        ),
    ],
)
def test_tnm_is_read_by_the_chapter_of_the_tumour(data: dict[str, Any], errors: dict[str, list[str]]) -> None:
    assert errors_of(data) == errors


@pytest.mark.parametrize(
    "data",
    [
        {"topography": "C61.9", "pathological_tnm": {"edition": "7", "t": "pT2c"}},
        # No chapter here: an urothelial carcinoma of the prostate, a melanoma, a lymphoma of the lung, no place yet.
        {"topography": "C61.9", "morphology": "8120/3", "clinical_tnm": {"edition": "8", "t": "cT2", "n": "cN2"}},
        {"topography": "C44.5", "morphology": "8720/3", "pathological_tnm": {"edition": "8", "t": "pT1a", "m": "cM1a(0)"}},
        {"topography": "C34.1", "morphology": "other", "morphology_other": "9591/3", "clinical_tnm": {"edition": "8", "t": "cT4"}},
        {"clinical_tnm": {"edition": "8", "t": "cT4e"}},
        {"topography": "C50.4", "clinical_tnm": {"edition": "8", "t": "cT4d", "n": "cN3c"}},
    ],
)  # fmt: skip
def test_what_no_chapter_speaks_of_is_kept_as_written(data: dict[str, Any]) -> None:
    assert cleaned(data) == HEAD | data


def test_what_a_chapter_writes_otherwise_is_stored_as_it_writes() -> None:
    form = form_class("general", "tumour", "en")(
        {"t0-topography": "C34.1", "t0-pathological_tnm_0": "ptis(ais) n0", "t0-pathological_tnm_1": "8"},
        prefix="t0",
        today=TODAY,
    )
    assert form.errors == {}
    assert form.canonical["pathological_tnm"] == {"edition": "8", "t": "pTis(AIS)", "n": "pN0"}


# ---------------------------------------------------------------------------------------------------------------- Gleason

# ISUP 2014 / WHO: Gleason 6 is grade group 1, 3 + 4 is 2, 4 + 3 is 3, 8 is 4, 9 and 10 are 5.
GRADE_GROUPS = {
    "3+3": "1",
    "3+4": "2",
    "4+3": "3",
    "4+4": "4",
    "3+5": "4",
    "5+3": "4",
    "4+5": "5",
    "5+4": "5",
    "5+5": "5",
}


def test_gleason_and_grade_group_have_to_agree() -> None:
    general = dossier("general")
    fields = {field.key: field for field in general.fields("tumour")}
    assert set(general.values(fields["gleason"])) == set(GRADE_GROUPS)
    for gleason, right in GRADE_GROUPS.items():
        for group in "12345":
            data = {"topography": "C61.9", "gleason": gleason, "isup_grade_group": group}
            if group == right:
                assert cleaned(data) == HEAD | data
            else:
                a, b = gleason.split("+")
                score = f"{a} + {b} = {int(a) + int(b)}"
                assert errors_of(data) == {"isup_grade_group": [f"This does not agree with “Gleason score” ({score})."]}
    for alone in ({"gleason": "4+3"}, {"isup_grade_group": "5"}):
        assert cleaned({"topography": "C61.9"} | alone) == HEAD | {"topography": "C61.9"} | alone


# ------------------------------------------------------------------------------------------------------------------ words


def test_answers_as_words() -> None:
    rows = {row.key: row for group in display("general", "tumour", HEAD | RECTUM, "nl") for row in group.rows}
    assert rows["topography"] == Row("topography", "Plaats (ICD-O-3)", "Rectum, niet nader bepaald", "C20.9")
    assert rows["clinical_tnm"] == Row(
        "clinical_tnm",
        "cTNM",
        "ingroei in de subserosa of het pericolische of perirectale weefsel; 2–3 regionale klieren; geen metastasen op afstand",
        "cT3 cN1b cM0 (TNM 8)",
    )
    assert rows["cea"] == Row("cea", "CEA", "4,2", unit="µg/L", loinc="2039-6")
    assert rows["morphology"].words == "Adenocarcinoom, niet nader bepaald"
    melanoma = {"topography": "C44.5", "morphology": "8720/3", "clinical_tnm": {"edition": "8", "t": "cT2b"}}
    rows = {row.key: row for group in display("general", "tumour", HEAD | melanoma, "fr") for row in group.rows}
    assert rows["clinical_tnm"] == Row("clinical_tnm", "cTNM", "", "cT2b (TNM 8)")


def test_the_name_of_a_tumour() -> None:
    assert [title("general", HEAD | LUNG, language) for language in ("nl", "en", "fr", "de")] == [
        "Long, bovenkwab, links",
        "Upper lobe of lung, left",
        "Lobe supérieur du poumon, gauche",
        "Lungenoberlappen, links",
    ]
    assert title("general", HEAD | PROSTATE, "nl") == "Prostaat"


# -------------------------------------------------------------------------------------------------------------- readiness


def gaps(tumour: dict[str, Any], items: list[str] | None = None) -> list[str]:
    return [gap.field for gap in missing("general", {}, [tumour], items=items) if gap.tumour_index == 0]


def test_what_is_missing_follows_the_organ() -> None:
    assert gaps({}) == ["topography", "clinical_tnm"]
    assert gaps({"topography": "C34.1"}) == [
        *("laterality", "clinical_tnm", "egfr", "alk", "ros1", "pdl1", "fev1", "dlco"),
    ]
    assert gaps({"topography": "C18.7"}) == ["clinical_tnm", "mmr"]
    assert gaps({"topography": "C20.9"}) == ["clinical_tnm", "mmr", "anal_verge_distance", "crm"]
    assert gaps({"topography": "C61.9"}) == ["clinical_tnm", "psa", "isup_grade_group"]
    assert gaps({"topography": "C16.2"}) == ["clinical_tnm"]
    assert [gaps(each) for each in (LUNG, RECTUM, PROSTATE)] == [[], [], []]
    assert gaps(LUNG | {"pdl1_percent": None}) == ["pdl1_percent"]


def test_a_tumour_board_asks_for_the_organ_only_if_it_wants_to() -> None:
    asked_by_default = board_kind("tumour_board").required_items["general"]
    assert gaps({"topography": "C34.1"}, list(asked_by_default)) == ["laterality", "clinical_tnm"]
    more = {code for code, _words in item_words("general", "nl")} - set(asked_by_default)
    assert more == {"molecular", "lung_function", "rectum_mri", "psa_gleason"}


# ---------------------------------------------------------------------------------------------------- a broken definition


def raw() -> dict[str, Any]:
    return copy.deepcopy(read_yaml("cases.dossiers", "definitions/general.yaml"))


def group(data: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in data["tumour"] if one["key"] == key)
    return found


def field(data: dict[str, Any], group_key: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in group(data, group_key)["fields"] if one["key"] == key)
    return found


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (
            lambda data: group(data, "lung").update(show_if={"field": "topography", "in": ["C35"]}),
            "tumour.lung depends on a value that topography does not have",
        ),
        (
            lambda data: group(data, "lung").update(show_if={"field": "psa", "in": ["1"]}),
            "tumour.lung depends on psa, which is no earlier choice",
        ),
        (
            lambda data: group(data, "tumour").update(show_if={"field": "topography", "in": ["C34"]}),
            "tumour.tumour depends on topography, which is no earlier choice",
        ),
        (
            lambda data: field(data, "lung", "egfr").update(show_if={"field": "grade", "in": ["1"]}),
            "tumour.egfr depends on grade, which its group does not hold",
        ),
        (
            lambda data: field(data, "lung", "egfr").update(show_if={"field": "topography", "in": ["C20"]}),
            "tumour.egfr depends on topography, which its group does not hold",
        ),
        (
            lambda data: field(data, "prostate", "isup_grade_group")["agrees_with"].update(field="psa"),
            "tumour.isup_grade_group agrees with psa, which is no earlier choice",
        ),
        (
            lambda data: field(data, "prostate", "isup_grade_group")["agrees_with"].update(field="pirads"),
            "tumour.isup_grade_group agrees with pirads, which is no earlier choice",
        ),
        (
            lambda data: field(data, "prostate", "isup_grade_group")["agrees_with"]["pairs"].update({"2+2": ["1"]}),
            "tumour.isup_grade_group agrees with a value that gleason does not have",
        ),
        (
            lambda data: field(data, "prostate", "isup_grade_group")["agrees_with"]["pairs"].update({"3+3": ["6"]}),
            "tumour.isup_grade_group agrees by a value that it does not have",
        ),
        (
            lambda data: field(data, "prostate", "psa").update(agrees_with={"field": "gleason", "pairs": {}}),
            "psa: agrees_with does not belong to a decimal",
        ),
    ],
)
def test_a_broken_definition_is_found(spoil: Any, complaint: str) -> None:
    data = raw()
    Dossier.model_validate(data)
    spoil(data)
    with pytest.raises(InvalidDefinition, match=complaint):
        Dossier.model_validate(data)


def test_without_the_condition_everybody_is_asked_for_a_psa() -> None:
    """The negative control: it is the group's condition that keeps the set away."""
    data = raw()
    del group(data, "prostate")["show_if"]
    open_to_all = Dossier.model_validate(data)
    assert "psa" in open_to_all.visible("tumour", {"topography": "C34.1"})
    assert "psa" not in dossier("general").visible("tumour", {"topography": "C34.1"})

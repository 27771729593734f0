"""What follows from a tumour's answers: stage groups and the ICD-10 code, or a sentence."""

from typing import Any

import pytest

from cases.coding.stage import Stage
from cases.dossiers.derived import DerivedCode, DerivedStage, icd10, stages


def tnm(t: str, n: str, m: str = "cM0", edition: str = "8") -> dict[str, str]:
    return {"edition": edition, "t": t, "n": n, "m": m}


def test_every_answered_tnm_has_its_own_stage() -> None:
    data = {
        "clinical_tnm": tnm("cT2", "cN1"),
        "pathological_tnm": tnm("pTis(DCIS)", "pN1a"),
        "post_treatment_tnm": tnm("ypT0", "ypN0", edition="7"),
    }
    assert stages("breast", data, "nl") == (
        DerivedStage("clinical_tnm", "cTNM", Stage("IIB", "c", "8", "breast")),
        DerivedStage(
            "pathological_tnm",
            "pTNM",
            None,
            "A carcinoma in situ has no metastases: compare pTis(DCIS) with pN1a.",
            "n",
            True,
        ),
        DerivedStage(
            "post_treatment_tnm",
            "yTNM (na neoadjuvante behandeling)",
            None,
            "A complete response (ypT0 ypN0 cM0) has no stage group.",
            "t",
        ),
    )
    assert stages("breast", {}, "nl") == ()


def test_in_general_oncology_the_breast_has_its_stage_and_the_lung_none() -> None:
    breast, lung, phyllodes = (
        stages("general", {"topography": place, "morphology": kind, "clinical_tnm": tnm("cT2", "cN1")}, "en")
        for place, kind in (("C50.4", "8500/3"), ("C34.1", "8140/3"), ("C50.4", "9020/3"))
    )
    assert breast == (DerivedStage("clinical_tnm", "cTNM", Stage("IIB", "c", "8", "breast")),)
    none = "No stage is derived for this tumour: its table is not here."
    assert lung == phyllodes == (DerivedStage("clinical_tnm", "cTNM", None, none, "edition"),)


def test_stored_data_that_no_list_reads_any_more_say_so() -> None:
    (found,) = stages("breast", {"clinical_tnm": {"edition": "3", "t": "cT2"}}, "en")
    assert (found.stage, found.contradiction) == (None, True)
    assert found.sentence == "Choose the edition of the TNM classification."


@pytest.mark.parametrize(
    ("dossier", "data", "expected"),
    [
        ("breast", {"topography": "C50.4", "morphology": "8500/3"}, ("C50.4", "")),
        ("breast", {"topography": "C50.4", "morphology": "8500/2"}, ("D05.1", "")),
        ("breast", {"topography": "C50.4", "morphology": "other", "morphology_other": "8314/3"}, ("C50.4", "")),
        ("general", {"topography": "C44.5", "morphology": "8720/3"}, ("C43.5", "")),
        ("general", {"topography": "C61.9", "morphology": "8140/3"}, ("C61", "")),
        (
            "general",
            {"topography": "C77.3", "morphology": "8140/3"},
            ("", "No ICD-10 code is certain for C77.3 with 8140/3: choose one."),
        ),
    ],
)
def test_the_icd10_code(dossier: str, data: dict[str, Any], expected: tuple[str, str]) -> None:
    found = icd10(dossier, data, "en")
    assert found is not None
    assert (found.code, found.sentence) == expected


def test_no_icd10_code_before_both_are_answered() -> None:
    for data in ({}, {"topography": "C50.4"}, {"morphology": "8500/3"}, {"topography": "C50.4", "morphology": "other"}):
        assert icd10("breast", data, "en") is None
    # What is not asked does not count.
    left = {"topography": "C50.4", "morphology": "8500/3", "morphology_other": "8314/2"}
    assert icd10("breast", left, "nl") == DerivedCode("C50.4", "Kwaadaardige tumor: borst, bovenste buitenkwadrant")

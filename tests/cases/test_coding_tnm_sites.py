"""TNM of lung, colon and rectum, prostate: which values are legal in which edition, and for which tumour which chapter.

The lists below are typed a second time from UICC, TNM Classification of Malignant Tumours, eighth (2017) and seventh
edition (2009), chapters Lung, Colon and Rectum, Prostate; they do not come from the data files. Every value that could
be written is tried against them.
"""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from cases.coding import tnm
from cases.coding.errors import InvalidTNM

ISOLATED = "N0(i-) N0(i+) N0(mol-) N0(mol+)"

# (site, edition, basis): every category of the chapter; M1 and its parts may be clinical or pathological.
PRINTED = {
    ("lung", "8", "c"): "TX T0 Tis Tis(AIS) Tis(SCIS) T1 T1mi T1a T1b T1c T2 T2a T2b T3 T4 NX N0 N1 N2 N3",
    ("lung", "8", "p"): f"TX T0 Tis Tis(AIS) Tis(SCIS) T1 T1mi T1a T1b T1c T2 T2a T2b T3 T4 NX N0 N1 N2 N3 {ISOLATED}",
    ("lung", "8", "M"): "M0 M1 M1a M1b M1c",
    ("lung", "7", "c"): "TX T0 Tis T1 T1a T1b T2 T2a T2b T3 T4 NX N0 N1 N2 N3",
    ("lung", "7", "p"): f"TX T0 Tis T1 T1a T1b T2 T2a T2b T3 T4 NX N0 N1 N2 N3 {ISOLATED}",
    ("lung", "7", "M"): "M0 M1 M1a M1b",
    ("colorectal", "8", "c"): "TX T0 Tis T1 T2 T3 T4 T4a T4b NX N0 N1 N1a N1b N1c N2 N2a N2b",
    ("colorectal", "8", "p"): f"TX T0 Tis T1 T2 T3 T4 T4a T4b NX N0 N1 N1a N1b N1c N2 N2a N2b {ISOLATED}",
    ("colorectal", "8", "M"): "M0 M1 M1a M1b M1c",
    ("colorectal", "7", "c"): "TX T0 Tis T1 T2 T3 T4 T4a T4b NX N0 N1 N1a N1b N1c N2 N2a N2b",
    ("colorectal", "7", "p"): f"TX T0 Tis T1 T2 T3 T4 T4a T4b NX N0 N1 N1a N1b N1c N2 N2a N2b {ISOLATED}",
    ("colorectal", "7", "M"): "M0 M1 M1a M1b",
    ("prostate", "8", "c"): "TX T0 T1 T1a T1b T1c T2 T2a T2b T2c T3 T3a T3b T4 NX N0 N1",
    ("prostate", "8", "p"): f"TX T0 T2 T3 T3a T3b T4 NX N0 N1 N1mi {ISOLATED}",
    ("prostate", "8", "M"): "M0 M1 M1a M1b M1c",
    ("prostate", "7", "c"): "TX T0 T1 T1a T1b T1c T2 T2a T2b T2c T3 T3a T3b T4 NX N0 N1",
    ("prostate", "7", "p"): f"TX T0 T2 T2a T2b T2c T3 T3a T3b T4 NX N0 N1 N1mi {ISOLATED}",
    ("prostate", "7", "M"): "M0 M1 M1a M1b M1c",
}
VALUES = (
    *("X", "is", "is(AIS)", "is(SCIS)", "is(DCIS)", "is(LCIS)", "is(Paget)", "a", "0(i-)", "0(i+)", "0(mol-)", "0(mol+)"),
    *(f"{digit}{letter}" for digit, letter in product("0123456789", ("", "mi", "a", "b", "c", "d", "e", "a1", "c2"))),
)  # fmt: skip


def taken(site: str, edition: str, text: str) -> bool:
    try:
        return str(tnm.parse(text, edition=edition, site=site)) == text
    except InvalidTNM:
        return False


@pytest.mark.parametrize(("site", "edition", "which"), PRINTED)
def test_every_value_is_legal_or_not_as_printed(site: str, edition: str, which: str) -> None:
    printed = PRINTED[site, edition, which].split()
    if which == "M":
        legal = {f"M{value}" for value in VALUES if taken(site, edition, f"cM{value}")}
        assert legal == set(printed)
        pathological = {f"M{value}" for value in VALUES if taken(site, edition, f"pM{value}")}
        assert pathological == set(printed) - {"M0"}
        return
    prefixes = [
        prefix for prefix, basis in tnm.PREFIXES.items() if basis == {"c": "clinical", "p": "pathological"}[which]
    ]
    for prefix in prefixes:
        legal = {
            f"{axis}{value}" for axis in "TN" for value in VALUES if taken(site, edition, f"{prefix}{axis}{value}")
        }
        assert legal == set(printed)


@pytest.mark.parametrize(
    ("site", "edition", "text", "sentence"),
    [
        ("lung", "8", "cT2c N0 M0", "cT2c is no category of this tumour in edition 8 of the TNM classification."),
        ("lung", "7", "pT1mi", "pT1mi is no category of this tumour in edition 7 of the TNM classification."),
        ("lung", "7", "cT1a cN0 cM1c", "cM1c is no category of this tumour in edition 7 of the TNM classification."),
        ("lung", "8", "pTis(DCIS)", "“(DCIS)” does not belong behind Tis."),
        ("colorectal", "8", "pT4c", "pT4c is no category of this tumour in edition 8 of the TNM classification."),
        ("colorectal", "8", "cN3", "cN3 is no category of this tumour in edition 8 of the TNM classification."),
        ("prostate", "8", "pT1c", "pT1c is no category of this tumour in edition 8 of the TNM classification."),
        ("prostate", "8", "pT2c", "pT2c is no category of this tumour in edition 8 of the TNM classification."),
        ("prostate", "8", "cTis", "cTis is no category of this tumour in edition 8 of the TNM classification."),
        ("prostate", "9", "cT2", "Choose the edition of the TNM classification."),
    ],
)
def test_what_is_illegal_is_said(site: str, edition: str, text: str, sentence: str) -> None:
    with pytest.raises(InvalidTNM) as caught:
        tnm.parse(text, edition=edition, site=site)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize("site", ["lung", "colorectal", "prostate"])
def test_words_are_there_in_four_languages(site: str) -> None:
    definition = tnm.site_definition(site)
    for axis in tnm.AXES:
        assert {tuple(sorted(category.words)) for category in definition.categories(axis)} == {("de", "en", "fr", "nl")}


def test_words_follow_the_edition() -> None:
    words = [tnm.parse("cT1a", edition=edition, site="lung").words("nl") for edition in ("8", "7")]
    assert words == ["tumor ≤ 1 cm", "tumor ≤ 2 cm"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pTaN0M0", "pTa pN0 cM0"),
        ("pT1a(m) pN1a cM0", "pT1a(m) pN1a cM0"),
        ("pT2b pN0(sn) cM1a(0)", "pT2b pN0(sn) cM1a(0)"),
        ("pTis(pu)", "pTis(pu)"),
        ("cT1a1 N0", "cT1a1 cN0"),
    ],
)
def test_a_tumour_without_a_chapter_keeps_what_was_written(text: str, expected: str) -> None:
    classification = tnm.parse(text, edition="8", site="general")
    assert (str(classification), classification.words("en")) == (expected, "")
    assert tnm.from_json(classification.as_json(), site="general") == classification
    # Prefix, edition and the rules for M hold all the same.
    for wrong in ("T2", "cT2 pM0", "cT2 MX", "cT2 foo", "cT5", "cT2 N9"):
        with pytest.raises(InvalidTNM):
            tnm.parse(wrong, edition="8", site="general")
    with pytest.raises(InvalidTNM):
        tnm.parse(text, edition=None, site="general")


@pytest.mark.parametrize(
    ("site", "text", "expected"),
    [
        ("breast", "cT2cN1cM0", "cT2 cN1 cM0"),
        ("breast", "pT1cN0M0", "pT1c pN0 cM0"),
        ("breast", "cT1cN0M0", "cT1c cN0 cM0"),
        ("prostate", "cT2cN0M0", "cT2c cN0 cM0"),
        ("prostate", "cT3cN0cM0", "cT3 cN0 cM0"),
        ("prostate", "cT2cN0cM0", None),
        ("breast", "cT1cN0cM0", None),
        ("breast", "pT2pN1cM0", None),
        ("colorectal", "pT3 pN1cM0", None),
        ("lung", "pT3 pN1cM0", "pT3 pN1 cM0"),
    ],
)
def test_a_c_between_two_categories(site: str, text: str, expected: str | None) -> None:
    if expected is not None:
        assert str(tnm.parse(text, edition="8", site=site)) == expected
        return
    with pytest.raises(InvalidTNM) as caught:
        tnm.parse(text, edition="8", site=site)
    assert caught.value.code == "ambiguous"
    assert caught.value.sentence.endswith("can be read in two ways: put spaces between the categories.")


@pytest.mark.parametrize(
    ("topography", "morphology", "site"),
    [
        ("C34.1", None, "lung"),
        ("C34.1", "8240/3", "lung"),
        ("C34.1", "9591/3", "general"),
        ("C18.7", "8140/3", "colorectal"),
        ("C19.9", "", "colorectal"),
        ("C20.9", "other", "colorectal"),
        ("C18.1", "8140/3", "general"),
        ("C20.9", "8240/3", "general"),
        ("C20.9", "8249/3", "general"),
        ("C20.9", "8246/3", "colorectal"),
        ("C61.9", "8140/3", "prostate"),
        ("C61.9", "8120/3", "general"),
        ("C50.4", "8500/3", "breast"),
        ("C50.4", "9020/3", "general"),
        ("C21.1", "8070/3", "general"),
        ("C3", None, "general"),
        (None, None, "general"),
    ],
)
def test_which_chapter_is_for_which_tumour(topography: str | None, morphology: str | None, site: str) -> None:
    assert tnm.site_of(topography, morphology) == site


def test_an_open_site_that_is_not_open_takes_nothing() -> None:
    """The negative control: what keeps values out is the table, and nothing else."""
    closed: dict[str, Any] = {"site": "x", "editions": ["8"], "t": [], "n": [], "m": []}
    definition = tnm.SiteDefinition.model_validate(closed)
    assert definition.known("T", "2", "clinical", "8") is None
    assert tnm.SiteDefinition.model_validate(closed | {"open": True}).known("T", "2", "clinical", "8") == "2"
    with pytest.raises(ValidationError):
        tnm.SiteDefinition.model_validate(closed | {"closed": True})

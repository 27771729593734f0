"""Stage groups of the breast: the whole published table, walked cell by cell, and everything that gives no stage.

Held against: AJCC Cancer Staging Manual, eighth edition (2017), anatomic stage groups, as the MSD Manual reprints them,
and AJCC, seventh edition (2010), breast staging poster. UICC prints the same groups in its seventh (2009) and eighth
edition (2017); the books of the UICC themselves were not at hand. The lines below are typed from those prints, one for
each line there, and do not come from the data file.
"""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from cases.coding import tnm
from cases.coding.errors import NoStage
from cases.coding.stage import SiteStages, site_stages, stage_group, stage_tables
from cases.coding.words import read_yaml

# T1 includes T1mi; T0 and T1 with micrometastases only are IB and not IIA; M0 includes M0(i+).
PRINTED = """
0     Tis    N0    M0
IA    T1     N0    M0
IB    T0     N1mi  M0
IB    T1     N1mi  M0
IIA   T0     N1    M0
IIA   T1     N1    M0
IIA   T2     N0    M0
IIB   T2     N1    M0
IIB   T3     N0    M0
IIIA  T0     N2    M0
IIIA  T1     N2    M0
IIIA  T2     N2    M0
IIIA  T3     N1    M0
IIIA  T3     N2    M0
IIIB  T4     N0    M0
IIIB  T4     N1    M0
IIIB  T4     N2    M0
IIIC  Any T  N3    M0
IV    Any T  Any N M1
"""
# What each category of the chapter counts as in the print.
PRINTED_T = {
    **dict.fromkeys(("is", "is(DCIS)", "is(LCIS)", "is(Paget)"), "Tis"),
    **dict.fromkeys(("1", "1mi", "1a", "1b", "1c"), "T1"),
    **dict.fromkeys(("4", "4a", "4b", "4c", "4d"), "T4"),
    "X": "TX",
    "0": "T0",
    "2": "T2",
    "3": "T3",
}
PRINTED_N = {
    **dict.fromkeys(("0", "0(i-)", "0(i+)", "0(mol-)", "0(mol+)"), "N0"),
    **dict.fromkeys(("1", "1a", "1b", "1c"), "N1"),
    **dict.fromkeys(("2", "2a", "2b"), "N2"),
    **dict.fromkeys(("3", "3a", "3b", "3c"), "N3"),
    "X": "NX",
    "1mi": "N1mi",
}


def printed() -> dict[tuple[str, str, str], str]:
    cells: dict[tuple[str, str, str], str] = {}
    for line in PRINTED.strip().splitlines():
        stage, t, n, m = line.replace("Any T", "AnyT").replace("Any N", "AnyN").split()
        for each_t in ("TX", "T0", "T1", "T2", "T3", "T4") if t == "AnyT" else (t,):
            for each_n in ("NX", "N0", "N1mi", "N1", "N2", "N3") if n == "AnyN" else (n,):
                assert cells.setdefault((each_t, each_n, m), stage) == stage
    # Micrometastases are a part of N1 wherever the print has no line for them.
    for t in ("T2", "T3", "T4"):
        cells[t, "N1mi", "M0"] = cells[t, "N1", "M0"]
    return cells


def derived(text: str, edition: str) -> tuple[str | None, str]:
    try:
        return stage_group(tnm.parse(text, edition=edition)).group, ""
    except NoStage as refused:
        return None, str(refused.code)


@pytest.mark.parametrize("edition", ["8", "7"])
@pytest.mark.parametrize("prefix", ["c", "p", "yc", "yp"])
def test_every_combination_is_as_printed(edition: str, prefix: str) -> None:
    cells, definition, basis = printed(), tnm.site_definition(), tnm.PREFIXES[prefix]

    def values(axis: tnm.Axis) -> list[str]:
        return [
            category.value
            for category in definition.categories(axis)
            if basis in category.of and edition in (category.editions or definition.editions)
        ]

    seen: dict[str | None, int] = {}
    for t, n, m in product(values("T"), values("N"), ("0", "0(i+)", "1")):
        expected = cells.get((PRINTED_T[t], PRINTED_N[n], f"M{m[0]}"))
        stage, code = derived(f"{prefix}T{t} {prefix}N{n} cM{m}", edition)
        assert (t, n, m, stage) == (t, n, m, expected)
        spread = m == "1" or PRINTED_N[n] not in ("N0", "NX")
        nothing = (PRINTED_T[t], PRINTED_N[n], m[0]) == ("T0", "N0", "0")
        if stage is None and ((PRINTED_T[t] == "Tis" and spread) or nothing) and not prefix.startswith("y"):
            assert code == "inconsistent"
        elif stage is None:
            assert code == ("incomplete" if "X" in (t, n) else "none")
        seen[stage] = seen.get(stage, 0) + 1
    assert set(seen) == {None, "0", "IA", "IB", "IIA", "IIB", "IIIA", "IIIB", "IIIC", "IV"} - (
        {"IB"} if edition == "7" and basis == "clinical" else set()
    )


@pytest.mark.parametrize(
    ("text", "edition", "said"),
    [
        ("cT2 N1 M0", "8", "IIB (cTNM 8)"),
        ("pT1c(m) pN1mi(sn) cM0", "8", "IB (pTNM 8)"),
        ("pT2(3) pN1a cM0", "7", "IIB (pTNM 7)"),
        ("ypT1a ypN0(i+) cM0", "8", "IA (ypTNM 8)"),
        ("ypT2 ypN1mi cM0(i+)", "8", "IIB (ypTNM 8)"),
        ("pTis(DCIS) pN0(sn) cM0", "8", "0 (pTNM 8)"),
        ("cT4d cN3c pM1", "8", "IV (cTNM 8)"),
        ("ypT0 ypN0 cM1", "8", "IV (ypTNM 8)"),
        ("cTX cNX cM1", "8", "IV (cTNM 8)"),
        ("cTX cN3a cM0", "8", "IIIC (cTNM 8)"),
    ],
)
def test_what_a_stage_says(text: str, edition: str, said: str) -> None:
    assert str(stage_group(tnm.parse(text, edition=edition))) == said


@pytest.mark.parametrize(
    ("text", "code", "field", "sentence"),
    [
        ("cT2 N1", "incomplete", "m", "A stage needs T, N and M: M is missing."),
        ("cT2 M0", "incomplete", "n", "A stage needs T, N and M: N is missing."),
        ("cM1", "incomplete", "t", "A stage needs T, N and M: T is missing."),
        ("cT2 NX M0", "incomplete", "n", "There is no stage group as long as N is not known."),
        ("pTX pN1a cM0", "incomplete", "t", "There is no stage group as long as T is not known."),
        ("pTis pNX cM0", "incomplete", "n", "There is no stage group as long as N is not known."),
        ("pT2 cN0 cM0", "prefix", "n", "pT2 and cN0 were found in different ways: a stage needs one prefix for T and N."),
        ("ypT1 pN0 cM0", "prefix", "n", "ypT1 and pN0 were found in different ways: a stage needs one prefix for T and N."),
        ("rT2 rN1 cM0", "prefix", "t", "No stage is derived for a recurrence or an autopsy (rT2)."),
        ("aT2 aN0 cM0", "prefix", "t", "No stage is derived for a recurrence or an autopsy (aT2)."),
        ("pTis pN1a cM0", "inconsistent", "n", "A carcinoma in situ has no metastases: compare pTis with pN1a."),
        ("cTis cN0 cM1", "inconsistent", "m", "A carcinoma in situ has no metastases: compare cTis with cM1."),
        ("cT0 cN0 cM0", "inconsistent", "t", "cT0 cN0 cM0 says that there is no tumour: compare T, N and M."),
        ("ypT0 ypN0(sn) cM0", "none", "t", "A complete response (ypT0 ypN0(sn) cM0) has no stage group."),
        ("ypTis ypN1a cM0", "none", "t", "The table of edition 8 has no stage group for ypTis ypN1a cM0."),
        ("ypTis ypN0 cM1", "none", "t", "The table of edition 8 has no stage group for ypTis ypN0 cM1."),
    ],
)  # fmt: skip
def test_no_stage_rather_than_a_wrong_one(text: str, code: str, field: str, sentence: str) -> None:
    with pytest.raises(NoStage) as caught:
        stage_group(tnm.parse(text, edition="8"))
    assert (caught.value.code, caught.value.field, caught.value.sentence) == (code, field, sentence)


@pytest.mark.parametrize("site", ["lung", "colorectal", "prostate", "general"])
def test_no_stage_where_no_table_is(site: str) -> None:
    with pytest.raises(NoStage) as caught:
        stage_group(tnm.parse("cT2 N0 M0", edition="8", site=site))
    assert (caught.value.code, caught.value.field) == ("table", "edition")
    assert caught.value.sentence == "No stage is derived for this tumour: its table is not here."
    with pytest.raises(KeyError):
        site_stages(site)


def test_no_stage_by_an_edition_without_table() -> None:
    with pytest.raises(NoStage) as caught:
        stage_group(tnm.TNM(edition="6", t=tnm.parse("cT2", edition="8").t))
    assert caught.value.sentence == "No stage is derived by edition 6: its table is not here."


def test_the_tables_name_their_source() -> None:
    assert [(site, table.edition, table.published) for site, table in stage_tables()] == [
        ("breast", "8", 2017),
        ("breast", "7", 2009),
    ]
    assert all("UICC" in table.source and "AJCC" in table.compared_with for _site, table in stage_tables())


def test_a_table_that_says_two_things_is_found() -> None:
    raw: dict[str, Any] = read_yaml("cases.coding", "stage_breast.yaml")
    SiteStages.model_validate(raw)
    rows = raw["tables"][0]["rows"]
    for more, complaint in (
        ({"stage": "IIA", "t": ["1"], "n": ["0"], "m": ["0"]}, "a cell of edition 8 stands twice"),
        ({"stage": "IIA", "t": ["5"], "n": ["0"], "m": ["0"]}, "T has no"),
        ({"stage": "V", "t": ["4d"], "n": ["0"], "m": ["0"]}, "String should match pattern"),
    ):
        with pytest.raises(ValidationError, match=complaint):
            SiteStages.model_validate(raw | {"tables": [raw["tables"][0] | {"rows": [*rows, more]}]})


def test_a_wrong_table_would_be_seen() -> None:
    """The negative control of the walk: with one cell changed, the print and the table differ."""
    raw: dict[str, Any] = read_yaml("cases.coding", "stage_breast.yaml")
    rows = [
        row | {"stage": "IIB"} if row["t"] == ["2"] and row["n"] == ["0"] else row for row in raw["tables"][0]["rows"]
    ]
    wrong = SiteStages.model_validate(raw | {"tables": [raw["tables"][0] | {"rows": rows}]}).tables[0]
    assert (wrong.find("2", "0", "0"), printed()["T2", "N0", "M0"]) == ("IIB", "IIA")

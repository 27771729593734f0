"""The data files themselves: complete in Dutch and English, coherent, and a broken one is found when it is read."""

import copy
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cases.coding.words import read_yaml
from cases.dossiers import board_kind, board_kinds, display, dossier, dossiers
from cases.dossiers.board_kinds import _File
from cases.dossiers.definition import LEVELS, Continuation, Dossier

LOINC = {
    "performance_status": "89247-1",
    "grade": "44648-4",
    "er_status": "85337-4",
    "er_percent": "85329-1",
    "pr_status": "85339-0",
    "pr_percent": "85325-9",
    "her2_ihc": "85319-2",
    "her2_ish": "85318-4",
    "ki67": "85330-9",
}


def raw() -> dict[str, Any]:
    return copy.deepcopy(read_yaml("cases.dossiers", "definitions/breast.yaml"))


def test_the_breast_dossier_asks_what_the_domain_asks() -> None:
    breast = dossier("breast")
    assert [one.dossier for one in dossiers()] == ["breast", "general"]
    assert {field.key: field.loinc for level in LEVELS for field in breast.fields(level) if field.loinc} == LOINC
    assert [item.code for item in breast.items] == [
        "summary",
        "imaging",
        "pathology",
        "receptors",
        "ctnm",
        "performance_status",
        "wishes",
        "tumour",
    ]
    fields = {field.key: field for field in breast.fields("tumour")}
    assert breast.values(fields["basis_of_diagnosis"]) == tuple("23456789")
    assert breast.values(fields["her2_ihc"]) == ("0", "1+", "2+", "3+", "not_done")
    assert breast.values(fields["brca1"]) == ("untested", "none", "somatic", "germline")
    assert breast.values(fields["morphology"])[-1] == "other"


def test_unknown_dossiers_and_versions() -> None:
    for lookup in (lambda: dossier("moon"), lambda: dossier("breast", 99), lambda: board_kind("moon")):
        with pytest.raises(KeyError):
            lookup()
    with pytest.raises(KeyError):
        dossier("breast").groups("patient")  # type: ignore[arg-type]


def field(data: dict[str, Any], key: str) -> dict[str, Any]:
    for level in LEVELS:
        for group in data[level]:
            for one in group["fields"]:
                if one["key"] == key:
                    found: dict[str, Any] = one
                    return found
    raise KeyError(key)


def set_on(key: str, /, **values: Any) -> Any:
    return lambda data: field(data, key).update(values)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda data: data.update(colour="red"), "Extra inputs are not permitted"),
        (set_on("ki67", colour="red"), "Extra inputs are not permitted"),
        (set_on("ki67", words={"nl": "Ki-67"}), "no words in 'en'"),
        (set_on("ki67", words={"nl": "Ki-67", "en": " "}), "no words in 'en'"),
        (set_on("ki67", words={"nl": "a", "en": "b", "es": "c"}), "unknown languages"),
        (set_on("ki67", key="Ki67"), "String should match pattern"),
        (set_on("ki67", key="version"), "version is a reserved key"),
        (set_on("ki67", key="er_status"), "tumour.er_status stands twice"),
        (set_on("ki67", kind="slider"), "Input should be"),
        (set_on("ki67", maximum=None), "a number needs its bounds"),
        (set_on("ki67", minimum=101), "the minimum is above the maximum"),
        (set_on("ki67", loinc="85329-2"), "85329-2 is no LOINC code"),
        (set_on("ki67", loinc="x"), "x is no LOINC code"),
        (set_on("ki67", choices=[{"value": "a", "words": "a"}]), "choices does not belong to a integer"),
        (set_on("ki67", owes="nobody"), "nobody is called nobody"),
        (set_on("ki67", at_most="er_status"), "is no earlier integer"),
        (set_on("ki67", at_most="brca1"), "is no earlier integer"),
        (set_on("ki67", show_if={"field": "brca1", "in": ["none"]}), "is no earlier choice"),
        (set_on("ki67", show_if={"field": "er_percent", "in": ["1"]}), "is no earlier choice"),
        (set_on("ki67", show_if={"field": "grade", "in": ["7"]}), "a value that grade does not have"),
        (set_on("ki67", show_if={"field": "grade", "in": []}), "at least 1 item"),
        (set_on("ki67", required_for_submission=True), "is required but belongs to no item"),
        (set_on("ki67", required_for_submission=True, item="spin"), "unknown: \\['spin'\\]"),
        (set_on("grade", choices=[]), "a choice needs choices"),
        (set_on("grade", choices=[{"value": "a", "words": "a"}] * 2), "a choice stands twice"),
        (set_on("grade", choices=[{"value": "a b", "words": "a"}]), "String should match pattern"),
        (set_on("clinical_tnm", prefixes=["z"]), "unknown TNM prefix"),
        (set_on("clinical_tnm", default_prefix="p"), "unknown TNM prefix"),
        (set_on("topography", codes=None), "a code needs codes"),
        (set_on("wishes", item=None, required_for_submission=False), "\\['wishes'\\]"),
        (lambda data: data["items"].append(data["items"][0]), "an item stands twice"),
        (lambda data: data.update(version=0), "greater than or equal to 1"),
        (lambda data: data["case"][0].update(fields=[]), "at least 1 item"),
    ],
)
def test_a_broken_definition_is_found(spoil: Any, complaint: str) -> None:
    data = raw()
    Dossier.model_validate(data)
    spoil(data)
    with pytest.raises(ValidationError, match=complaint):
        Dossier.model_validate(data)


def test_the_kinds_of_board() -> None:
    assert [(kind.code, kind.label["nl"], kind.identifiable_patients) for kind in board_kinds()] == [
        ("tumour_board", "MOC", True),
        ("clinical_board", "MDO", True),
        ("care_conference", "MDO", True),
        ("cooperation_committee", "Begeleidingscommissie", False),
    ]
    moc = board_kind("tumour_board")
    assert moc.report["nl"] == "MOC-verslag"
    assert [code for code, _ in moc.choices("steps", "nl")] == [
        "surgery",
        "radiotherapy",
        "chemotherapy",
        "endocrine",
        "targeted",
        "immunotherapy",
        "surveillance",
        "examination",
        "palliative",
        "refer",
        "other",
    ]
    assert moc.choices("intents", "fr")[0] == ("curative", "curatif")
    assert dict(moc.choices("postponement_reasons", "nl"))["no_quorum"] == "Geen quorum"
    assert [code for code, _ in moc.choices("referral_reasons", "en")] == [
        "new_diagnosis",
        "recurrence",
        "progression",
        "manual_deviation",
        "repeat_irradiation",
        "special_drug",
        "other",
    ]
    assert (moc.deadline.days_before, str(moc.deadline.at)) == (2, "12:00:00")
    assert set(moc.required_items["breast"]) == {item.code for item in dossier("breast").items}
    assert moc.option_words("steps", "surgery", "de") == "Operation"
    assert moc.option_words("steps", "leeches", "de") == "leeches"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda data: data["steps"].append(data["steps"][0]), "a code stands twice"),
        (lambda data: data["steps"][0].update(group="moon"), "unknown groups"),
        (lambda data: data["kinds"][0].update(required_items={}), "do not match"),
        (lambda data: data["kinds"][0]["required_items"].update(breast=["moon"]), "has no items"),
        (lambda data: data["kinds"][0]["items"].pop("wishes"), "nobody knows when"),
        (lambda data: data["asked"].pop("pathology"), "nobody is asked"),
        (lambda data: data["asked"]["pathology"].update(disciplines=["moon"]), "unknown disciplines"),
        (lambda data: data["kinds"][0]["reminders"][0].update(rule="moon"), "stands twice or is unknown"),
        (lambda data: data["kinds"][0]["reminders"][0].update(to=["chair"]), "to whom it may not go"),
        (lambda data: data["kinds"][0].update(minutes_per_item=0), "greater than or equal to 1"),
        (lambda data: data["kinds"][0].update(colour="red"), "Extra inputs are not permitted"),
    ],
)
def test_a_broken_list_of_kinds_is_found(spoil: Any, complaint: str) -> None:
    data = copy.deepcopy(read_yaml("cases.dossiers", "board_kinds.yaml"))
    _File.model_validate(data)
    spoil(data)
    with pytest.raises(ValidationError, match=complaint):
        _File.model_validate(data)


def test_definitions_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        dossier("breast").version = 2


def test_the_data_files_are_found_in_an_archive_too(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    archive = tmp_path / "installed.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("cases/__init__.py", "")
        for folder in ("coding", "dossiers"):
            for file in (root / "cases" / folder).rglob("*"):
                if file.suffix in (".py", ".yaml"):
                    zipped.write(file, file.relative_to(root))
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from cases.coding.icdo3 import site_codes; from cases.coding.tnm import editions; import cases.dossiers as d;"
        "assert d.__file__.startswith(sys.argv[1]), d.__file__;"
        "print(len(site_codes().morphology), editions(), d.dossier('breast').version, len(d.board_kinds()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(archive)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "34 ('8', '7') 2 4\n"


def test_the_data_files_are_declared_as_package_data() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    declared = re.search(r"\[tool\.setuptools\.package-data\]\n((?:\S.*\n)+)", text)
    assert declared is not None
    assert '"cases.coding" = ["*.yaml"]' in declared[1]
    assert '"cases.dossiers" = ["*.yaml", "definitions/*.yaml"]' in declared[1]


def test_a_later_version_asks_what_the_earlier_one_asks_and_more() -> None:
    for code in ("breast", "general"):
        old, new = dossier(code, 1), dossier(code)
        keys = [[field.key for field in one.fields("case")] for one in (old, new)]
        behind = keys[0].index("pathology_findings") + 1
        assert (new.version, keys[1]) == (2, [*keys[0][:behind], "pathology_numbers", *keys[0][behind:]])
        assert list(new.fields("tumour")) == list(old.fields("tumour"))
        # What was stored by the older one is read by it, whatever the newer one asks.
        data = {"dossier": code, "version": 1, "pathology_findings": "Biopt.", "pathology_numbers": "B-1"}
        rows = [row.key for group in display(code, "case", data, "nl") for row in group.rows]
        assert rows == ["pathology_findings"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"behind": "nothing"}, "breast 3: there is no question nothing"),
        ({"level": "tumour", "behind": "grade", "field": {"key": "ki67"}}, "tumour.ki67 stands twice"),
        ({"field": {"owes": "nobody"}}, "nobody is called nobody"),
    ],
)
def test_a_broken_continuation_is_found(change: dict[str, Any], complaint: str) -> None:
    raw_later = copy.deepcopy(read_yaml("cases.dossiers", "definitions/breast.2.yaml")) | {"version": 3}
    addition = raw_later["adds"][0]
    assert Continuation.model_validate(raw_later).of(dossier("breast", 1)).version == 3
    raw_later["adds"] = [addition | change | {"field": addition["field"] | change.get("field", {})}]
    with pytest.raises((ValueError, ValidationError), match=complaint):
        Continuation.model_validate(raw_later).of(dossier("breast", 1))

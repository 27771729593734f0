"""ICD-10 from ICD-O-3, and the lists themselves, held against what is published.

Held against: the leaf codes of WHO ICD-10, version 2019, chapter II (`PUBLISHED`), taken from the English edition of the
classification, and the topography codes of ICD-O-3 (`PLACES`), both as digits behind each category. No translation of
either is used.
"""

from bisect import bisect_right
from collections import Counter
from itertools import product

import pytest
from pydantic import ValidationError

from cases.coding import morphology, topography
from cases.coding.errors import NoICD10
from cases.coding.icd10 import Rules, icd10_codes, icd10_of, icd10_words, rules
from cases.coding.icdo3 import MorphologyList, all_morphologies, all_topographies, site_codes
from cases.coding.words import read_yaml

PLACES = """
C00:012345689 C01:9 C02:0123489 C03:019 C04:0189 C05:01289 C06:01289 C07:9 C08:0189 C09:0189 C10:0123489 C11:012389
C12:9 C13:01289 C14:028 C15:01234589 C16:012345689 C17:012389 C18:0123456789 C19:9 C20:9 C21:0128 C22:01 C23:9 C24:0189
C25:01234789 C26:089 C30:01 C31:012389 C32:012389 C33:9 C34:012389 C37:9 C38:012348 C39:089 C40:012389 C41:0123489
C42:01234 C44:0123456789 C47:012345689 C48:0128 C49:012345689 C50:012345689 C51:01289 C52:9 C53:0189 C54:012389 C55:9
C56:9 C57:01234789 C58:9 C60:01289 C61:9 C62:019 C63:012789 C64:9 C65:9 C66:9 C67:0123456789 C68:0189 C69:012345689
C70:019 C71:0123456789 C72:01234589 C73:9 C74:019 C75:01234589 C76:01234578 C77:01234589 C80:9
"""
PUBLISHED = """
C00:012345689 C01 C02:0123489 C03:019 C04:0189 C05:01289 C06:01289 C07 C08:0189 C09:0189 C10:0123489 C11:012389 C12
C13:01289 C14:028 C15:01234589 C16:012345689 C17:012389 C18:0123456789 C19 C20 C21:0128 C22:0123479 C23 C24:0189
C25:01234789 C26:0189 C30:01 C31:012389 C32:012389 C33 C34:012389 C37 C38:012348 C39:089 C40:012389 C41:0123489
C43:0123456789 C44:0123456789 C45:01279 C46:0123789 C47:012345689 C48:0128 C49:012345689 C50:012345689 C51:01289 C52
C53:0189 C54:012389 C55 C56 C57:01234789 C58 C60:01289 C61 C62:019 C63:012789 C64 C65 C66 C67:0123456789 C68:0189
C69:012345689 C70:019 C71:0123456789 C72:01234589 C73 C74:019 C75:01234589 C76:01234578 C77:01234589 C78:012345678
C79:0123456789 C80:09 C81:0123479 C82:012345679 C83:0135789 C84:01456789 C85:1279 C86:0123456 C88:023479 C90:0123
C91:013456789 C92:0123456789 C93:01379 C94:023467 C95:0179 C96:02456789 C97 D00:012 D01:01234579 D02:01234
D03:0123456789 D04:0123456789 D05:0179 D06:0179 D07:0123456 D09:012379 D10:012345679 D11:079 D12:0123456789
D13:012345679 D14:01234 D15:01279 D16:0123456789 D17:012345679 D18:01 D19:0179 D20:01 D21:01234569 D22:012345679
D23:012345679 D24 D25:0129 D26:0179 D27 D28:01279 D29:0123479 D30:0123479 D31:01234569 D32:019 D33:0123479 D34
D35:0123456789 D36:0179 D37:012345679 D38:0123456 D39:01279 D40:0179 D41:0123479 D42:019 D43:0123479 D44:0123456789
D45 D46:01245679 D47:01234579 D48:012345679
"""


def spelled_out(compact: str) -> list[str]:
    found = []
    for category, _, digits in (each.partition(":") for each in compact.split()):
        found += [f"{category}.{digit}" for digit in digits] or [category]
    return found


# --------------------------------------------------------------------------------------------------------------- lists


def test_the_topographies_are_those_of_icd_o() -> None:
    assert [code.code for code in all_topographies()] == spelled_out(PLACES)
    assert len(spelled_out(PLACES)) == 330


def test_the_lists_are_complete_in_four_languages() -> None:
    for codes in (all_topographies(), all_morphologies(), icd10_codes()):
        assert {tuple(sorted(code.words)) for code in codes} == {("de", "en", "fr", "nl")}
        for language in ("nl", "en", "fr", "de"):
            doubled = [words for words, count in Counter(code.words[language] for code in codes).items() if count > 1]
            assert doubled == []


def test_the_morphologies_hold_those_of_the_breast() -> None:
    general = {code.code: code for code in site_codes("general").morphology}
    assert {code.code for code in site_codes("breast").morphology} <= set(general)
    # What is called otherwise outside of the breast is called so in the breast's own list only.
    assert general["8480/3"].label("en") == "Mucinous adenocarcinoma"
    assert morphology.morphology_words("8480/3", "en") == "Mucinous carcinoma"
    assert morphology.morphology_words("8480/3", "en", "general") == "Mucinous adenocarcinoma"
    assert topography.topography_words("C50.4", "nl", "general") == "Borst, bovenste buitenkwadrant"
    assert topography.topography_words("C50.4", "nl") == "Bovenste buitenkwadrant"


def test_the_icd10_codes_are_codes_of_icd10() -> None:
    codes = [code.code for code in icd10_codes()]
    assert codes == sorted(codes)
    assert set(codes) - set(spelled_out(PUBLISHED)) == set()
    # Chapter II's malignant tumours of organs are all there.
    organs = {code for code in spelled_out(PUBLISHED) if code < "C43" or "C47" <= code < "C78"}
    assert organs - set(codes) == set()


@pytest.mark.parametrize(
    ("code", "dutch", "english"),
    [
        ("C34.1", "Kwaadaardige tumor: long, bovenkwab", "Malignant neoplasm: upper lobe of lung"),
        ("C61", "Kwaadaardige tumor: prostaat", "Malignant neoplasm: prostate"),
        (
            "C77.3",
            "Metastase: lymfeklieren van oksel of arm",
            "Secondary malignant neoplasm: lymph nodes of axilla or arm",
        ),
        ("D07.5", "Carcinoma in situ: prostaat", "Carcinoma in situ: prostate"),
        ("C90.0", "Multipel myeloom", "Multiple myeloma"),
        ("Z00.0", "Z00.0", "Z00.0"),
    ],
)
def test_words_of_icd10(code: str, dutch: str, english: str) -> None:
    assert (icd10_words(code, "nl"), icd10_words(code, "en")) == (dutch, english)


# ------------------------------------------------------------------------------------------------------------- derived


@pytest.mark.parametrize(
    ("topography_code", "morphology_code", "code"),
    [
        # malignant: the topography itself
        ("C50.4", "8500/3", "C50.4"),
        ("C34.1", "8140/3", "C34.1"),
        ("C18.7", "8480/3", "C18.7"),
        ("C19.9", "8140/3", "C19"),
        ("C20.9", "8140/3", "C20"),
        ("C61.9", "8140/3", "C61"),
        ("C64.9", "8310/3", "C64"),
        ("C73.9", "8260/3", "C73"),
        ("C44.3", "8090/3", "C44.3"),
        ("C16.2", "8936/3", "C16.2"),
        ("C80.9", "8010/3", "C80.9"),
        # malignant: what it is
        ("C44.5", "8720/3", "C43.5"),
        ("C51.9", "8720/3", "C51.9"),
        ("C38.4", "9050/3", "C45.0"),
        ("C48.2", "9052/3", "C45.1"),
        ("C22.0", "8170/3", "C22.0"),
        ("C22.0", "8160/3", "C22.1"),
        ("C42.1", "9732/3", "C90.0"),
        ("C77.0", "9680/3", "C83.3"),
        ("C16.9", "9680/3", "C83.3"),
        ("C42.1", "9861/3", "C92.0"),
        ("C42.1", "9823/3", "C91.1"),
        ("C77.9", "9823/3", "C83.0"),
        ("C42.2", "9120/3", "C26.1"),
        # in situ
        ("C50.4", "8500/2", "D05.1"),
        ("C50.9", "8520/2", "D05.0"),
        ("C50.9", "8010/2", "D05.9"),
        ("C53.9", "8077/2", "D06.9"),
        ("C67.9", "8120/2", "D09.0"),
        ("C44.3", "8742/2", "D03.3"),
        ("C44.7", "8081/2", "D04.7"),
        ("C34.1", "8250/2", "D02.2"),
        ("C61.9", "8148/2", "D07.5"),
        # uncertain, benign, metastasis
        ("C50.4", "9020/1", "D48.6"),
        ("C56.9", "8442/1", "D39.1"),
        ("C42.1", "9765/1", "D47.2"),
        ("C50.4", "9020/0", "D24"),
        ("C70.0", "9530/0", "D32.0"),
        ("C72.4", "9560/0", "D33.3"),
        ("C75.1", "8272/0", "D35.2"),
        ("C18.7", "8211/0", "D12.5"),
        ("C34.9", "8140/6", "C78.0"),
        ("C22.0", "8140/6", "C78.7"),
        ("C77.3", "8500/6", "C77.3"),
        ("C41.2", "8140/6", "C79.5"),
    ],
)
def test_the_code_of_a_tumour(topography_code: str, morphology_code: str, code: str) -> None:
    assert icd10_of(topography_code, morphology_code) == code


@pytest.mark.parametrize(
    ("topography_code", "morphology_code"),
    [
        ("C50.4", "8504/2"),  # encapsulated papillary: D05.1 or D05.7
        ("C50.4", "8522/2"),
        ("C77.3", "8500/3"),  # a carcinoma does not begin in a node
        ("C42.1", "8140/3"),
        ("C77.3", "9699/3"),  # nodal or MALT
        ("C22.0", "8140/3"),
        ("C80.9", "8720/3"),
        ("C44.5", "8890/3"),  # skin or soft tissue
        ("C44.5", "8832/1"),
        ("C44.5", "8720/0"),
        ("C54.2", "8890/0"),
        ("C34.1", "8140/0"),
        ("C76.1", "8140/6"),
        ("C71.9", "8140/2"),
    ],
)
def test_no_code_rather_than_a_wrong_one(topography_code: str, morphology_code: str) -> None:
    with pytest.raises(NoICD10) as caught:
        icd10_of(topography_code, morphology_code)
    assert caught.value.code == "uncertain"
    assert (
        caught.value.sentence == f"No ICD-10 code is certain for {topography_code} with {morphology_code}: choose one."
    )


@pytest.mark.parametrize(
    ("topography_code", "morphology_code", "sentence"),
    [
        ("C50", "8500/3", "“C50” is no ICD-O-3 topography."),
        ("C50.7", "8500/3", "“C50.7” is no ICD-O-3 topography."),
        ("C43.5", "8720/3", "“C43.5” is no ICD-O-3 topography."),
        ("C50.4\n", "8500/3", "“C50.4\n” is no ICD-O-3 topography."),
        ("C50.4", "8500", "“8500” is no ICD-O-3 morphology."),
        ("C50.4", "other", "“other” is no ICD-O-3 morphology."),
    ],
)
def test_what_is_no_code_of_icd_o(topography_code: str, morphology_code: str, sentence: str) -> None:
    with pytest.raises(NoICD10) as caught:
        icd10_of(topography_code, morphology_code)
    assert caught.value.sentence == sentence


def test_every_pair_gives_a_published_code_of_its_block_or_none() -> None:
    """All 1.3 million: histologies between two bounds of the rules are the same to every rule, so one of them speaks for those beside it."""
    published, known = set(spelled_out(PUBLISHED)), {code.code for code in icd10_codes()}
    blocks = {"0": ("D10", "D37"), "1": ("D37", "D49"), "2": ("D00", "D10"), "3": ("C00", "D00"), "6": ("C77", "C80")}
    histologies = sorted({code.code[:4] for code in all_morphologies()} | {"8000", "8010", "8140", "8800", "9530"})
    spans = [span for each in rules().rules.values() for rule in each for span in rule.morphologies]
    bounds = sorted({first for first, _ in spans} | {last + 1 for _, last in spans})
    alike = Counter(bisect_right(bounds, int(histology)) for histology in histologies)
    speaks = {bisect_right(bounds, int(histology)): int(histology) for histology in histologies}
    assert len(speaks) == len(alike) < len(histologies)
    seen: Counter[str] = Counter()
    for place, (kind, histology), behaviour in product(spelled_out(PLACES), speaks.items(), blocks):
        code = rules().find(place, histology, behaviour)
        if code is None:
            seen["none"] += alike[kind]
            continue
        first, last = blocks[behaviour]
        assert code in published
        assert code in known
        # Myeloproliferative and myelodysplastic diseases are malignant in ICD-O and stand among the uncertain in ICD-10.
        assert first <= code < last or code in ("D45", "D46.9", "D47.1", "D47.3", "D47.4")
        seen[behaviour] += alike[kind]
    assert sum(seen.values()) == len(spelled_out(PLACES)) * len(histologies) * len(blocks)
    assert all(seen[behaviour] > 1000 for behaviour in blocks)


def test_a_rule_for_what_does_not_exist_is_found() -> None:
    raw = read_yaml("cases.coding", "icd10_rules.yaml")
    Rules.model_validate(raw)
    for wrong in ({"topographies": ["C5"]}, {"code": "X1"}, {"morphologies": [["a", 1]]}, {"place": "C50"}):
        with pytest.raises(ValidationError):
            Rules.model_validate(raw | {"rules": {"3": [wrong]}})


def test_without_its_rules_a_melanoma_would_be_skin_cancer() -> None:
    """The negative control: what makes the difference is the rule."""
    bare = Rules.model_validate(read_yaml("cases.coding", "icd10_rules.yaml") | {"rules": {}})
    assert (bare.find("C44.5", 8720, "3"), rules().find("C44.5", 8720, "3")) == ("C44.5", "C43.5")


def test_a_morphology_that_is_no_code_is_found() -> None:
    raw = read_yaml("cases.coding", "icdo3_morphology.yaml")
    wrong = {"code": "7140/3", "words": "x"}
    with pytest.raises(ValidationError, match="String should match pattern"):
        MorphologyList.model_validate(raw | {"morphology": [*raw["morphology"], wrong]})

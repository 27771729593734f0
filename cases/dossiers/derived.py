"""What follows from a tumour's answers and is never stored: its stage groups and its ICD-10 code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cases.coding import tnm
from cases.coding.errors import InvalidTNM, NoICD10, NoStage
from cases.coding.icd10 import icd10_of, icd10_words
from cases.coding.stage import Stage, contradiction, stage_group
from cases.dossiers.definition import OTHER, Dossier
from cases.dossiers.display import definition_of


@dataclass(frozen=True, slots=True)
class DerivedStage:
    """The stage group of one TNM question, or why there is none.

    `axis` (t, n, m, edition) is what to look at then; `contradiction` is true when the categories cannot be right
    together and somebody should be told, false when no more is meant than that no stage follows.
    """

    field: str
    label: str
    stage: Stage | None
    sentence: str = ""
    axis: str = ""
    contradiction: bool = False


@dataclass(frozen=True, slots=True)
class DerivedCode:
    """The ICD-10 code of a tumour with its words, or the sentence that says why none is certain."""

    code: str
    words: str
    sentence: str = ""


def stages(dossier_code: str | Dossier, data: Mapping[str, Any], language: str | None) -> tuple[DerivedStage, ...]:
    """The stage of every TNM question that was answered, in the order of the form."""
    definition = definition_of(dossier_code, data)
    shown = definition.visible("tumour", data)
    found = []
    for field in definition.fields("tumour"):
        if field.kind == "tnm" and field.key in shown and data.get(field.key):
            label = field.label(language)
            try:
                classification = tnm.from_json(data[field.key], site=definition.tnm_site(data))
                found.append(DerivedStage(field.key, label, stage_group(classification)))
            except NoStage as none:
                wrong = none.code == "inconsistent"
                found.append(DerivedStage(field.key, label, None, none.sentence, none.field, wrong))
            except InvalidTNM as invalid:
                found.append(DerivedStage(field.key, label, None, invalid.sentence, contradiction=True))
    return tuple(found)


def contradicted(definition: Dossier, data: Mapping[str, Any], key: str) -> str:
    """Why the answer to a TNM question cannot be right, by the table of its edition; empty where it can, and for other questions."""
    field = next((one for one in definition.fields("tumour") if one.key == key and one.kind == "tnm"), None)
    if field is None or not data.get(key):
        return ""
    return contradiction(data[key], site=definition.tnm_site(data))


def icd10(dossier_code: str | Dossier, data: Mapping[str, Any], language: str | None) -> DerivedCode | None:
    """The ICD-10 code that follows from topography and morphology; None as long as one of them is not answered."""
    definition = definition_of(dossier_code, data)
    shown = definition.visible("tumour", data)
    answers = {
        key: data[key] for key in ("topography", "morphology", "morphology_other") if key in shown and data.get(key)
    }
    kind = answers.get("morphology")
    morphology = answers.get("morphology_other") if kind == OTHER else kind
    if not answers.get("topography") or not morphology:
        return None
    try:
        code = icd10_of(answers["topography"], morphology)
    except NoICD10 as none:
        return DerivedCode("", "", none.sentence)
    return DerivedCode(code, icd10_words(code, language))

"""TNM, tumour markers and performance status: the Observations, each for the tumour that it is about.

Which marker is which field says the dossier itself (``loinc``). Nothing is derived: a stage group is not taken over, since it follows
from TNM here, and a percentage does not say by itself whether a receptor is positive.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from cases.dossiers import Dossier
from cases.dossiers.definition import Field
from cases.exchange.fhir.findings import Findings
from cases.exchange.fhir.resources import CODES, SYSTEMS, Resource, Resources, codings
from cases.exchange.fhir.tumours import Answers

# How SNOMED CT spells its values of the AJCC's categories; anything else of SNOMED is asked for as a text.
_SPELLED = re.compile(
    r"\A(?:American Joint Committee on Cancer|AJCC) (y?[cp]?[TNM]\S{1,12})(?: \(qualifier value\))?\Z"
)
_CATEGORY = re.compile(r"\A(?P<prefix>y?[cp]|r[cp]?|a)?(?P<axis>[TNM])?(?P<value>[0-9Xi][\w()+]{0,12})\Z")
_EDITION = re.compile(r"(?<!\d)([6-9])(?!\d)")
_FINAL: Final = ("final", "amended", "corrected", "preliminary")


def read_observations(
    resources: Resources, patient: Resource, dossier: Dossier, tumours: Mapping[str, Answers], findings: Findings
) -> Answers:
    """Put the answers of each Observation where they belong; returns those of the case itself."""
    case = Answers()
    fields = {level: {each.loinc: each for each in dossier.fields(level) if each.loinc} for level in ("case", "tumour")}  # type: ignore[arg-type]
    for observation in resources.of("Observation"):
        body, path = observation.body, observation.path
        subject = resources.follow(body.get("subject"), f"{path}.subject", findings, ("Patient",))
        if subject is not None and subject is not patient:
            findings.refuse(f"{path}.subject", _("This is about another patient."))
            continue
        if body.get("status") not in _FINAL:
            findings.refuse(f"{path}.status", _("This was withdrawn by whoever wrote it."), "business-rule")
            continue
        codes = [(system, code) for system, code, _d, _p in codings(body.get("code"), path)]
        loinc = [code for system, code in codes if system == SYSTEMS["loinc"]]
        field = next((fields["case"][code] for code in loinc if code in fields["case"]), None)
        if field is not None:
            _answer(field, dossier, body, path, case, findings)
            continue
        tumour = _tumour(body, path, resources, tumours, findings)
        if tumour is None:
            continue
        basis = next(
            (CODES["tnm"][system][code] for system, code in codes if code in CODES["tnm"].get(system, ())), None
        )
        field = next((fields["tumour"][code] for code in loinc if code in fields["tumour"]), None)
        if basis is not None:
            _category(basis, dossier, body, path, tumour, findings)
        elif field is not None:
            _answer(field, dossier, body, path, tumour, findings)
        elif any(code in CODES["stage_groups"].get(system, ()) for system, code in codes):
            findings.say(path, _("The stage group follows from TNM here; this one is not taken over."))
        elif not any(system in (SYSTEMS["loinc"], SYSTEMS["snomed"]) for system, _c in codes):
            findings.refuse(f"{path}.code.coding.system", _("This code system is not known here."), "code-invalid")
        else:
            findings.say(f"{path}.code", _("The dossier of this board does not ask for this."))
    return case


def _tumour(
    body: Mapping[str, Any], path: str, resources: Resources, tumours: Mapping[str, Answers], findings: Findings
) -> Answers | None:
    """The tumour that an Observation is about (mCODE: ``focus``); a single one needs not be named."""
    focus = body.get("focus") or ()
    for number, reference in enumerate(focus):
        target = resources.follow(reference, f"{path}.focus[{number}]", findings, ("Condition",))
        return tumours.get(target.path) if target is not None else None
    if len(tumours) == 1:
        return next(iter(tumours.values()))
    findings.refuse(f"{path}.focus", _("Say by focus which of the tumours this is about."), "required")
    return None


# --- TNM ---------------------------------------------------------------------------------------------------------------


def _category(
    basis: str, dossier: Dossier, body: Mapping[str, Any], path: str, tumour: Answers, findings: Findings
) -> None:
    text = _category_text(body, path)
    found = _CATEGORY.match(text) if text else None
    if found is None or (found["axis"] or basis[1]) != basis[1]:
        findings.refuse(
            f"{path}.value",
            _("Give the category as a text or as a code of http://cancerstaging.org, such as cT2."),
            "code-invalid",
        )
        return
    edition = _edition(body.get("method"))
    if edition is None:
        findings.refuse(f"{path}.method", _("Say which edition of TNM this is, such as “UICC 8”."), "required")
        return
    prefix = found["prefix"] or basis[0]
    field = next((each for each in dossier.fields("tumour") if each.kind == "tnm" and prefix in each.prefixes), None)
    if field is None:
        findings.say(path, _("The dossier of this board does not ask for this."))
        return
    value = tumour.values.setdefault(field.key, {"edition": edition})
    tumour.places.setdefault(field.key, path)
    axis = basis[1].lower()
    if value["edition"] != edition:
        findings.refuse(
            f"{path}.method", _("The categories of one classification are of one edition."), "business-rule"
        )
    elif axis in value:
        findings.refuse(path, _("This is said twice in the Bundle."), "duplicate")
    else:
        value[axis] = f"{prefix}{basis[1]}{found['value']}"


def _category_text(body: Mapping[str, Any], path: str) -> str:
    concept = body.get("valueCodeableConcept") or {}
    coded = [code for system, code, _d, _p in codings(concept, path) if system == SYSTEMS["ajcc"]]
    spelled = [
        match[1]
        for system, _c, display, _p in codings(concept, path)
        if system == SYSTEMS["snomed"] and (match := _SPELLED.match(display))
    ]
    return str(next(iter([*coded, concept.get("text"), *spelled]), "") or next(iter(spelled), "") or "").strip()


def _edition(method: Any) -> str | None:
    for system, code, display, _p in codings(method, ""):
        if system == SYSTEMS["snomed"] and code in CODES["editions"]:
            return str(CODES["editions"][code])
        if match := _EDITION.search(display):
            return match[1]
    match = _EDITION.search(str((method or {}).get("text") or ""))
    return match[1] if match else None


# --- markers -----------------------------------------------------------------------------------------------------------


def _answer(
    field: Field, dossier: Dossier, body: Mapping[str, Any], path: str, answers: Answers, findings: Findings
) -> None:
    if field.key in answers.values:
        findings.refuse(path, _("This is said twice in the Bundle."), "duplicate")
    elif field.kind in ("integer", "decimal"):
        number = _quantity(body, path, field.unit, findings)
        if number is not None:
            answers.put(field.key, number, f"{path}.value")
    else:
        _choice(field, dossier, body, path, answers, findings)


def _choice(
    field: Field, dossier: Dossier, body: Mapping[str, Any], path: str, answers: Answers, findings: Findings
) -> None:
    percent = CODES["percent_of"].get(field.key)
    value = _word(field, body.get("valueCodeableConcept"), body)
    if value is None:
        for concept in body.get("interpretation") or ():
            value = value or _word(field, concept, {})
    if percent and (body.get("valueQuantity") or body.get("component")):
        number = _quantity(body, path, "%", findings)
        if number is not None:
            answers.put(percent, number, f"{path}.value")
        if value is None and not findings.errors:
            findings.refuse(
                f"{path}.interpretation",
                _("Say whether it is positive or negative: a percentage alone does not."),
                "required",
            )
    if value is not None:
        answers.put(field.key, value, f"{path}.value")
    elif not findings.errors:
        findings.refuse(f"{path}.value", _("This answer is not known here."), "code-invalid")


def _word(field: Field, concept: Any, body: Mapping[str, Any]) -> str | None:
    """The choice of the field that a coded or written answer means."""
    said: list[str] = []
    for _system, code, display, _p in codings(concept, ""):
        said += [next((word for word, codes in CODES["answers"].items() if code in codes), ""), code, display]
    said += [str((concept or {}).get("text") or ""), str(body.get("valueString") or "")]
    if body.get("valueInteger") is not None:
        said.append(str(body["valueInteger"]))
    renamed = CODES["said_as"].get(field.key, {})
    for text in said:
        plain = renamed.get(text.strip().casefold(), text.strip().casefold())
        for choice in field.choices:
            words = {choice.value.casefold(), *(each.casefold() for each in choice.words.values())}
            if plain and plain in words:
                return choice.value
    return None


def _quantity(body: Mapping[str, Any], path: str, unit: str, findings: Findings) -> str | None:
    quantity = body.get("valueQuantity")
    for number, component in enumerate(body.get("component") or ()):
        if quantity is None and component.get("valueQuantity"):
            quantity, path = component["valueQuantity"], f"{path}.component[{number}]"
    if quantity is None or quantity.get("value") is None:
        if body.get("valueInteger") is not None:
            return str(body["valueInteger"])
        findings.refuse(f"{path}.valueQuantity", _("Give a number here."), "required")
        return None
    told = quantity.get("code") or quantity.get("unit") or ""
    if quantity.get("comparator"):
        findings.refuse(
            f"{path}.valueQuantity.comparator", _("Give the number itself, without “less than” or “more than”.")
        )
        return None
    if unit and told != unit:
        findings.refuse(
            f"{path}.valueQuantity.unit", _("Give this number in %(unit)s.") % {"unit": unit}, "code-invalid"
        )
        return None
    return str(quantity["value"]).removesuffix(".0")

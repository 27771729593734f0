"""The tumours of a Bundle: one for each Condition."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from cases.dossiers import Dossier
from cases.exchange.fhir.findings import Findings
from cases.exchange.fhir.resources import CODES, SYSTEMS, Resource, Resources, codings, extension

MOST = 6
OTHER = "other"


@dataclass(slots=True)
class Answers:
    """Answers of one level of the dossier, and the place that each came from."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Any, place: str) -> None:
        self.values[key] = value
        self.places[key] = place


def read_tumours(resources: Resources, patient: Resource, dossier: Dossier, findings: Findings) -> dict[str, Answers]:
    """Answers by the place of their Condition (mCODE: primary cancer condition), in order. Without any there is one empty tumour."""
    found: dict[str, Answers] = {}
    for condition in resources.of("Condition"):
        body, path = condition.body, condition.path
        subject = resources.follow(body.get("subject"), f"{path}.subject", findings, ("Patient",))
        if subject is not None and subject is not patient:
            findings.refuse(f"{path}.subject", _("This is about another patient."))
        states = {code for _s, code, _d, _p in codings(body.get("verificationStatus"), "")}
        if states & {"refuted", "entered-in-error"}:
            findings.refuse(f"{path}.verificationStatus", _("This was withdrawn by whoever wrote it."), "business-rule")
        answers = Answers()
        _site(body, path, dossier, answers, findings)
        _morphology(body, path, dossier, answers, findings)
        _asserted(body, path, answers, dossier, findings)
        found[path] = answers
    if len(found) > MOST:
        findings.refuse(list(found)[MOST], _("A case has at most %(count)d tumours.") % {"count": MOST}, "too-long")
    return found or {"": Answers()}


def _site(body: Mapping[str, Any], path: str, dossier: Dossier, answers: Answers, findings: Findings) -> None:
    keys = {each.key: each for each in dossier.fields("tumour")}
    places: list[tuple[str, str, str]] = []
    for number, site in enumerate(body.get("bodySite") or ()):
        here = f"{path}.bodySite[{number}]"
        places += [(system, code, at) for system, code, _d, at in codings(site, here)]
        side = extension(site, CODES["extensions"]["laterality"])
        for system, code, _d, at in codings((side or {}).get("valueCodeableConcept"), f"{here}.extension"):
            word = CODES["laterality"].get(code) if system == SYSTEMS["snomed"] else None
            if word is None:
                findings.refuse(at, _("This code of the side is not known here."), "code-invalid")
            elif "laterality" in keys:
                answers.put("laterality", word, at)
        for system, code, _d, at in codings(site, here):  # SNOMED CT also writes the side as a site
            if system == SYSTEMS["snomed"] and code in CODES["laterality"]:
                answers.put("laterality", CODES["laterality"][code], at)
    places += [(system, code, at) for system, code, _d, at in codings(body.get("code"), f"{path}.code")]
    known = dossier.values(keys["topography"]) if "topography" in keys else ()
    for system, code, at in places:
        like = system in CODES["icd_10"] and code[:3] in CODES["icd_10_like_icd_o_3"]
        if system in CODES["icd_o_3"] or like:
            if "/" in code:
                continue  # a morphology
            if code not in known:
                findings.refuse(f"{at}.code", _("The dossier of this board knows no such site."), "code-invalid")
            elif "topography" not in answers.values:
                answers.put("topography", code, f"{at}.code")
        elif system not in (SYSTEMS["snomed"], *CODES["icd_10"]):
            findings.refuse(f"{at}.system", _("This code system is not known here."), "code-invalid")
    if "topography" not in answers.values:
        findings.say(path, _("The site is not taken over: write it as a code of ICD-O-3 in bodySite."))


def _morphology(body: Mapping[str, Any], path: str, dossier: Dossier, answers: Answers, findings: Findings) -> None:
    keys = {each.key: each for each in dossier.fields("tumour")}
    told = extension(body, CODES["extensions"]["histology"])
    candidates = list(codings((told or {}).get("valueCodeableConcept"), f"{path}.extension.valueCodeableConcept"))
    candidates += [each for each in codings(body.get("code"), f"{path}.code") if "/" in each[1]]
    for system, code, _d, at in candidates:
        if system not in CODES["icd_o_3"]:
            if system != SYSTEMS["snomed"]:
                findings.refuse(f"{at}.system", _("This code system is not known here."), "code-invalid")
            continue
        if "morphology" not in keys:
            findings.say(at, _("The dossier of this board does not ask for this."))
        elif code in dossier.values(keys["morphology"]):
            answers.put("morphology", code, f"{at}.code")
        else:
            answers.put("morphology", OTHER, f"{at}.code")
            answers.put("morphology_other", code, f"{at}.code")
        return
    if candidates:
        findings.say(path, _("The morphology is not taken over: write it as a code of ICD-O-3, such as 8500/3."))


def _asserted(body: Mapping[str, Any], path: str, answers: Answers, dossier: Dossier, findings: Findings) -> None:
    told = extension(body, CODES["extensions"]["asserted"])
    if told is None or "incidence_date" not in {each.key for each in dossier.fields("tumour")}:
        return
    text = str(told.get("valueDateTime") or "")[:10]
    try:
        date.fromisoformat(text)
    except ValueError:
        findings.say(path, _("The date of the diagnosis is not whole, so it is not taken over."))
        return
    answers.put("incidence_date", text, f"{path}.extension")

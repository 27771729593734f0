"""Who the Bundle is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from cases.coding import national_number
from cases.coding.errors import InvalidNationalNumber
from cases.exchange.fhir.findings import Findings
from cases.exchange.fhir.resources import CODES, SYSTEMS, Resource, codings
from mdo.kernel.digits import digits_of

LANGUAGES = ("nl", "fr", "de", "en")


@dataclass(frozen=True, slots=True)
class Identity:
    """The patient as sent, with the place of each part, for a refusal that comes later. Field names are those of ``PatientDetails``:
    the hospital's own number is ``record_number`` beside a national one, and ``other_identifier`` without."""

    family_name: str
    given_name: str
    birth_date: date
    sex: str
    national_number: str
    other_identifier: str
    language: str
    gp_name: str
    phone: str
    places: Mapping[str, str]
    record_number: str = ""


def read_patient(patient: Resource, own: frozenset[str], today: date, findings: Findings) -> Identity | None:
    """The identity in a Patient. Refuses numbers that another hospital gave, and numbers that contradict birth date or sex."""
    body, path = patient.body, patient.path
    places = {
        "family_name": f"{path}.name",
        "given_name": f"{path}.name",
        "birth_date": f"{path}.birthDate",
        "sex": f"{path}.gender",
        "phone": f"{path}.telecom",
        "gp_name": f"{path}.generalPractitioner",
    }
    if _foreign(body.get("managingOrganization"), own):
        findings.refuse(f"{path}.managingOrganization", _("This is a patient of another hospital."), "business-rule")
    family, given = _name(body, path, findings)
    birth = _birth_date(body, path, findings)
    sex = CODES["sex"].get(body.get("gender") or "")
    if sex is None:
        findings.refuse(f"{path}.gender", _("Give the sex: female, male, other or unknown."), "required")
    numbers = _identifiers(body, path, own, today, findings, places)
    if numbers is None:
        return None
    digits, other = numbers
    if digits and birth is not None and sex is not None:
        number = national_number.parse(digits, today=today)
        if conflict := national_number.birth_date_conflict(number, birth):
            findings.refuse(f"{path}.birthDate", str(conflict), "business-rule")
        if conflict := national_number.sex_conflict(number, sex):
            findings.refuse(f"{path}.gender", str(conflict), "business-rule")
    if body.get("deceasedBoolean") or body.get("deceasedDateTime"):
        findings.say(path, _("That the patient died is not taken over: enter it on the patient's page."))
    if not family or not given or birth is None or sex is None:
        return None
    places["record_number"] = places.get("other_identifier", f"{path}.identifier")
    return Identity(
        family_name=family,
        given_name=given,
        birth_date=birth,
        sex=sex,
        national_number=digits,
        other_identifier="" if digits else other,
        language=_language(body),
        gp_name=_gp_name(body),
        phone=_phone(body),
        places=places,
        record_number=other if digits else "",
    )


def _name(body: Mapping[str, Any], path: str, findings: Findings) -> tuple[str, str]:
    names = body.get("name") or ()
    name = next((each for each in names if each.get("use") == "official"), names[0] if names else {})
    family = " ".join(str(name.get("family") or "").split())
    given = " ".join(" ".join(str(each or "") for each in name.get("given") or ()).split())
    if not family or not given:
        findings.refuse(f"{path}.name", _("Give the family name and the given name."), "required")
    for part in (family, given):
        if len(part) > 300:
            findings.refuse(f"{path}.name", _("This text is too long."), "too-long")
    return family, given


def _birth_date(body: Mapping[str, Any], path: str, findings: Findings) -> date | None:
    text = body.get("birthDate")
    if text is None:
        findings.refuse(f"{path}.birthDate", _("Give the birth date."), "required")
        return None
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        findings.refuse(f"{path}.birthDate", _("Give the whole birth date: year, month and day."), "value")
        return None


def _identifiers(
    body: Mapping[str, Any], path: str, own: frozenset[str], today: date, findings: Findings, places: dict[str, str]
) -> tuple[str, str] | None:
    """National number and the hospital's own number; ``None`` when there is neither."""
    digits = other = ""
    before = len(findings.errors)
    unknown: list[str] = []
    for number, identifier in enumerate(body.get("identifier") or ()):
        here = f"{path}.identifier[{number}]"
        value = str(identifier.get("value") or "").strip()
        system = identifier.get("system") or ""
        types = {
            code for each, code, _d, _p in codings(identifier.get("type"), "") if each == SYSTEMS["identifier_type"]
        }
        if _foreign(identifier.get("assigner"), own):
            findings.refuse(f"{here}.assigner", _("Another hospital gave this number."), "business-rule")
        elif system == SYSTEMS["national_number"]:
            try:
                digits = national_number.parse(value, today=today).digits
            except InvalidNationalNumber as error:
                findings.refuse(f"{here}.value", error.sentence, "value")
            places["national_number"] = f"{here}.value"
        elif "MR" in types and value:
            if len(value) > 40:
                findings.refuse(f"{here}.value", _("This text is too long."), "too-long")
            other = value
            places["other_identifier"] = f"{here}.value"
        else:
            unknown.append(f"{here}.system" if system else here)
    if len(findings.errors) > before:
        return None
    if not digits and not other:
        for here in unknown or [f"{path}.identifier"]:
            findings.refuse(
                here,
                _(
                    "Give the national number (its system is that of eHealth, ending in “ssin”) or the hospital's own number (type MR)."
                ),
                "code-invalid" if unknown else "required",
            )
        return None
    for here in unknown:
        findings.say(here, _("This number is not taken over."))
    return digits, other


def _foreign(reference: Any, own: frozenset[str]) -> bool:
    """Whether a reference names, by its number, an organisation that is not this one."""
    identifier = (reference or {}).get("identifier") or {}
    if identifier.get("system") not in (SYSTEMS["hospital_licence"], SYSTEMS["enterprise"]):
        return False
    return (digits_of(str(identifier.get("value") or "")) or "").lstrip("0") not in own


def _language(body: Mapping[str, Any]) -> str:
    for each in body.get("communication") or ():
        for _system, code, _display, _path in codings(each.get("language"), ""):
            if code[:2].lower() in LANGUAGES:
                return code[:2].lower()
    return "nl"


def _gp_name(body: Mapping[str, Any]) -> str:
    names = [str(each.get("display") or "") for each in body.get("generalPractitioner") or ()]
    return " ".join(next((each for each in names if each), "").split())[:200]


def _phone(body: Mapping[str, Any]) -> str:
    numbers = [str(each.get("value") or "") for each in body.get("telecom") or () if each.get("system") == "phone"]
    return " ".join(next((each for each in numbers if each), "").split())[:30]

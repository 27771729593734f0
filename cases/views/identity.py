"""The identity banner: who a page is about."""

from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from cases.coding import national_number
from cases.models import Patient
from mdo.directory.access import today
from mdo.directory.models import Organisation


def age(birth_date: date, on: date | None = None) -> int:
    """Full years on a day (default: the legal day)."""
    on = on or today()
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


def identity(patient: Patient, hospital: Organisation, *, url: str = "") -> dict[str, Any]:
    """What ``components/identity.html`` shows of a patient."""
    number, label = patient.other_identifier, _("Identifier")
    if patient.national_number:
        number, label = national_number.formatted(patient.national_number), _("National number")
    return {
        "name": patient.display_name,
        "birth_date": patient.birth_date,
        "age": age(patient.birth_date, patient.deceased_on),
        "deceased_on": patient.deceased_on,
        "sex": patient.get_sex_display(),
        "number": number,
        "number_label": label,
        "record_number": patient.record_number if patient.record_number != number else "",
        "organisation": hospital,
        "url": url,
    }


def pseudonym(patient: Patient, hospital: Organisation) -> dict[str, Any]:
    """The same for an observer: sex and age only, nothing that names the patient."""
    name = _("%(sex)s, %(age)d years") % {"sex": patient.get_sex_display(), "age": age(patient.birth_date)}
    return {"name": name, "birth_date": None, "age": None, "sex": "", "number": "", "organisation": hospital}

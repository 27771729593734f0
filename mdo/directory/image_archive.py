"""The address under which a hospital's own image archive (PACS) opens a study: a template that the
organisation's administrator sets."""

import re
from typing import Final
from urllib.parse import quote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

ACCESSION, PATIENT = "{accession}", "{patient}"
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_is_url = URLValidator(schemes=["https"])


def validate_template(template: str) -> None:
    """Refuse anything but an https address with ``{accession}`` once or more, and perhaps ``{patient}``, behind its host. Raises
    ``ValidationError``."""
    if not template.startswith("https://"):
        raise ValidationError(_("The address begins with https://."))
    if not set(_PLACEHOLDER.findall(template)) <= {"accession", "patient"} or re.search(
        r"[{}]", _PLACEHOLDER.sub("", template)
    ):
        raise ValidationError(_("Only {accession} and {patient} may stand between braces."))
    if ACCESSION not in template:
        raise ValidationError(_("The address needs {accession} where the number of the study belongs."))
    plain = _PLACEHOLDER.sub("0", template)
    _is_url(plain)
    parts = urlsplit(template)
    if "{" in parts.netloc or "@" in parts.netloc:
        raise ValidationError(_("The name of the server stands in full, without a sign-in name."))


def study_address(template: str, accession: str, patient: str = "") -> str:
    """Where one study opens, or nothing where that cannot be said: no template, or one that asks for a patient's number of the
    hospital's own where there is none. ``patient`` is never a national number. Values are percent-encoded in full."""
    if not template or (PATIENT in template and not patient):
        return ""
    values = {"accession": quote(accession, safe=""), "patient": quote(patient, safe="")}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)

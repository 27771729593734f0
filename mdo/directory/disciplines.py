"""The disciplines that sit at a board's table, with their words. Codes are kept; words are for reading."""

from django.utils.translation import gettext_lazy as _

DISCIPLINES = {
    "surgery": _("Surgery"),
    "gynaecology": _("Gynaecology"),
    "plastic_surgery": _("Plastic surgery"),
    "medical_oncology": _("Medical oncology"),
    "radiation_oncology": _("Radiation oncology"),
    "radiology": _("Radiology"),
    "pathology": _("Pathology"),
    "nuclear_medicine": _("Nuclear medicine"),
    "genetics": _("Clinical genetics"),
    "internal_medicine": _("Internal medicine"),
    "pneumology": _("Pneumology"),
    "gastroenterology": _("Gastroenterology"),
    "urology": _("Urology"),
    "nephrology": _("Nephrology"),
    "geriatrics": _("Geriatrics"),
    "psychiatry": _("Psychiatry"),
    "general_practice": _("General practice"),
    "nursing": _("Oncology nursing"),
    "psychology": _("Psychology"),
    "social_work": _("Social work"),
    "data_management": _("Data management"),
    "secretariat": _("Secretariat"),
}

# Those that look at images or slides of each case before a sitting; what their worklist shows is data of the dossiers.
PREPARING = ("radiology", "pathology", "nuclear_medicine")


def words(code: str) -> str:
    """The words of a discipline in the language that is active; an unknown code (older data) is shown as it is."""
    return str(DISCIPLINES.get(code, code))


def all_words() -> dict[str, str]:
    return {code: str(label) for code, label in DISCIPLINES.items()}

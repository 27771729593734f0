"""What the pure parts raise: always with one sentence that says what is wrong and what to do."""

from typing import Any

from django.core.exceptions import ValidationError


class InvalidCode(ValidationError):
    """A number, code or file that was refused.

    It is a `ValidationError`, so a form field's `clean` may let it through as it is. `sentence` is for everybody else.
    """

    @property
    def sentence(self) -> str:
        return str(self.messages[0])


class InvalidNationalNumber(InvalidCode):
    """A text that is no national number (INSZ/NISS)."""


class InvalidLicenceNumber(InvalidCode):
    """A text that is no licence number (RIZIV/INAMI)."""


class InvalidEnterpriseNumber(InvalidCode):
    """A text that is no enterprise number (KBO/BCE)."""


class InvalidTNM(InvalidCode):
    """A text that is no TNM classification of the site and edition."""


class NoStage(InvalidCode):
    """A classification to which no stage group belongs. `field` is the one to look at: t, n, m or edition."""

    def __init__(self, message: Any, *, code: str, field: str, params: dict[str, Any] | None = None) -> None:
        super().__init__(message, code=code, params=params)
        self.field = field


class NoICD10(InvalidCode):
    """A tumour of which the ICD-10 code is not certain."""


class InvalidDocument(InvalidCode):
    """A file that is not accepted."""

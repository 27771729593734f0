"""What the pure parts raise: always with one sentence that says what is wrong and what to do."""

from typing import Any

from mdo.kernel.codes import InvalidCode


class InvalidNationalNumber(InvalidCode):
    """A text that is no national number (INSZ/NISS)."""


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

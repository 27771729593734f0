"""What the pure parts raise that read numbers and codes: always with one sentence that says what is wrong and what to do."""

from django.core.exceptions import ValidationError


class InvalidCode(ValidationError):
    """A number, code or file that was refused.

    It is a `ValidationError`, so a form field's `clean` may let it through as it is. `sentence` is for everybody else.
    """

    @property
    def sentence(self) -> str:
        return str(self.messages[0])

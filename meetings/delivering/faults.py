"""Why something did not go out: codes that are stored and logged, and what people read for them. Nothing of what the other side said."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class NotTaken(Exception):
    """It was not taken. ``code`` is one of ``WORDS``, or ``refused:…`` and ``http:…`` with the other side's number. ``down``: nobody there
    takes anything now, so the others for the same place need not be tried in the same breath."""

    def __init__(self, code: str, *, down: bool = False) -> None:
        super().__init__(code)
        self.code, self.down = code, down


class Missing(Exception):
    """Something that no further attempt brings: a recipient, a number, an address. ``code`` is one of ``MISSING``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


WORDS: Final[dict[str, str | Promise]] = {
    "unreachable": gettext_lazy("The other system cannot be reached."),
    "no_answer": gettext_lazy("The other system took the connection and did not answer in time."),
    "cut": gettext_lazy("The connection was cut before the other system answered."),
    "garbled": gettext_lazy("The other system answered something that is no acknowledgement of this."),
    "certificate": gettext_lazy("The other system's certificate is not trusted."),
    "proxy": gettext_lazy("The hospital's proxy does not open the way to the other system."),
    "not_allowed": gettext_lazy("The site's administrator does not allow this address."),
    "folder": gettext_lazy("The folder cannot be written to."),
}
MISSING: Final[dict[str, str | Promise]] = {
    "no_gp": gettext_lazy("The patient has no GP. Fill in the GP in the case, then try again."),
    "only_a_name": gettext_lazy(
        "The GP is known by name only. Choose the GP from the list in the case, then try again; who is not in the list is added by the "
        "site's administrator."
    ),
    "no_licence": gettext_lazy(
        "The recipient's licence number (RIZIV) is missing. Fill in a GP's in the case; somebody else's the hospital's administrator adds. Then try again."
    ),
    "no_national_number": gettext_lazy(
        "The patient's national number (INSZ) is missing. Fill it in in the case, then try again, or send the report in another way."
    ),
    "no_address": gettext_lazy(
        "The recipient's postal address is missing. Fill in a GP's in the case; somebody else's the hospital's administrator adds. Then try again."
    ),
    "route_off": gettext_lazy(
        "This route is switched off. Switch it on, then try again, or send the report in another way."
    ),
    "no_file": gettext_lazy("The report's file cannot be read. Ask the site's administrator."),
}


def words(code: str) -> str:
    """What a person reads for a stored code: of a document, or the name of a mail's fault."""
    known = WORDS.get(code) or MISSING.get(code)
    if known is not None:
        return str(known)
    if code.startswith("refused:"):
        return _("The other system refused it (%(code)s).") % {"code": code.removeprefix("refused:")}
    if code.startswith("http:"):
        return _("The other system answered with the status %(code)s.") % {"code": code.removeprefix("http:")}
    return _("It could not be sent (%(code)s).") % {"code": code} if code else ""

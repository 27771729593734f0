"""Files that somebody hands in, shown to the hospital's virus scanner (ClamAV's `clamd`) before they are kept, where there is one."""

from __future__ import annotations

import io

from clamav_client.clamd import ClamdError, ClamdNetworkSocket, ClamdUnixSocket
from django.conf import settings
from django.utils.translation import gettext as _

from mdo.kernel.errors import Invalid, Unavailable

ANSWERS_WITHIN_S = 20
"""Of connecting, and of each silence while it looks; longer than ClamAV takes for the largest file that is taken."""


def refuse_infected(content: bytes, field: str = "file") -> None:
    """Return when the scanner finds nothing, or when there is none (MDO_CLAMAV is empty).

    Raises ``Invalid`` (``field``) with the name of what was found, and ``Unavailable`` when the scanner does not answer: what nobody looked
    at is not kept.
    """
    place: str | tuple[str, int] | None = settings.MDO_CLAMAV
    if place is None:
        return
    scanner = (
        ClamdUnixSocket(place, ANSWERS_WITHIN_S)
        if isinstance(place, str)
        else ClamdNetworkSocket(*place, timeout=ANSWERS_WITHIN_S)
    )
    try:
        state, what = scanner.instream(io.BytesIO(content))["stream"]
    except (ClamdError, OSError, KeyError, ValueError) as error:
        raise Unavailable(
            _("The virus scanner does not answer. Nothing was kept: try again later."), field=field
        ) from error
    if state == "FOUND":
        raise Invalid({field: [_("A virus was found in this file (%(name)s). It was not kept.") % {"name": what}]})
    if state != "OK":
        raise Unavailable(_("The virus scanner does not answer. Nothing was kept: try again later."), field=field)

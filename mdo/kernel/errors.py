"""The ways in which a request can be refused. Edges (HTTP, WebSocket, tasks) translate them; nobody catches them in between.

=============  =====  ==================  ==============================================================
error          HTTP   room                means
=============  =====  ==================  ==============================================================
NotFound       404    close 4403 /        does not exist, or the actor may not know that it does
                      refused not_found
Denied         403    refused forbidden   exists, the actor may see it, but not do this
Unproved       401    refused unproved    permitted, once the actor shows again that it is them
Invalid        422    refused invalid     a field has a value that cannot be taken
RuleBroken     422    refused rule        well-formed and permitted, but not in this state
Stale          409    refused stale       built on a version that is no longer the current one
IdReused       409    refused id_reused   a command id that was used before with another content
Unavailable    503    refused             it could not be stored or audited, so it did not happen
                      unavailable
=============  =====  ==================  ==============================================================
"""

from collections.abc import Mapping, Sequence


class Refused(Exception):
    """Base of every expected refusal. ``message`` is a sentence for the person; ``field`` names the input, if one is to blame."""

    code = "refused"
    status = 400

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.field = field


class NotFound(Refused):
    code = "not_found"
    status = 404


class Denied(Refused):
    code = "forbidden"
    status = 403


class Unproved(Refused):
    code = "unproved"
    status = 401


class RuleBroken(Refused):
    code = "rule"
    status = 422


class Invalid(Refused):
    """``errors`` maps a field to its sentences; ``field`` and ``message`` are the first of them."""

    code = "invalid"
    status = 422

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        self.errors = {field: [str(sentence) for sentence in sentences] for field, sentences in errors.items()}
        field = next(iter(self.errors))
        super().__init__(self.errors[field][0], field=field)


class Stale(Refused):
    """``current`` is the version that is in force now."""

    code = "stale"
    status = 409

    def __init__(self, message: str, *, current: int, field: str | None = "version") -> None:
        super().__init__(message, field=field)
        self.current = current


class IdReused(Refused):
    code = "id_reused"
    status = 409


class Unavailable(Refused):
    code = "unavailable"
    status = 503

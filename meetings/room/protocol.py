"""The wire of the room: subprotocol ``mdo.room.v1``, JSON text frames of at most 64 KiB.

What a client may send is a model here; everything else is refused with words. Decoding happens once, at the edge, by a parser
that refuses what Python's would let through: lone surrogates, NUL, endless nesting.
"""

import binascii
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from mdo.kernel.errors import Invalid, Refused

T = TypeVar("T")
SUBPROTOCOL: Final = "mdo.room.v1"
MAX_BYTES: Final = 64 * 1024


class Close:
    """Close codes of the room (TRUST §1), sent after ``accept()``: before it they would be lost."""

    SESSION_ENDED = 4401
    NO_ACCESS = 4403
    REPLACED = 4409
    TOO_FAST = 4429
    TOO_LARGE = 1009
    MALFORMED = 1008
    RESTART = 1012
    BEHIND = 1013  # the reader does not keep up: come back and catch up
    PROTOCOL = 1002


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


Text = Annotated[str, AfterValidator(_without_nul)]


def _from_base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("is no base64 text")
    try:
        return binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("is no base64 text") from error


Base64 = Annotated[bytes, BeforeValidator(_from_base64)]


class Message(BaseModel):
    """Base of everything that a client sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Envelope(Message):
    """A command: ``{"id": uuid, "do": "agenda.open_item", "args": {…}}``. The id is the client's; a repetition is answered again."""

    id: UUID
    do: Annotated[Text, Field(max_length=60)]
    args: dict[str, Any] = Field(default_factory=dict)


class Ping(Message):
    """``{"do": "ping", "seen": N}``: the last sequence that the client has drawn."""

    do: Literal["ping"]
    seen: int = Field(ge=0, lt=2**53)


class Resume(Message):
    """``{"do": "resume", "since": N}``: send again what came after N."""

    do: Literal["resume"]
    since: int = Field(ge=0, lt=2**53)


TextField = Literal["discussion", "recommendation"]


class TextJoin(Message):
    """``{"do": "text.join", "item", "field", "sv"}``: follow a typed text. ``sv`` is the Yjs state vector of what the client has
    (base64). Answer: ``text.state`` with what it lacks, or ``text.refused``; from then on ``text.update`` for each update."""

    do: Literal["text.join"]
    item: UUID
    field: TextField
    sv: Annotated[Base64, Field(max_length=16 * 1024)]


class TextLeave(Message):
    """``{"do": "text.leave", "item", "field"}``: follow it no more."""

    do: Literal["text.leave"]
    item: UUID
    field: TextField


class TextUpdate(Message):
    """``{"do": "text.update", "id", "item", "field", "data"}``: what was typed, as a Yjs update (version 1, base64). Answered by
    ``text.saved`` once it is stored, or by ``text.refused``; sending it again does no harm."""

    do: Literal["text.update"]
    id: UUID
    item: UUID
    field: TextField
    data: Annotated[Base64, Field(max_length=48 * 1024)]


class TextCaret(Message):
    """``{"do": "text.caret", "item", "field", "data"}``: where one's caret stands (y-protocols awareness update, base64). Told to the
    others who follow the text, never stored; too many are left out."""

    do: Literal["text.caret"]
    item: UUID
    field: TextField
    data: Annotated[Base64, Field(max_length=2 * 1024)]


TextMessage = TextJoin | TextLeave | TextUpdate | TextCaret


class CallState(Message):
    """What somebody sends and shows in the call: microphone, camera and screen are on, the hand is up, sound only is asked for."""

    mic: bool
    camera: bool
    screen: bool
    hand: bool
    low: bool


class CallJoin(Message):
    """``{"do": "call.join", "id", "state", "peer"}``: take part in picture and sound. ``peer`` is what one was called before a cut,
    or null. Answered by ``call.ticket`` or ``call.refused``."""

    do: Literal["call.join"]
    id: UUID
    state: CallState
    peer: UUID | None = None


class CallTicket(Message):
    """``{"do": "call.ticket", "id"}``: a fresh ticket for the call that one is in: before the old one ends, or since the call moved."""

    do: Literal["call.ticket"]
    id: UUID


class CallShow(Message):
    """``{"do": "call.state", "state"}``: what one sends and shows now."""

    do: Literal["call.state"]
    state: CallState


class CallLeave(Message):
    """``{"do": "call.leave"}``: take part in picture and sound no more."""

    do: Literal["call.leave"]


class CallSignal(Message):
    """``{"do": "call.signal", "to", "data"}``: what one browser has to say to another so that a line between the two begins. Passed
    on to that peer alone, never stored; not answered."""

    do: Literal["call.signal"]
    to: UUID
    data: dict[str, Any]


CallMessage = CallJoin | CallTicket | CallShow | CallLeave | CallSignal


class Signal(Message):
    """``{"do": "signal", "kind": "view", "data": {…}}``: what somebody looks at, or points to. Passed on, never stored or answered."""

    do: Literal["signal"]
    kind: Literal["view", "point"]
    data: dict[str, Any]


ClientMessage = Ping | Resume | TextMessage | CallMessage | Signal | Envelope

_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


class Malformed(Refused):
    """Bytes that are no message of the protocol. Three of them close the connection."""

    code = "invalid"


def decode(text: str | None) -> ClientMessage:
    """One frame as a message; ``None`` for one of bytes. Raises ``Malformed``, whatever stands in it."""
    return decoded(text, _MESSAGE.validate_json)


def decoded(text: str | None, read: Callable[[bytes], T]) -> T:
    """The same by a model's own way to ``read`` a frame."""
    if text is None:
        raise Malformed("Only text frames are understood.")
    try:
        return read(text.encode("utf-8"))
    except (ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise Malformed(str(_("This message was not understood."))) from error


def arguments(model: type[BaseModel], args: dict[str, Any]) -> BaseModel:
    """The arguments of a command as its model. Raises ``Invalid`` with the field and a sentence."""
    try:
        return model.model_validate(args, strict=False)
    except ValidationError as error:
        sentences: dict[str, list[str]] = {}
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            field = ".".join(str(part) for part in each["loc"]) or "args"
            sentences.setdefault(field, []).append(f"{field}: {each['msg']}")
        raise Invalid(sentences) from error


def refused(command_id: UUID | None, refusal: Refused) -> dict[str, Any]:
    """The frame that says no, in words."""
    return {
        "t": "refused",
        "id": str(command_id) if command_id else None,
        "code": refusal.code,
        "message": refusal.message or str(DEFAULT_SENTENCES.get(refusal.code, "")),
        "field": refusal.field,
        "current": getattr(refusal, "current", None),
    }


DEFAULT_SENTENCES: Final = {
    "forbidden": _("You may not do this here."),
    "not_found": _("This is not here, or not any more."),
    "unavailable": _("This could not be stored now. Try again in a moment."),
    "invalid": _("This message was not understood."),
    "too_fast": _("This was too much at once. It is tried again in a moment."),
}

"""Files that are made from the code: documents of events, of the room's wire and of rights, and the wire's TypeScript types.

A test holds them against the code (`tests/test_architecture.py`), so that nothing has to be kept the same by hand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from annotated_types import Ge, Le, Lt, MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mdo.environment import BASE_DIR

MADE = "Made from the code by `mdo generate`; do not edit."


def declare_everything() -> None:
    """Import every module that declares events, actions or commands. Django must be set up."""
    for name in (
        "mdo.urls",
        "meetings.tasks",
        "meetings.room.consumer",
        "cases.receiving",
        "mdo.directory.events",
        "mdo.directory.actions.begin",
    ):
        import_module(name)


def _sentence(thing: object) -> str:
    """The first paragraph of a docstring, on one line, in Markdown."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split()).replace("``", "`")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def _page(title: str, *lines: str) -> str:
    return "\n".join((f"# {title}", "", MADE, "", *lines)) + "\n"


# --- events ----------------------------------------------------------------------------------------------------------------------


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def events() -> str:
    """`docs/events.md`."""
    from mdo.kernel.events import EVENTS

    rows = [
        (
            f"`{name}`",
            _sentence(event),
            ", ".join(f"`{field}` {_type_name(info.annotation)}" for field, info in event.model_fields.items()),
        )
        for name, event in sorted(EVENTS.items())
    ]
    return _page(
        "Events",
        "What happened, in the past tense. Events hold ids, states, numbers and versions, never care content. Each is written into",
        "the audit row of the action that made it, and into the journal of every meeting that it touches.",
        "",
        *_table(("event", "what happened", "fields"), rows),
    )


# --- rights ----------------------------------------------------------------------------------------------------------------------


def unasked() -> list[str]:
    """The rights of the matrix that neither an action nor `access.py` asks for: promised by the table, and offered nowhere yet."""
    from mdo.directory.matrix import MATRIX
    from mdo.kernel.action import ACTIONS

    places = [
        *(BASE_DIR / "mdo" / "directory").glob("*.py"),
        BASE_DIR / "cases" / "access.py",
        BASE_DIR / "meetings" / "access.py",
    ]
    asked = "".join(each.read_text(encoding="utf-8") for each in places if each.name != "matrix.py")
    rows = {each.row for each in ACTIONS.values()}
    return [row for row in MATRIX if row not in rows and f'"{row}"' not in asked]


def matrix() -> str:
    """`docs/matrix.md`."""
    from mdo.directory.matrix import MATRIX, NO, YES, Seat
    from mdo.kernel.action import ACTIONS

    seats = ", ".join(f"{seat} {seat.name.lower().replace('_', ' ')}" for seat in Seat)
    shown = {YES: "✓", NO: "–"}
    rows = [(f"`{row}`", *(shown.get(cells[seat], cells[seat]) for seat in Seat)) for row, cells in MATRIX.items()]
    actions = [
        (f"`{name}`", f"`{each.row}`", _sentence(each).split(". ")[0].rstrip("."))
        for name, each in sorted(ACTIONS.items())
    ]
    return _page(
        "Who may do what",
        f"Columns: {seats}. A word in a cell is the fact under which the right holds: `own` the own hospital's or the own patient,",
        "`agr` an agreement in force covers it, `slot` while the guest's own item is open, `set` and `delegated` a setting of the",
        "board, `cases.…` a scope of a program's token. The rows are asked by `access.py` of each room of the house, and nowhere else.",
        "",
        *_table(("right", *Seat), rows),
        "",
        f"No part of the program asks for these rows yet: {', '.join(f'`{row}`' for row in unasked()) or 'none'}.",
        "",
        "## Actions and the right that each one asks for",
        "",
        *_table(("action", "right", "what it does"), actions),
    )


# --- the wire --------------------------------------------------------------------------------------------------------------------


def _parts(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """A type without its `Annotated`, and everything that was said about it."""
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        for each in more:
            metadata = metadata + (each.metadata if isinstance(each, FieldInfo) else [each])
    return annotation, metadata


def _wire_type(annotation: Any, metadata: list[Any]) -> str:
    """A field's type in words."""
    annotation, metadata = _parts(annotation, metadata)
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_wire_type(each, metadata) for each in get_args(annotation))
    if get_origin(annotation) is list:
        (inner,) = get_args(annotation)
        most = next((each.max_length for each in metadata if isinstance(each, MaxLen)), None)
        return f"list of {_wire_type(inner, [])}" + (f", at most {most}" if most else "")
    if annotation is type(None):
        return "null"
    if get_origin(annotation) is Literal:
        return " or ".join(f'"{each}"' for each in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inside = ", ".join(
            f"{name}: {_wire_type(f.annotation, f.metadata)}" for name, f in annotation.model_fields.items()
        )
        return f"{{{inside}}}"
    words = {
        UUID: "uuid",
        int: "integer",
        float: "number",
        str: "text",
        bytes: "base64",
        bool: "boolean",
        dict: "object",
    }
    found = words.get(annotation) or words.get(get_origin(annotation)) or str(annotation)
    for each in metadata:
        if isinstance(each, MaxLen):
            found += f" ≤ {each.max_length}"
        elif isinstance(each, Ge):
            found += f" ≥ {each.ge}"
        elif isinstance(each, Le):
            found += f" ≤ {each.le}"
        elif isinstance(each, Lt):
            found += f" < {each.lt}"
    return found


def _arguments(model: type[BaseModel]) -> str:
    found = []
    for name, field in model.model_fields.items():
        optional = "" if field.is_required() else "?"
        found.append(f"`{name}{optional}` {_wire_type(field.annotation, field.metadata)}")
    return "; ".join(found) or "none"


CLOSE_MEANINGS = {
    "SESSION_ENDED": "the session ended; sign in again",
    "NO_ACCESS": "there is no such room for you, or no longer",
    "REPLACED": "a newer connection took the place of this one",
    "TOO_FAST": "too many messages",
    "TOO_LARGE": "a message above 64 KiB",
    "MALFORMED": "the third message that was none",
    "RESTART": "the server restarts; come back at once",
    "BEHIND": "the reader does not keep up; come back and catch up",
    "PROTOCOL": "the subprotocol was not offered",
}

FRAMES = [
    ("snapshot", "`seq`, `now`, `you`, `room`", "the whole room as this person may see it"),
    ("event", "`seq`, `at`, `by`, `name`, `data`", "one event; `data` holds what changed, to be replaced by id"),
    ("ack", "`id`, `seq`", "the command is done and stored; its events carry sequences up to `seq`"),
    (
        "refused",
        "`id`, `code`, `message`, `field`, `current`",
        "it was not done, in words; `current` is the version in force",
    ),
    ("head", "`seq`, `now`", "the last sequence of this room: answer to `ping`, and every 10 s"),
    (
        "text.state",
        "`item`, `field`, `n`, `frozen`, `editable`, `data`, `sv`",
        "a typed text as it stands: what the asker lacks (Yjs, base64), the number of its last update, the server's state vector",
    ),
    ("text.update", "`item`, `field`, `n`, `data`, `by`", "somebody typed; it is stored"),
    ("text.saved", "`id`, `item`, `field`, `n`", "what this client typed is stored"),
    ("text.refused", "`id`, `item`, `field`, `code`, `message`", "it was not stored; the client keeps it and says so"),
    (
        "text.frozen",
        "`item`, `field`, `frozen`, `n`",
        "the text is read back or recorded and cannot be typed on, or can again",
    ),
    ("text.caret", "`item`, `field`, `by`, `name`, `data`", "where somebody's caret stands; never stored"),
    (
        "call.ticket",
        "`id`, `way`, `peer`, `epoch`, `speak`, `expires_at`, `ice`, `relay_only`; from a media server `urls`, `token`, `key`",
        "what the asker needs to take part in picture and sound, for ten minutes; `peer` is what they are called there",
    ),
    ("call.refused", "`id`, `code`, `message`", "there is no picture and sound for the asker now, in words"),
    ("call.ended", "`reason`", "out of the call: `slot`, `access`, or `moved`: to be asked for anew"),
    ("call.gone", "`peers`", "these were shown out of the call: nothing of them is shown or played any more"),
    ("call.signal", "`from`, `data`", "what another peer's browser says to this one; never stored"),
    (
        "signal",
        "`kind`, `by`, `name`, `data`",
        "what the presenter looks at (`view`), or where somebody points; never stored",
    ),
]


def _close_codes() -> dict[str, int]:
    from meetings.room.protocol import Close

    return {name: value for name, value in vars(Close).items() if name.isupper()}


def _refusals() -> list[tuple[str, str]]:
    """Every code of a refusal, and the error behind it."""
    from mdo.kernel import errors

    return sorted(
        {
            (each.code, name)
            for name, each in vars(errors).items()
            if inspect.isclass(each) and issubclass(each, errors.Refused) and each is not errors.Refused
        }
    )


def _name_of(message: type[BaseModel]) -> str:
    """What a message is called on the wire; a command has any name of the table of commands."""
    kind = message.model_fields["do"].annotation
    return str(get_args(kind)[0]) if get_origin(kind) is Literal else "the name of a command"


def room_protocol() -> str:
    """`docs/room-protocol.md`."""
    from meetings.room.calls import DATA
    from meetings.room.commands import COMMANDS
    from meetings.room.protocol import MAX_BYTES, SUBPROTOCOL, ClientMessage
    from meetings.room.signals import MODELS

    commands = [
        (f"`{name}`", _arguments(each.model), f"`{each.action.row}`", _sentence(each.model))
        for name, each in sorted(COMMANDS.items())
    ]
    messages = [(f"`{_name_of(each)}`", _arguments(each), _sentence(each)) for each in get_args(ClientMessage)]
    signals = [(f"`{kind}`", _arguments(model), _sentence(model)) for kind, model in MODELS.items()]
    between = [
        (f"`{get_args(each.model_fields['kind'].annotation)[0]}`", _arguments(each), _sentence(each)) for each in DATA
    ]
    return _page(
        "The wire of the room",
        f"`/ws/meetings/<id>/?since=N`, subprotocol `{SUBPROTOCOL}`, JSON text frames of at most {MAX_BYTES // 1024} KiB. With",
        "`since` of a sequence that is known, what came after it is sent; else a snapshot. A guest gets snapshots of their own small",
        "view only, with sequence 0, at each change. Applying an event is replacing by id: snapshot and events together are the fresh",
        "snapshot.",
        "",
        "## From the server",
        "",
        *_table(("`t`", "holds", "meaning"), [(f"`{frame}`", holds, meaning) for frame, holds, meaning in FRAMES]),
        "",
        "## From the client",
        "",
        *_table(("`do`", "fields", "meaning"), messages),
        "",
        "## Signals",
        "",
        *_table(("`kind`", "`data`", "meaning"), signals),
        "",
        "## From browser to browser",
        "",
        "The `data` of `call.signal`. Between a guest and anybody else only relayed addresses pass.",
        "",
        *_table(("`kind`", "fields", "meaning"), between),
        "",
        "## Commands",
        "",
        "The right is a row of [the matrix](matrix.md), checked anew for each command. The same id with the same body is answered",
        "again and not done again.",
        "",
        *_table(("`do`", "`args` (`?`: may be left out)", "right", "what it does"), commands),
        "",
        "## Refusals",
        "",
        *_table(("`code`", "error"), [(f"`{code}`", f"`{name}`") for code, name in _refusals()]),
        "",
        "## Close codes",
        "",
        "Sent after the connection was accepted. 1006 has no words: come back, with pauses that grow.",
        "",
        *_table(
            ("code", "meaning"),
            [
                (str(code), CLOSE_MEANINGS[name])
                for name, code in sorted(_close_codes().items(), key=lambda each: each[1])
            ],
        ),
    )


def _ts_type(annotation: Any) -> str:
    annotation, _ = _parts(annotation, [])
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(_ts_type(each) for each in get_args(annotation))
    if get_origin(annotation) is list:
        return f"{_ts_type(get_args(annotation)[0])}[]"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    return {UUID: "Id", int: "number", str: "string", bool: "boolean", type(None): "null"}[annotation]


def _ts_fields(model: type[BaseModel], indent: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{indent}{name}: {_ts_type(field.annotation)};"


def _nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in model.model_fields.values():
        annotation, _ = _parts(field.annotation, [])
        for each in (annotation, *get_args(annotation)):
            plain, _ = _parts(each, [])
            if isinstance(plain, type) and issubclass(plain, BaseModel):
                yield plain
                yield from _nested(plain)


def commands_ts() -> str:
    """`frontend/src/room/commands.generated.ts`. Clients send every argument, so that a default has one place."""
    from meetings.access import ROOM_RIGHTS
    from meetings.room.commands import COMMANDS
    from meetings.room.protocol import SUBPROTOCOL

    lines = [f"/* {MADE} */", "", f"export const SUBPROTOCOL = '{SUBPROTOCOL}';", "", "export type Id = string;"]
    nested = {each.__name__: each for command in COMMANDS.values() for each in _nested(command.model)}
    for name, model in sorted(nested.items()):
        lines += ["", f"/** {_sentence(model)} */", f"export interface {name} {{", *_ts_fields(model, "  "), "}"]
    lines += ["", "/** What a client may ask for, and with which arguments. */", "export interface Commands {"]
    for name, command in sorted(COMMANDS.items()):
        fields = list(_ts_fields(command.model, "    "))
        body = ["{", *fields, "  };"] if fields else ["Record<string, never>;"]
        lines += [f"  /** {_sentence(command.model)} */", f"  '{name}': {body[0]}", *body[1:]]
    codes = [f"  | '{code}'" for code in sorted({*(code for code, _ in _refusals()), "too_fast"})]
    rights = [f"  | '{right}'" for right in sorted(ROOM_RIGHTS)]
    lines += ["}", "", "export type RefusalCode =", *codes]
    lines[-1] += ";"
    lines += ["", "/** What the room offers to those who have the right to it. */", "export type Right =", *rights]
    lines[-1] += ";"
    lines += ["", "/** Why the server ended a connection. */", "export const CLOSE = {"]
    lines += [f"  {name}: {code}," for name, code in _close_codes().items()]
    return "\n".join([*lines, "} as const;"]) + "\n"


def settings() -> str:
    """`docs/administrators/settings.md`."""
    from mdo.cli.settings_page import lines

    return _page("Settings", *lines())


def data_held() -> str:
    """`docs/data-held.md`."""
    from mdo.cli.register_page import lines

    return _page("What is held, of whom", *lines())


def commands() -> str:
    """`docs/commands.md`."""
    from mdo.cli.commands_page import lines

    return _page("Commands", *lines())


def index() -> str:
    """`docs/index.md`."""
    from mdo.cli.index_page import lines

    return _page("Documents", *lines())


FILES: dict[str, Callable[[], str]] = {
    "docs/commands.md": commands,
    "docs/data-held.md": data_held,
    "docs/administrators/settings.md": settings,
    "docs/events.md": events,
    "docs/matrix.md": matrix,
    "docs/room-protocol.md": room_protocol,
    "frontend/src/room/commands.generated.ts": commands_ts,
    "docs/index.md": index,  # last: it reads the titles of the others
}


def write() -> int:
    """Write every file that differs; the exit code. Django must be set up."""
    declare_everything()
    for name, make in FILES.items():
        path, text = BASE_DIR / name, make()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 0

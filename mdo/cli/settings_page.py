"""`docs/administrators/settings.md`: every variable by its group, out of `mdo.environment`."""

from __future__ import annotations

from pydantic.fields import FieldInfo

from mdo.environment import GROUPS
from mdo.environment.kinds import Group

EVERY = "all"
HEAD = ("variable", "default", "meaning", "read by", "example")


def own_fields(group: type[Group]) -> list[FieldInfo]:
    """The fields of one group, in the order of its source."""
    return list(group.model_fields.values())


def read_by(field: FieldInfo) -> str:
    """Which commands need it: `web, worker`, or `all`."""
    extra = field.json_schema_extra
    return str(extra["read_by"]) if isinstance(extra, dict) and "read_by" in extra else EVERY


def default(field: FieldInfo) -> str:
    """The default as somebody would write it; `required` where there is none, nothing where it is empty."""
    if field.is_required():
        return "required"
    if field.alias == "MDO_VAR":
        return "`var`"  # below the program's folder, wherever that is
    value = int(field.default) if isinstance(field.default, bool) else field.default
    return f"`{value}`" if value != "" else ""


def example(field: FieldInfo) -> str:
    """The example as code; a command that makes one stays a sentence. Raises ``LookupError`` where a variable has none."""
    if not field.examples:
        raise LookupError(f"{field.alias} has no example: Field(…, examples=[…]) in mdo/environment/")
    words, colon, command = str(field.examples[0]).partition("made by: ")
    if colon:
        return f"made by `{command}`"
    return words if words.startswith("made as ") else f"`{words}`"


def lines() -> list[str]:
    """The page below its title."""
    found = [
        "All settings come from the environment; there is no settings file. What cannot be understood is refused at the start, by",
        "name; so is an unknown variable that begins with `MDO_`. Each may be given as a file: `MDO_SECRET_KEY_FILE=/run/secrets/key`",
        "reads the value from there, so that no secret stands among the variables of a process. `make run` needs none of them: it",
        "makes keys and servers of its own.",
        "",
        "*Read by* names the commands (`mdo web`, `mdo worker`, …) that use a variable; giving it to the others does no harm, but keep",
        "`DATABASE_OWNER_URL` from everything but `mdo prepare`, and the backup's two secrets from everything but `mdo backup`.",
        "*Required* is asked for by every command.",
    ]
    for group in GROUPS:
        found += [
            "",
            f"## {(group.__doc__ or '').splitlines()[0]}",
            "",
            "| " + " | ".join(HEAD) + " |",
            "|" + "---|" * len(HEAD),
        ]
        for field in own_fields(group):
            cells = (f"`{field.alias}`", default(field), field.description or "", read_by(field), example(field))
            found.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [
        *found,
        "",
        "## Addresses",
        "",
        "**Database**: PostgreSQL's own URIs, `postgresql://mdo_app:secret@db.example.org:5432/mdo?sslmode=verify-full`, or a socket:",
        "`postgresql://mdo_app:secret@/mdo?host=/run/postgresql`. **Redis**: `redis://:secret@host:6379/0`, `rediss://…` with TLS,",
        "`unix:///run/valkey/valkey.sock?db=0&password=secret`. **Mail**: `smtp://host:25`, `smtp+starttls://user:secret@host:587`,",
        "`smtps://user:secret@host:465`. Signs in a password that mean something in an address are written with `%`: `%40` for `@`.",
    ]

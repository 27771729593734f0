"""`docs/administrators/settings.md`: every variable by its group, out of `mdo.environment`."""

from __future__ import annotations

import re

from pydantic.fields import FieldInfo

from mdo.environment import BASE_DIR, GROUPS, names
from mdo.environment.kinds import Group

EVERY = "all"
HEAD = ("variable", "default", "meaning", "read by", "example")

HEAD_OF_CONTAINERS = ("variable", "without it", "meaning", "example")
CONTAINERS = {
    "MDO_SECRETS": "The folder of the secrets, one file each, as `deploy/secrets.sh` makes it.",
    "MDO_MORE_SETTINGS": "A file of `NAME=value` lines with every other setting of this page that the site wants, secrets excepted. It may be missing.",
    "PROXY_TLS": "The certificate of the site: `internal` (an authority of the proxy's own, which browsers have to be told of), or a certificate with its chain and its key as the container sees them: `/run/certificates/site.pem /run/certificates/site.key`. A renewed one is read by `docker compose restart proxy`.",
    "PROXY_CERTIFICATES": "The folder that the proxy sees as `/run/certificates`; its files must be readable for user 10001.",
    "MDO_BACKUP_FOLDER": "The folder of the [backups](backup.md), on another machine's disk, writable for user 10001; `MDO_BACKUP` inside the container.",
    "RELAY_NAME": "The name of a [relay](call.md) of one's own: its realm, and that of its certificate.",
    "RELAY_CERT": "The relay's certificate with its chain (PEM), readable for user 65534. Without it the relay speaks no TLS.",
    "RELAY_KEY": "The key of that certificate, readable for user 65534.",
    "RELAY_TLS_PORTS": "The relay's ports for TLS, with commas.",
    "RELAY_IP": "Behind a NAT: the relay's address as browsers see it.",
    "RELAY_INNER_IP": "Behind a NAT: the address that the relay's machine itself has.",
    "RELAY_DENIED": "More ranges that the relay must not reach, with commas: the hospital's own that are public.",
    "LIVEKIT_IP": "The address of a [media server](call.md) of one's own as browsers reach it.",
}
"""What docker-compose.yml asks for, and no program of ours reads by that name."""


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


def asked_by_compose() -> dict[str, str]:
    """The variables that docker-compose.yml asks for, in the order of deploy/environment.example; each with what stands for it where nothing
    is said: `required`, nothing, or a value."""
    text = (BASE_DIR / "docker-compose.yml").read_text(encoding="utf-8")
    found = {
        name: "required" if must else f"`{instead}`" if instead else ""
        for name, must, instead in re.findall(r"\$\{(\w+)(?:(:\?)|:-([^}]*))\}", text)
    }
    order = list(_example())
    return dict(sorted(found.items(), key=lambda each: order.index(each[0])))


def _example() -> dict[str, str]:
    text = (BASE_DIR / "deploy" / "environment.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def containers() -> list[str]:
    """The part about docker-compose.yml. Raises ``KeyError`` where a variable is neither a setting nor described."""
    asked, settings = asked_by_compose(), names()
    found = [
        "## Containers",
        "",
        "`docker-compose.yml` reads these from `.env` beside it (`deploy/environment.example`, copied), and passes these settings on by the same name:",
        ", ".join(f"`{name}`" for name in asked if name in settings) + ".",
        "Secrets are files in the folder of `MDO_SECRETS`; every other setting stands in the file of `MDO_MORE_SETTINGS`.",
        "",
        "| " + " | ".join(HEAD_OF_CONTAINERS) + " |",
        "|" + "---|" * len(HEAD_OF_CONTAINERS),
    ]
    examples = _example()
    for name in asked:
        if name not in settings:
            shown = f"`{examples[name]}`" if examples[name] else ""
            found.append(f"| `{name}` | {asked[name]} | {CONTAINERS[name]} | {shown} |")
    return [
        *found,
        "",
        "Without containers, what `mdo run --profile production --with relay`, `--with livekit` and `--with clamav` start reads the `RELAY_…` and `LIVEKIT_IP` from",
        "there too, and besides `RELAY_PORT` (the relay's port without TLS: `3478`) and `CLAMAV_DATABASE` (the folder of the signatures: `/var/lib/clamav`).",
    ]


def lines() -> list[str]:
    """The page below its title."""
    found = [
        "All settings come from the environment. `mdo run --settings FILE` takes them from a file of `NAME=value` lines too (what the",
        "environment says counts more), and so do the [containers](#containers). What cannot be understood is refused at the start, by",
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
        *containers(),
        "",
        "## Addresses",
        "",
        "**Database**: PostgreSQL's own URIs, `postgresql://mdo_app:secret@db.example.org:5432/mdo?sslmode=verify-full`, or a socket:",
        "`postgresql://mdo_app:secret@/mdo?host=/run/postgresql`. **Redis**: `redis://:secret@host:6379/0`, `rediss://…` with TLS,",
        "`unix:///run/valkey/valkey.sock?db=0&password=secret`. **Mail**: `smtp://host:25`, `smtp+starttls://user:secret@host:587`,",
        "`smtps://user:secret@host:465`. Signs in a password that mean something in an address are written with `%`: `%40` for `@`.",
    ]

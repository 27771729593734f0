"""What `mdo COMMAND` can do. Each command is one function that returns an exit code."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

from mdo.cli.begin import FIELDS
from mdo.cli.environment import adopt, home
from mdo.cli.home import CannotRun, Home, write_private
from mdo.cli.processes import BESIDE, PROFILES
from mdo.environment import BASE_DIR, SettingsRefused


def up(arguments: argparse.Namespace) -> int:
    """Run everything: servers, web, worker, mail; Ctrl-C ends it."""
    from mdo.cli.up import Supervisor

    return Supervisor(home()).run()


def run(arguments: argparse.Namespace) -> int:
    """Run one machine's installation: --profile production with TLS, for people; demo is 'mdo up'. Ctrl-C or SIGTERM ends it."""
    import os

    from mdo.cli.up import Supervisor
    from mdo.environment import read_file

    if arguments.settings:
        try:
            told = read_file(Path(arguments.settings))
        except (OSError, ValueError) as error:
            raise CannotRun(f"The settings in {arguments.settings} cannot be read: {error}.") from None
        for name, value in told.items():
            os.environ.setdefault(name, value)
    return Supervisor(home(), arguments.profile, frozenset(arguments.beside)).run()


def servers(arguments: argparse.Namespace) -> int:
    """Run PostgreSQL and Valkey only, for development; settings are written to HOME/env."""
    from mdo.cli.stack import Stack

    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Stack(Home(Path(arguments.home)), tell=print, may_create_databases=True) as stack:
        settings = {"MDO_MODE": "demo", "EMAIL_URL": "smtp://127.0.0.1:2525", **stack.environment}
        write_private(stack.home.path / "env", "".join(f"{name}={value}\n" for name, value in settings.items()))
        print(f"Servers run. Settings: {stack.home.path / 'env'}. Ctrl-C ends them.", flush=True)
        while not stop.wait(1):
            stack.mend()
    return 0


def manage(arguments: argparse.Namespace) -> int:
    """Django's own commands with the settings of the running stack."""
    adopt()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["mdo manage", *arguments.rest])
    return 0


def reset(arguments: argparse.Namespace) -> int:
    """Delete the state of this copy: database, files, mailbox, keys."""
    from mdo.cli.process import end_orphans

    place = Home(home())
    if not place.path.exists():
        print("Nothing to delete.")
        return 0
    place.prepare()
    end_orphans(place.path / "pids", print)
    place.remove()
    print(f"Deleted {place.path}. The next 'make run' begins anew.")
    return 0


def web(arguments: argparse.Namespace) -> int:
    """Serve pages and sockets."""
    adopt()
    from mdo.server import serve

    return serve()


def worker(arguments: argparse.Namespace) -> int:
    """Run jobs; with --beat also the clock that wakes them (exactly one process of an installation)."""
    adopt()
    from mdo.cli.jobs import run_worker

    return run_worker(beat=arguments.beat, threads=arguments.threads)


def beat(arguments: argparse.Namespace) -> int:
    """Run the clock that wakes the jobs (exactly one process of an installation)."""
    adopt()
    from mdo.cli.jobs import run_beat

    return run_beat()


def hl7(arguments: argparse.Namespace) -> int:
    """Take HL7 messages about patients (ADT) over MLLP, until SIGTERM."""
    adopt()
    import django

    django.setup()
    from django.conf import settings

    from cases import receiving
    from mdo import mllp

    return mllp.serve(receiving.answer_in_thread, receiving.refuse, settings.MDO_HL7_HOST, settings.MDO_HL7_PORT)


def backup(arguments: argparse.Namespace) -> int:
    """Copy database, log and files to the vault (MDO_BACKUP), encrypted; with --follow until SIGTERM, else once."""
    adopt()
    from mdo.backup.commands import backup as keep

    return keep(follow=arguments.follow)


def restore(arguments: argparse.Namespace) -> int:
    """Lay a backup out, at the latest moment or at one that is named; PostgreSQL started from that folder goes on from there."""
    from mdo.backup.commands import restore as lay_out

    return lay_out(arguments.data, arguments.var, arguments.to)


def ready(arguments: argparse.Namespace) -> int:
    """Say as JSON whether a part of this machine is ready: web, worker, beat, hl7; exit code 1 when it is not."""
    adopt()
    import django

    django.setup()
    from mdo.cli.ready import ready as say

    return say(arguments.role)


def smtp(arguments: argparse.Namespace) -> int:
    """Take mail over SMTP on loopback into the mailbox of the demonstration."""
    from mdo.cli.mail import serve

    return serve(arguments.port, Path(arguments.mailbox))


def prepare(arguments: argparse.Namespace) -> int:
    """Migrate the database as its owner, beside a site that works; safe to run again."""
    adopt()
    import django

    django.setup()
    from mdo import kept_files
    from mdo.cli.tables import migrate

    kept_files.keep()
    migrate(lock_wait_s=arguments.lock_wait, tries=arguments.tries)
    return 0


def check_migrations(arguments: argparse.Namespace) -> int:
    """Judge the migrations since the release before, on an empty database: what the site could not go on beside is refused."""
    adopt()
    import django

    django.setup()
    from mdo.cli.expansion import judge

    return judge()


def begin(arguments: argparse.Namespace) -> int:
    """Make the first organisation of a new site and the person who operates it; the password comes from the terminal or standard input."""
    adopt()
    import django

    django.setup()
    from mdo.cli.begin import begin as make

    return make(arguments)


def static(arguments: argparse.Namespace) -> int:
    """Compile translations and collect static files; needs no settings and no server."""
    import os

    import django

    from mdo.cli import static as files
    from mdo.environment import names, placeholders

    for name in names():
        os.environ.pop(name, None)
    os.environ.update(placeholders())
    os.environ["DJANGO_SETTINGS_MODULE"] = "mdo.settings"
    files.compile_messages()
    django.setup()
    files.collect()
    return 0


def demo(arguments: argparse.Namespace) -> int:
    """Load the demonstration network into an empty database (demo mode only)."""
    adopt()
    import django

    django.setup()
    from mdo.cli.demonstration import load

    return load()


def bundle(arguments: argparse.Namespace) -> int:
    """Make one archive with which a machine without any way out installs."""
    from mdo.cli.bundle import make

    print(make(Path(arguments.to)))
    return 0


def check(arguments: argparse.Namespace) -> int:
    """The fast checks: form, lint, types, imports, migrations, unit tests."""
    from mdo.cli.checks import run_checks

    return run_checks(everything=False)


def test(arguments: argparse.Namespace) -> int:
    """Every check and test, on servers of its own."""
    from mdo.cli.checks import run_checks

    return run_checks(everything=True)


def format(arguments: argparse.Namespace) -> int:
    """Rewrite the Python sources in the house's form."""
    from mdo.cli.checks import rewrite_sources

    return rewrite_sources()


def messages(arguments: argparse.Namespace) -> int:
    """Collect the sentences to translate."""
    from mdo.cli.checks import collect_messages

    return collect_messages()


def generate(arguments: argparse.Namespace) -> int:
    """Make the files that come from the code: docs of events, rights and the room's wire, its TypeScript types."""
    import os

    import django

    from mdo.environment import names, placeholders

    for name in names():
        os.environ.pop(name, None)
    os.environ.update(placeholders())
    os.environ["DJANGO_SETTINGS_MODULE"] = "mdo.settings"
    django.setup()
    from mdo.cli.generate import write

    return write()


def propose(arguments: argparse.Namespace) -> int:
    """Read a report from standard input and print what it proposes, one JSON object a line; needs no settings and no server."""
    from mdo.cli.propose import propose as print_proposals

    return print_proposals(sys.stdin.buffer, sys.stdout.buffer)


def verify_decisions(arguments: argparse.Namespace) -> int:
    """Recompute the chains of signed decisions; one line for each finding, exit code 1 when there is one."""
    adopt()
    import django

    django.setup()
    from mdo.cli.verify import verify_decisions as verify

    return verify(arguments.board)


def verify_audit(arguments: argparse.Namespace) -> int:
    """Recompute the chains of the access log and hold them against their anchors; one line for each finding, exit code 1 when there is one."""
    adopt()
    import django

    django.setup()
    from mdo.cli.verify import verify_audit as verify

    return verify(arguments.until)


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "run": run,
    "servers": servers,
    "web": web,
    "worker": worker,
    "beat": beat,
    "hl7": hl7,
    "backup": backup,
    "restore": restore,
    "ready": ready,
    "smtp": smtp,
    "prepare": prepare,
    "check-migrations": check_migrations,
    "begin": begin,
    "static": static,
    "demo": demo,
    "bundle": bundle,
    "manage": manage,
    "reset": reset,
    "check": check,
    "test": test,
    "format": format,
    "messages": messages,
    "generate": generate,
    "propose": propose,
    "verify-decisions": verify_decisions,
    "verify-audit": verify_audit,
}


def parser() -> argparse.ArgumentParser:
    """The command line of `mdo`."""
    whole = argparse.ArgumentParser(
        prog="mdo", description="Multidisciplinary boards: prepared, held live, signed, found again."
    )
    parts = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {name: parts.add_parser(name, help=(function.__doc__ or "").strip()) for name, function in COMMANDS.items()}
    made["run"].add_argument("--profile", choices=PROFILES, required=True)
    made["run"].add_argument("--settings", help="a file of NAME=value lines; what the environment says counts more")
    made["run"].add_argument(
        "--with", dest="beside", action="append", default=[], choices=BESIDE, help="a program of others to start too"
    )
    made["servers"].add_argument("--home", default=str(BASE_DIR / "var" / "dev"), help="folder of their state")
    made["worker"].add_argument("--beat", action="store_true", help="run the clock too")
    made["worker"].add_argument("--threads", type=int, default=4, help="jobs at a time")
    made["prepare"].add_argument(
        "--lock-wait", type=float, default=1.0, help="seconds that a statement may wait for a table; 1 without it"
    )
    made["prepare"].add_argument("--tries", type=int, default=40, help="how often to try; 40 (two minutes) without it")
    for name, meaning in FIELDS.items():
        made["begin"].add_argument(f"--{name}", required=True, help=meaning)
    made["ready"].add_argument("role", choices=["web", "worker", "beat", "hl7", "backup"])
    made["bundle"].add_argument("--to", default=str(BASE_DIR / "var" / "bundle"), help="folder of the archive")
    made["smtp"].add_argument("--port", type=int, required=True)
    made["smtp"].add_argument("--mailbox", required=True, help="folder of the mailbox")
    made["backup"].add_argument(
        "--follow", action="store_true", help="go on: the log every ten seconds, a base every day"
    )
    made["restore"].add_argument(
        "--data", required=True, help="PostgreSQL's data folder to be: empty, or not there yet"
    )
    made["restore"].add_argument("--var", required=True, help="MDO_VAR to be: for the stored files and the anchors")
    made["restore"].add_argument(
        "--to", help="a moment with its offset, such as 2026-11-29T14:05:00+01:00; the latest without it"
    )
    made["verify-audit"].add_argument(
        "--until", help="leave out anchors after this moment: after a restore to an earlier one"
    )
    made["verify-decisions"].add_argument("--board", help="id of one board; without it, all of them")
    made["manage"].add_argument("rest", nargs=argparse.REMAINDER)
    return whole


def main(argv: list[str] | None = None) -> int:
    """Run one command; what stands in its way is said in a sentence, exit code 1 (settings: 2)."""
    arguments = parser().parse_args(argv)
    try:
        return COMMANDS[arguments.command](arguments)
    except SettingsRefused as error:
        print(
            "The settings cannot be used:", *(f"  {problem}" for problem in error.problems), sep="\n", file=sys.stderr
        )
        return 2
    except CannotRun as error:
        print(f"mdo: {error}", file=sys.stderr)
        return 1

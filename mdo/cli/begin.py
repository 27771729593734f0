"""`mdo begin`: the first organisation of a new site, and who operates it."""

from __future__ import annotations

import argparse
import getpass
import sys

from mdo.cli.home import CannotRun

FIELDS = {
    "organisation": "name of the organisation",
    "short-name": "its initials, shown as a badge",
    "city": "where it is",
    "username": "what the person signs in with",
    "given-name": "given name of the person",
    "family-name": "family name of the person",
    "email": "their address",
}


def ask_password() -> str:
    """Typed twice at a terminal; else the first line of standard input. Raises CannotRun when both differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise CannotRun("The two passwords differ.")
    return password


def begin(arguments: argparse.Namespace) -> int:
    """Make them; says in sentences what stands in the way, exit code 1."""
    from mdo.directory.actions.begin import Beginning, begin_site
    from mdo.kernel.acting import System, acting
    from mdo.kernel.errors import Invalid, RuleBroken

    beginning = Beginning(
        arguments.organisation,
        arguments.short_name,
        arguments.city,
        arguments.username,
        arguments.given_name,
        arguments.family_name,
        arguments.email,
        ask_password(),
    )
    try:
        with acting(System("begin"), None, "work"):
            begin_site(by=System("begin"), beginning=beginning)
    except Invalid as error:
        said = [f"  {field}: {sentence}" for field, found in error.errors.items() for sentence in found]
        raise CannotRun("\n".join(["This cannot be stored:", *said])) from None
    except RuleBroken as error:
        raise CannotRun(str(error)) from None
    print(
        f"{beginning.organisation} is there. {beginning.username} operates the site: /admin/ makes people, roles and boards."
    )
    return 0

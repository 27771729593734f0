"""The very first organisation and person of a site."""

import io
import sys

import pytest

from mdo.cli.begin import begin
from mdo.cli.home import CannotRun
from mdo.cli.run import parser
from mdo.directory.actions.begin import Beginning, begin_site
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import Organisation, OrganisationRole, Person
from mdo.kernel.acting import System, acting
from mdo.kernel.errors import Denied, Invalid, RuleBroken
from mdo.kernel.models import AuditEntry
from tests.cast import acting_as

BEGINNING = Beginning(
    "AZ Voorbeeld", "AZV", "Gent", "operator", "An", "Peeters", "an@example.org", "a horse of the first day"
)
WORDS = [
    "begin", "--organisation=AZ Voorbeeld", "--short-name=AZV", "--city=Gent", "--username=operator", "--given-name=An",
    "--family-name=Peeters", "--email=an@example.org",
]  # fmt: skip


def changed(**values):
    return Beginning(**{**vars(BEGINNING), **values})


def test_both_are_there_and_in_the_access_log(db):
    with acting(System("begin"), None, "work"):
        events = begin_site(by=System("begin"), beginning=BEGINNING).events
        person, organisation = Person.objects.get(), Organisation.objects.get()
        role = OrganisationRole.objects.get()
    assert events == (
        DirectoryChanged(kind="organisation", object_id=organisation.pk, how="added"),
        DirectoryChanged(kind="person", object_id=person.pk, how="added"),
        DirectoryChanged(kind="organisationrole", object_id=role.pk, how="added"),
    )
    assert (person.is_staff, person.is_active, person.check_password(BEGINNING.password)) == (True, True, True)
    assert (role.person_id, role.organisation_id, role.role) == (person.pk, organisation.pk, "admin")
    (row,) = AuditEntry.objects.filter(action="directory.begin")
    assert (row.actor_kind, row.outcome) == ("system", "ok")
    assert BEGINNING.password not in str(vars(row))
    assert BEGINNING.password not in repr(BEGINNING)


def test_once(db):
    with acting(System("begin"), None, "work"):
        begin_site(by=System("begin"), beginning=BEGINNING)
    with pytest.raises(RuleBroken), acting(System("begin"), None, "work"):
        begin_site(by=System("begin"), beginning=changed(username="second", organisation="Other"))
    with acting(System("begin"), None, "work"):
        assert (Person.objects.count(), Organisation.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"password": "operator"}, "password"),
        ({"short_name": "far too long for a badge"}, "short_name"),
        ({"email": "nobody"}, "email"),
        ({"organisation": ""}, "name"),
        ({"username": "with space"}, "username"),
    ],
)
def test_what_cannot_be_is_named_by_field(db, values, field):
    with pytest.raises(Invalid) as refused, acting(System("begin"), None, "work"):
        begin_site(by=System("begin"), beginning=changed(**values))
    assert field in refused.value.errors
    with acting(System("begin"), None, "work"):
        assert not Person.objects.exists()
        assert not Organisation.objects.exists()


def test_nobody_but_the_house(db, cast):
    with pytest.raises(Denied), acting_as(cast.admin) as admin:
        begin_site(by=admin, beginning=BEGINNING)


def test_the_command(db, monkeypatch, capsys):
    arguments = parser().parse_args(WORDS)
    monkeypatch.setattr(sys, "stdin", io.StringIO("operator\n"))
    with pytest.raises(CannotRun, match="password"):
        begin(arguments)
    monkeypatch.setattr(sys, "stdin", io.StringIO(BEGINNING.password + "\n"))
    assert begin(arguments) == 0
    assert "AZ Voorbeeld is there." in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO(BEGINNING.password + "\n"))
    with pytest.raises(CannotRun, match="operates this site already"):
        begin(arguments)

"""What is typed of a new case survives: it saves itself, only its author finds it, and it goes when the case is made."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from cases.actions.sketching import MOST, forget_sketches, forgotten_sketches, keep_sketch, throw_away_sketch
from cases.models import Sketch
from mdo.kernel import clock
from mdo.kernel.acting import System, acting
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cases.acts import audited
from tests.cases.pages import NUMBER, cases, filled, sign_in
from tests.cast import Cast, acting_as
from tests.factories import writing
from tests.meetings.acts import call

HOUSE = System("test")


@pytest.fixture
def secretary(cast: Cast) -> Client:
    return sign_in(cast.secretary)


def sketches() -> list[Sketch]:
    with writing():
        return list(Sketch.objects.order_by("begun_at"))


def typed(page: Any, **changes: str) -> tuple[str, dict[str, str]]:
    """Where a page saves itself, and what it sends: its hidden values and what was typed."""
    form = page.context["form"]
    hidden = {name: str(form[name].value()) for name in ("command_id", "sketch", "version")}
    return f"/cases/new/{hidden['sketch']}/draft/", hidden | changes


def test_it_saves_itself_and_is_found_after_signing_out_and_in(cast: Cast, secretary: Client) -> None:
    page = secretary.get("/cases/new/")
    address, first = typed(page, national_number="61.04", family_name="D'Hondt", question="Heel", no_number="")
    assert f'data-draft="{address}"' in page.content.decode()
    answer = secretary.post(address, first)
    assert (answer.status_code, answer.json()["version"], answer.json()["errors"]) == (200, 1, {})
    # The answer got lost: the same again is done once.
    assert secretary.post(address, first).json()["version"] == 1
    more = first | {"command_id": answer.json()["command_id"], "version": "1", "question": "Heelkunde?"}
    assert secretary.post(address, more).json()["version"] == 2
    (kept,) = sketches()
    assert kept.values == {"national_number": "61.04", "family_name": "D'Hondt", "question": "Heelkunde?"}
    assert [(row["action"], row["detail"]["events"]) for row in audited("sketch.keep")] == [
        ("sketch.keep", ["sketch.kept"])
    ] * 2
    assert "Hondt" not in str(AuditEntry.objects.filter(action="sketch.keep").values_list("detail", flat=True))

    secretary.logout()
    again = sign_in(cast.secretary)
    begun = again.get("/cases/new/").content.decode()
    assert f'href="/cases/new/{kept.pk}/"' in begun
    assert "D&#x27;Hondt" in begun
    page = again.get(f"/cases/new/{kept.pk}/")
    for value in ('value="61.04"', 'value="D&#x27;Hondt"', "Heelkunde?</textarea>"):
        assert value in page.content.decode()
    # It goes on from there, and is gone once the case is made.
    address, sent = typed(page)
    sent = filled(cast) | {name: sent[name] for name in ("sketch", "version")}
    assert again.post("/cases/new/", sent).status_code == 302
    assert (len(cases()), sketches()) == (1, [])
    assert again.get(f"/cases/new/{kept.pk}/").status_code == 404
    assert again.post(address, sent | {"command_id": str(new_id())}).status_code == 404


def test_what_was_refused_is_kept_too(cast: Cast, secretary: Client) -> None:
    _address, hidden = typed(secretary.get("/cases/new/"))
    answer = secretary.post("/cases/new/", filled(cast, question="") | {"sketch": hidden["sketch"], "version": "0"})
    assert answer.status_code == 422
    (kept,) = sketches()
    assert (str(kept.pk), kept.values["national_number"]) == (hidden["sketch"], NUMBER)
    assert answer.context["form"]["version"].value() == "1"


def test_two_tabs_of_one_form_are_compared(cast: Cast, secretary: Client) -> None:
    address, first = typed(secretary.get("/cases/new/"), family_name="Een", board=str(cast.board.pk))
    other = first | {"command_id": str(new_id()), "family_name": "Twee", "board": ""}
    assert secretary.post(address, first).status_code == 200
    answer = secretary.post(address, other)
    assert (answer.status_code, answer.json()["version"]) == (409, 1)
    for word in ("Een", "Twee", cast.board.name):
        assert word in answer.json()["differences"]
    meant = other | {"command_id": answer.json()["command_id"], "version": "1"}
    assert secretary.post(address, meant).json()["version"] == 2
    same = meant | {"command_id": str(new_id()), "version": "1"}
    assert (secretary.post(address, same).status_code, sketches()[0].version) == (200, 2)


def test_nobody_else_finds_it(cast: Cast, secretary: Client) -> None:
    address, sent = typed(secretary.get("/cases/new/"), family_name="Geheim")
    secretary.post(address, sent)
    (kept,) = sketches()
    for name in ("requester", "partnersecretary"):
        client = sign_in(cast.members[name])
        assert client.get(f"/cases/new/{kept.pk}/").status_code == 404
        assert "Geheim" not in client.get("/cases/new/").content.decode()
        taken = client.post(address, sent | {"command_id": str(new_id())})
        assert (taken.status_code, "Geheim" in taken.content.decode()) == (409, False)
        assert client.post(address, sent | {"command_id": str(new_id()), "version": "1"}).status_code == 404
        assert client.post(f"/cases/new/{kept.pk}/throw-away/", {"command_id": str(new_id())}).status_code == 404
    for name in ("guest", "privacy", "admin", "outsider"):
        assert sign_in(cast.members[name]).get(f"/cases/new/{kept.pk}/").status_code in (403, 404)
    assert sketches()[0].values == {"family_name": "Geheim"}
    # The database says so a second time, and takes no write outside of an action.
    with acting_as(cast.requester):
        assert list(Sketch.objects.all()) == []
    with acting_as(cast.secretary):
        assert Sketch.objects.count() == 1
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE cases_sketch SET version = 7")
    assert secretary.post(f"/cases/new/{kept.pk}/throw-away/", {"command_id": str(new_id())}).status_code == 302
    assert sketches() == []


def test_what_cannot_be_kept_is_refused(cast: Cast, secretary: Client) -> None:
    address, sent = typed(secretary.get("/cases/new/"))
    for changes in ({"question": "x" * 5001}, {"family_name": "a\0b"}, {"version": "-1"}, {"command_id": ""}):
        answer = secretary.post(address, sent | changes)
        assert answer.status_code == 422, changes
    assert list(secretary.post(address, sent | {"question": "x" * 5001}).json()["errors"]) == ["id_question"]
    assert sketches() == []
    keep: dict[str, Any] = {"version": 0, "typed": {"question": "?"}}
    with pytest.raises(Invalid):
        call(keep_sketch, cast.secretary, sketch_id=new_id(), version=0, typed={"question": "x" * 5001})
    with pytest.raises(Denied):
        call(keep_sketch, cast.guest, sketch_id=new_id(), **keep)
    with pytest.raises(NotFound):
        call(keep_sketch, cast.secretary, sketch_id=new_id(), version=1, typed={})
    first = new_id()
    call(keep_sketch, cast.secretary, sketch_id=first, version=0, typed={"unknown": "x", "question": "?"})
    assert sketches()[0].values == {"question": "?"}
    with pytest.raises(Stale):
        call(keep_sketch, cast.secretary, sketch_id=first, version=2, typed={})
    for _n in range(MOST - 1):
        call(keep_sketch, cast.secretary, sketch_id=new_id(), **keep)
    with pytest.raises(RuleBroken):
        call(keep_sketch, cast.secretary, sketch_id=new_id(), **keep)


def test_what_nobody_goes_on_with_is_forgotten(cast: Cast) -> None:
    old, new = new_id(), new_id()
    for sketch_id, ago in ((old, 31), (new, 29)):
        with clock.frozen(clock.now() - timedelta(days=ago)):
            call(keep_sketch, cast.secretary, sketch_id=sketch_id, version=0, typed={"question": "?"})
    with acting(HOUSE, None, "test"):
        assert forgotten_sketches()
        done = forget_sketches(by=HOUSE)
        assert [event.model_dump() for event in done.events] == [{"count": 1}]
        assert (forgotten_sketches(), forget_sketches(by=HOUSE).events) == (False, ())
    assert [each.pk for each in sketches()] == [new]
    call(throw_away_sketch, cast.secretary, sketch_id=UUID(str(new)))
    assert sketches() == []

"""Keeping routes and trying them: what may be said, where the worker may be led, and that a trial tells of nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hl7
import pytest
from django.test import Client
from django.urls import reverse

from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.storage import storage
from meetings.actions.routing import save_route, try_route
from meetings.delivering import access, routes
from meetings.delivering.faults import NotTaken
from meetings.models import Dispatch, Route
from meetings.tasks import hand_over
from tests.cast import Cast, acting_as
from tests.delivery_peers import ehr, fhir_server
from tests.meetings.acts import audited, begin_beside, call, house
from tests.meetings.delivering.routing import make_route, rows, send

HL7 = {"address": "127.0.0.1:2575"}


def told(**values: Any) -> dict[str, Any]:
    return {
        "route_id": new_id(), "channel": "hl7", "name": "Dossier", "kinds": ["case"], "recipients": [], "settings": HL7, "secret": None,
        "active": True, "version": 0,
    } | values  # fmt: skip


def save(cast: Cast, **values: Any) -> Any:
    return call(save_route, values.pop("by", cast.admin), **told(**values))


def kept() -> list[Route]:
    with house():
        return list(Route.objects.order_by("name"))


def test_a_route_is_made_changed_and_switched_off(cast: Cast) -> None:
    key = new_id()
    done = save(cast, route_id=key)
    assert [event.model_dump() for event in done.events] == [{"kind": "route", "object_id": key, "how": "added"}]
    (route,) = kept()
    assert (route.hospital_id, route.version, route.settings["form"], route.settings["processing"]) == (
        cast.organiser.pk,
        1,
        "MDM^T02",
        "P",
    )
    save(cast, route_id=key, name="Ander dossier", active=False, version=1)
    (route,) = kept()
    assert (route.name, route.active, route.version) == ("Ander dossier", False, 2)
    with pytest.raises(Stale):
        save(cast, route_id=key, version=1)
    assert {each[1:] for each in audited("route.save")} == {(cast.organiser.pk, "ok")}


def test_two_who_take_one_name_at_once(committed: None, cast: Cast) -> None:
    """The second waits for the first, and is told at the field: making a route, and giving another one this name."""
    other = new_id()
    save(cast, route_id=other, name="Ander dossier")
    for number, second in enumerate(({}, {"route_id": other, "version": 1})):
        name = {"name": f"Dossier {number}"}
        with acting_as(cast.admin) as person:
            save_route(by=person, command_id=new_id(), **told(**name))
            beside = begin_beside(lambda values={**name, **second}: save(cast, **values))
        assert beside() == "Invalid"
    assert [each.name for each in kept()] == ["Ander dossier", "Dossier 0", "Dossier 1"]


def test_who_keeps_routes(cast: Cast) -> None:
    route = make_route(cast.organiser, "hl7", settings=HL7)
    theirs = make_route(cast.partner_hospital, "hl7", settings=HL7)
    for name in ("secretary", "coordinator", "privacy", "partnersecretary", "outsider"):
        for act in (lambda by: save(cast, by=by), lambda by: call(try_route, by, route_id=route.pk)):
            with pytest.raises(NotFound):
                act(cast.members[name])
        with acting_as(cast.members[name]) as person:
            assert not access.visible_routes(person).exists()
    with pytest.raises(NotFound):
        save(cast, route_id=theirs.pk, version=1)
    with pytest.raises(NotFound):
        call(try_route, cast.admin, route_id=theirs.pk)
    with acting_as(cast.admin) as person:
        assert [each.pk for each in access.visible_routes(person)] == [route.pk]
        assert [each.pk for each in Route.objects.all()] == [route.pk]  # by row-level security too


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("channel", {"channel": "fax"}),
        ("name", {"name": " "}),
        ("name", {"name": "x" * 61}),
        ("name", {"name": "a\x00b"}),
        ("kinds", {"kinds": []}),
        ("kinds", {"kinds": ["minutes"]}),
        ("recipients", {"channel": "paper", "settings": {}, "recipients": []}),
        ("recipients", {"channel": "paper", "settings": {}, "recipients": ["record"]}),
        ("secret", {"secret": "a\r\nX-Evil: 1"}),
        ("address", {"settings": {}}),
        ("address", {"settings": {"address": "127.0.0.1"}}),
        ("address", {"settings": {"address": "127.0.0.1:99999"}}),
        ("address", {"settings": {"address": "127.0.0.1:x"}}),
        ("address", {"settings": {"address": "[::1:25"}}),
        ("address", {"settings": {"address": "user@127.0.0.1:25"}}),
        ("address", {"settings": {"address": "10.0.0.1:2575"}}),
        ("address", {"settings": {"address": "localhost:2575"}}),
        ("receiving_facility", {"settings": {**HL7, "receiving_facility": "A|B\rOBX"}}),
        ("form", {"settings": {**HL7, "form": "ADT^A01"}}),
        ("more", {"settings": {**HL7, "more": "x"}}),
        ("folder", {"channel": "ehealthbox", "recipients": ["gp"], "settings": {"folder": "../uit"}}),
        ("folder", {"channel": "ehealthbox", "recipients": ["gp"], "settings": {"folder": "/etc"}}),
        ("folder", {"channel": "ehealthbox", "recipients": ["gp"], "settings": {"folder": "a\n"}}),
        *(
            ("address", {"channel": "fhir", "settings": {"address": address}})
            for address in (
                "http://fhir.example.org/r4", "https://fhir.example.org/r4", "http://169.254.169.254/latest", "file:///etc/passwd",
                "http://127.0.0.1:80@evil.example.org/", "http://127.0.0.1/r4?x=1", "http://127.0.0.1/../x", "http://127.0.0.1/\r\nX: 1",
                "http://127.0.0.1:x/", "https://[::1", "",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_not_taken(cast: Cast, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        save(cast, **values)
    assert field in refused.value.errors
    assert kept() == []


def test_two_of_one_name_and_too_many(cast: Cast) -> None:
    save(cast)
    with pytest.raises(Invalid):
        save(cast)
    for number in range(19):
        make_route(cast.organiser, "hl7", name=f"{number}", settings=HL7)
    with pytest.raises(RuleBroken):
        save(cast, name="more")


def test_only_where_the_administrator_of_the_site_allows(cast: Cast, settings: Any) -> None:
    settings.DEMO, settings.MDO_DELIVERY_HOSTS = False, ["ehr.example.org:2575", "[::1]:2575", "fhir.example.org:443"]
    assert routes.place_of("EHR.example.org:2575") == (False, "ehr.example.org", 2575)
    assert routes.place_of("mllps://EHR.example.org:2575") == (True, "ehr.example.org", 2575)
    assert routes.place_of("[::1]:2575") == (False, "::1", 2575)
    assert routes.base_of("https://fhir.example.org/r4/") == (True, "fhir.example.org", 443, "/r4")
    for address in ("127.0.0.1:2575", "ehr.example.org:25", "evil.example.org:2575"):
        with pytest.raises(NotTaken):
            routes.place_of(address)
    for address in ("http://fhir.example.org:443/r4", "https://fhir.example.org:444/r4", "http://127.0.0.1/r4"):
        with pytest.raises(NotTaken):
            routes.base_of(address)
    settings.MDO_HANDOVER = None
    with pytest.raises(NotTaken):
        routes.folder_of("zh")


def test_a_token_lies_encrypted_and_goes_with_the_request(cast: Cast) -> None:
    with fhir_server() as peer:
        key = new_id()
        told = {"channel": "fhir", "settings": {"address": peer.base}, "route_id": key}
        save(cast, secret="geheim.123", **told)
        (route,) = kept()
        first = route.secret_name
        with open(storage.path(first), "rb") as file:
            assert b"geheim" not in file.read()
        save(cast, version=1, **told)  # stays
        assert kept()[0].secret_name == first
        call(try_route, cast.admin, route_id=key)
        assert send(rows()[0]).state == "done"
        assert peer.asked[0][2]["Authorization"] == "Bearer geheim.123"
        assert "geheim" not in str([each.__dict__ for each in kept()])
        save(cast, version=2, secret="", **told)
        assert kept()[0].secret_name == ""
        call(try_route, cast.admin, route_id=key)
        send(rows()[1])
        assert "Authorization" not in peer.asked[1][2]


def test_a_trial_by_each_channel_is_of_nobody(committed: None, cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.MDO_HANDOVER = tmp_path
    with ehr() as record, fhir_server() as server:
        made = [
            make_route(cast.organiser, "hl7", settings={"address": f"127.0.0.1:{record.port}"}, active=False),
            make_route(cast.organiser, "fhir", name="reference", settings={"address": server.base}),
            make_route(cast.organiser, "fhir", name="bundle", settings={"address": server.base, "form": "Bundle"}),
            make_route(cast.organiser, "ehealthbox", settings={"folder": "zh"}),
        ]
        for route in made:
            command = new_id()
            call(try_route, cast.admin, route_id=route.pk, command_id=command)
            call(try_route, cast.admin, route_id=route.pk, command_id=command)  # a double click
        hand_over()
    assert [(row.state, row.trial) for row in rows()] == [("done", True)] * 4
    assert str(hl7.parse(record.messages[0].decode()).segment("PID")[5]).startswith("TEST^TEST")
    assert len(server.created) == 2
    (told,) = (json.loads(path.read_text()) for path in (tmp_path / "zh").glob("*.json"))
    assert (told["test"], told["patient"]["national_number"], told["recipient"]["licence_number"]) == (
        True,
        "0" * 11,
        "0" * 11,
    )


def test_a_trial_says_at_once_that_it_failed(committed: None, cast: Cast) -> None:
    with ehr("error") as peer:
        route = make_route(cast.organiser, "hl7", settings={"address": f"127.0.0.1:{peer.port}"})
        call(try_route, cast.admin, route_id=route.pk)
        hand_over()
    assert [(row.state, row.last_error) for row in rows()] == [("given_up", "refused:AE 207")]
    page = signed_in(cast).get(reverse("meetings:routes")).content.decode()
    assert "AE 207" in page
    assert "Peeters" not in page


def test_paper_has_nothing_to_try(cast: Cast) -> None:
    route = make_route(cast.organiser, "paper")
    with pytest.raises(RuleBroken):
        call(try_route, cast.admin, route_id=route.pk)


def signed_in(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_pages(cast: Cast, settings: Any, tmp_path: Path) -> None:
    """Each channel's form, what is wrong with everything typed still there, and the list."""
    settings.MDO_HANDOVER = tmp_path
    client = signed_in(cast)
    told: dict[str, dict[str, Any]] = {
        "hl7": {"address": "127.0.0.1:2575", "form": "ORU^R01", "charset": "8859/1", "processing": "T"},
        "fhir": {"address": "http://127.0.0.1:8080/r4", "form": "Bundle", "secret": "geheim"},
        "ehealthbox": {"folder": "zh", "recipients": ["gp"]},
        "paper": {"recipients": ["gp", "requester"]},
    }
    for number, (channel, fields) in enumerate(told.items(), start=1):
        url = reverse("meetings:route_new", args=[channel])
        assert client.get(url).status_code == 200
        data = {"name": f"Weg {channel}", "kinds": ["case"], "active": "on", "version": "0", **fields}
        wrong = client.post(
            url, {**data, "command_id": str(new_id()), "address": "evil.example.org:1", "folder": "../x", "kinds": []}
        )
        assert wrong.status_code == 422
        assert f"Weg {channel}" in wrong.content.decode()
        assert client.post(url, {**data, "command_id": str(new_id())}).status_code == 303
        assert len(kept()) == number
    page = client.get(reverse("meetings:routes")).content.decode()
    assert all(f"Weg {channel}" in page for channel in told)
    for route in kept():
        url = reverse("meetings:route", args=[route.pk])
        text = client.get(url).content.decode()
        assert route.name in text
        assert "geheim" not in text
        answer = client.post(reverse("meetings:route_try", args=[route.pk]), {"command_id": str(new_id())})
        assert answer.status_code == (422 if route.channel == "paper" else 303)
    stale = {"name": "Nieuw", "kinds": ["case"], "version": "9", "command_id": str(new_id()), **told["paper"]}
    paper = next(each for each in kept() if each.channel == "paper")
    assert client.post(reverse("meetings:route", args=[paper.pk]), stale).status_code == 409
    assert client.get(reverse("meetings:route_new", args=["fax"])).status_code == 404
    assert client.get(reverse("meetings:route", args=[new_id()])).status_code == 404
    assert client.post(reverse("meetings:route_try", args=[paper.pk]), {}).status_code == 404
    settings.DEMO, settings.MDO_DELIVERY_HOSTS, settings.MDO_HANDOVER = False, [], None
    page = client.get(reverse("meetings:routes")).content.decode()
    assert "MDO_HANDOVER" in page
    assert "MDO_DELIVERY_HOSTS" in page
    assert Dispatch.objects.filter(trial=True).count() == 3

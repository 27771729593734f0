"""Django's admin: for the operator alone, through the action alone, and never with care content."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cases.dossiers.board_kinds import board_kinds
from mdo.directory import access, catalogue
from mdo.directory.actions.operate import change_directory
from mdo.directory.models import (
    Agreement,
    AgreementParty,
    Board,
    BoardRole,
    Network,
    Organisation,
    OrganisationRole,
    Person,
)
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, RuleBroken
from mdo.kernel.models import AccessEpoch, AuditEntry
from meetings.rulesets import names
from tests.cast import NAMES, PASSWORD, Cast, acting_as

KEPT = (Person, Organisation, Network, Agreement, Board)
NEW_PASSWORD = "een heel andere zin"


@pytest.fixture
def operator(cast: Cast) -> Person:
    person = Person.objects.create_user("operator", "operator@example.org", PASSWORD, first_name="Site", last_name="Op")
    person.is_staff, person.language = True, "en"
    person.save()
    return person


@pytest.fixture
def keep(operator: Person, client: Client) -> Client:
    assert client.login(username="operator", password=PASSWORD)
    return client


def url(model: type, page: str, *args: Any) -> str:
    return reverse(f"admin:directory_{model.__name__.lower()}_{page}", args=args)


def formset(prefix: str, *rows: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for index, row in enumerate(rows):
        data |= {f"{prefix}-{index}-{name}": value for name, value in row.items()}
    return data


def moment(prefix: str, at: Any) -> dict[str, str]:
    local = timezone.localtime(at)
    return {f"{prefix}_0": f"{local:%Y-%m-%d}", f"{prefix}_1": f"{local:%H:%M:%S}"}


def test_it_keeps_people_organisations_and_boards_and_nothing_else() -> None:
    assert set(admin.site._registry) == set(KEPT)


def test_nobody_of_the_cast_gets_in(cast: Cast, client: Client) -> None:
    for name in NAMES:
        client.force_login(getattr(cast, name).person, "django.contrib.auth.backends.ModelBackend")
        statuses = {client.get(address).status_code for address in (reverse("admin:index"), url(Person, "changelist"))}
        assert statuses <= {302, 403}, name
        assert client.post(url(Person, "add"), {"username": "new"}).status_code in (302, 403)
    assert not Person.objects.filter(username="new").exists()


def test_it_has_one_way_to_sign_in(client: Client, db: None) -> None:
    answer = client.get(reverse("admin:login"), {"next": reverse("admin:index")})
    assert answer["Location"].split("?")[0] == reverse("account_login")


def test_who_is_no_longer_operator_is_out_at_once(keep: Client, operator: Person) -> None:
    assert keep.get(reverse("admin:index")).status_code == 200
    Person.objects.filter(pk=operator.pk).update(is_staff=False)
    assert keep.get(url(Person, "changelist")).status_code == 302


@pytest.mark.parametrize("model", KEPT)
def test_every_page_opens_under_the_policy(keep: Client, cast: Cast, model: type) -> None:
    first = model._default_manager.first()  # type: ignore[attr-defined]
    for address in (
        url(model, "changelist"),
        url(model, "changelist") + "?q=sint",
        url(model, "add"),
        url(model, "change", first.pk),
        url(model, "history", first.pk),
    ):
        page = keep.get(address)
        html = page.content.decode()
        assert (page.status_code, "<script>" in html, " style=" in html) == (200, False, False), address
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert keep.get(url(model, "delete", first.pk)).status_code == 403  # ended, not deleted


def person_form(**changes: Any) -> dict[str, Any]:
    data = {
        "title": "dr.",
        "first_name": "Hanne",
        "last_name": "Verbeke",
        "email": "hanne@example.org",
        "language": "nl",
        "profession": "physician",
        "discipline": "pathology",
        "licence_number": "",
        "username": "hanne",
        "is_active": "on",
        **formset("organisation_roles"),
        **formset("board_roles"),
    }
    return {name: value for name, value in {**data, **changes}.items() if value is not None}


def test_a_person_with_an_account(keep: Client, cast: Cast, operator: Person) -> None:
    answer = keep.post(
        url(Person, "add"),
        person_form(usable_password="true", password1=NEW_PASSWORD, password2=NEW_PASSWORD),
    )
    person = Person.objects.get(username="hanne")
    assert answer["Location"] == url(Person, "change", person.pk)
    assert (person.check_password(NEW_PASSWORD), person.is_staff, person.last_name) == (True, False, "Verbeke")
    row = AuditEntry.objects.latest("id")
    assert (row.action, row.actor_id, row.hospital_id) == ("directory.change", operator.pk, None)
    assert row.detail == {"object_id": str(person.pk), "events": ["directory.changed"]}
    assert Client().login(username="hanne", password=NEW_PASSWORD)


def test_a_person_without_an_account(keep: Client) -> None:
    keep.post(url(Person, "add"), person_form(usable_password="false"))
    person = Person.objects.get(username="hanne")
    assert not person.has_usable_password()
    page = keep.get(url(Person, "changelist"))
    assert "Hanne Verbeke" in page.content.decode()


def test_a_weak_password_is_refused_with_a_sentence(keep: Client) -> None:
    answer = keep.post(
        url(Person, "add"), person_form(usable_password="true", password1="hanne123", password2="hanne123")
    )
    assert answer.status_code == 200
    assert "too short" in str(answer.context["adminform"].form.errors)
    assert not Person.objects.filter(username="hanne").exists()


def test_roles_open_and_close_what_people_see(keep: Client, cast: Cast) -> None:
    person = cast.requester.person
    own = OrganisationRole.objects.get(person=person)
    epoch = AccessEpoch.objects.get().value
    role = {"id": "", "person": str(person.pk), "board": str(cast.board.pk), "organisation": str(cast.organiser.pk)}
    data = person_form(
        username="requester",
        first_name=person.first_name,
        **formset(
            "organisation_roles",
            {
                "id": str(own.pk),
                "person": str(person.pk),
                "organisation": str(cast.organiser.pk),
                "role": "clinician",
                **moment("valid_from", own.valid_from),
                **moment("valid_until", now() - timedelta(hours=1)),
            },
            initial=1,
        ),
        **formset("board_roles", {**role, "role": "member", **moment("valid_from", now() - timedelta(days=1))}),
    )
    assert keep.post(url(Person, "change", person.pk), data).status_code == 302
    with acting_as(cast.requester) as by:
        assert access.organisation_roles(by) == frozenset()
        assert [each.roles for each in access.visible_boards(by)] == [{"member"}]
    assert AccessEpoch.objects.get().value > epoch  # open pages and sockets hear of it
    kinds = AuditEntry.objects.filter(action="directory.change").count()
    assert kinds == 3  # the person, the role that ended, the role that is new


def test_a_role_that_was_a_mistake_can_be_taken_away(keep: Client, cast: Cast) -> None:
    role = BoardRole.objects.get(person=cast.radiologist.pk)
    row = {
        "id": str(role.pk),
        "person": str(role.person_id),
        "board": str(role.board_id),
        "organisation": str(role.organisation_id),
        "role": "member",
        **moment("valid_from", role.valid_from),
        "DELETE": "on",
    }
    data = person_form(username="radiologist", **formset("board_roles", row, initial=1))
    data |= formset("organisation_roles")
    assert keep.post(url(Person, "change", cast.radiologist.pk), data).status_code == 302
    with acting_as(cast.radiologist) as by:
        assert access.visible_boards(by) == []


def test_a_role_cannot_end_before_it_begins(keep: Client, cast: Cast) -> None:
    row = {
        "id": "",
        "person": str(cast.guest.pk),
        "organisation": str(cast.practice.pk),
        "role": "guest",
        **moment("valid_from", now()),
        **moment("valid_until", now() - timedelta(days=1)),
    }
    answer = keep.post(
        url(Person, "change", cast.guest.pk), person_form(username="guest", **formset("organisation_roles", row))
    )
    assert answer.status_code == 200
    assert "This lies before the beginning." in answer.content.decode()
    assert OrganisationRole.objects.filter(person=cast.guest.pk).count() == 1


def test_a_new_password_and_none(keep: Client, cast: Cast) -> None:
    address = reverse("admin:auth_user_password_change", args=[cast.chair.pk])
    signed_in = Client()
    signed_in.login(username="chair", password=PASSWORD)
    data = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "set-password": "1"}
    assert keep.post(address, data).status_code == 302
    cast.chair.person.refresh_from_db()
    assert cast.chair.person.check_password(NEW_PASSWORD)
    assert signed_in.get(reverse("audit")).status_code == 302  # signed out everywhere
    assert AuditEntry.objects.latest("id").action == "directory.change"
    assert keep.post(address, {"usable_password": "false", "unset-password": "1"}).status_code == 302
    cast.chair.person.refresh_from_db()
    assert not cast.chair.person.has_usable_password()


def test_a_password_is_never_taken_from_the_form_of_the_person(keep: Client, cast: Cast) -> None:
    before = cast.guest.person.password
    data = person_form(username="guest", password="md5$x$y", is_superuser="on", last_login_0="2020-01-01")
    assert keep.post(url(Person, "change", cast.guest.pk), data).status_code == 302
    cast.guest.person.refresh_from_db()
    assert (cast.guest.person.password, cast.guest.person.is_superuser) == (before, False)
    assert before not in keep.get(url(Person, "change", cast.guest.pk)).content.decode()


@pytest.mark.parametrize(
    "query", ["q=%00", "q=%27", "o=9.x", "p=-1", "all=", "id__exact=junk", "e=1", "is_active__exact=9"]
)
def test_a_list_takes_any_query(keep: Client, query: str) -> None:
    assert keep.get(f"{url(Person, 'changelist')}?{query}").status_code in (200, 302)


def test_the_last_operator_stays(keep: Client, operator: Person) -> None:
    data = person_form(username="operator", is_active=None)
    assert keep.post(url(Person, "change", operator.pk), data).status_code == 422
    operator.refresh_from_db()
    assert (operator.is_active, operator.is_staff) == (True, True)


def board_form(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Borst-MOC",
        "network": str(cast.network.pk),
        "organiser": str(cast.organiser.pk),
        "kind": "tumour_board",
        "dossier": "breast",
        "place": "",
        "time_zone": "Europe/Brussels",
        "minutes_per_item": "5",
        "deadline_hours": "48",
        "read_back": "each",
        "call": "mesh",
        "partners_draft": "on",
        "quorum_disciplines": "4",
        "quorum_people": "",
        "quorum_required": ["radiology", "pathology"],
        "rule_set": "be-2025",
        **formset("roles"),
        **changes,
    }


def test_a_board_with_its_quorum_and_roles(keep: Client, cast: Cast) -> None:
    role = {
        "id": "",
        "board": str(cast.board.pk),
        "person": str(cast.requester.pk),
        "organisation": str(cast.organiser.pk),
        "role": "chair",
        **moment("valid_from", now() - timedelta(days=1)),
    }
    Board.objects.update(quorum={"disciplines": 3, "people": 5, "required": [], "means": ["video"]})
    answer = keep.post(url(Board, "change", cast.board.pk), board_form(cast, **formset("roles", role)))
    assert answer.status_code == 302
    cast.board.refresh_from_db()
    assert cast.board.quorum == {"disciplines": 4, "required": ["radiology", "pathology"], "means": ["video"]}
    assert (cast.board.minutes_per_item, cast.board.deadline_hours) == (5, 48)
    with acting_as(cast.requester) as by:
        assert [each.roles for each in access.visible_boards(by)] == [{"chair"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "dance"),
        ("dossier", "../breast"),
        ("rule_set", "be-1830"),
        ("time_zone", "Mars/Olympus"),
        ("minutes_per_item", "0"),
        ("minutes_per_item", "241"),
        ("deadline_hours", "1441"),
        ("quorum_disciplines", "-1"),
        ("quorum_required", ["witchcraft"]),
        ("organiser", str(uuid4())),
        ("network", "junk\0"),
        ("name", "x" * 201),
    ],
)
def test_a_board_takes_no_junk(keep: Client, cast: Cast, field: str, value: Any) -> None:
    answer = keep.post(url(Board, "change", cast.board.pk), board_form(cast, **{field: value}))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]


def test_an_agreement_with_its_parties_and_boards(keep: Client, cast: Cast) -> None:
    data = {
        "network": str(cast.network.pk),
        "title": "Uitbreiding",
        "purpose": "",
        "status": "signed",
        "version": "1",
        "starts_on": "2026-01-01",
        "ends_on": "",
        **formset(
            "agreementparty_set",
            *(
                {"id": "", "agreement": "", "organisation": str(each.pk), "signatory": "X", "signed_on": "2026-01-01"}
                for each in (cast.organiser, cast.outside)
            ),
        ),
        **formset("agreementboard_set", {"id": "", "agreement": "", "board": str(cast.board.pk)}),
    }
    with acting_as(cast.outsider) as by:
        assert access.visible_boards(by) == []
    assert keep.post(url(Agreement, "add"), data).status_code == 302
    agreement = Agreement.objects.get(title="Uitbreiding")
    assert AgreementParty.objects.filter(agreement=agreement).count() == 2
    with acting_as(cast.outsider) as by:
        assert [each.board for each in access.visible_boards(by)] == [cast.board]
    answer = keep.post(url(Agreement, "add"), {**data, "title": "Krom", "ends_on": "2025-12-31"})
    assert list(answer.context["adminform"].form.errors) == ["ends_on"]


def test_an_organisation_and_a_network(keep: Client, cast: Cast) -> None:
    data = {"name": "AZ Nieuw", "short_name": "AN", "kind": "hospital", "colour": "6", "city": "Gent"}
    data |= formset("record_systems")
    assert keep.post(url(Organisation, "add"), {**data, "colour": "9"}).status_code == 200
    assert keep.post(url(Organisation, "add"), data).status_code == 302
    new = Organisation.objects.get(name="AZ Nieuw")
    member = {"id": "", "network": "", "organisation": str(new.pk), "joined_on": "2026-02-01", "left_on": "2026-01-01"}
    address = url(Network, "add")
    bad = keep.post(address, {"name": "Netwerk Leie", **formset("networkmembership_set", member)})
    assert bad.status_code == 200
    good = keep.post(address, {"name": "Netwerk Leie", **formset("networkmembership_set", {**member, "left_on": ""})})
    assert good.status_code == 302
    assert list(new.networks.values_list("name", flat=True)) == ["Netwerk Leie"]


# --- the action by itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_action_asks_for_the_operator(cast: Cast, name: str) -> None:
    with acting_as(getattr(cast, name)) as by:
        cast.practice.city = "Elders"
        with pytest.raises(Denied):
            change_directory(by=by, record=cast.practice, how="changed")
    cast.practice.refresh_from_db()
    assert cast.practice.city == "Torhout"


def test_the_house_is_no_operator(cast: Cast) -> None:
    house = System("test")
    with acting(house, None, "work"), pytest.raises(Denied):
        change_directory(by=house, record=cast.practice, how="changed")


def test_the_event_says_what_and_how(operator: Person, cast: Cast) -> None:
    with acting(operator, None, "care"):
        done = change_directory(by=operator, record=cast.practice, how="changed")
        assert [event.model_dump() for event in done.events] == [
            {"kind": "organisation", "object_id": cast.practice.pk, "how": "changed"}
        ]
        operator.is_staff = False
        with pytest.raises(RuleBroken):
            change_directory(by=operator, record=operator, how="changed")


def test_lists_are_named_once() -> None:
    assert [code for code, _words in catalogue.choices("kind")] == [kind.code for kind in board_kinds()]
    assert catalogue.choices("dossier")[0][0] == "breast"
    assert [code for code, _words in catalogue.choices("rule_set")] == list(names())
    with pytest.raises(RuntimeError):
        catalogue.register("kind", list)
    with pytest.raises(KeyError):
        catalogue.choices("colour")

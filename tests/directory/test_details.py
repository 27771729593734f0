"""Licence numbers and postal addresses, said by whoever knows them; and who is a hospital's data manager."""

from __future__ import annotations

from typing import Any

import pytest

from mdo.directory.actions.details import (
    set_data_manager,
    set_organisation_details,
    set_own_details,
    set_person_details,
)
from mdo.directory.details import Details, address_of, checked
from mdo.directory.models import Organisation, OrganisationRole, Person
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member
from tests.directory.test_tokens import page
from tests.meetings.acts import call

GOOD, OTHER, UNFIT = "11223393140", "12345658140", "11223394140"
ADDRESS = "Dorpsstraat 1\n9999 Elders"
NOTHING = Details()


def form(**values: Any) -> dict[str, Any]:
    return {"command_id": new_id(), "seen_licence": "", "seen_address": "", "postal_address": "", **values}


def again(member: Member) -> Details:
    return Details.of(Person.objects.get(pk=member.pk))


def acts(name: str) -> list[tuple[Any, str]]:
    return [(each.actor_id, each.outcome) for each in AuditEntry.objects.filter(action=name)]


def test_one_s_own_number_is_said_once_and_one_s_address_again(cast: Cast) -> None:
    client = page(cast.requester)
    assert 'href="/profile/"' in client.get("/").content.decode()
    sent = form(licence_number="1-12233-93-140", postal_address=" Dorpsstraat 1 \r\n\r\n9999 Elders\r\n")
    for _twice in range(2):
        assert client.post("/profile/", sent).status_code == 302
    assert again(cast.requester) == Details(GOOD, ADDRESS)
    assert acts("person.set_own_details") == [(cast.requester.pk, "ok")]
    shown = client.get("/profile/")
    assert ("licence_number" in shown.context["form"].fields, "1-12233-93-140" in shown.content.decode()) == (
        False,
        True,
    )
    # The browser sends the lines of what was seen with its own ends.
    moved = form(seen_licence=GOOD, seen_address=ADDRESS.replace("\n", "\r\n"), postal_address="Elders 2")
    assert client.post("/profile/", moved).status_code == 302
    assert again(cast.requester) == Details(GOOD, "Elders 2")
    stale = client.post("/profile/", form(seen_licence=GOOD, seen_address=ADDRESS, postal_address="Hier 3"))
    assert (stale.status_code, stale.context["form"]["postal_address"].value()) == (409, "Hier 3")
    with pytest.raises(RuleBroken):
        call(set_own_details, cast.requester, owner_details=Details(OTHER), details_before=again(cast.requester))
    assert again(cast.requester) == Details(GOOD, "Elders 2")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("licence_number", "12"),
        ("licence_number", "0-12233-93-140"),
        ("licence_number", "<script>"),
        ("postal_address", "x\n" * 7),
        ("postal_address", "x" * 201),
        ("postal_address", "a\x00b"),
        ("postal_address", "a\u202eb"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(cast: Cast, field: str, value: str) -> None:
    answer = page(cast.requester).post("/profile/", form(**{field: value}))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert again(cast.requester) == NOTHING
    with pytest.raises(Invalid) as refused:
        call(set_own_details, cast.requester, owner_details=Details(**{field: value}), details_before=NOTHING)
    assert refused.value.field == field


def test_digits_that_do_not_fit_warn_and_do_not_block(cast: Cast) -> None:
    client = page(cast.requester)
    said = client.post("/profile/", form(licence_number=UNFIT), follow=True)
    assert again(cast.requester).licence_number == UNFIT
    assert [each.level_tag for each in said.context["messages"]] == ["success", "warning"]
    assert client.get("/profile/").context["warning"]
    assert checked(Details(UNFIT)) == (Details(UNFIT), {})


def test_nobody_takes_another_s_number(cast: Cast) -> None:
    """The first eight digits identify: by them programs find a requester."""
    Person.objects.filter(pk=cast.chair.pk).update(licence_number=GOOD)
    answer = page(cast.requester).post("/profile/", form(licence_number=GOOD[:8] + "004"))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["licence_number"])
    assert again(cast.requester) == NOTHING


def test_an_administrator_describes_the_organisation_and_its_people(cast: Cast) -> None:
    client = page(cast.admin)
    assert 'href="/organisation/"' in client.get("/").content.decode()
    sent = form(
        licence_number="7-10001-37-004", enterprise_number="0566.988.259", postal_address=ADDRESS, seen_enterprise=""
    )
    answer = client.post("/organisation/", sent)
    assert answer.status_code == 302
    kept = Details.of(Organisation.objects.get(pk=cast.organiser.pk))
    assert (kept.enterprise_number, kept.postal_address, kept.licence_number) == ("0566988259", ADDRESS, "71000137004")
    wrong = client.post("/organisation/", {**sent, "command_id": new_id(), "enterprise_number": "0566.988.258"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["enterprise_number"])
    assert (
        client.post("/organisation/", {**sent, "command_id": new_id(), "postal_address": "Elders"}).status_code == 409
    )
    listed = client.get("/organisation/")
    assert {row["person"].pk for row in listed.context["rows"]} == {
        each.pk for each in cast.members.values() if each.organisation == cast.organiser
    }
    address = f"/organisation/people/{cast.chair.pk}/"
    assert client.get(address).status_code == 200
    assert client.post(address, form(licence_number=UNFIT)).status_code == 302
    Person.objects.filter(pk=cast.admin.pk).update(language="en")
    assert (again(cast.chair).licence_number, "check it" in client.get("/organisation/").content.decode()) == (
        UNFIT,
        True,
    )
    assert client.post(address, form(licence_number=GOOD, seen_licence=UNFIT)).status_code == 302
    assert acts("person.set_details") == [(cast.admin.pk, "ok")] * 2


def test_an_administrator_names_the_data_manager_and_ends_it(cast: Cast) -> None:
    client, address = page(cast.admin), f"/organisation/people/{cast.radiologist.pk}/"
    held = OrganisationRole.objects.filter(person=cast.radiologist.person, role="data_manager")
    sent = [
        ("True", {"data_manager": "on"}, 0),
        ("False", {"data_manager": "on"}, 1),
        ("True", {"data_manager": "on"}, 1),
    ]
    sent += [("False", {}, 1), ("True", {}, 0), ("False", {"data_manager": "on"}, 1)]
    for seen, tick, left in sent:  # where the box is as it was seen, what another administrator said meanwhile stays
        assert client.post(address, form(seen_data_manager=seen, **tick)).status_code == 302
        assert held.filter(organisation=cast.organiser, valid_until=None).count() == left
    assert (held.count(), acts("organisation.set_data_manager")) == (2, [(cast.admin.pk, "ok")] * 3)
    shown = client.get(address).context["form"]
    assert (shown["data_manager"].value(), 'name="seen_data_manager" value="True"' in str(shown)) == (True, True)


def test_for_others_these_pages_do_not_exist(cast: Cast) -> None:
    colleague, stranger = f"/organisation/people/{cast.chair.pk}/", f"/organisation/people/{cast.partner.pk}/"
    for name in ("secretary", "chair", "privacy", "requester", "outsider", "datamanager"):
        client = page(cast.members[name])
        for address in ("/organisation/", colleague):
            assert client.get(address).status_code == 404
            assert client.post(address, form(licence_number=GOOD)).status_code == 404
        with pytest.raises(NotFound):
            call(set_data_manager, cast.members[name], person_id=cast.chair.pk, allowed=True)
    assert page(cast.admin).get(stranger).status_code == 404
    for act, values in (
        (set_person_details, {"owner_details": Details(GOOD), "details_before": NOTHING}),
        (set_data_manager, {"allowed": True}),
    ):
        with pytest.raises(NotFound):
            call(act, cast.admin, person_id=cast.partner.pk, **values)
    with pytest.raises(NotFound):
        call(
            set_organisation_details,
            cast.admin,
            organisation_id=cast.partner_hospital.pk,
            owner_details=Details(GOOD),
            details_before=NOTHING,
        )
    values = {"owner_details": Details(GOOD), "details_before": Details(OTHER)}
    with pytest.raises(Stale):
        call(set_person_details, cast.admin, person_id=cast.chair.pk, **values)
    assert not Person.objects.exclude(licence_number="").exists()


def test_where_no_address_is_known_the_practice_s_is_used(cast: Cast) -> None:
    assert address_of(cast.guest.person) == ""
    Organisation.objects.filter(pk=cast.practice.pk).update(postal_address=ADDRESS)
    assert address_of(cast.guest.person) == f"{cast.practice.name}\n{ADDRESS}"
    cast.guest.person.postal_address = "Thuis 1"
    assert address_of(cast.guest.person) == "Thuis 1"


@pytest.mark.parametrize("people", [1, 30])
def test_one_row_costs_as_much_as_thirty(cast: Cast, people: int, django_assert_num_queries: Any) -> None:
    from tests.cast import seat

    for n in range(people):
        seat(Person.objects.create(username=f"p{n}", last_name=f"P{n:02}"), cast.board, cast.organiser, "member")
    client = page(cast.admin)
    client.get("/organisation/")
    with django_assert_num_queries(PAGE_QUERIES):
        assert client.get("/organisation/").context["page"].paginator.count == 9 + people


PAGE_QUERIES = 13

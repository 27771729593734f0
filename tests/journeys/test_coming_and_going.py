"""Journey: a hospital's own sign-in and directory. An administrator says where people sign in; a clinician who joined comes in by the
hospital's real provider, without a password of this site; the directory says that they left, and the next click leads out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from mdo.directory.models import Person
from tests.cast import Cast
from tests.identity.hospital import SECRET, running
from tests.identity.test_scim import PATCH, USER
from tests.journeys.visitors import Visitors

pytestmark = pytest.mark.journey


def test_who_joins_comes_in_and_who_leaves_is_out(cast: Cast, visitors: Visitors, tmp_path: Path) -> None:
    admin = visitors.bring("admin", cast.admin)
    page = admin.page
    with running(tmp_path) as hospital:
        admin.go("/")
        page.get_by_role("link", name="Your own sign-in").click()
        page.get_by_label("People sign in there").check()
        page.get_by_label("Issuer").fill(hospital.issuer)
        page.get_by_label("Client id").fill("mdo")
        page.get_by_label("Client secret").fill(SECRET)
        page.get_by_label("Mail domains").fill("example.org")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        hospital.back = [page.get_by_label("Redirect address of this site").input_value()]
        directory = page.get_by_label("Address for SCIM 2.0").input_value()
        hospital.knows("sofie", cast.requester.person.email)
        page.get_by_role("button", name="Ask the provider what it is like").click()
        expect(page.get_by_text("It answers.")).to_be_visible()
        admin.look("own sign-in, asked")
        page.get_by_role("link", name="Access for programs").click()
        page.get_by_label("Program", exact=True).fill("Directory")
        page.get_by_label("Enter who joins and shut out who leaves (SCIM)").check()
        page.get_by_role("button", name="Make the token").click()
        told = {"Authorization": f"Bearer {page.get_by_label('Token', exact=True).input_value()}"}

        joined = requests.post(
            f"{directory}/Users".replace("//Users", "/Users"),
            json={"schemas": [USER], "userName": "sofie", "emails": [{"value": cast.requester.person.email}]},
            headers=told,
            timeout=20,
        )
        assert joined.status_code == 201, joined.text

        clinician = visitors.bring("requester", cast.requester, signed_in=False)
        there = clinician.page
        clinician.go("/cases/")
        clinician.look("signing in, with an organisation's own way")
        with clinician.expecting(re.escape(hospital.issuer)):
            there.get_by_label("User name or e-mail address").fill(cast.requester.person.email)
            there.get_by_role("button", name="Continue at my organisation").click()
            there.get_by_label("Login").fill("sofie")
            there.get_by_role("button", name="Sign in").click()
            there.wait_for_url("**/cases/")
        expect(there.get_by_role("heading", level=1, name="Cases")).to_be_visible()

        left = requests.patch(
            joined.json()["meta"]["location"],
            json={"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]},
            headers=told,
            timeout=20,
        )
        assert left.json()["active"] is False
        there.get_by_role("link", name="Today").first.click()
        expect(there.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
        assert not Person.objects.get(pk=cast.requester.pk).is_active
        with clinician.expecting(re.escape(hospital.issuer), "403"):
            there.get_by_label("User name or e-mail address").fill(cast.requester.person.email)
            there.get_by_role("button", name="Continue at my organisation").click()
            there.wait_for_url(f"{clinician.site}/**")
            expect(there.get_by_role("heading", level=1)).to_be_visible()
        clinician.look("signed out, refused")
        assert there.locator("[data-menu]").count() == 0

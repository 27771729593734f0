"""What the tests of ``/fhir/`` share: a program with its token, a made world, and the two validators that were not written here."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import fhirkit
from django.test import Client
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from cases.models import Case, Patient, Referral
from mdo.directory import tokens
from mdo.directory.models import ApiToken, Organisation
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings.models import AgendaItem, Decision, Meeting
from tests.cast import Cast
from tests.factories import (
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    make_topic,
    tumour_data,
    writing,
)

FHIR = "application/fhir+json"
LONG = "Æ <b>&\r\n" + "Uitgebreide motivering. " * 833


class Program:
    """A program of a hospital with its token."""

    def __init__(self, cast: Cast, *scopes: str, organisation: Organisation | None = None) -> None:
        self.secret = tokens.new_secret()
        self.token = ApiToken.objects.create(
            organisation=organisation or cast.organiser,
            name="Dossier",
            scopes=list(scopes or ["fhir.read"]),
            digest=tokens.digest(self.secret),
            made_by=cast.admin.person,
            expires_at=now() + timedelta(days=30),
        )
        self.client = Client(raise_request_exception=False)
        self.headers = {"authorization": f"Bearer {self.secret}"}

    def get(self, path: str, **headers: str) -> Any:
        address = path if path.startswith("http") else f"/fhir/{path}"
        return self.client.get(address, headers=self.headers | headers)

    def post(self, path: str, body: dict[str, str], **headers: str) -> Any:
        form = "application/x-www-form-urlencoded"
        return self.client.post(f"/fhir/{path}", urlencode(body), content_type=form, headers=self.headers | headers)

    def found(self, path: str) -> list[dict[str, Any]]:
        """Every resource of a search, over all of its pages."""
        resources: list[dict[str, Any]] = []
        address: str | None = path
        while address:
            answer = self.get(address)
            assert answer.status_code == 200, answer.content
            page = answer.json()
            assert complaints(page) == []
            resources += [each["resource"] for each in page.get("entry", ())]
            address = next((each["url"] for each in page["link"] if each["relation"] == "next"), None)
        return resources


def complaints(body: dict[str, Any]) -> list[str]:
    """What either validator has against a resource: ``fhirkit`` (R4, with its invariants) and the models of ``fhir.resources``."""
    found = [f"fhirkit: {each}" for each in fhirkit.validate(body) if each.severity == "error"]
    return found + [f"models: {each}" for each in by_models(body)]


def by_models(body: dict[str, Any]) -> list[str]:
    try:
        get_fhir_model_class(body["resourceType"]).model_validate(body)
    except ValidationError as error:
        return [f"{each['loc']}: {each['msg']}" for each in error.errors(include_url=False)]
    return []


def referred(cast: Cast, case: Case, status: str = Referral.Status.DISCUSSED, **values: Any) -> Referral:
    return make_referral(cast.board, case.hospital, case.requester, case=case, status=status, **values)


def decided(cast: Cast, case: Case, meeting: Meeting, number: int, **values: Any) -> Decision:
    item = make_item(meeting, referred(cast, case), state=AgendaItem.State.DISCUSSED)
    return signed(cast, item, number, **values)


def signed(cast: Cast, item: AgendaItem, number: int, **values: Any) -> Decision:
    values.setdefault("state", Decision.State.SIGNED)
    values.setdefault("signed_at", now())
    return make_decision(item, number=number, signed_by=cast.coordinator.person, digest="0" * 64, **values)


class Made:
    """A hospital's patients as they come, and what was decided of them; ``elsewhere`` is another hospital's."""

    def __init__(self, cast: Cast) -> None:
        house = cast.organiser
        meeting = self.meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
        self.dead = make_patient(house, deceased_on=date(2026, 3, 1), phone="+32 9 000", gp_name="dr. An Lemmens")
        self.foreign = make_patient(
            house,
            family_name="Ελληνίδου",
            given_name="美玲 О'Нил",
            national_number="",
            other_identifier="P-1",
            other_identifier_reason="No number yet",
            record_number="9001",
            sex=Patient.Sex.OTHER,
        )
        self.two = make_patient(house, gp=cast.guest.person)
        right = tumour_data(laterality="right", morphology="other", morphology_other="8520/3")
        case = self._case(cast, self.two, tumours=[tumour_data(), right])
        self.case_of_two = case
        first = decided(cast, case, meeting, 1, text=LONG[:20_000], deviation="Wens van de patiënt")
        with writing():
            Decision.objects.filter(pk=first.pk).update(state=Decision.State.REPLACED)
        self.replaced = first
        self.replacing = signed(
            cast,
            first.item,
            2,
            version=2,
            replaces=first,
            correction_reason="Zijde verwisseld",
            steps=[],
            text="Links.",
            agreed={
                "guideline": "followed",
                "trial": "considered",
                "trial_name": "POSNOC",
                "informs": "gp",
                "actions": [
                    {"id": str(new_id()), "text": "MRI aanvragen", "owner": "", "name": "dr. Z", "due": "2026-12-24"}
                ],
            },
        )
        self.by_protocol = decided(
            cast,
            self._case(cast, self.dead),
            meeting,
            3,
            protocol="cT1 zonder klieren",
            voices=[{"kind": "dissent", "name": "dr. X", "discipline": "radiology", "reason": "Eerst MRI"}],
            attendance=[
                {
                    "person": None, "name": "dr. Y", "profession": "physician", "discipline": "radiology",
                    "organisation": None, "organisation_name": "AZ", "role": "member", "times": [],
                }
            ],
            discussion="Lang besproken.",
        )  # fmt: skip
        case = self._case(cast, self.foreign)
        self.referrals = [
            referred(cast, case, status, question="Vraag\x0b?" if status == "draft" else "Vraag?")
            for status in Referral.Status.values
            if status != "discussed"
        ]
        self.unsigned = make_decision(make_item(meeting, referred(cast, case), state=AgendaItem.State.DISCUSSED))
        topic = make_item(meeting, topic=make_topic(cast.board), state=AgendaItem.State.DISCUSSED)
        self.of_topic = signed(cast, topic, 4)
        partner = make_case(cast.partner_hospital, cast.partner.person)
        item = make_item(meeting, referred(cast, partner), state=AgendaItem.State.DISCUSSED)
        self.elsewhere = signed(cast, item, 5)
        self.case = partner

    @staticmethod
    def _case(cast: Cast, patient: Patient, **values: Any) -> Case:
        return make_case(cast.organiser, cast.requester.person, patient=patient, **values)

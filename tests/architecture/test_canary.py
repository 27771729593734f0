"""A patient's name and number in the log, in mail, in the audit, in the journal, in an address: nowhere.

One case goes the whole way, by pages and by actions, with a name and a number that stand nowhere else; then everything that leaves
a trace is searched for them.
"""

from __future__ import annotations

import logging
import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from cases.models import Patient, Referral
from mdo.kernel.acting import acting
from mdo.kernel.ids import new_id
from mdo.logs import JsonFormatter, PlainFormatter
from mdo.watch import exposition
from meetings import chain, mails, texts
from meetings.actions.agenda_building import (
    accept_referral,
    publish_meeting,
    return_referral,
    schedule_referral,
)
from meetings.actions.reporting import make_report
from meetings.actions.signing import sign_decisions
from meetings.models import AgendaItem, Decision, Delivery, Meeting, Report
from meetings.room import audience, work
from tests.architecture.world import HOUSE
from tests.cast import Cast, Member, acting_as
from tests.factories import insz, make_case, make_meeting, make_patient, make_referral

pytestmark = pytest.mark.slow

SURNAME = "Zwaluwkanarie"
BIRTH = date(1957, 8, 9)
NUMBER = insz(BIRTH, 246)
QUESTION = "Kwestiekanarie"
DOTTED = f"{NUMBER[:2]}.{NUMBER[2:4]}.{NUMBER[4:6]}-{NUMBER[6:9]}.{NUMBER[9:]}"
SECRETS = (SURNAME, NUMBER, DOTTED, QUESTION)

# Tables that hold care content or make it findable; every other one is searched.
CONTENT = {
    "cases_patient",
    "cases_case",
    "cases_tumour",
    "cases_discussion",
    "cases_document",
    "cases_preparationnote",
    "cases_referral",
    "meetings_billingline",
    "meetings_decision",
    "meetings_registrationform",
    "meetings_topic",
    "meetings_remark",
    "meetings_savedsearch",
    "meetings_textdocument",
    "meetings_textupdate",
    "meetings_voice",
}


def leaks(text: str) -> set[str]:
    return {secret for secret in SECRETS if secret.lower() in text.lower()}


def signed_in(member: Member) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(member.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def addresses(html: str) -> set[str]:
    return set(re.findall(r"""(?:href|src|action|hx-(?:get|post))=["']([^"']*)["']""", html))


def walk(cast: Cast) -> tuple[set[str], list[str]]:
    """The way of one case; gives every address that a page named, and the mails."""
    seen: set[str] = set()

    def read(member: Member, url: str, **query: str) -> None:
        response = signed_in(member).get(url, query)
        assert response.status_code == 200, (url, response.status_code)
        if not response.streaming:
            seen.update(addresses(response.content.decode("utf-8", "replace")))
        seen.update(str(value) for value in response.headers.values())

    patient = make_patient(
        cast.organiser, family_name=SURNAME, given_name="Rosa", birth_date=BIRTH, national_number=NUMBER
    )
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, question=f"{QUESTION}?")
    back = make_referral(
        cast.board,
        cast.organiser,
        cast.requester.person,
        case=make_case(cast.organiser, cast.requester.person, patient=patient),
        question=f"{QUESTION}??",
    )
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    item_id = new_id()

    def act(member: Member, action: Any, **values: Any) -> None:
        with acting_as(member) as by:
            action(by=by, command_id=new_id(), **values)

    act(cast.secretary, return_referral, referral_id=back.pk, version=back.version, reason="De PET-CT ontbreekt.")
    act(cast.secretary, accept_referral, referral_id=referral.pk, version=referral.version)
    with acting(HOUSE, None, "test"):
        version = Referral.objects.get(pk=referral.pk).version
    act(
        cast.secretary,
        schedule_referral,
        meeting_id=meeting.pk,
        referral_id=referral.pk,
        version=version,
        item_id=item_id,
    )
    meeting.refresh_from_db()
    act(cast.secretary, publish_meeting, meeting_id=meeting.pk, version=meeting.version)

    place = audience.find(cast.chair.pk, meeting.pk, cast.chair.organisation_id)
    assert place is not None

    def say(name: str, **args: Any) -> None:
        work.run_command(place, meeting.pk, uuid4(), name, args)

    with acting(HOUSE, None, "test"):
        cast.board.read_back = "no_objection"
        cast.board.save()
    say("meeting.start")
    say("agenda.open_item", item=str(item_id), version=AgendaItem.objects.get(pk=item_id).version)
    read(cast.chair, f"/meetings/{meeting.pk}/room/")
    read(cast.partner, f"/meetings/{meeting.pk}/items/{item_id}/stage/")
    say("draft.save", item=str(item_id), version=1, steps=[{"kind": "surgery", "text": f"{SURNAME}: links"}])
    with acting(HOUSE, None, "test"):
        texts.write(
            AgendaItem.objects.get(pk=item_id), texts.RECOMMENDATION, f"{SURNAME}: heelkunde", cast.chair.person
        )
    say("remark.say", item=str(item_id), text=f"{SURNAME}: beelden gezien")
    say("readback.begin", item=str(item_id), version=2, text=1)
    say("readback.dissent", item=str(item_id), round=1, reason=f"{SURNAME}: liever afwachten")
    say("decision.record", item=str(item_id), version=2, text=1)
    say("remark.late", item=str(item_id), text=f"{SURNAME}: nagekomen")
    say("meeting.close")
    with acting(HOUSE, None, "test"):
        decision = Decision.objects.get(item=item_id)
        digest = chain.seen(decision)
    act(cast.coordinator, sign_decisions, meeting_id=meeting.pk, decisions=[(decision.pk, digest)])

    with acting(HOUSE, None, "test"):
        for report_id in list(Report.objects.values_list("pk", flat=True)):
            make_report(by=HOUSE, report_id=report_id)

    read(cast.requester, "/")
    read(cast.requester, "/cases/")
    read(cast.requester, f"/cases/{case.pk}/")
    read(cast.secretary, f"/boards/{cast.board.pk}/")
    read(cast.secretary, f"/meetings/{meeting.pk}/")
    read(cast.requester, f"/decisions/{decision.pk}/")
    found = signed_in(cast.coordinator).post("/decisions/", {"q": SURNAME})
    assert (found.status_code, SURNAME in found.content.decode()) == (200, True)
    seen.update(addresses(found.content.decode()))

    # What goes wrong is written down too.
    signed_in(cast.outsider).get(f"/cases/{case.pk}/", {"q": SURNAME})
    signed_in(cast.secretary).post(
        "/cases/new/", {"family_name": SURNAME, "national_number": NUMBER, "question": QUESTION}
    )

    written = []
    with acting(HOUSE, None, "test"):
        for delivery in Delivery.objects.select_related("meeting__board__organiser", "recipient"):
            message = mails.compose(delivery)
            if not isinstance(message, str):
                written.append(str(message.message()) + message.body + str(message.alternatives))
    return seen, written


def traces() -> dict[str, str]:
    """Every table but those of care content, as text."""
    with acting(HOUSE, None, "test"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND has_table_privilege(oid, 'SELECT')"
        )
        names = [name for (name,) in cursor.fetchall() if name not in CONTENT]
        found = {}
        for name in names:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {name} t")
            found[name] = cursor.fetchone()[0]
    return found


def test_a_patient_leaves_no_trace_outside_of_the_case(
    cast: Cast, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    seen, written = walk(cast)
    logged = "\n".join(form.format(record) for form in (PlainFormatter(), JsonFormatter()) for record in caplog.records)
    out, err = capfd.readouterr()
    assert leaks(logged) == set()
    assert leaks(out + err) == set()
    measured = exposition.text().decode()
    assert 'route="cases:detail"' in measured
    assert leaks(measured) == set()
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[^\s]*", measured) == []
    assert {address for address in seen if leaks(address)} == set()
    assert [mail for mail in written if leaks(mail)] == []
    assert len(written) >= 5
    assert {name: leaks(text) for name, text in traces().items() if leaks(text)} == {}


def test_the_search_would_find_a_leak(cast: Cast) -> None:
    """Negative control: care content itself is found when it is searched."""
    patient = make_patient(cast.organiser, family_name=SURNAME, birth_date=BIRTH, national_number=NUMBER)
    with acting(HOUSE, None, "test"):
        text = " ".join(str(value) for value in Patient.objects.filter(pk=patient.pk).values_list().get())
    assert leaks(text) == {SURNAME, NUMBER}
    assert leaks(f"found {DOTTED}") == {DOTTED}

"""The code on a printed report: made by chance, asked by anybody, and silent about what is on the paper."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import translation

from mdo.kernel.ids import new_id
from meetings import chain, seals
from meetings.actions.signing import correct_decision, sign_decisions
from meetings.models import Decision, DecisionSeal, Meeting, Report
from meetings.reports import layout, printing, writing
from tests.cast import Cast
from tests.factories import make_decision, make_item, make_meeting, make_referral
from tests.meetings.acts import call, house


@pytest.fixture
def signed(cast: Cast) -> Decision:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
    decision = make_decision(make_item(meeting, referral, state="discussed"), recorded_by=cast.chair.person)
    sign(cast, decision)
    cache.clear()
    return decision


def sign(cast: Cast, decision: Decision) -> None:
    what = [(decision.pk, chain.seen(decision))]
    call(sign_decisions, cast.coordinator, meeting_id=decision.meeting_id, decisions=what)


def ask(code: str, typed: str | None = None) -> Any:
    asked = {} if typed is None else {"code": typed}
    return Client().get(reverse("meetings:verify_code", args=[code]) if code else reverse("meetings:verify"), asked)


def test_anybody_learns_that_it_is_signed_and_nothing_else(cast: Cast, signed: Decision) -> None:
    seal = DecisionSeal.objects.get()
    page = ask(seal.code)
    words = page.content.decode()
    assert (page.status_code, page.context["state"], page.headers["Cache-Control"]) == (
        200,
        "signed",
        "max-age=0, no-cache, no-store, must-revalidate, private",
    )
    assert cast.board.name in words
    assert seal.digest in words
    referral = signed.item.referral
    assert referral is not None
    patient = referral.case.patient
    secret = [patient.family_name, patient.national_number, referral.question, signed.text, str(signed.pk)]
    people = [member.person.last_name for member in cast.members.values()]
    assert [word for word in (*secret, *people) if word in words] == []
    # As people type it: small, in fours, with letters that look like digits.
    typed = seals.spelled(seal.code).lower().replace("0", "o").replace("1", "l")
    assert ask("", typed).context["state"] == "signed"


def test_a_correction_says_that_there_is_a_newer_one(cast: Cast, signed: Decision) -> None:
    correction = new_id()
    call(
        correct_decision,
        cast.coordinator,
        decision_id=signed.pk,
        correction_id=correction,
        version=0,
        text="Anders.",
        steps=[],
        reason="Fout",
    )
    first = DecisionSeal.objects.get().code
    assert ask(first).context["state"] == "signed"  # until it is signed the old one stands
    with house():
        new = Decision.objects.get(pk=correction)
    sign(cast, new)
    assert ask(first).context["state"] == "replaced"
    assert ask(DecisionSeal.objects.exclude(code=first).get().code).context["state"] == "signed"


def test_what_nobody_knows_is_unknown(cast: Cast, signed: Decision) -> None:
    seal = DecisionSeal.objects.get()
    near = seal.code[:-1] + ("0" if seal.code[-1] != "0" else "1")
    for code in (near, str(signed.pk), signed.digest or "x", "é" * 16, "%00", "1" * 16, "x" * 300):
        page = ask("", code)
        assert (page.status_code, page.context["state"]) == (404, "unknown"), code
    assert ask("").context["state"] == "ask"
    assert Client().post(reverse("meetings:verify")).status_code == 405


def test_guessing_is_slow(cast: Cast, signed: Decision, settings: Any) -> None:
    code = DecisionSeal.objects.get().code
    answers = [ask(code).status_code for _n in range(32)]
    assert (set(answers[:30]), set(answers[30:])) == ({200}, {429})
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "verify": None}  # without the limit it would go on
    assert ask(code).status_code == 200


def test_codes_are_made_by_chance(cast: Cast, signed: Decision) -> None:
    """Of the same decision, signed anew a hundred times, no two codes share a beginning of six."""
    made = []
    for _n in range(100):
        made.append(seals.fresh())
        assert seals.read(made[-1]) == made[-1]
    assert len({each[:6] for each in made}) == 100


def test_the_printed_report_carries_it(cast: Cast, signed: Decision) -> None:
    code = DecisionSeal.objects.get().code
    with house():
        decision = Decision.objects.select_related("meeting__board__organiser", "signed_by").get(pk=signed.pk)
        row = Report.objects.get(decision=signed, kind="case", edition="signed")
        report = writing.case_report(decision, decision.meeting, row)
    with translation.override("nl"):
        imprint = layout.case_report(report)["imprint"]
    assert (imprint["code"], imprint["verify_at"]) == (seals.spelled(code), seals.page())
    # The picture is the address, by the library's own modules; and the document keeps to its standards with it.
    assert imprint["qr"] == seals.picture(f"{seals.page()}{code}/")
    assert imprint["qr"] != seals.picture(f"{seals.page()}{code[:-1]}/")
    pdf = printing.case_report_pdf(report, "nl")
    assert b"pdfaid" in pdf
    assert b"pdfuaid" in pdf

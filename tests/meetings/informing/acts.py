"""What the tests of informing do again and again."""

from typing import Any

from django.utils import timezone

from mdo.kernel import clock
from mdo.kernel.ids import new_id
from meetings import chain
from meetings.actions.informing import inform_patient
from meetings.actions.signing import correct_decision, sign_decisions
from meetings.models import Decision, Report
from tests.cast import Cast, Member
from tests.meetings.acts import call, house
from tests.meetings.test_reporting import stored, text_of

SECRET = "Zeldzaamheid van de nier"  # free text of the decision, which no patient's summary may hold


def sign(cast: Cast, decision: Decision) -> Decision:
    with house():
        digest = chain.seen(Decision.objects.get(pk=decision.pk))
    call(sign_decisions, cast.coordinator, meeting_id=decision.meeting_id, decisions=[(decision.pk, digest)])
    with house():
        return Decision.objects.select_related("case__patient", "meeting").get(pk=decision.pk)


def inform(by: Member, decision: Decision, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "decision_id": decision.pk,
        "statement_id": new_id(),
        "version": 0,
        "informed": True,
        "informer": "dr. Mia Maes",
        "informed_on": timezone.localdate(clock.now()),
        "manner": "phone",
        "words": "",
    }
    return call(inform_patient, by, **{**values, **changes})


def kinds(decision: Decision) -> list[tuple[str, str, str]]:
    rows = Report.objects.filter(decision=decision, edition="signed").order_by("created_at", "kind")
    return [(row.kind, row.language, row.state) for row in rows]


def pdf_text(answer: Any) -> str:
    assert answer.status_code == 200
    return text_of(answer.content)


def letters(decision: Decision) -> list[str]:
    rows = Report.objects.filter(decision=decision, kind="letter").exclude(storage_name="").order_by("created_at", "pk")
    return [text_of(stored(row)) for row in rows]


def correct(cast: Cast, decision: Decision) -> Decision:
    key = new_id()
    call(
        correct_decision, cast.coordinator, decision_id=decision.pk, correction_id=key, version=0, text="Anders.",
        steps=[{"kind": "surgery", "text": ""}], reason="Vergissing",
    )  # fmt: skip
    with house():
        return Decision.objects.get(pk=key)

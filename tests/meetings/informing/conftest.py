"""A patient of the organiser with a decision, recorded and signed."""

import pytest

from cases.models import Patient
from mdo.directory.models import Person
from mdo.kernel.ids import new_id
from meetings.models import Decision, Meeting
from tests.cast import Cast
from tests.factories import (
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.meetings.informing.acts import SECRET, sign


@pytest.fixture
def patient(cast: Cast) -> Patient:
    with writing():
        Person.objects.filter(pk=cast.guest.pk).update(language="fr")
    return make_patient(
        cast.organiser, family_name="Vandersmissen", given_name="Rosa", gp=cast.guest.person, gp_name="", language="de"
    )


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    return make_meeting(cast.board, state=Meeting.State.CLOSED)


@pytest.fixture
def decision(cast: Cast, patient: Patient, meeting: Meeting) -> Decision:
    """Recorded, not signed yet: the requester informs the patient."""
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="discussed")
    action = {
        "id": str(new_id()),
        "text": SECRET,
        "owner": str(cast.chair.pk),
        "name": "dr. Els Chair",
        "due": "2027-01-08",
    }
    return make_decision(
        make_item(meeting, referral, state="discussed"),
        recorded_by=cast.chair.person,
        text=SECRET,
        steps=[{"kind": "surgery", "text": SECRET}, {"kind": "radiotherapy", "text": ""}],
        agreed={"informs": "requester", "actions": [action]},
    )


@pytest.fixture
def signed(cast: Cast, decision: Decision) -> Decision:
    return sign(cast, decision)

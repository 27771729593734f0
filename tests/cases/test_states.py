"""The state machine of a referral: every pair of states."""

import pytest

from cases import states
from cases.events import ReferralMoved
from cases.models import Referral
from mdo.kernel.errors import RuleBroken
from tests.cases.acts import english
from tests.cast import Cast
from tests.factories import make_referral, writing

S = Referral.Status
ROADS = {
    (S.DRAFT, S.SUBMITTED),
    (S.DRAFT, S.WITHDRAWN),
    (S.SUBMITTED, S.ACCEPTED),
    (S.SUBMITTED, S.RETURNED),
    (S.SUBMITTED, S.WITHDRAWN),
    (S.RETURNED, S.SUBMITTED),
    (S.RETURNED, S.WITHDRAWN),
    (S.ACCEPTED, S.SCHEDULED),
    (S.ACCEPTED, S.RETURNED),
    (S.ACCEPTED, S.WITHDRAWN),
    (S.SCHEDULED, S.DISCUSSED),
    (S.SCHEDULED, S.POSTPONED),
    (S.SCHEDULED, S.ACCEPTED),
    (S.SCHEDULED, S.RETURNED),
    (S.SCHEDULED, S.WITHDRAWN),
    (S.POSTPONED, S.SCHEDULED),
    (S.POSTPONED, S.ACCEPTED),
    (S.POSTPONED, S.DISCUSSED),
    (S.POSTPONED, S.WITHDRAWN),
}


@pytest.mark.parametrize(("before", "after"), [(a, b) for a in S for b in S], ids=lambda state: state.value)
def test_every_pair_of_states(cast: Cast, before: Referral.Status, after: Referral.Status) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=before)
    if (before, after) not in ROADS:
        assert not states.can_move(referral, after)
        with english(), writing(), pytest.raises(RuleBroken) as refused:
            states.move(referral, after)
        assert refused.value.message == f"A case that is “{before.label}” cannot become “{after.label}”."
        with writing():
            referral.refresh_from_db()
        assert (referral.status, referral.version) == (before, 1)
        return
    changed, handed_in = referral.changed_at, referral.submitted_at
    with writing():
        event = states.move(referral, after)
        referral.refresh_from_db()
    assert event == ReferralMoved(
        referral_id=referral.pk,
        case_id=referral.case_id,
        board_id=cast.board.pk,
        hospital_id=cast.organiser.pk,
        before=before,
        after=after,
        version=2,
    )
    assert (referral.status, referral.version) == (after, 2)
    assert referral.changed_at > changed
    assert referral.submitted_at == (referral.changed_at if after == S.SUBMITTED else handed_in)
    assert referral.returned_reason == ""


def test_the_reason_of_a_return_stays_until_it_is_handed_in_again(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person)
    with writing():
        referral.returned_reason = "HER2 ontbreekt."
        states.move(referral, S.RETURNED)
        referral.refresh_from_db()
        assert referral.returned_reason == "HER2 ontbreekt."
        states.move(referral, S.SUBMITTED)
        referral.refresh_from_db()
    assert referral.returned_reason == ""

"""Looking back: only what the person may see, with a trace, past no door."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from cases.models import Referral
from mdo.directory.models import Agreement, Board
from mdo.kernel.acting import System, acting
from mdo.kernel.models import AuditEntry
from meetings import access
from meetings.models import Decision
from meetings.search import Found
from tests.cast import NAMES, Cast, acting_as
from tests.factories import (
    make_decision,
    make_item,
    make_meeting,
    make_referral,
    make_topic,
    writing,
)
from tests.meetings.test_search import MARCH, decide, ids, look, referral_of


@pytest.mark.usefixtures("each_way")
def test_everybody_finds_what_they_may_read(cast: Cast) -> None:
    """Each member of the cast finds exactly the decisions that `visible_decisions` gives them, and the outsider none."""
    own = decide(cast)
    colleague = decide(cast, requester=cast.radiologist)
    partner = decide(cast, hospital=cast.partner_hospital, requester=cast.partner)
    outside = decide(cast, hospital=cast.outside, requester=cast.outsider)
    withdrawn = decide(cast, hospital=cast.third, requester=cast.partner)
    with writing():
        referral = referral_of(withdrawn)
        referral.status = Referral.Status.WITHDRAWN
        referral.save()
    topic = make_decision(
        make_item(make_meeting(cast.board, state="closed", starts_at=MARCH), topic=make_topic(cast.board))
    )
    draft = decide(cast, state=Decision.State.DRAFT)
    everything = {own.pk, colleague.pk, partner.pk, topic.pk}
    expected = {
        "chair": everything,
        "coordinator": everything,
        "secretary": everything,
        "radiologist": everything,
        "partner": everything,
        "requester": {own.pk},
        "partnersecretary": {partner.pk},
        "outsider": {outside.pk},  # the own patient's, never through the board
        "guest": set(),
        "privacy": set(),
        "admin": set(),
        "datamanager": set(),
        "observer": set(),
    }
    found = {name: set(ids(look(getattr(cast, name)))) for name in NAMES}
    assert found == expected
    for name in NAMES:
        with acting_as(getattr(cast, name)) as person:
            visible = access.visible_decisions(person).exclude(state=Decision.State.DRAFT)
            assert set(visible.values_list("pk", flat=True)) == expected[name]
    assert draft.pk not in set().union(*found.values())


def test_the_outsider_finds_nothing_of_others(cast: Cast) -> None:
    decide(cast, "Lumpectomie", patient={"family_name": "Vermeersch", "national_number": "65041235794"})
    assert [look(cast.outsider, words).total for words in ("lumpectomie", "vermeersch", "65041235794", "")] == [0] * 4


@pytest.mark.usefixtures("each_way")
def test_an_ended_agreement_ends_what_partners_find(cast: Cast) -> None:
    own = decide(cast, hospital=cast.partner_hospital, requester=cast.partner)
    other = decide(cast)
    assert set(ids(look(cast.partner))) == {own.pk, other.pk}
    Agreement.objects.update(ends_on=date(2026, 1, 1))
    assert ids(look(cast.partner)) == [own.pk]  # the requester of it
    assert ids(look(cast.chair)) == [other.pk]


@pytest.mark.usefixtures("each_way")
def test_somebody_who_left_finds_nothing(cast: Cast) -> None:
    decide(cast)
    cast.requester.person.is_active = False
    cast.requester.person.save()
    assert look(cast.requester).total == 0


def test_the_index_follows_case_referral_and_patient(cast: Cast) -> None:
    decision = decide(cast, patient={"family_name": "Desmet", "given_name": "Hilde"})
    referral = referral_of(decision)
    with writing():
        patient = referral.case.patient
        patient.family_name, patient.national_number = "Öztürk", "12031524691"
        patient.save()
        referral.question = "Nagaan of tamoxifen kan"
        referral.requester = cast.radiologist.person
        referral.save()
        referral.case.requester = cast.radiologist.person
        referral.case.save()
    assert [look(cast.chair, words).total for words in ("desmet", "ozturk", "12031524691", "tamoxifen")] == [0, 1, 1, 1]
    assert look(cast.requester).total == 0
    with writing():
        second = make_referral(
            Board.objects.create(network=cast.network, organiser=cast.third, name="Genetica-MOC"),
            cast.organiser,
            cast.requester.person,
            case=referral.case,
        )
    assert look(cast.requester).total == 1
    with writing():
        second.delete()
    assert look(cast.requester).total == 0


def test_each_search_leaves_a_trace_without_its_words(cast: Cast) -> None:
    own = decide(cast, patient={"family_name": "Vermeersch"})
    partner = decide(
        cast, hospital=cast.partner_hospital, requester=cast.partner, patient={"family_name": "Vermeersch"}
    )
    look(cast.chair, "vermeersch")
    look(cast.privacy, "vermeersch")
    rows = AuditEntry.objects.filter(action="decision.search").order_by("id")
    assert [(row.actor_id, row.hospital_id, row.organisation_id, row.outcome, row.detail) for row in rows] == [
        (cast.chair.pk, hospital, cast.organiser.pk, "ok", {"found": 2, "shown": [str(decision.pk)]})
        for hospital, decision in sorted(
            [(cast.organiser.pk, own), (cast.partner_hospital.pk, partner)],
            key=lambda pair: pair[1].pk,
            reverse=True,
        )
    ] + [(cast.privacy.pk, None, cast.organiser.pk, "ok", {"found": 0, "shown": []})]


def test_the_index_is_closed_to_the_program(cast: Cast) -> None:
    decide(cast)
    for statement in (
        "SELECT * FROM meetings_decisionindex",
        "DELETE FROM meetings_decisionindex",
        "SELECT mdo_index_decision(gen_random_uuid())",
        "SELECT mdo_index_decisions('{}')",
        "SELECT * FROM meetings_vocabulary",
        "SELECT mdo_mended_words('{lumpectmie}', '{}', null, null)",
        "SELECT mdo_decision_hits(null, '{}', null, null, 1)",
        "SELECT mdo_expected_hits('word')",
    ):
        with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert refused.value.__cause__.sqlstate == "42501"  # type: ignore[union-attr]
    assert Found is not None


def test_outside_of_a_door_nothing_is_found(cast: Cast) -> None:
    decide(cast)
    arguments = "'', '{}', '', '{}', null, null, 20, 0"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ids, total FROM mdo_search_decisions({arguments})")
        assert cursor.fetchone() == ([], 0)
    with acting(System("test"), None, "work"), connection.cursor() as cursor:
        cursor.execute(f"SELECT total FROM mdo_search_decisions({arguments})")
        assert cursor.fetchone() == (1,)

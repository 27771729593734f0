"""Registering a case: who may, what is refused, what is kept, and what a correction does to it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cases.models import Discussion
from mdo.directory.models import Board, Person
from mdo.environment import BASE_DIR
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from meetings import chain, rulesets
from meetings.actions.exporting import choose
from meetings.actions.registering import save_registration
from meetings.actions.signing import correct_decision, sign_decisions
from meetings.models import AgendaItem, BillingLine, Decision, Meeting, RegistrationForm
from meetings.registering import reading
from tests.cast import Cast, Member, acting_as
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
from tests.meetings.acts import audited, call, house

TABLE = ("coordinator", "chair", "radiologist", "requester")


def attendance(cast: Cast, item: AgendaItem, *names: str) -> list[dict[str, Any]]:
    """Who was there for the item, as it is frozen."""
    rows = []
    for name in names or TABLE:
        member = cast.members[name]
        person = member.person
        rows.append(
            {
                "person": str(person.pk),
                "name": person.display_name,
                "profession": person.profession,
                "discipline": person.discipline,
                "organisation": str(member.organisation_id),
                "organisation_name": member.organisation.name,
                "role": name if name == "coordinator" else "member",
                "times": [[str(item.opened_at.isoformat()), str(item.closed_at.isoformat()), "video"]],  # type: ignore[union-attr]
            }
        )
    return rows


def signed(cast: Cast, *, at_home: bool = True, sign: bool = True, **values: Any) -> Decision:
    """A signed decision about a case of the organiser, or of the partner; ``referral``, ``case`` and ``patient`` may be given."""
    meeting = values.pop("meeting", None) or make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    hospital, asks = (cast.organiser, cast.requester) if at_home else (cast.partner_hospital, cast.partner)
    patient = values.pop("patient", None)
    tumours = values.pop("tumours", None)
    case = values.pop("case", None) or make_case(hospital, asks.person, patient=patient, tumours=tumours)
    referral = make_referral(
        cast.board,
        hospital,
        asks.person,
        case=case,
        status="discussed",
        reason=values.pop("reason", "new_diagnosis"),
        requested_on=meeting.starts_at.date(),
    )
    item = make_item(meeting, referral, state="discussed")
    people = values.pop("people", TABLE)
    values.setdefault("attendance", attendance(cast, item, *people) if people else [])
    decision = make_decision(item, recorded_by=cast.chair.person, **values)
    if sign:
        sign_now(cast, decision)
    return decision


def sign_now(cast: Cast, decision: Decision) -> None:
    with house():
        fresh = Decision.objects.get(pk=decision.pk)
    call(
        sign_decisions,
        cast.coordinator,
        meeting_id=decision.meeting_id,
        decisions=[(decision.pk, chain.seen(fresh))],
    )


def tumours_of(decision: Decision) -> list[Any]:
    with house():
        return list(decision.case.tumours.order_by("position").values_list("pk", flat=True))  # type: ignore[union-attr]


def save(by: Member, decision: Decision, told: dict[Any, Any] | None = None, **values: Any) -> Any:
    if told is None:
        told = {key: {"chronology": ["5", "10"]} for key in tumours_of(decision)}
    asked = {
        "version": 0,
        "setting": "ambulatory",
        "requested_on": decision.meeting.starts_at.date(),
        "elsewhere": None,
        **values,
    }
    return call(
        save_registration, by, meeting_id=decision.meeting_id, item_id=decision.item_id, tumours_told=told, **asked
    )


def kept(decision: Decision) -> tuple[BillingLine, list[RegistrationForm]]:
    with house():
        line = BillingLine.objects.get(item=decision.item_id)
        return line, list(RegistrationForm.objects.filter(item=decision.item_id))


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


# --- the action ------------------------------------------------------------------------------------------------------------------


def test_a_case_is_registered_and_billed(cast: Cast) -> None:
    decision = signed(cast)
    done = save(cast.secretary, decision)
    assert [(event.name, event.model_dump()) for event in done.events] == [
        (
            "registration.saved",
            {"meeting_id": decision.meeting_id, "item_id": decision.item_id, "version": 1},
        )
    ]
    assert audited("registration.save") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    line, (form,) = kept(decision)
    assert (form.kind, form.state, form.missing) == ("new_diagnosis", "complete", [])
    wanted = {
        "layout": "mdo-be-1",
        "form": "new_diagnosis",
        "tumour": "1",
        "discussed": "yes",
        "reason": "new_diagnosis",
        "topography": "C50.4",
        "morphology": "8500/3",
        "laterality": "left",
        "clinical_tnm": "cT1c cN0 cM0",
        "clinical_tnm_edition": "8",
        "treatment_chronology": "5 10",
        "coordinator": cast.coordinator.person.display_name,
        "requester": cast.requester.person.display_name,
        "decision_number": "1",
        "decision_version": "1",
    }
    assert {key: form.values[key] for key in wanted} == wanted
    assert (line.service, line.state, line.missing) == ("first", "complete", [])
    assert [(each["service"], each["code"]) for each in line.lines] == [
        ("first", "350372"),
        ("coordinator_supplement", "350453"),
        *[("participation", "350394")] * 3,
    ]
    assert {each["person"] for each in line.lines if each["service"] == "first"} == {str(cast.coordinator.pk)}
    with pytest.raises(Stale) as stale:
        save(cast.coordinator, decision)
    assert stale.value.current == 1
    save(cast.coordinator, decision, version=1, setting="hospitalised")
    line, _forms = kept(decision)
    assert (line.version, line.lines[0]["code"], line.saved_by_id) == (2, "350383", cast.coordinator.pk)


def test_what_is_missing_keeps_it_from_being_complete(cast: Cast) -> None:
    data = tumour_data(incidence_date=None, morphology=None, laterality=None, basis_of_diagnosis="5")
    decision = signed(cast, tumours=[data])
    save(cast.secretary, decision, {}, setting="")
    line, (form,) = kept(decision)
    # Histology is asked for where the diagnosis rests on it.
    assert (form.state, form.missing) == ("draft", ["incidence_date", "laterality", "treatment_chronology"])
    assert (line.state, line.missing) == ("draft", ["setting"])
    (tumour,) = tumours_of(decision)
    told = {tumour: {"chronology": ["10"], "answers": {"incidence_date": "4/3/2026", "laterality": "left"}}}
    save(cast.secretary, decision, told, version=1)
    line, (form,) = kept(decision)
    assert (form.state, form.answers) == ("complete", {"incidence_date": "2026-03-04", "laterality": "left"})
    assert (form.values["incidence_date"], form.values["laterality"]) == ("2026-03-04", "left")
    # The dossier itself stays as it was discussed.
    with house():
        assert "laterality" not in decision.case.tumours.get().data  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "told", "field"),
    [
        ({"setting": "at home"}, {}, "setting"),
        ({"requested_on": now().date() + timedelta(days=9)}, {}, "requested_on"),
        ({}, {"chosen": "annex"}, "1-chosen"),
        ({}, {"chronology": ["12"]}, "1-chronology"),
        ({}, {"chronology": ["5"] * 9}, "1-chronology"),
        ({}, {"answers": {"topography": "C50.1"}}, "1-topography"),
        ({}, {"answers": {"wishes": "x"}}, "1-wishes"),
        ({}, {"answers": {"incidence_date": "yesterday"}}, "1-incidence_date"),
        ({}, {"answers": {"incidence_date": "2999-01-01"}}, "1-incidence_date"),
    ],
)
def test_what_cannot_be(cast: Cast, values: dict[str, Any], told: dict[str, Any], field: str) -> None:
    decision = signed(cast, tumours=[tumour_data(incidence_date=None)])
    (tumour,) = tumours_of(decision)
    with pytest.raises(Invalid) as refused:
        save(cast.secretary, decision, {tumour: told}, **values)
    assert refused.value.field == field
    with house():
        for kept_rows in (RegistrationForm.objects, BillingLine.objects):
            assert set(kept_rows.values_list("state", "saved_by")) == {("draft", None)}


def test_when_it_cannot_be(cast: Cast) -> None:
    waits = signed(cast, sign=False)
    with pytest.raises(RuleBroken, match="signed"):
        save(cast.secretary, waits)
    decision = signed(cast)
    with pytest.raises(Invalid):
        save(cast.secretary, decision, {new_id(): {}})
    with writing():
        cast.board.kind = "clinical_board"
        cast.board.save()
    with pytest.raises(RuleBroken, match="registers no cancers"):
        save(cast.secretary, decision)


def test_who_registers(cast: Cast) -> None:
    """As the matrix says: the organiser's coordinator and secretary, and a partner's secretary the own."""
    ours, theirs = signed(cast), signed(cast, at_home=False)
    topic = make_decision(make_item(ours.meeting, topic=make_topic(cast.board), state="discussed"))
    outside = ("guest", "outsider", "privacy", "admin", "datamanager")
    for name, member in cast.members.items():
        for decision in (ours, theirs):
            own = decision is theirs and name == "partnersecretary"
            if name in ("coordinator", "secretary") or own:
                save(member, decision, version=_version(decision))
                continue
            hidden = name in outside or (name == "requester" and decision is theirs)
            with pytest.raises(NotFound if hidden else Denied):
                save(member, decision)
    with pytest.raises(NotFound):  # nothing to register
        call(
            save_registration,
            cast.secretary,
            meeting_id=topic.meeting_id,
            item_id=topic.item_id,
            tumours_told={},
            version=0,
            setting="",
            requested_on=None,
            elsewhere=None,
        )


def _version(decision: Decision) -> int:
    with house():
        return BillingLine.objects.filter(item=decision.item_id).values_list("version", flat=True).first() or 0


def test_form_and_code_are_decided_apart(cast: Cast) -> None:
    short = signed(cast, people=("coordinator", "chair"))
    save(cast.secretary, short)
    line, (form,) = kept(short)
    assert (form.kind, form.state) == ("new_diagnosis", "complete")
    assert (line.service, line.state, line.lines) == ("first", "none", [])
    assert [each["code"] for each in line.reasons if not each["applies"]] == ["quorum_short"]
    protocol = signed(cast, protocol="DCIS", people=())
    save(cast.secretary, protocol)
    line, (form,) = kept(protocol)
    assert (form.kind, form.values["discussed"], line.state) == ("without_discussion", "no", "none")


def test_a_second_discussion_knows_the_first(cast: Cast) -> None:
    first = signed(cast)
    with house():
        case = first.case
    later = make_meeting(cast.board, state=Meeting.State.CLOSED, starts_at=now() - timedelta(days=1), closed_at=now())
    second = signed(cast, case=case, meeting=later)
    save(cast.secretary, second)
    line, (form,) = kept(second)
    assert (form.kind, [each["code"] for each in form.reasons]) == ("new_diagnosis", ["second_discussion"])
    assert line.service == "follow_up"
    # Another case of the same patient, with the same breast: the same cancer.
    with house():
        patient = first.case.patient  # type: ignore[union-attr]
    third = signed(cast, patient=patient, reason="recurrence", meeting=later)
    save(cast.secretary, third)
    line, (form,) = kept(third)
    assert (form.kind, [each["code"] for each in form.reasons]) == ("follow_up", ["follow_up"])


def test_bilateral_disease_and_a_choice_against_the_rules(cast: Cast) -> None:
    decision = signed(cast, tumours=[tumour_data(), tumour_data(laterality="right")])
    left, right = tumours_of(decision)
    save(cast.secretary, decision, {left: {"chronology": ["5"]}, right: {"chosen": "none"}})
    line, forms = kept(decision)
    assert [(form.position, form.kind, form.state) for form in forms] == [
        (1, "new_diagnosis", "complete"),
        (2, "", "none"),
    ]
    assert line.service == "first"


def test_a_correction_asks_to_look_again(cast: Cast) -> None:
    decision = signed(cast)
    save(cast.secretary, decision)
    correction = new_id()
    call(
        correct_decision,
        cast.coordinator,
        decision_id=decision.pk,
        correction_id=correction,
        version=0,
        text="Anders.",
        steps=[],
        reason="Zijde",
    )
    with house():
        new = Decision.objects.get(pk=correction)
    sign_now(cast, new)
    with acting_as(cast.secretary) as person:
        item = AgendaItem.objects.get(pk=decision.item_id)
        entry = reading.entries(person, [item])[item.pk]
        assert (entry.outdated, entry.decision.pk) == (True, correction)
    save(cast.secretary, decision, version=1)
    with acting_as(cast.secretary) as person:
        assert not reading.entries(person, [item])[item.pk].outdated
    _line, (form,) = kept(decision)
    assert (form.decision_id, form.values["decision_version"], form.values["decision_number"]) == (correction, "2", "2")


def test_the_signature_proposes_and_a_person_confirms(cast: Cast) -> None:
    """What the rules say lies ready with its reasons; no file takes it before somebody looked at it."""
    waits = signed(cast, sign=False)
    with house():
        assert not BillingLine.objects.exists()
    sign_now(cast, waits)
    line, (form,) = kept(waits)
    assert (form.kind, form.state, form.saved_by_id) == ("new_diagnosis", "draft", None)
    assert (line.service, line.state, line.version, line.saved_by_id) == ("first", "draft", 0, None)
    assert all(each["code"] for each in (*form.reasons, *line.reasons))
    assert audited("registration.save") == []
    page = client_of(cast.secretary).get(f"/meetings/{waits.meeting_id}/registration/")
    (row,) = page.context["rows"]
    assert (row.ready, [part.state for part in (*row.forms, row.bill)]) == (False, ["proposed"] * 2)
    with acting_as(cast.secretary) as person:
        day = line.day
        chosen = choose(person, BillingLine, cast.organiser.pk, [cast.board], day, day)
        assert (chosen.rows, chosen.waiting) == ((), frozenset({waits.item_id}))
    save(cast.secretary, waits)
    line, (form,) = kept(waits)
    assert (form.state, line.state, line.version, line.saved_by_id) == ("complete", "complete", 1, cast.secretary.pk)
    with acting_as(cast.secretary) as person:
        assert len(choose(person, BillingLine, cast.organiser.pk, [cast.board], day, day).rows) == 1


def entry_of(cast: Cast, decision: Decision) -> reading.Entry:
    with acting_as(cast.secretary) as person:
        return reading.entries(person, [AgendaItem.objects.get(pk=decision.item_id)])[decision.item_id]


def test_a_changed_patient_asks_to_look_again(cast: Cast) -> None:
    decision = signed(cast)
    save(cast.secretary, decision)
    assert not entry_of(cast, decision).outdated
    with writing():
        patient = decision.case.patient  # type: ignore[union-attr]
        patient.family_name = "Anders"
        patient.save()
    entry = entry_of(cast, decision)
    assert (entry.outdated, entry.patient_changed, entry.corrected) == (True, True, False)
    with acting_as(cast.secretary) as person:
        day = entry.day
        for model in (RegistrationForm, BillingLine):
            assert choose(person, model, cast.organiser.pk, [cast.board], day, day).rows == ()
    Person.objects.filter(pk=cast.secretary.pk).update(language="en")
    shown = client_of(cast.secretary).get(f"/meetings/{decision.meeting_id}/items/{decision.item_id}/registration/")
    assert "record was changed" in shown.content.decode()
    save(cast.secretary, decision, version=1)
    assert not entry_of(cast, decision).outdated
    assert kept(decision)[1][0].values["family_name"] == "Anders"


def test_a_changed_tumour_asks_which_answers_count(cast: Cast) -> None:
    """It was discussed otherwise: whoever registers takes over how it stands now, or keeps what was discussed; either is asked once."""
    decision = signed(cast, tumours=[tumour_data()])
    with writing():
        tumour = decision.case.tumours.get()  # type: ignore[union-attr]
        Discussion.objects.create(
            hospital=cast.organiser,
            case=decision.case,
            referral=decision.item.referral,
            outcome="discussed",
            dossier="breast",
            dossier_version=1,
            data=decision.case.data,  # type: ignore[union-attr]
            tumours=[{"id": str(tumour.pk), "data": tumour.data, "profile": []}],
        )
    save(cast.secretary, decision)
    assert not entry_of(cast, decision).outdated
    with writing():
        tumour.data = {**tumour.data, "laterality": "right"}
        tumour.save()
    entry = entry_of(cast, decision)
    assert (entry.outdated, entry.tumour_changed(tumour.pk), entry.changed(tumour.pk)) == (
        True,
        True,
        {"laterality": "right"},
    )
    address = f"/meetings/{decision.meeting_id}/items/{decision.item_id}/registration/"
    Person.objects.filter(pk=cast.secretary.pk).update(language="en")
    page = client_of(cast.secretary).get(address)
    assert ("1-take" in page.context["form"].fields, "tumour was changed" in page.content.decode()) == (True, True)
    for version, take, side in ((1, False, "left"), (2, True, "right")):
        told = {tumour.pk: {"chronology": ["5"], "take": take}}
        save(cast.secretary, decision, told, version=version)
        _line, (form,) = kept(decision)
        assert (form.values["laterality"], entry_of(cast, decision).outdated) == (side, False)
    with writing():
        tumour.data = {**tumour.data, "laterality": "left"}
        tumour.save()
    assert entry_of(cast, decision).outdated


@pytest.fixture
def next_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A second rule set that holds from tomorrow, with other codes."""
    began = (timezone.localdate(now()) + timedelta(days=1)).isoformat()
    text = (BASE_DIR / "meetings" / "rulesets" / "be-2025.yaml").read_text("utf-8")
    (tmp_path / "be-2025.yaml").write_text(text, "utf-8")
    new = text.replace("be-2025", "be-next").replace("2025-11-01", began).replace("350372", "999372")
    (tmp_path / "be-next.yaml").write_text(new, "utf-8")
    monkeypatch.setattr(rulesets, "files", lambda _package: tmp_path)
    rulesets.rule_set.cache_clear()
    yield "be-next"
    rulesets.rule_set.cache_clear()


def test_an_old_meeting_keeps_its_rules(cast: Cast, next_rules: str) -> None:
    """What was put down when the board went by others stays under them, however often it is saved; what was not, is under those of its
    meeting's day; and a meeting under the new ones is so."""
    with writing():
        Board.objects.filter(pk=cast.board.pk).update(
            kind="clinical_board"
        )  # which registers nothing: nothing is put down
    cast.board.refresh_from_db()
    bare = signed(cast)
    with writing():
        Board.objects.filter(pk=cast.board.pk).update(kind="tumour_board")
    cast.board.refresh_from_db()
    old = signed(cast)
    save(cast.secretary, old)
    with house():
        assert not BillingLine.objects.filter(item=bare.item_id).exists()
    with writing():
        Board.objects.filter(pk=cast.board.pk).update(rule_set=next_rules)
    cast.board.refresh_from_db()
    later = make_meeting(cast.board, state=Meeting.State.CLOSED, starts_at=now() + timedelta(days=2), closed_at=now())
    new = signed(cast, meeting=later)
    early = signed(cast, meeting=later)
    with writing():  # put down under the first rules, before the board went by the others
        for model in (BillingLine, RegistrationForm):
            model.objects.filter(item=early.item_id).update(rule_set="be-2025")
    for decision, version, rules, code in (
        (old, 1, "be-2025", "350372"),
        (bare, 0, "be-2025", "350372"),
        (new, 0, next_rules, "999372"),
        (early, 0, "be-2025", "350372"),
    ):
        assert entry_of(cast, decision).rules.id == rules
        save(cast.secretary, decision, version=version, requested_on=timezone.localdate(now()) - timedelta(days=9))
        line, (form,) = kept(decision)
        assert (line.rule_set, form.rule_set, line.lines[0]["code"]) == (rules, rules, code)
    with acting_as(cast.secretary) as person:
        assert {row.rule_set for row, _change in choose(
            person, BillingLine, cast.organiser.pk, [cast.board], now().date() - timedelta(days=9), now().date() + timedelta(days=9)
        ).rows} == {"be-2025", next_rules}  # fmt: skip


@pytest.mark.parametrize(("ahead", "name"), [(-400, "be-next"), (0, "be-2025"), (1, "be-next"), (99, "be-next")])
def test_the_rules_of_a_day(next_rules: str, ahead: int, name: str) -> None:
    """Those that a board goes by, unless they began later: then those before them; of a day before all, the board's own."""
    day = timezone.localdate(now()) + timedelta(days=ahead)
    assert rulesets.valid_on(next_rules, day).id == name
    assert rulesets.valid_on("be-2025", day).id == "be-2025"  # nobody chose the others for it


def test_a_patient_without_a_number_needs_another_one(cast: Cast) -> None:
    patient = make_patient(cast.organiser, other_identifier="FDS-1", other_identifier_reason="born abroad")
    decision = signed(cast, patient=patient)
    save(cast.secretary, decision)
    _line, (form,) = kept(decision)
    assert (form.values["national_number"], form.values["other_number"], form.state) == ("", "FDS-1", "complete")

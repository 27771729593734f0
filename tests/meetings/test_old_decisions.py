"""Old decisions from elsewhere: found and shown as what they are, beside the chain of what was signed here."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from cases.models import Case, ImportJob, ImportRow, Referral
from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.acting import System, acting
from mdo.kernel.errors import Denied
from mdo.kernel.models import AuditEntry
from meetings import chain
from meetings.models import Decision, Meeting, Report
from meetings.postponements import postponements
from meetings.search import Wanted, find
from tests.cast import PASSWORD, Cast, Member, acting_as
from tests.factories import BRUSSELS, make_case, make_decision, make_item, make_meeting, make_referral, writing
from tests.meetings.importing import OLD_HEAD, confirmed, csv, number, old_decision, rows, uploaded, worked

Stage = ImportJob.Stage


def imported(cast: Cast, member: Member, content: bytes) -> ImportJob:
    return worked(confirmed(member, worked(uploaded(member, content, board=cast.board.pk).pk)).pk)


def decisions() -> list[Decision]:
    with writing():
        found = Decision.objects.filter(state=Decision.State.IMPORTED).select_related(
            "meeting", "item__referral", "case"
        )
        return list(found.order_by("case__patient__national_number", "meeting__starts_at", "item__position"))


def test_old_decisions_are_brought_in_beside_the_chain(db: None, cast: Cast) -> None:
    signed = make_decision(make_item(make_meeting(cast.board, state="closed")), state="signed")
    with acting(System("test"), None, "work"):
        before = chain.verify(cast.board.pk)
    content = csv([old_decision(1), old_decision(2), old_decision(1, **{"Datum MOC": "2020-05-06"})], OLD_HEAD)
    found = imported(cast, cast.secretary, content)
    assert (found.stage, [row.state for row in rows(found.pk)]) == (Stage.FINISHED, ["applied"] * 3)
    first = next(each for each in decisions() if each.text.endswith("(1).") and each.meeting.starts_at.year == 2019)
    assert (first.steps, first.text) == (
        [{"kind": "surgery", "text": "tumorectomie"}, {"kind": "endocrine", "text": ""}],
        "Borstsparende heelkunde met sentinelprocedure (1).",
    )
    assert first.imported == {
        "participants": ["dr. De Smet", "dr. Claes"],
        "signed_by": "dr. De Smet",
        "requester": "",
        "reference": "",
    }
    assert (first.number, first.digest, first.signed_at, first.signed_by_id, first.recorded_at) == (
        None,
        "",
        None,
        None,
        None,
    )
    assert (first.meeting.state, first.meeting.imported, first.meeting.hospital_id) == (
        "closed",
        True,
        cast.organiser.pk,
    )
    assert first.meeting.starts_at == datetime(2019, 3, 14, 12, tzinfo=BRUSSELS)
    referral = first.item.referral
    assert referral is not None
    assert (referral.status, referral.question, referral.requested_on) == (
        Referral.Status.DISCUSSED,
        "Adjuvante behandeling?",
        date(2019, 3, 14),
    )
    with acting(System("test"), None, "work"):
        assert chain.verify(cast.board.pk) == before
        assert Decision.objects.get(pk=signed.pk).state == "signed"
        assert (
            Case.objects.filter(patient__national_number=number(1)).count() == 1
        )  # one case of old decisions for each patient
        assert Meeting.objects.filter(imported=True).count() == 2
        assert not Report.objects.exists()
        events = AuditEntry.objects.filter(action="decision.import").values_list("detail__events", flat=True)
        assert list(events) == [["decision.imported"]] * 3


def test_it_is_found_by_words_names_and_numbers_and_wears_its_mark(db: None, cast: Cast) -> None:
    imported(cast, cast.secretary, csv([old_decision(1)], OLD_HEAD))
    [old] = decisions()
    for words in ("sentinelprocedure", "Vermeersch", number(1), "tumorectomie", "adjuvante"):
        with acting_as(cast.chair) as by:
            [hit] = find(by, Wanted(words=words), "nl").hits
            assert (hit.decision.pk, hit.decision.state) == (old.pk, "imported")
    with acting_as(cast.outsider) as by:
        assert find(by, Wanted(words="sentinelprocedure"), "nl").hits == []
    client = Client()
    assert client.login(username="chair", password=PASSWORD)
    for url in (reverse("meetings:search"), reverse("meetings:decision", args=[old.pk])):
        page = client.get(url).content.decode()
        assert "Geïmporteerd, niet hier ondertekend" in page  # as everybody of the cast reads it
        assert '<span class="status status-signed">' not in page
    page = client.get(reverse("meetings:decision", args=[old.pk])).content.decode()
    assert "dr. De Smet" in page
    assert reverse("meetings:correct", args=[old.pk]) not in page
    assert client.get(reverse("meetings:report", args=[old.pk])).status_code == 404
    board = client.get(reverse("meetings:board", args=[cast.board.pk])).content.decode()
    assert "2019" not in board  # nobody sat here then


def test_nothing_of_it_can_be_changed_or_signed(db: None, cast: Cast) -> None:
    imported(cast, cast.secretary, csv([old_decision(1)], OLD_HEAD))
    [old] = decisions()
    for change in ({"text": "anders"}, {"state": "signed"}, {"number": 1}):
        with pytest.raises(DatabaseError, match="cannot be changed"), transaction.atomic(), writing():
            Decision.objects.filter(pk=old.pk).update(**change)
    with pytest.raises(DatabaseError, match="decision_imported_unsigned"), transaction.atomic(), writing():
        Decision.objects.create(
            hospital=cast.organiser, board=cast.board, meeting=old.meeting, item=old.item, state="imported", number=1
        )


def test_the_same_list_again_creates_nothing(db: None, cast: Cast) -> None:
    content = csv([old_decision(1), old_decision(2)], OLD_HEAD)
    imported(cast, cast.secretary, content)
    again = worked(uploaded(cast.secretary, content, board=cast.board.pk).pk)
    assert [row.state for row in rows(again.pk)] == [ImportRow.State.KNOWN] * 2
    assert len(decisions()) == 2


def test_json_brings_in_the_same(db: None, cast: Cast) -> None:
    record = {
        "national_number": number(3),
        "family_name": "Peeters",
        "given_name": "An",
        "decided_on": "2018-02-01",
        "text": "Bestraling van de borstwand.",
        "steps": ["Radiotherapie: 15 x 2,67 Gy", "Iets anders"],
        "participants": ["dr. A", "dr. B"],
        "reference": "MOC-2018-1",
    }
    imported(cast, cast.secretary, json.dumps({"decisions": [record]}).encode())
    [old] = decisions()
    assert old.steps == [{"kind": "radiotherapy", "text": "15 x 2,67 Gy"}, {"kind": "other", "text": "Iets anders"}]
    assert (old.imported["participants"], old.imported["reference"]) == (["dr. A", "dr. B"], "MOC-2018-1")


def test_mistakes_are_said_by_row_and_field(db: None, cast: Cast) -> None:
    wrong = [
        old_decision(1, **{"Datum MOC": "01/01/2100"}),
        old_decision(2, **{"Datum MOC": "31/02/2019"}),
        old_decision(3, Advies="", Stappen=""),
        old_decision(4, **{"Datum MOC": ""}),
    ]
    found = worked(uploaded(cast.secretary, csv(wrong, OLD_HEAD), board=cast.board.pk).pk)
    assert [sorted(row.errors) for row in rows(found.pk)] == [["decided_on"], ["decided_on"], ["text"], ["decided_on"]]


def test_secretary_coordinator_and_a_partners_secretary_import_their_own_patients(db: None, cast: Cast) -> None:
    for n, member in enumerate((cast.secretary, cast.coordinator, cast.partnersecretary), start=1):
        assert imported(cast, member, csv([old_decision(n)], OLD_HEAD)).stage == Stage.FINISHED
    assert {each.hospital_id for each in decisions()} == {cast.organiser.pk, cast.partner_hospital.pk}
    assert len({each.meeting_id for each in decisions()}) == 1
    for member in (cast.chair, cast.requester, cast.radiologist, cast.partner, cast.outsider, cast.admin):
        with pytest.raises(Denied):
            uploaded(member, csv([old_decision(9)], OLD_HEAD), board=cast.board.pk)
    with pytest.raises(Denied):  # without a board there is nobody to register for
        uploaded(cast.secretary, csv([old_decision(9)], OLD_HEAD), board=UUID(int=0))


def test_they_are_told_where_somebody_looks_back_and_counted_nowhere(cast: Cast, db: None) -> None:
    """On the case's timeline, on the worklist as the earlier decision, on the board a way to bring them in; in no figure."""
    imported(cast, cast.secretary, csv([old_decision(1)], OLD_HEAD))
    (old,) = decisions()
    assert old.case is not None
    assert old.item.referral is not None
    assert old.item.referral.imported
    with writing():
        patient = old.case.patient
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    make_item(make_meeting(cast.board), referral)
    mark = "Imported, not signed here"

    secretary, radiologist = browser(cast.secretary), browser(cast.radiologist)
    address = reverse("cases:detail", args=[old.case_id])
    day = date_format(localtime(old.meeting.starts_at), "D j M Y")
    told = secretary.get(reverse("cases:detail", args=[case.pk])).content.decode()
    entry = told.split(f'<a href="{address}">Discussed at {cast.board.name}</a>')[1].split("</li>")[0]
    assert (mark in entry, f">{day}</time>" in entry) == (True, True)
    own = secretary.get(address).content.decode()
    assert (own.count(mark), "as a draft" in own, "Handed in to" in own) == (1, False, False)

    line = radiologist.get(reverse("meetings:worklist")).content.decode()
    earlier = line.split(reverse("meetings:decision", args=[old.pk]))[1].split("</p>")[0]
    assert ("Decided here before" in earlier, mark in earlier) == (True, True)

    way = f"{reverse('meetings:imports')}?show=decisions&amp;board={cast.board.pk}"
    board = reverse("meetings:board", args=[cast.board.pk])
    seen = {
        name: way in browser(cast.members[name]).get(board).content.decode() for name in ("secretary", "radiologist")
    }
    assert seen == {"secretary": True, "radiologist": False}

    # Figures: a year back the old decision's day lies within; nobody came together for it.
    with writing():
        Meeting.objects.filter(pk=old.meeting_id).update(starts_at=clock.now() - timedelta(days=30))
        counted = postponements(cast.board, [cast.organiser.pk])
        assert [each.discussed for each in counted] == [0, 0]
        Meeting.objects.filter(pk=old.meeting_id).update(imported=False)
        assert [each.discussed for each in postponements(cast.board, [cast.organiser.pk])] == [1, 1]


def browser(member: Member) -> Client:
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client

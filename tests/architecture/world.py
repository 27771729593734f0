"""A small world for the tests that walk over everything: each thing that an address or an action may name, of two hospitals.

`ours` belongs to the organiser, `theirs` to the third hospital; both are on the organiser's board. Every text in it holds the
word `CANARY`, which nobody may see who has no right to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from cases.actions.documents import Upload
from cases.actions.patients import PatientDetails
from cases.actions.referrals import Request
from cases.answers import answer_id
from cases.exchange.adt import Admission, Numbers, Said
from cases.exchange.fhir import Submission
from cases.exchange.fhir.patients import Identity
from cases.exchange.fhir.requests import Asked
from cases.exchange.fhir.tumours import Answers
from cases.exchange.launch import LaunchClaims, LaunchPatient, LaunchUser
from cases.models import Case, Document, ImportJob, ImportRow, Launch, Patient, Referral, Sketch, Tumour
from mdo.directory.actions.begin import Beginning
from mdo.directory.actions.provisioning import Employee
from mdo.directory.matrix import Seat
from mdo.directory.models import ApiToken, Board, DirectoryEntry, IdentityProvider, Organisation, Person
from mdo.directory.signing_in.protocol import Told as SignedIn
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings.actions.staying import Told
from meetings.models import (
    AgendaItem,
    Beside,
    BillingLine,
    Decision,
    DecisionAction,
    Delivery,
    Dispatch,
    FollowUp,
    GuestInvitation,
    Meeting,
    ProtocolRule,
    RegistrationForm,
    RegistryExport,
    Reminder,
    Report,
    Route,
    SavedSearch,
    Series,
    WallDisplay,
)
from tests.cast import Cast
from tests.factories import (
    PDF,
    case_data,
    insz,
    make_case,
    make_decision,
    make_document,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    make_topic,
    writing,
)

CANARY = "Kanariezwaluw"
OFFICE = "Vinkenzwaluw"  # what an organisation's administrator knows, and no stranger
PUBLIC = ("requester_id", "person_id", "organisation_id", "provider_id")  # the way in offers providers to everybody
HOUSE = System("test")
PROTOCOL = [{"level": "case", "field": "wishes", "test": "filled", "values": []}]


@dataclass(frozen=True)
class Things:
    """One of everything of one hospital."""

    hospital: Organisation
    board: Board
    patient: Patient
    case: Case
    tumour: Tumour
    document: Document
    submitted: Referral
    scheduled: Referral
    item: AgendaItem
    meeting: Meeting
    decision: Decision
    decided: Meeting
    series: Series
    report: Report
    reminder: Reminder
    delivery: Delivery
    person: Person
    beside: Beside
    invitation: GuestInvitation
    wall: WallDisplay
    rule: ProtocolRule
    imported: ImportRow
    token: ApiToken
    launch: Launch
    follow_up: FollowUp
    action: DecisionAction
    kept: SavedSearch
    sketch: Sketch
    form: RegistrationForm
    export: RegistryExport
    route: Route
    dispatch: Dispatch
    provider: IdentityProvider
    entry: DirectoryEntry

    @property
    def ids(self) -> dict[str, UUID]:
        """The id that stands for a parameter of that name, in addresses and actions."""
        return {
            "case_id": self.case.pk,
            "patient_id": self.patient.pk,
            "tumour_id": self.tumour.pk,
            "document_id": self.document.pk,
            "referral_id": self.submitted.pk,
            "board_id": self.board.pk,
            "meeting_id": self.meeting.pk,
            "item_id": self.item.pk,
            "decision_id": self.decision.pk,
            "resource_id": self.decision.pk,
            "series_id": self.series.pk,
            "report_id": self.report.pk,
            "reminder_id": self.reminder.pk,
            "delivery_id": self.delivery.pk,
            "requester_id": self.person.pk,
            "person_id": self.person.pk,
            "beside_id": self.beside.pk,
            "wall_id": self.wall.pk,
            "import_id": self.imported.job_id,
            "row_id": self.imported.pk,
            "guest_id": self.invitation.pk,
            "answer_id": answer_id(self.case.pk, None, "clinical_summary"),
            "rule_id": self.rule.pk,
            "token_id": self.token.pk,
            "organisation_id": self.hospital.pk,
            "launch_id": self.launch.pk,
            "follow_up_id": self.follow_up.pk,
            "action_id": self.action.pk,
            "search_id": self.kept.pk,
            "sketch_id": self.sketch.pk,
            "form_id": self.form.pk,
            "export_id": self.export.pk,
            "route_id": self.route.pk,
            "dispatch_id": self.dispatch.pk,
            "provider_id": self.provider.pk,
            "entry_id": self.entry.pk,
        }

    @property
    def secrets(self) -> set[str]:
        """What no stranger may read anywhere, in any answer."""
        ids = {str(value) for name, value in self.ids.items() if name not in PUBLIC}
        return {CANARY, OFFICE, self.patient.national_number, self.board.name, *ids}


@dataclass(frozen=True)
class World:
    cast: Cast
    ours: Things
    theirs: Things


def _things(cast: Cast, hospital: Organisation, requester: Person, *, meeting: Meeting) -> Things:
    board = cast.board
    patient = make_patient(
        hospital,
        family_name=CANARY,
        given_name="Rosa",
        birth_date=date(1961, 3, 4),
        national_number=insz(date(1961, 3, 4)),
    )
    case = make_case(hospital, requester, patient=patient, data=case_data(clinical_summary=f"{CANARY}: samenvatting"))
    document = make_document(case, name=f"{CANARY}.pdf")
    on_agenda = make_referral(
        board, hospital, requester, case=case, status="scheduled", question=f"{CANARY}?", guest=cast.guest.person
    )
    waiting = make_referral(
        board, hospital, requester, case=make_case(hospital, requester, patient=patient), question=f"{CANARY}??"
    )
    item = make_item(meeting, on_agenda)
    decided = make_meeting(board, state=Meeting.State.CLOSED)
    discussed = make_referral(
        board, hospital, requester, case=make_case(hospital, requester, patient=patient), status="discussed"
    )
    decision = make_decision(make_item(decided, discussed, state="discussed"), text=f"{CANARY}: besluit")
    with writing():
        series = Series.objects.create(
            board=board, rule="FREQ=WEEKLY;BYDAY=WE", starts_on=now().date(), local_time=time(14), minutes=90
        )
        report = Report.objects.create(
            hospital=hospital, kind="case", meeting=decided, decision=decision, edition="recorded", due_at=now()
        )
        reminder = Reminder.objects.create(hospital=hospital, meeting=decided, kind="signature", due_at=now())
        delivery = Delivery.objects.create(
            hospital=hospital,
            meeting=decided,
            recipient=requester,
            kind="reports",
            occasion=f"closed:{new_id()}"[:40],
            message_id=f"<{new_id()}@test>",
            due_at=now(),
        )
        tumour = case.tumours.get()
        rule = ProtocolRule.objects.create(board=board, name=f"{CANARY} {hospital.pk}", conditions=PROTOCOL)
        wall = WallDisplay.objects.create(
            hospital_id=meeting.hospital_id,
            meeting=meeting,
            key_digest=new_id().hex,
            paired_by=cast.chair.person,
            organisation=cast.organiser,
        )
        beside = Beside.objects.create(
            meeting=meeting, host=requester, organisation=hospital, name=f"{CANARY} An", discipline="radiology"
        )
        job = ImportJob.objects.create(
            hospital=hospital,
            kind=ImportJob.Kind.SUBMISSIONS,
            stage=ImportJob.Stage.PREVIEW,
            state="done",
            due_at=now(),
            by=requester,
            size=1,
            sha256="0" * 64,
            facts={"kind": "json"},
            header=["A", "B"],
            samples=[[CANARY], []],
            row_count=1,
            checked=1,
        )
        imported = ImportRow.objects.create(
            hospital=hospital,
            job=job,
            number=2,
            state=ImportRow.State.WRONG,
            values={"form": {}, "raw": {"family_name": CANARY}},
            errors={"birth_date": [f"{CANARY}!"]},
        )
        visitor = Person.objects.create(username=f"guest-{new_id().hex}", last_name=f"{CANARY} Jef", visitor=True)
        invitation = GuestInvitation.objects.create(
            hospital=hospital,
            meeting=meeting,
            item=item,
            person=visitor,
            name=visitor.last_name,
            mail="jef@example.org",
            token_digest="0" * 64,
            expires_at=meeting.ends_at,
            made_by=cast.secretary.person,
        )
        token = ApiToken.objects.create(
            organisation=hospital,
            name="Record system",
            scopes=[*ApiToken.Scope],
            digest=new_id().hex,
            made_by=requester,
            expires_at=now() + timedelta(days=30),
        )
        launch = Launch.objects.create(
            hospital=hospital,
            client=token,
            nonce=new_id().hex,
            person=requester,
            identity={"family_name": CANARY, "other_identifier": CANARY},
            expires_at=now() + timedelta(minutes=10),
        )
        after = {"hospital": hospital, "board": board, "case": discussed.case, "item": decision.item}
        day = now().date()
        follow_up = FollowUp.objects.create(decision=decision, due_on=day, **after)
        task = DecisionAction.objects.create(
            decision=decision, key=new_id(), text=f"{CANARY}: bellen", owner=requester, due_on=day, **after
        )
        kept = SavedSearch.objects.create(hospital=hospital, person=requester, name=CANARY, asked={"words": CANARY})
        sketch = Sketch.objects.create(hospital=hospital, author=requester, values={"family_name": CANARY})
        registered = {**after, "decision": decision, "day": day, "rule_set": "be-2025", "saved_by": requester}
        form = RegistrationForm.objects.create(tumour_id=new_id(), position=1, kind="new_diagnosis", **registered)
        BillingLine.objects.create(values={"family_name": CANARY}, **registered)
        export = RegistryExport.objects.create(
            hospital=hospital,
            what="registry",
            boards=[board.pk],
            since=day,
            until=day,
            rows=1,
            changed=1,
            left_out=0,
            sha256="0" * 64,
            size=1,
            storage_name=document.storage_name,
            made_by=requester,
        )
        route = Route.objects.create(
            hospital=hospital,
            name="Dossier",  # the administrator gave it; that nobody else sees it, its id shows
            channel="ehealthbox",
            kinds=["case"],
            recipients=["gp"],
            settings={"folder": "zh"},
        )
        dispatch = Dispatch.objects.create(
            hospital=hospital,
            route=route,
            channel=route.channel,
            meeting=decided,
            report=report,
            role="gp",
            recipient=cast.guest.person,
            due_at=now(),
        )
        provider = IdentityProvider.objects.create(
            organisation=hospital, active=True, issuer="https://login.example.org", client_id=f"{OFFICE}-client"
        )
        employed = Person.objects.create(
            username=f"d-{new_id().hex}", last_name=f"{OFFICE} Els", email=f"{OFFICE}@example.org"
        )
        entry = DirectoryEntry.objects.create(organisation=hospital, person=employed, user_name=f"{OFFICE}.els")
    return Things(
        hospital, board, patient, case, tumour, document, waiting, on_agenda, item, meeting, decision, decided, series,
        report, reminder, delivery, requester, beside, invitation, wall, rule, imported, token, launch,
        follow_up, task, kept, sketch, form, export, route, dispatch, provider, entry,
    )  # fmt: skip


def make_world(cast: Cast) -> World:
    """The two hospitals' things, on one agenda of a published meeting; the sittings that decided are one each."""
    meeting = make_meeting(cast.board)
    ours = _things(cast, cast.organiser, cast.requester.person, meeting=meeting)
    with writing():
        Reminder.objects.all().delete()
        colleague = Person.objects.create(username="third", email="third@example.org", last_name="Van Derden")
    theirs = _things(cast, cast.third, colleague, meeting=meeting)
    with writing():
        reminder = Reminder.objects.create(
            hospital=cast.organiser, meeting=ours.decided, kind="signature", due_at=now()
        )
    make_item(meeting, topic=make_topic(cast.board, title=f"{CANARY}: onderwerp"))
    return World(cast, Things(**{**vars(ours), "reminder": reminder}), theirs)


# In which seats the cast sit before a thing of the organiser's; `T` counts for `ours` alone, whose requester they are.
SEATS: dict[str, set[Seat]] = {
    "chair": {Seat.CHAIR},
    "coordinator": {Seat.COORDINATOR},
    "secretary": {Seat.SECRETARY, Seat.PARTNER_SECRETARY},
    "requester": {Seat.REQUESTER},
    "radiologist": {Seat.MEMBER},
    "partner": {Seat.PARTNER_MEMBER},
    "partnersecretary": {Seat.PARTNER_SECRETARY},
    "guest": {Seat.GUEST},
    "outsider": set(),
    "privacy": {Seat.PRIVACY_OFFICER},
    "admin": {Seat.ADMIN},
    "observer": {Seat.OBSERVER},
    "datamanager": {Seat.DATA_MANAGER},
}


def seats_before(world: World, name: str, things: Things) -> set[Seat]:
    """In which seats one of the cast sits before these things."""
    if name == "requester" and things is not world.ours:
        return set()
    return SEATS[name]


def facts_before(world: World, name: str, things: Things) -> set[str]:
    """Every fact that could hold for them before these things: all, but that what is not theirs is not their own."""
    facts = {"agr", "set", "slot", "late", "own_row", "pseudonyms", "invited", "all", "letter", "agr_all"}
    if world.cast.members[name].organisation_id == things.hospital.pk:
        facts |= {"own", "own_acts", "delegated"}
    return facts


# --- what an action is called with ---------------------------------------------------------------------------------------------


def arguments(things: Things) -> dict[str, Any]:
    """For each name that a parameter of an action has: a value that fits, and ids that exist."""
    from mdo.directory.details import Details

    details = PatientDetails(
        family_name=CANARY,
        given_name="Rosa",
        birth_date=date(1961, 3, 4),
        sex="female",
        national_number=insz(date(1961, 3, 4)),
    )
    request = Request(
        board_id=things.board.pk,
        question=f"{CANARY}?",
        reason="new_diagnosis",
        requester_id=things.person.pk,
        requested_on=now().date(),
    )
    moment: datetime = now() + timedelta(days=20)
    return {
        **things.ids,
        "agreed": {},
        "done": True,
        "note_text": "",
        "outcome": "carried_out",
        "asked": {"words": CANARY},
        "beginning": Beginning(
            "Az", "AZ", "", "first", "An", "Peeters", "an@example.org", "correct horse of the first"
        ),
        "columns": {"0": "family_name"},
        "correction_id": new_id(),
        "confirmed": [],
        "copy_from": None,
        "data": case_data(),
        "decisions": [(things.decision.pk, "0" * 64)],
        "details": details,
        "deviation": "",
        "dossier_code": "breast",
        "ends_on": None,
        "errors": {"birth_date": ["…"]},
        "from_epoch": 0,
        "from_item": None,
        "holiday_policy": "skip",
        "how": "changed",
        "intent": "curative",
        "kind": "pathology",
        "language": "fr",
        "local_time": time(9),
        "minutes": 10,
        "note_id": new_id(),
        "note": "",
        "person_ids": [things.person.pk],
        "place": "",
        "reason": "pathology_missing",
        "covered": "pathology_missing",
        "record": things.person,
        "request": request,
        "rules": {"ask": {"on": True, "days": 3, "to": ["owner"]}},
        "send_at": time(8),
        "quiet_from": time(19),
        "quiet_until": time(7),
        "rule": "FREQ=WEEKLY;BYDAY=WE",
        "shared": True,
        "starts_at": moment,
        "starts_on": moment.date(),
        "steps": [{"kind": "surgery", "text": CANARY}],
        "text": CANARY,
        "title": CANARY,
        "to": 1,
        "to_meeting": None,
        "tumours": None,
        "upload": Upload("verslag.pdf", PDF),
        "version": 1,
        "allowed": True,
        "code": "000000",
        "device": "0" * 64,
        "mail": "guest@example.org",
        "phone": "",
        "discipline": "radiology",
        "items": [things.item.pk],
        "name": "An Peeters",
        "person": things.person.pk,
        "protocol": "DCIS",
        "round": 1,
        "seen": 0,
        "answer": "yes",
        "deputy": None,
        "admission": Admission("A08", (Said(Numbers(things.patient.national_number), family_name=CANARY),)),
        "registers": True,
        "source_id": new_id(),
        "merged_id": things.patient.pk,
        "merged_version": 1,
        "merge_id": new_id(),
        "one_id": things.patient.pk,
        "other_id": new_id(),
        "link_id": new_id(),
        "way": "mesh",
        "handover_id": new_id(),
        "person_id": things.person.pk,
        "owner_details": Details(postal_address="Dorpsstraat 1"),
        "details_before": Details(),
        "needs": ["radiology"],
        "heavy": True,
        "guest_from": None,
        "guest_until": None,
        "can_from": None,
        "can_until": None,
        "locked": True,
        "order": [(things.item.pk, 1)],
        "breaks": [],
        "break_after": 45,
        "break_minutes": 10,
        "active": True,
        "conditions": PROTOCOL,
        "reference": "",
        "typed": {"question": CANARY},
        "address": "https://pacs.example.org/{accession}",
        "before": "",
        "what": "submissions",
        "scopes": ["cases.read"],
        "days": 30,
        "digest": new_id().hex,
        "claims": LaunchClaims(
            iss=things.token.pk,
            aud="",
            iat=0,
            exp=0,
            jti="0" * 16,
            user=LaunchUser(username=things.person.username),
            patient=LaunchPatient(other_identifier=CANARY),
        ),
        "submission": Submission(
            ("urn:x", CANARY),
            Identity(CANARY, "Rosa", date(1961, 3, 4), "female", insz(date(1961, 3, 4)), "", "nl", "", "", {}),
            Asked(things.board.pk, f"{CANARY}?", "new_diagnosis", things.person.pk, now().date(), "", {}),
            Answers(),
            (Answers(),),
            (),
        ),
        "statement_id": new_id(),
        "informed": True,
        "informer": "dr. An Peeters",
        "informed_on": now().date(),
        "manner": "phone",
        "words": CANARY,
        "setting": "ambulatory",
        "requested_on": None,
        "elsewhere": None,
        "tumours_told": {},
        "since": now().date(),
        "until": now().date(),
        "channel": "ehealthbox",
        "kinds": ["case"],
        "recipients": ["gp"],
        "settings": {"folder": "zh"},
        "secret": None,
        "dispatch_ids": [things.dispatch.pk],
        "sent": True,
        "issuer": "http://127.0.0.1:9",
        "client_id": "mdo",
        "client_secret": None,
        "domains": [],
        "external_claim": "sub",
        "passwords": True,
        "second_factor": "ours",
        "strong": [],
        "joiner": "member",
        "employee": Employee("an.peeters", family_name="Peeters"),
        "who": SignedIn("subject", "", things.person.email, True, None, False),
        "told": Told("joined", 0, moment, "PA_1", str(new_id()), "An Peeters"),
    }


# --- whether something was written ---------------------------------------------------------------------------------------------


def tables() -> list[str]:
    """Every table that the program may read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND has_table_privilege(oid, 'SELECT') ORDER BY relname"
        )
        return [name for (name,) in cursor.fetchall()]


def contents(but: frozenset[str] = frozenset()) -> dict[str, tuple[int, str]]:
    """For each table the number of its rows and a digest of all of them, read as the house."""
    parts = [
        f"SELECT '{name}', count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {name} t"
        for name in tables()
        if name not in but
    ]
    with acting(HOUSE, None, "test"), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (count, digest) for name, count, digest in cursor.fetchall()}


@contextmanager
def nothing_written(*but: str) -> Iterator[None]:
    """No table but those named may differ afterwards."""
    before = contents(frozenset(but))
    yield
    after = contents(frozenset(but))
    assert {name for name in before if before[name] != after[name]} == set()

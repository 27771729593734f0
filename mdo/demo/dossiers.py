"""The cases of the demonstration, brought in by their requesters or their hospital's secretary through the actions of ``cases``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from cases.actions.documents import Upload, add_document, share_document
from cases.actions.dossiers import add_tumour, change_case
from cases.actions.patients import PatientDetails
from cases.actions.referrals import Request, bring_in_case, submit_referral
from cases.models import Case, Referral
from mdo.demo.network import PEOPLE, Town
from mdo.demo.papers import Printer, mammogram
from mdo.demo.patients import identity
from mdo.demo.stories import Story, story
from mdo.directory.models import Person
from mdo.kernel.acting import Proof, System, acting
from mdo.kernel.clock import frozen, now
from mdo.kernel.ids import new_id

HOUSE = System("demo")

# Who enters the cases of a hospital's requesters.
SECRETARIES = {"organiser": "secretary", "partner": "partnersecretary", "third": "thirdsecretary"}


@contextmanager
def door(town: Town, name: str, at: datetime, proof: Proof | None = None) -> Iterator[Person]:
    """One of the people acts, at a moment of the past, for the place where they work."""
    place = town.workplace(name).pk
    with frozen(at), acting(town.people[name], place, "care", savepoints=False, proof=lambda: proof):
        yield town.people[name]


@dataclass(frozen=True)
class Told:
    """A case of the demonstration: its story and the id of its referral."""

    number: int
    story: Story
    case_id: UUID
    referral_id: UUID


@dataclass
class Registry:
    """Brings in cases, each with the next number: the same ones in the same order each time."""

    town: Town
    printer: Printer
    number: int = 0

    def next_number(self) -> int:
        n, self.number = self.number, self.number + 1
        return n

    def bring(
        self,
        requester: str,
        at: datetime,
        *,
        plot: int | None = None,
        papers: int = 0,
        guest: str = "",
        submit: bool = True,
    ) -> Told:
        """A case of ``requester``'s hospital, handed in at ``at`` unless it stays a draft. ``plot`` chooses the story, ``papers``
        is the number of its documents (at most 2)."""
        n = self.next_number()
        told = story(n if plot is None else plot, at.date())
        # Two of three times the secretary enters the case for the requester.
        enters = requester if n % 3 == 0 else SECRETARIES[PEOPLE[requester].place]
        with door(self.town, enters, at - timedelta(minutes=40)) as by:
            case_id = self._case(n, told, requester, guest, by)
            if papers:
                self._add_papers(n, told, case_id, by, papers)
        case = Told(n, told, case_id, self._referral_of(case_id, enters, at))
        if submit:
            self.submit(case, enters, at)
        return case

    def submit(self, case: Told, by_name: str, at: datetime) -> None:
        """Hand the case in."""
        with door(self.town, by_name, at) as by:
            version = Referral.objects.values_list("version", flat=True).get(pk=case.referral_id)
            submit_referral(by=by, referral_id=case.referral_id, version=version, command_id=new_id())

    def _referral_of(self, case_id: UUID, name: str, at: datetime) -> UUID:
        with door(self.town, name, at):
            return Referral.objects.values_list("pk", flat=True).get(case=case_id)

    def _case(self, n: int, told: Story, requester: str, guest: str, by: Person) -> UUID:
        case_id, today = new_id(), now().date()
        request = Request(
            board_id=self.town.board.pk,
            question=told.question,
            reason=told.reason,
            requester_id=self.town.people[requester].pk,
            requested_on=today - timedelta(days=1),
            informs_patient=self.town.people[requester].display_name,
            guest_id=self.town.people[guest].pk if guest else None,
        )
        details = self.details(n, age=told.age, sex=told.sex, today=today)
        bring_in_case(by=by, case_id=case_id, details=details, request=request, command_id=new_id())
        tumour_ids = list(Case.objects.get(pk=case_id).tumours.values_list("pk", flat=True))
        version = 1
        for _ in told.tumours[1:]:
            tumour_ids.append(new_id())
            add_tumour(by=by, case_id=case_id, version=version, tumour_id=tumour_ids[-1], command_id=new_id())
            version += 1
        change_case(
            by=by,
            case_id=case_id,
            version=version,
            data=told.case,
            tumours=dict(zip(tumour_ids, told.tumours, strict=True)),
            command_id=new_id(),
        )
        return case_id

    def details(self, n: int, *, age: int, sex: str, today: date) -> PatientDetails:
        """The patient number ``n`` as somebody would type them in on ``today``."""
        who = identity(n, age=age, sex=sex, today=today)
        gp = self.town.people["guest"] if n % 3 == 0 else None
        return PatientDetails(
            family_name=who.family_name,
            given_name=who.given_name,
            birth_date=who.birth_date,
            sex=who.sex,
            national_number=who.national_number,
            gp_id=gp.pk if gp else None,
            gp_name=gp.display_name if gp else ("dr. Johan Ampe", "dr. Mieke Boone")[n % 2],
            phone=f"0470 00 {n // 100:02d} {n % 100:02d}",
        )

    def papers(self, told: Told, requester: str, at: datetime, number: int) -> None:
        """Add so many documents (at most 2) to a case."""
        with door(self.town, requester, at) as by:
            self._add_papers(told.number, told.story, told.case_id, by, number)

    def _add_papers(self, n: int, told: Story, case_id: UUID, by: Person, papers: int) -> None:
        case = Case.objects.select_related("patient", "hospital").get(pk=case_id)
        rows = [
            ("Patiënt", case.patient.display_name),
            ("Geboortedatum", f"{case.patient.birth_date:%d/%m/%Y}"),
            ("Ziekenhuis", case.hospital.name),
            ("Datum", f"{now():%d/%m/%Y}"),
        ]
        report = self.printer.paper("Verslag pathologische anatomie", rows, [told.case["pathology_findings"]])
        report_id = self._add(case_id, by, "pathology", Upload("Verslag pathologie.pdf", report))
        share_document(by=by, document_id=report_id, shared=True, command_id=new_id())
        if papers > 1:
            left = told.tumours[0]["laterality"] == "left"
            kind, ending = ("PNG", "png") if n % 2 else ("JPEG", "jpg")
            name = f"Mammografie {'links' if left else 'rechts'} MLO.{ending}"
            self._add(case_id, by, "imaging", Upload(name, mammogram(n, left=left, kind=kind)))

    @staticmethod
    def _add(case_id: UUID, by: Person, kind: str, upload: Upload) -> UUID:
        document_id = new_id()
        add_document(by=by, case_id=case_id, document_id=document_id, kind=kind, upload=upload, command_id=new_id())
        return document_id

"""The cases of the past weeks, filed with a few inserts for each sitting.

Bringing them in, accepting and scheduling them one by one through the actions, as the cases of this week are, would take
longer than everything else together; what the sittings then did with them went through the actions again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection

from cases.coding.names import name_key
from cases.dossiers.profile import profile
from cases.models import Case, Patient, Referral, Tumour
from mdo.demo.dossiers import HOUSE, Registry, Told
from mdo.demo.stories import story
from mdo.kernel.acting import acting
from meetings.models import AgendaItem, Meeting


@contextmanager
def writing() -> Iterator[None]:
    """A door of the house in which rows of care tables are written directly."""
    with acting(HOUSE, None, "work", action="demo.load"):
        yield
        with connection.cursor() as cursor:  # the loading goes on in the same transaction: up with the guard
            cursor.execute("SELECT set_config('mdo.action', '', true)")


def file_cases(registry: Registry, meeting: Meeting, requests: list[tuple[str, datetime]]) -> list[Told]:
    """Cases of these requesters, handed in at these moments, at the end of the agenda of a sitting of the past."""
    town, told = registry.town, []
    patients, cases, tumours, referrals, items = [], [], [], [], []
    there = AgendaItem.objects.filter(meeting=meeting).count()
    for place, (requester, at) in enumerate(requests, start=there + 1):
        n = registry.next_number()
        tale, person, hospital = story(n, at.date()), town.people[requester], town.workplace(requester)
        patients.append(Patient(hospital=hospital, **_identity(registry, n, tale.age, tale.sex, at)))
        cases.append(
            Case(
                hospital=hospital,
                patient=patients[-1],
                requester=person,
                dossier="breast",
                dossier_version=tale.case["version"],
                data=tale.case,
                created_by=person,
                created_at=at - timedelta(minutes=40),
                changed_at=at,
                version=2,
            )
        )
        tumours += [
            Tumour(hospital=hospital, case=cases[-1], position=position, data=data, profile=profile(data))
            for position, data in enumerate(tale.tumours, start=1)
        ]
        referrals.append(
            Referral(
                hospital=hospital,
                case=cases[-1],
                board=town.board,
                requester=person,
                requested_on=(at - timedelta(days=1)).date(),
                question=tale.question,
                reason=tale.reason,
                informs_patient=person.display_name,
                status=Referral.Status.SCHEDULED,
                submitted_at=at,
                created_at=at - timedelta(minutes=40),
                changed_at=at + timedelta(days=1),
                version=4,
            )
        )
        items.append(AgendaItem(hospital=hospital, meeting=meeting, referral=referrals[-1], position=place, minutes=6))
        told.append(Told(n, tale, cases[-1].pk, referrals[-1].pk))
    with writing():
        for model, rows in (
            (Patient, patients),
            (Case, cases),
            (Tumour, tumours),
            (Referral, referrals),
            (AgendaItem, items),
        ):
            model._default_manager.bulk_create(rows)  # type: ignore[arg-type]
    return told


def _identity(registry: Registry, n: int, age: int, sex: str, at: datetime) -> dict[str, object]:
    details = registry.details(n, age=age, sex=sex, today=at.date())
    return {
        "family_name": details.family_name,
        "given_name": details.given_name,
        "name_key": name_key(details.family_name, details.given_name),
        "birth_date": details.birth_date,
        "sex": details.sex,
        "national_number": details.national_number,
        "gp_id": details.gp_id,
        "gp_name": details.gp_name,
        "phone": details.phone,
    }

"""The cast: the same people everywhere. Who they are and what they may do follows from their roles, never from their names.

=================  ============================================================================  ====================
who                works at, and sits on the breast board as                                     column of TRUST §2
=================  ============================================================================  ====================
chair              surgeon of the organiser; chair                                               C
coordinator        medical oncologist of the organiser; coordinator                              K
secretary          secretary of the organiser, in the hospital and on the board                  S
requester          gynaecologist of the organiser, without a seat on the board                   T
radiologist        radiologist of the organiser; member                                          M
observer           physician in training at the organiser; observer                              O
partner            radiotherapist of the partner hospital; member                                X
partnersecretary   secretary of the partner hospital, in the hospital and on the board           Z
guest              a GP of the practice, without any role in a hospital                          G
outsider           surgeon of a hospital in no agreement; the board lists them as a member       nobody
privacy            privacy officer of the organiser                                              D
admin              administrator of the organiser                                                A
datamanager        data manager of the organiser, without a seat on the board                    B
=================  ============================================================================  ====================

The organiser, the partner and the third hospital signed an agreement in force that covers the board.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.hashers import make_password
from django.db import transaction

from mdo.directory.models import (
    Agreement,
    AgreementBoard,
    AgreementParty,
    Board,
    BoardRole,
    Network,
    NetworkMembership,
    Organisation,
    OrganisationRole,
    Person,
)
from mdo.kernel.acting import Proof, acting
from mdo.kernel.clock import now

PASSWORD = "correct horse of the cast"


@dataclass(frozen=True)
class Member:
    """One of the cast: the person, and the organisation that they act for."""

    person: Person
    organisation: Organisation

    @property
    def organisation_id(self) -> UUID:
        return self.organisation.pk

    @property
    def pk(self) -> UUID:
        return self.person.pk

    @property
    def username(self) -> str:
        return self.person.username


@dataclass(frozen=True)
class Cast:
    """The people, and where they work. `members` walks over the people."""

    organiser: Organisation
    partner_hospital: Organisation
    third: Organisation
    outside: Organisation  # a hospital in no agreement
    practice: Organisation
    network: Network
    board: Board
    agreement: Agreement
    chair: Member
    coordinator: Member
    secretary: Member
    requester: Member
    radiologist: Member
    partner: Member
    partnersecretary: Member
    guest: Member
    outsider: Member
    privacy: Member
    admin: Member
    observer: Member
    datamanager: Member

    @property
    def members(self) -> dict[str, Member]:
        """Every member of the cast by name, in the order of the table above the class."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if isinstance(value, Member)}


NAMES = tuple(field.name for field in fields(Cast) if field.type == "Member")


def just_now() -> Proof:
    """What somebody leaves who has signed in a moment ago."""
    return Proof("password", now())


@contextmanager
def acting_as(
    member: Member, purpose: str = "care", *, savepoints: bool = True, proof: Callable[[], Proof | None] = just_now
) -> Iterator[Person]:
    """Open the door for one of the cast, who has just signed in; gives the person, for `by=`."""
    with acting(member.person, member.organisation_id, purpose, savepoints=savepoints, proof=proof):
        yield member.person


@cache
def _password() -> str:
    return make_password(PASSWORD)  # one hash for the whole run: hashing is slow on purpose


_PROFESSION, _ORGANISATION_ROLE, _BOARD_ROLE = Person.Profession, OrganisationRole.Role, BoardRole.Role

# name → title, given name, family name, profession, discipline, organisation, role in it, role on the board
_PEOPLE: dict[str, tuple[str, str, str, str, str, str, str, str]] = {
    "chair": ("dr.", "Greet", "Vandecasteele", "physician", "surgery", "organiser", "clinician", "chair"),
    "coordinator": ("dr.", "Wim", "Peeters", "physician", "medical_oncology", "organiser", "clinician", "coordinator"),
    "secretary": ("", "Ilse", "De Bruyne", "secretary", "secretariat", "organiser", "secretary", "secretary"),
    "requester": ("dr.", "Sofie", "Claes", "physician", "gynaecology", "organiser", "clinician", ""),
    "radiologist": ("dr.", "Koen", "Maes", "physician", "radiology", "organiser", "clinician", "member"),
    "partner": (
        "dr.",
        "Nele",
        "Goossens",
        "physician",
        "radiation_oncology",
        "partner_hospital",
        "clinician",
        "member",
    ),
    "partnersecretary": (
        "",
        "Tom",
        "Wouters",
        "secretary",
        "secretariat",
        "partner_hospital",
        "secretary",
        "secretary",
    ),
    "guest": ("dr.", "An", "Lemmens", "physician", "general_practice", "practice", "guest", ""),
    "outsider": ("dr.", "Bart", "Hendrickx", "physician", "surgery", "outside", "clinician", "member"),
    "privacy": ("", "Els", "Pauwels", "other", "", "organiser", "privacy_officer", ""),
    "admin": ("", "Jan", "Smets", "other", "", "organiser", "admin", ""),
    "observer": ("dr.", "Lotte", "Aerts", "physician", "surgery", "organiser", "", "observer"),
    "datamanager": ("", "Griet", "Vanhoutte", "data_manager", "data_management", "organiser", "data_manager", ""),
}


def make_cast() -> Cast:
    """Insert the cast: a handful of bulk inserts in one transaction. The directory needs no action to be written."""
    since = now() - timedelta(days=400)
    organiser, partner_hospital, third, outside, practice = (
        Organisation(name="AZ Sint-Godelieve", short_name="SG", colour=1, city="Torhout"),
        Organisation(name="Ziekenhuis De Linde", short_name="DL", colour=2, city="Diksmuide"),
        Organisation(name="AZ Maria Ter Duinen", short_name="MD", colour=3, city="Nieuwpoort"),
        Organisation(name="Kliniek Ten Bosse", short_name="TB", colour=4, city="Ninove"),
        Organisation(
            name="Huisartsenpraktijk De Brug",
            short_name="BR",
            colour=5,
            city="Torhout",
            kind=Organisation.Kind.GP_PRACTICE,
        ),
    )
    places = {
        "organiser": organiser,
        "partner_hospital": partner_hospital,
        "third": third,
        "outside": outside,
        "practice": practice,
    }
    network = Network(name="Netwerk Westhoek")
    board = Board(
        network=network,
        organiser=organiser,
        name="Borst-MOC",
        kind="tumour_board",
        dossier="breast",
        read_back="off",  # the tests of the read-back switch it on
    )
    agreement = Agreement(
        network=network,
        title="Samenwerking borstkliniek",
        status=Agreement.Status.SIGNED,
        starts_on=since.date(),
    )
    members: dict[str, Member] = {}
    organisation_roles, board_roles = [], []
    for name, (title, given, family, profession, discipline, place, role, seat) in _PEOPLE.items():
        person = Person(
            username=name,
            email=f"{name}@example.org",
            password=_password(),
            title=title,
            first_name=given,
            last_name=family,
            profession=profession,
            discipline=discipline,
        )
        members[name] = Member(person, places[place])
        if role:
            organisation_roles.append(
                OrganisationRole(person=person, organisation=places[place], role=role, valid_from=since)
            )
        if seat:
            board_roles.append(
                BoardRole(board=board, person=person, organisation=places[place], role=seat, valid_from=since)
            )
    hospitals = (organiser, partner_hospital, third, outside)
    with transaction.atomic():
        Organisation.objects.bulk_create(places.values())
        network.save(force_insert=True)
        NetworkMembership.objects.bulk_create(
            NetworkMembership(network=network, organisation=each, joined_on=since.date()) for each in hospitals
        )
        board.save(force_insert=True)
        agreement.save(force_insert=True)
        AgreementParty.objects.bulk_create(
            AgreementParty(agreement=agreement, organisation=each, signatory="Directie", signed_on=since.date())
            for each in hospitals[:3]
        )
        AgreementBoard.objects.bulk_create([AgreementBoard(agreement=agreement, board=board)])
        Person.objects.bulk_create(member.person for member in members.values())
        OrganisationRole.objects.bulk_create(organisation_roles)
        BoardRole.objects.bulk_create(board_roles)
    return Cast(
        organiser=organiser,
        partner_hospital=partner_hospital,
        third=third,
        outside=outside,
        practice=practice,
        network=network,
        board=board,
        agreement=agreement,
        **members,
    )


@pytest.fixture
def cast(request: pytest.FixtureRequest) -> Cast:
    """The cast, in the test's transaction; where the test uses `committed` (or `site`, `worker`), committed."""
    request.getfixturevalue("committed" if "committed" in request.fixturenames else "db")
    return make_cast()


def seat(person: Person, board: Board, organisation: Organisation, role: str, **dates: Any) -> BoardRole:
    """Give a person a role on a board, by default since yesterday."""
    dates.setdefault("valid_from", now() - timedelta(days=1))
    return BoardRole.objects.create(board=board, person=person, organisation=organisation, role=role, **dates)

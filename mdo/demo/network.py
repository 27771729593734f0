"""The organisations, people, agreement and board of the demonstration."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password

from mdo.demo.accounts import ACCOUNTS, PASSWORD
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
from meetings.models import Series

ZONE = ZoneInfo("Europe/Brussels")


@dataclass(frozen=True)
class Place:
    """An organisation of the demonstration."""

    name: str
    short_name: str
    city: str
    colour: int
    kind: str = "hospital"
    street: str = ""


@dataclass(frozen=True)
class Role:
    """A person of the demonstration: where they work and sit. ``seat`` is the role on the board, empty for none."""

    title: str
    given: str
    family: str
    profession: str
    discipline: str
    place: str
    role: str
    seat: str = ""


PLACES = {
    "organiser": Place("AZ Sint-Godelieve", "SG", "Torhout", 1, street="Kloosterdreef 10\n9999 Torhout"),
    "partner": Place("Ziekenhuis De Linde", "DL", "Diksmuide", 2, street="Lindelaan 4\n9998 Diksmuide"),
    "third": Place("AZ Maria Ter Duinen", "MD", "Nieuwpoort", 3, street="Zeedreef 21\n9997 Nieuwpoort"),
    "outside": Place("Kliniek Ten Bosse", "TB", "Ninove", 4),
    "practice": Place("Huisartsenpraktijk De Brug", "BR", "Torhout", 5, "gp_practice", "Brugstraat 7\n9999 Torhout"),
}

_DOCTOR, _CLINICIAN = "physician", "clinician"
PEOPLE = {
    "chair": Role("dr.", "Greet", "Vandecasteele", _DOCTOR, "surgery", "organiser", _CLINICIAN, "chair"),
    "coordinator": Role("dr.", "Wim", "Peeters", _DOCTOR, "medical_oncology", "organiser", _CLINICIAN, "coordinator"),
    "secretary": Role("", "Ilse", "De Bruyne", "secretary", "secretariat", "organiser", "secretary", "secretary"),
    "requester": Role("dr.", "Sofie", "Claes", _DOCTOR, "gynaecology", "organiser", _CLINICIAN),
    "radiologist": Role("dr.", "Koen", "Maes", _DOCTOR, "radiology", "organiser", _CLINICIAN, "member"),
    "pathologist": Role("dr.", "Hanne", "Verbeke", _DOCTOR, "pathology", "organiser", _CLINICIAN, "member"),
    "nuclear": Role("dr.", "Pieter", "Lambrecht", _DOCTOR, "nuclear_medicine", "organiser", _CLINICIAN, "member"),
    "nurse": Role("", "Katrien", "Dewulf", "nurse", "nursing", "organiser", _CLINICIAN, "member"),
    "partner": Role("dr.", "Nele", "Goossens", _DOCTOR, "radiation_oncology", "partner", _CLINICIAN, "member"),
    "partnersecretary": Role("", "Tom", "Wouters", "secretary", "secretariat", "partner", "secretary", "secretary"),
    "partnersurgeon": Role("dr.", "Yasmina", "Benali", _DOCTOR, "surgery", "partner", _CLINICIAN, "member"),
    "partnergynaecologist": Role("dr.", "Ruben", "Vandamme", _DOCTOR, "gynaecology", "partner", _CLINICIAN),
    "thirdoncologist": Role("dr.", "Liesbet", "Coppens", _DOCTOR, "medical_oncology", "third", _CLINICIAN, "member"),
    "thirdradiologist": Role("dr.", "Stijn", "De Clercq", _DOCTOR, "radiology", "third", _CLINICIAN, "member"),
    "thirdsecretary": Role("", "Marijke", "Declerck", "secretary", "secretariat", "third", "secretary", "secretary"),
    "guest": Role("dr.", "An", "Lemmens", _DOCTOR, "general_practice", "practice", "guest"),
    "observer": Role("dr.", "Lotte", "Aerts", _DOCTOR, "surgery", "organiser", "", "observer"),
    "outsider": Role("dr.", "Bart", "Hendrickx", _DOCTOR, "surgery", "outside", _CLINICIAN),
    "datamanager": Role("", "Griet", "Vanhoutte", "data_manager", "data_management", "organiser", "data_manager"),
    "privacy": Role("", "Els", "Pauwels", "other", "", "organiser", "privacy_officer"),
    "admin": Role("", "Jan", "Smets", "other", "", "organiser", "admin"),
}


@dataclass(frozen=True)
class Town:
    """What was made: organisations and people by the names above, the board and its series."""

    places: dict[str, Organisation]
    people: dict[str, Person]
    board: Board
    series: Series

    def workplace(self, name: str) -> Organisation:
        return self.places[PEOPLE[name].place]


def _licence(serial: int, profession: str = "1") -> str:
    """A fictional licence number (RIZIV) of a physician, or (7) of a hospital, whose check digits are right."""
    first = f"{profession}{serial % 100_000:05d}"
    return f"{first}{97 - int(first) % 97:02d}004"


def make_network(today: date) -> Town:
    """Insert the network as it stands on ``today``: an agreement two years old, a board that sits every Wednesday at 14:00."""
    founded = date(today.year - 2, 1, 1)
    since = datetime.combine(founded, time(8), ZONE)
    places = {
        key: Organisation(
            name=each.name,
            short_name=each.short_name,
            city=each.city,
            colour=each.colour,
            kind=each.kind,
            postal_address=each.street,
            licence_number=_licence(710_001 + each.colour, "7") if each.kind == "hospital" else "",
        )
        for key, each in PLACES.items()
    }
    Organisation.objects.bulk_create(places.values())
    hospitals = [places[key] for key in ("organiser", "partner", "third", "outside")]
    network = Network.objects.create(name="Ziekenhuisnetwerk Westhoek")
    NetworkMembership.objects.bulk_create(
        NetworkMembership(network=network, organisation=each, joined_on=founded) for each in hospitals
    )
    board = Board.objects.create(
        network=network,
        organiser=places["organiser"],
        name="Borst-MOC Westhoek",
        kind="tumour_board",
        dossier="breast",
        place="Teleconferentie, zaal Godelieve 2",
        minutes_per_item=6,
        quorum={"disciplines": 4, "required": ["radiology"]},
    )
    agreement = Agreement.objects.create(
        network=network,
        title="Samenwerkingsovereenkomst borstkliniek",
        purpose="Gezamenlijk multidisciplinair oncologisch consult voor borstkanker.",
        status=Agreement.Status.SIGNED,
        starts_on=founded,
    )
    AgreementParty.objects.bulk_create(
        AgreementParty(agreement=agreement, organisation=each, signatory="Algemeen directeur", signed_on=founded)
        for each in hospitals[:3]
    )
    AgreementBoard.objects.create(agreement=agreement, board=board)
    people = _people(places, board, since)
    series = Series.objects.create(
        board=board, rule="FREQ=WEEKLY;BYDAY=WE", starts_on=today - timedelta(days=70), local_time=time(14), minutes=90
    )
    return Town(places, people, board, series)


def _people(places: dict[str, Organisation], board: Board, since: datetime) -> dict[str, Person]:
    with_account = {account.username for account in ACCOUNTS}
    password = make_password(PASSWORD)  # one hash for all: they share one password that everybody may know
    people: dict[str, Person] = {}
    for serial, (name, each) in enumerate(PEOPLE.items(), start=40_312):
        people[name] = Person(
            username=name,
            email=f"{name}@{PLACES[each.place].name.lower().replace(' ', '-')}.example",
            password=password if name in with_account else make_password(None),
            title=each.title,
            first_name=each.given,
            last_name=each.family,
            profession=each.profession,
            discipline=each.discipline,
            licence_number=_licence(serial) if each.profession == _DOCTOR else "",
            language="nl",
        )
    Person.objects.bulk_create(people.values())
    Person.objects.create(
        username="operator",
        email="operator@mdo.example",
        password=password,
        first_name="Site",
        last_name="Operator",
        profession=Person.Profession.OTHER,
        language="nl",
        is_staff=True,
        is_superuser=True,
    )
    OrganisationRole.objects.bulk_create(
        OrganisationRole(person=people[name], organisation=places[each.place], role=each.role, valid_from=since)
        for name, each in PEOPLE.items()
        if each.role
    )
    BoardRole.objects.bulk_create(
        BoardRole(board=board, person=people[name], organisation=places[each.place], role=each.seat, valid_from=since)
        for name, each in PEOPLE.items()
        if each.seat
    )
    return people

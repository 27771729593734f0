"""The fictional patients: names, birth dates and national numbers whose check digits are right."""

from dataclasses import dataclass
from datetime import date

from cases.coding import national_number

# Family name, given name. One list for women, a short one for men; the order is the order in which they are needed.
_WOMEN = (
    ("Vermeersch", "Annelies"), ("Van den Broeck", "Maria"), ("D'Hondt", "Godelieve"), ("El Amrani", "Fatima"),
    ("Desmet", "Christine"), ("Claeys", "Lutgart"), ("Öztürk", "Zeynep"), ("Baert", "Hilde"), ("Lievens", "Rosa"),
    ("Kowalska", "Agnieszka"), ("Verstraete", "Marleen"), ("De Smedt", "Ingrid"), ("Nguyen", "Thi Mai"),
    ("Dubois", "Françoise"), ("Callewaert", "Rita"), ("Vanhoutte", "Els"), ("Bogaert", "Magda"),
    ("Ndiaye", "Aminata"), ("Deprez", "Nadine"), ("Vandenberghe", "Griet"), ("Popescu", "Ioana"),
    ("Lambert", "Josiane"), ("Segers", "Viviane"), ("Van Acker", "Paula"), ("Yılmaz", "Emine"),
    ("Decoster", "Kristien"), ("Pauwels", "Jeannine"), ("Van Hecke", "Betty"), ("Benhaddou", "Samira"),
    ("Meire", "Sabine"), ("Declercq", "Anita"), ("Rottiers", "Lieve"), ("Moerman", "Francine"),
    ("Verhelst", "Martine"), ("Santos", "Luísa"), ("Goethals", "Veerle"), ("Devos", "Carine"),
    ("Matthys", "Simonne"), ("Van Damme", "Patricia"), ("Petrova", "Elena"), ("Vercruysse", "Denise"),
    ("Hoste", "Kaat"), ("Mertens", "Arlette"), ("Tanghe", "Bernadette"), ("Cools", "Monique"),
    ("Vandewalle", "Roos"), ("Haddad", "Leila"), ("Ghyselen", "Trees"), ("Lootens", "Ann-Sophie"),
    ("Bossuyt", "Ria"), ("Vandromme", "Mia"), ("Dewaele", "Conny"),
)  # fmt: skip
_MEN = (("Debruyne", "Roger"), ("Vanneste", "Luc"), ("Kaya", "Mehmet"), ("Maertens", "Georges"), ("Sabbe", "Willy"))


@dataclass(frozen=True)
class Identity:
    """Who a fictional patient is."""

    family_name: str
    given_name: str
    birth_date: date
    sex: str
    national_number: str


def identity(n: int, *, age: int, sex: str, today: date) -> Identity:
    """The patient number ``n``, ``age`` years old on ``today``. The number belongs to nobody: its serial is out of use."""
    names = _MEN if sex == "male" else _WOMEN
    family, given = names[n % len(names)]
    birth = date(today.year - age - 1, 1 + (7 * n + 2) % 12, 1 + (11 * n + 4) % 28)
    if (birth.month, birth.day) <= (today.month, today.day):
        birth = birth.replace(year=birth.year + 1)
    # Serials from 950 on are given out on hardly any day: 26 births of one sex a day would need them.
    nine = f"{birth:%y%m%d}{(951 if sex == 'male' else 950) + 2 * (n % 24):03d}"
    check = national_number.check_digits(nine, born_from_2000=birth.year >= 2000)
    return Identity(family, given, birth, sex, nine + check)

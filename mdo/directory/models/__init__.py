"""Who is who: people, organisations, networks, agreements, boards. Nothing here is about a patient."""

from mdo.directory.models.agreements import Agreement, AgreementBoard, AgreementParty
from mdo.directory.models.boards import Board, BoardRole
from mdo.directory.models.identities import DirectoryEntry, IdentityProvider
from mdo.directory.models.organisations import Network, NetworkMembership, Organisation, RecordSystem
from mdo.directory.models.people import OrganisationRole, Person
from mdo.directory.models.tokens import ApiToken

__all__ = [
    "Agreement",
    "AgreementBoard",
    "AgreementParty",
    "ApiToken",
    "Board",
    "BoardRole",
    "DirectoryEntry",
    "IdentityProvider",
    "Network",
    "NetworkMembership",
    "Organisation",
    "OrganisationRole",
    "Person",
    "RecordSystem",
]

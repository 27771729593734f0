"""Between a Bundle and the actions: what the reading has to know of the hospital, and whether a request came before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cases import access
from cases.actions.referrals import boards_for, kind_of
from cases.dossiers import dossier
from cases.exchange.fhir import Around, BoardChoice, Submission
from cases.models import Received
from mdo.directory import licence_number
from mdo.directory.access import today
from mdo.directory.licence_number import InvalidLicenceNumber
from mdo.directory.models import Organisation
from mdo.kernel.acting import Actor
from mdo.kernel.digits import digits_of


def around(by: Actor) -> Around:
    """What the acting hospital has. Raises ``Denied`` for whoever may not bring in a case there."""
    hospital_id = access.access_hospital_for_submitting(by)
    hospital = Organisation.objects.get(pk=hospital_id)
    numbers = {(digits_of(each) or "").lstrip("0") for each in (hospital.licence_number, hospital.enterprise_number)}
    boards = []
    for board in boards_for(hospital_id):
        kind = kind_of(board)
        reasons = frozenset(code for code, _words in kind.choices("referral_reasons", None)) if kind else frozenset()
        boards.append(BoardChoice(board.pk, dossier(board.dossier), reasons))
    clinicians: dict[str, UUID] = {}
    for person in access.visible_requesters(by):
        try:
            clinicians[licence_number.parse(person.licence_number).identifying] = person.pk
        except InvalidLicenceNumber:
            continue
    return Around(frozenset(numbers - {""}), tuple(boards), clinicians, today())


@dataclass(frozen=True, slots=True)
class Known:
    """A request that came before: its case, and whether it said the same."""

    case_id: UUID
    same: bool


def key_of(submission: Submission) -> str:
    """By which a request is recognised (SHA-256, hexadecimal): its system's number says nothing to whoever reads the table."""
    return hashlib.sha256("\n".join(submission.number).encode()).hexdigest()


def digest_of(bundle: Mapping[str, Any]) -> str:
    """SHA-256 (hexadecimal) of what a Bundle says, however it was written down."""
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def find(hospital_id: UUID, submission: Submission, digest: str) -> Known | None:
    """Whether the hospital handed in a request with this number before."""
    row = Received.objects.filter(hospital=hospital_id, key=key_of(submission)).first()
    return Known(row.case_id, row.digest == digest) if row else None

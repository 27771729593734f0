"""One person in two hospitals, as one board sees it.

**The rule.** A link is of one board. It is shown to who may read the cases of both patients, and only while that board knows a referral
of both: so it goes with an agreement, a withdrawal and a role like the cases do. It joins nothing else: each patient stays the own
hospital's, with the own banner, numbers and documents.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations, groupby
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from cases.access import visible_referrals
from cases.models import Link, Patient, Referral
from mdo.directory.access import Standing
from mdo.kernel.acting import Actor


def known_patients(standing: Standing) -> QuerySet[Patient]:
    """The patients of the referrals that a board knows, within the reach of this seat."""
    known = Referral.objects.filter(
        case__patient=OuterRef("pk"),
        board=standing.board,
        hospital__in=standing.reach,
        status__in=Referral.KNOWN_TO_BOARD,
    )
    return Patient.objects.filter(Exists(known), merged_into=None)


@dataclass(frozen=True)
class Pair:
    """Two hospitals' patients with one national number; with the link, where somebody made it."""

    one: Patient
    other: Patient
    link: Link | None


def pairs(standing: Standing) -> list[Pair]:
    """Whom two hospitals referred to this board under one national number, by name. For who may ``build_agenda``. Two queries."""
    known = known_patients(standing)
    numbered = known.exclude(national_number="").order_by()
    twice = numbered.values("national_number").annotate(n=Count("hospital", distinct=True)).filter(n__gt=1)
    rows = known.filter(national_number__in=twice.values("national_number")).select_related("hospital")
    people = list(rows.order_by("national_number", "pk"))
    if not people:
        return []
    links = {(each.one_id, each.other_id): each for each in Link.objects.filter(board=standing.board, ended_at=None)}
    found = [
        Pair(one, other, links.get((one.pk, other.pk)))
        for _, same in groupby(people, key=lambda each: each.national_number)
        for one, other in combinations(same, 2)
        if one.hospital_id != other.hospital_id
    ]
    return sorted(found, key=lambda pair: (pair.link is not None, pair.one.name_key))


def unlinked(standing: Standing) -> int:
    """How many national numbers of two hospitals' patients at this board nobody looked at yet: of none of these patients is there a link,
    or ever was one. One query."""
    known = known_patients(standing).exclude(national_number="").order_by()
    told = Link.objects.filter(Q(one=OuterRef("pk")) | Q(other=OuterRef("pk")), board=standing.board)
    numbers = known.filter(~Exists(told)).values("national_number")
    return numbers.annotate(n=Count("hospital", distinct=True)).filter(n__gt=1).count()


def elsewhere(by: Actor, patient: Patient, boards: Iterable[UUID]) -> list[Referral]:
    """The referrals of the same person by other hospitals to these boards, as far as ``by`` may read them. One query where there is no
    link."""
    links = list(Link.objects.filter(Q(one=patient) | Q(other=patient), board__in=list(boards), ended_at=None))
    if not links:
        return []
    linked = Q(pk__in=[])
    for link in links:
        linked |= Q(board=link.board_id, case__patient=link.other_id if link.one_id == patient.pk else link.one_id)
    found = visible_referrals(by).filter(linked, status__in=Referral.KNOWN_TO_BOARD)
    return list(found.select_related("hospital", "board").order_by("-created_at", "pk"))


def among(board_id: UUID, patients: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Which of these patients, whose cases the asker may all read, are linked for this board. One query, none below two."""
    if len(patients) < 2:
        return []
    found = Link.objects.filter(board=board_id, one__in=patients, other__in=patients, ended_at=None)
    return list(found.values_list("one_id", "other_id"))


def times_told(patient: str, board: str) -> Coalesce:
    """A number that rises whenever a patient (by its path from the row) is linked for a board, and when that is taken back."""
    told = Link.objects.filter(Q(one=OuterRef(patient)) | Q(other=OuterRef(patient)), board=OuterRef(board)).order_by()
    counted = told.values("board").annotate(n=Count("pk") + Count("ended_at")).values("n")
    return Coalesce(Subquery(counted), 0)

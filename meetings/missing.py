"""What the cases of one sitting still miss, who is asked for it and until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from cases import answers, dossiers
from cases.dossiers import Colleague, asked, board_kind, due_at
from cases.models import Referral
from cases.queries import live
from mdo.directory.models import BoardRole
from mdo.kernel.acting import elevated
from mdo.kernel.clock import now
from meetings import series
from meetings.models import AgendaItem, Meeting

Status = Referral.Status
# What a board's people may know of and still have to bring to a sitting; drafts are the requester's own business.
WAITING = (Status.SUBMITTED, Status.RETURNED, Status.ACCEPTED, Status.POSTPONED)
_EXPECTED = (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN)
# Whoever sits there in one of these roles may answer in a case of their own hospital (the matrix, row `submit`).
_ANSWERS = (BoardRole.Role.MEMBER, BoardRole.Role.COORDINATOR)


@dataclass(frozen=True, slots=True)
class Gap:
    """One missing answer. ``words``: the board's word for the item; ``asked``: whose digest it stands in; ``address``: the path of the
    page that asks it, ``None`` where the whole tumour is missing."""

    item: str
    words: str
    label: str
    number: int | None  # of the tumour, from 1; None: of the case
    owes: str
    asked: tuple[UUID, ...]
    due: datetime
    address: str | None

    @property
    def overdue(self) -> bool:
        return self.due <= now()


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A case with what it misses; ``item`` is its place on the agenda, if it has one."""

    referral: Referral
    item: AgendaItem | None
    gaps: tuple[Gap, ...]

    @property
    def due(self) -> datetime:
        """When the first of them is due."""
        return min(gap.due for gap in self.gaps)

    @property
    def overdue(self) -> bool:
        return self.due <= now()

    @property
    def words(self) -> list[str]:
        """The items in the board's words, each once, in the order of the form."""
        return list(dict.fromkeys(gap.words for gap in self.gaps))

    @property
    def asked(self) -> list[UUID]:
        return list(dict.fromkeys(person for gap in self.gaps for person in gap.asked))


def colleagues(in_office: Iterable[BoardRole]) -> list[Colleague]:
    """Whom a board can ask, out of its people ``in_office``."""
    return [
        Colleague(role.person_id, role.organisation_id, role.person.discipline)
        for role in in_office
        if role.role in _ANSWERS
    ]


def gaps(referral: Referral, meeting: Meeting, people: Sequence[Colleague], language: str | None) -> tuple[Gap, ...]:
    """What a case misses before its board, for this sitting, in the order of the form. No query where the case's tumours were
    prefetched and the meeting has its board."""
    case, board = referral.case, meeting.board
    kind = board_kind(board.kind)
    form = dossiers.dossier(case.dossier, case.dossier_version)
    words = dict(dossiers.item_words(form, language))
    tumours = sorted(case.tumours.all(), key=lambda tumour: tumour.position)
    found = dossiers.missing(
        form,
        case.data,
        [tumour.data for tumour in tumours],
        language=language,
        items=kind.required_items.get(case.dossier, ()),
    )
    return tuple(
        Gap(
            item=gap.item,
            words=words.get(gap.item, gap.label),
            label=gap.label,
            number=gap.tumour_index + 1 if gap.tumour_index is not None and len(tumours) > 1 else None,
            owes=gap.owes_label,
            asked=asked(gap.owes, hospital=referral.hospital_id, requester=referral.requester_id, colleagues=people),
            due=due_at(gap.item, kind, starts_at=meeting.starts_at, zone=board.time_zone),
            address=None
            if gap.tumour_index is None and gap.field == "tumour"
            else answers.address(
                case.pk, tumours[gap.tumour_index].pk if gap.tumour_index is not None else None, gap.field
            ),
        )
        for gap in found
    )


def sittings_ahead(board_id: UUID) -> list[Meeting]:
    """The sittings that can still take a case, soonest first. One query."""
    ahead = Meeting.objects.filter(
        board=board_id,
        state__in=(Meeting.State.PLANNED, Meeting.State.PUBLISHED),
        starts_at__gte=now() - timedelta(hours=12),
    )
    return list(ahead.select_related("board").order_by("starts_at"))


def of_sitting(meeting: Meeting, referrals: QuerySet[Referral]) -> list[tuple[Referral, AgendaItem | None]]:
    """The cases that stand on a sitting's agenda or wait for it, out of ``referrals``, with their place. What waits belongs to the
    sitting that was wished for, else to the board's next. Four queries, whatever their number."""
    on_agenda = AgendaItem.objects.filter(meeting=meeting, state__in=_EXPECTED, referral__isnull=False)
    items = {item.referral_id: item for item in on_agenda.order_by("position")}
    takers = sittings_ahead(meeting.board_id)
    usual = series.usual_sitting(takers)
    meant = Q(wanted_meeting=meeting.pk)
    if usual is not None and usual.pk == meeting.pk:
        meant |= Q(wanted_meeting=None) | ~Q(wanted_meeting__in=[each.pk for each in takers])
    found = (
        live(referrals)
        .filter(Q(pk__in=items) | (meant & Q(board=meeting.board_id, status__in=WAITING)))
        .select_related("case__patient", "hospital", "requester")
        .prefetch_related("case__tumours")
        .order_by("submitted_at", "pk")
    )
    pairs = [(referral, items.get(referral.pk)) for referral in found]
    return sorted(pairs, key=lambda pair: pair[1].position if pair[1] is not None else 1_000_000)


def incomplete(
    meeting: Meeting,
    pairs: Iterable[tuple[Referral, AgendaItem | None]],
    in_office: Iterable[BoardRole],
    language: str | None,
) -> list[Incomplete]:
    """Those of ``of_sitting`` that miss something."""
    people = colleagues(in_office)
    found = [Incomplete(referral, item, gaps(referral, meeting, people, language)) for referral, item in pairs]
    return [each for each in found if each.gaps]


def note_completeness(meeting: Meeting) -> None:
    """Keep on each case of the agenda whether it misses something, for the board's figures. Inside the action that starts the sitting;
    as the house, for it counts the cases of every hospital. Seven queries."""
    with elevated("readiness.note"):
        pairs = of_sitting(meeting, Referral.objects.all())
        short = {each.item.pk for each in incomplete(meeting, pairs, (), None) if each.item is not None}
        for complete in (True, False):
            found = [item.pk for _referral, item in pairs if item is not None and (item.pk not in short) == complete]
            AgendaItem.objects.filter(pk__in=found).update(complete=complete)

"""Who sees what goes out of a meeting, and who sends it again; who keeps the routes.

**The rule.** Row ``deliver`` of the matrix: coordinator and secretary of the board for the hospitals within their reach, a partner's secretary
for the own hospital. Routes are the own organisation's, kept by whoever administers it (row ``administer``); what a trial of a route came to is
seen there and nowhere else.
"""

from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from cases.models import living
from mdo.directory import access as directory
from mdo.directory.access import Standing
from mdo.directory.models import Board
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import granted
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.work import State
from meetings import access
from meetings.models import Decision, Delivery, Dispatch, Handover, InformedStatement, Meeting, Report, Route
from meetings.models.dispatch import Channel


def hospitals(standing: Standing) -> frozenset[UUID]:
    """Of which hospitals' patients somebody with this place on a board sees and sends what goes out."""
    if standing.permits("deliver"):
        return standing.reach
    own = standing.organisation_id
    return frozenset({own}) & standing.reach if own and standing.permits("deliver", {"own"}) else frozenset()


def access_meeting_for_delivering(by: Actor, meeting_id: UUID) -> tuple[Meeting, frozenset[UUID]]:
    """The meeting, and of which hospitals. Raises ``NotFound`` or ``Denied``."""
    meeting = Meeting.objects.select_related("board__organiser").filter(pk=meeting_id).first()
    if meeting is None:
        raise NotFound()
    found = _hospitals_at(by, meeting)
    granted("deliver", hospital_id=meeting.hospital_id)
    return meeting, found


def access_board_for_delivering(by: Actor, board_id: UUID) -> tuple[Board, frozenset[UUID]]:
    """The board, and of which hospitals. Raises ``NotFound`` or ``Denied``."""
    standing = next((each for each in directory.visible_boards(by) if each.board.pk == board_id), None)
    if standing is None:
        raise NotFound()
    found = hospitals(standing)
    if not found:
        raise Denied()
    granted("deliver", hospital_id=standing.board.organiser_id)
    return standing.board, found


def visible_letters(board: Board, of: frozenset[UUID]) -> QuerySet[Dispatch]:
    """The letters of a board's meetings that wait to be printed, for whoever may see that of these hospitals."""
    return Dispatch.objects.filter(
        meeting__board=board,
        hospital__in=of,
        channel=Channel.PAPER,
        state=State.WAITING,
        recipient__isnull=False,
        report__decision__case__isnull=False,
    )


def _hospitals_at(by: Actor, meeting: Meeting) -> frozenset[UUID]:
    standing = directory.standing(by, meeting.board)
    found = hospitals(standing)
    if not found:
        if not access.chair_at(by, meeting, standing).seats:
            raise NotFound()
        raise Denied()
    return found


def visible_dispatches(meeting: Meeting, of: frozenset[UUID]) -> QuerySet[Dispatch]:
    """What goes out of a meeting by its routes, for whoever may see that of these hospitals."""
    return Dispatch.objects.filter(meeting=meeting, hospital__in=of)


def visible_mails(meeting: Meeting, of: frozenset[UUID]) -> QuerySet[Delivery]:
    """The mails about its reports, and whatever other mail of it did not go out."""
    told = Q(kind=Delivery.Kind.REPORTS) | Q(state="given_up") | (Q(state="waiting") & ~Q(last_error=""))
    return Delivery.objects.filter(told, mails_of(of), meeting=meeting)


def mails_of(of: frozenset[UUID]) -> Q:
    """The mails of these hospitals: whose one is says ``for`` in its detail, and where nothing stands there (a GP's letter) its own hospital."""
    return Q(detail__for__in=[str(each) for each in of]) | Q(detail__for__isnull=True, hospital__in=of)


def visible_handovers(meeting: Meeting, of: frozenset[UUID]) -> QuerySet[Handover]:
    """The summaries that were given to patients of these hospitals, of cases that may be read, with what a line shows."""
    found = Handover.objects.filter(decision__meeting=meeting, hospital__in=of)
    return found.select_related("case__patient", "report", "handed_by", "hospital")


def summaries_kept(meeting: Meeting, of: frozenset[UUID]) -> int:
    """How many cases of these hospitals have a summary in force that was not given to its patient yet."""
    given = Handover.objects.filter(decision=OuterRef("pk"))
    said = InformedStatement.objects.filter(decision=OuterRef("decision")).order_by("-number").values("pk")[:1]
    printed = (
        Report.objects.filter(decision=OuterRef("pk"), kind=Report.Kind.SUMMARY)
        .exclude(storage_name="")
        .alias(said=Subquery(said))
        .filter(Q(statement=F("said")) | Q(statement=None, said=None))
    )
    found = Decision.objects.filter(Exists(printed), ~Exists(given), meeting=meeting, hospital__in=of)
    return found.filter(living("case__patient"), state=Decision.State.SIGNED).count()


def access_dispatch_for_delivering(by: Actor, dispatch_id: UUID) -> Dispatch:
    """One delivery, locked, with its report and meeting. Raises ``NotFound`` (also for a trial, and where the case is out of sight) or
    ``Denied``."""
    beside = ("meeting__board__organiser", "report__decision")
    found = Dispatch.objects.select_for_update(of=("self",)).select_related(*beside)
    row = found.filter(pk=dispatch_id, trial=False).first()
    if row is None:
        raise NotFound()
    assert row.meeting is not None  # as of whatever is no trial
    if row.hospital_id not in _hospitals_at(by, row.meeting):
        raise NotFound()
    if not Decision.objects.filter(reports=row.report_id).exists():
        raise NotFound()
    granted("deliver", hospital_id=row.hospital_id)
    return row


def access_mail_for_delivering(by: Actor, delivery_id: UUID) -> Delivery:
    """One mail of a meeting, locked. Raises ``NotFound`` or ``Denied``."""
    row = Delivery.objects.select_for_update(of=("self",)).filter(pk=delivery_id).first()
    meeting = Meeting.objects.select_related("board__organiser").filter(deliveries=delivery_id).first()
    if row is None or meeting is None:
        raise NotFound()
    of = _hospitals_at(by, meeting)
    if not visible_mails(meeting, of).filter(pk=row.pk).exists():
        raise NotFound()
    granted("deliver", hospital_id=row.hospital_id)
    return row


def visible_routes(by: Actor) -> QuerySet[Route]:
    """The routes of the organisation that ``by`` administers, by name; none for anybody else."""
    if not directory.administers(by):
        return Route.objects.none()
    return Route.objects.filter(hospital=current().organisation_id).order_by("name")


def access_route_for_administering(by: Actor, route_id: UUID) -> Route:
    """A route of the own organisation, locked. Raises ``NotFound``."""
    directory.access_organisation_for_administering(by, current().organisation_id)
    route = visible_routes(by).select_for_update(of=("self",)).select_related("hospital").filter(pk=route_id).first()
    if route is None:
        raise NotFound()
    return route

"""Who belongs where: the seats that somebody has at a board's table, and the hospitals whose cases reach them there.

**The rule.** A person acts for one organisation at a time (the door's). A role on a board counts when it is held on behalf of
that organisation and is in force. The *reach* of a role is the set of hospitals whose referrals to that board it may know of:
for the organiser's people the organiser itself and every hospital that signed an agreement in force with the organiser which
covers the board; for people of another organisation the parties of those agreements in force that the organiser and their own
organisation both signed. Agreements A–B and B–C therefore never give A–C. A partner whose reach is empty has no seat at all:
for them the board does not exist.

Outsiders get ``NotFound``, insiders without the right ``Denied``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet

from mdo.directory.matrix import Seat, permits
from mdo.directory.models import (
    Agreement,
    AgreementBoard,
    AgreementParty,
    ApiToken,
    Board,
    BoardRole,
    Organisation,
    OrganisationRole,
    Person,
    RecordSystem,
)
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import granted
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.models import AuditEntry

_LEGAL_ZONE = ZoneInfo("Europe/Brussels")  # agreements count whole days, as PostgreSQL does in the policies


def _in_force(at: datetime) -> Q:
    return Q(valid_from__lte=at) & (Q(valid_until=None) | Q(valid_until__gt=at))


def _agreements_in_force(on: date) -> QuerySet[Agreement]:
    return Agreement.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=on), status=Agreement.Status.SIGNED, starts_on__lte=on
    )


def today() -> date:
    """The legal day (Belgium), which decides whether an agreement is in force."""
    return now().astimezone(_LEGAL_ZONE).date()


def _parties(board: Any, organiser: Any, organisation: Any) -> ArraySubquery:
    """Who signed an agreement in force that covers the board, together with its organiser and this organisation, beside each row of
    a query. What comes from that row is an ``OuterRef`` of an ``OuterRef``: it is asked within the subquery."""
    signed = AgreementParty.objects.filter(agreement=OuterRef("agreement"), signed_on__isnull=False)
    found = AgreementParty.objects.filter(
        Exists(signed.filter(organisation=organiser)),
        Exists(signed.filter(organisation=organisation)),
        agreement__in=_agreements_in_force(today()).filter(agreementboard__board=board),
        signed_on__isnull=False,
    )
    return ArraySubquery(found.values("organisation_id"))


def _reach(board: Board, organisation_id: UUID, parties: Iterable[UUID]) -> frozenset[UUID]:
    return frozenset(parties) | ({board.organiser_id} if organisation_id == board.organiser_id else frozenset())


def reach(board: Board, organisation_id: UUID) -> frozenset[UUID]:
    """The hospitals whose referrals to ``board`` people of ``organisation_id`` may know of now. One query."""
    parties = _parties(board.pk, board.organiser_id, organisation_id)
    return _reach(board, organisation_id, Board.objects.values_list(parties, flat=True).get(pk=board.pk))


@dataclass(frozen=True)
class Standing:
    """Somebody's place on one board, acting for one organisation: what every decision about access starts from."""

    board: Board
    organisation_id: UUID | None
    roles: frozenset[str]
    reach: frozenset[UUID]
    given: frozenset[str] = frozenset()  # facts that hold for this person at this table only

    @property
    def seats(self) -> frozenset[Seat]:
        """The seats that come from the board's roles; empty for an outsider and for a partner without agreement."""
        if not self.reach:
            return frozenset()
        home = self.organisation_id == self.board.organiser_id
        by_role = {
            BoardRole.Role.CHAIR: Seat.CHAIR,
            BoardRole.Role.COORDINATOR: Seat.COORDINATOR,
            BoardRole.Role.SECRETARY: Seat.SECRETARY if home else Seat.PARTNER_SECRETARY,
            BoardRole.Role.MEMBER: Seat.MEMBER if home else Seat.PARTNER_MEMBER,
            BoardRole.Role.OBSERVER: Seat.OBSERVER,
        }
        return frozenset(by_role[BoardRole.Role(role)] for role in self.roles)

    def permits(self, row: str, facts: Iterable[str] = ()) -> bool:
        """Whether one of the seats has the right ``row`` on a thing for which ``facts`` hold, on top of the board's own."""
        return permits(row, self.seats, self.facts | frozenset(facts))

    @property
    def facts(self) -> frozenset[str]:
        """What holds for every item of the board: its settings. ``agr`` is added per hospital, by ``facts_for``."""
        facts = set(self.given)
        if self.board.delegate_recording:
            facts.add("delegated")
        if self.board.partners_draft:
            facts.add("set")
        return frozenset(facts)

    def facts_for(self, hospital_id: UUID) -> frozenset[str]:
        """Facts about a thing of ``hospital_id``: ``agr`` when the reach covers it, ``own`` when it is the acting one."""
        facts = set(self.facts)
        if hospital_id in self.reach:
            facts.add("agr")
        if hospital_id == self.organisation_id:
            facts.add("own")
        return frozenset(facts)


def standing(by: Actor, board: Board, organisation_id: UUID | None = None) -> Standing:
    """The place of ``by`` on ``board``, acting for ``organisation_id`` (default: the door's organisation). One query."""
    organisation_id = organisation_id or current().organisation_id
    if by.actor_kind != "person" or organisation_id is None:
        return Standing(board, organisation_id, frozenset(), frozenset())
    parties = _parties(board.pk, board.organiser_id, organisation_id)
    person = Person.objects.filter(pk=by.actor_id, is_active=True)
    held = BoardRole.objects.filter(_in_force(now()), board=board, person=OuterRef("pk"), organisation=organisation_id)
    found = person.values_list(ArraySubquery(held.values("role")), parties).first()
    if found is None:
        return Standing(board, organisation_id, frozenset(), frozenset())
    return Standing(board, organisation_id, frozenset(found[0]), _reach(board, organisation_id, found[1]))


def organisation_for(by: Person, board: Board, preferred: UUID | None) -> UUID | None:
    """The organisation for which a person sits on ``board``: the preferred one if they sit there for it, else the first.

    Somebody without a seat of the board (a requester, a guest) sits there for the preferred one of their own organisations.
    ``None`` for somebody who may act for nobody.
    """
    held = BoardRole.objects.filter(_in_force(now()), board=board, person=by).order_by("valid_from")
    organisations = list(held.values_list("organisation_id", flat=True))
    if organisations:
        return preferred if preferred in organisations else organisations[0]
    own = [each.pk for each in organisations_of(by)]
    return preferred if preferred in own else next(iter(own), None)


def organisation_roles(by: Actor, organisation_id: UUID | None = None) -> frozenset[str]:
    """The roles in force that ``by`` has in the organisation (default: the door's)."""
    organisation = organisation_id or current().organisation_id
    if by.actor_kind != "person" or organisation is None:
        return frozenset()
    held = OrganisationRole.objects.filter(_in_force(now()), person=by.actor_id, organisation=organisation)
    return current().once(("roles", by.actor_id, organisation), lambda: frozenset(held.values_list("role", flat=True)))


def scopes(by: Actor) -> frozenset[str]:
    """What a program may do in the door's organisation, by its token as it stands now; empty for everybody else."""
    organisation_id = current().organisation_id
    if by.actor_kind != "machine" or organisation_id is None:
        return frozenset()
    found = ApiToken.objects.filter(pk=by.actor_id, organisation=organisation_id, revoked_at=None, expires_at__gt=now())
    return frozenset(found.values_list("scopes", flat=True).first() or ())


def people_with_role(organisation_id: UUID | None, role: str) -> QuerySet[Person]:
    """The active people who have ``role`` in an organisation now (in any, for ``None``), by name. Not visitors: they are here for one
    item."""
    held = OrganisationRole.objects.filter(_in_force(now()), person=OuterRef("pk"), role=role)
    if organisation_id is not None:
        held = held.filter(organisation=organisation_id)
    return Person.objects.filter(Exists(held), is_active=True, visitor=False)


def people_of(organisation_id: UUID) -> QuerySet[Person]:
    """The active people who have a role in an organisation now, or sit on a board for it. Not visitors."""
    at = _in_force(now())
    own = OrganisationRole.objects.filter(at, person=OuterRef("pk"), organisation=organisation_id)
    boards = BoardRole.objects.filter(at, person=OuterRef("pk"), organisation=organisation_id)
    return Person.objects.filter(Exists(own) | Exists(boards), is_active=True, visitor=False)


def organisations_of(person: Person) -> list[Organisation]:
    """The organisations that a person may act for, by name: those in which, or on behalf of which, they have a role now."""
    at = now()
    own = OrganisationRole.objects.filter(_in_force(at), person=person, organisation=OuterRef("pk"))
    boards = BoardRole.objects.filter(_in_force(at), person=person, organisation=OuterRef("pk"))
    return list(Organisation.objects.filter(Exists(own) | Exists(boards)).order_by("name"))


def visible_boards(by: Actor) -> list[Standing]:
    """The boards on which ``by`` has a seat, acting for the door's organisation, with the standing on each, by name. One query, and
    none when the page asks again."""
    organisation_id = current().organisation_id
    if by.actor_kind != "person" or organisation_id is None:
        return []
    return current().once(("boards", by.actor_id), lambda: _boards_of(by, organisation_id))


def _boards_of(by: Actor, organisation_id: UUID) -> list[Standing]:
    held = BoardRole.objects.filter(
        _in_force(now()), board=OuterRef("pk"), person=by.actor_id, organisation=organisation_id
    )
    parties = _parties(OuterRef(OuterRef("pk")), OuterRef(OuterRef("organiser")), organisation_id)
    boards = Board.objects.filter(Exists(held)).annotate(held=ArraySubquery(held.values("role")), parties=parties)
    found = [
        Standing(board, organisation_id, frozenset(board.held), _reach(board, organisation_id, board.parties))
        for board in boards.select_related("organiser").order_by("name")
    ]
    return [each for each in found if each.seats]


def in_office(board: Board) -> list[BoardRole]:
    """The roles on a board that count now, the oldest first: in force, of somebody with an account, and of a partner only under an
    agreement. One query."""
    roles = BoardRole.objects.filter(_in_force(now()), board=board, person__is_active=True).annotate(
        parties=_parties(board.pk, board.organiser_id, OuterRef(OuterRef("organisation")))
    )
    found = roles.select_related("person").order_by("valid_from", "id")
    return [role for role in found if _reach(board, role.organisation_id, role.parties)]


def boards_open_to(organisation_id: UUID) -> list[Board]:
    """The boards to which a hospital may refer now: those it organises, and those that an agreement in force covers for it."""
    signed = AgreementParty.objects.filter(agreement=OuterRef("agreement"), signed_on__isnull=False)
    covering = AgreementBoard.objects.filter(
        Exists(signed.filter(organisation=organisation_id)),
        Exists(signed.filter(organisation=OuterRef("board__organiser"))),  # of this very agreement: two do not add up
        board=OuterRef("pk"),
        agreement__in=_agreements_in_force(today()),
    )
    boards = Board.objects.filter(Q(organiser=organisation_id) | Exists(covering))
    return list(boards.select_related("organiser").order_by("name"))


def access_board_for(by: Actor, board_id: UUID, row: str, facts: Iterable[str] = ()) -> Standing:
    """The board, if ``by`` has a seat on it and the right ``row``. Raises ``NotFound`` or ``Denied``."""
    board = Board.objects.select_related("organiser").filter(pk=board_id).first()
    if board is None:
        raise NotFound()
    here = standing(by, board)
    if not here.seats:
        raise NotFound()
    if not here.permits(row, facts):
        raise Denied()
    granted(row, hospital_id=board.organiser_id)
    return here


def record_system_of(sending_facility: str, receiving_facility: str) -> RecordSystem | None:
    """The active record system whose messages say so in MSH-4 and MSH-6; ``None`` where there is none, or the hospital did not ask for
    it. Who may put it there is the site's operator."""
    found = RecordSystem.objects.filter(
        sending_facility=sending_facility, receiving_facility=receiving_facility, active=True
    )
    return found.first()


def require_system(by: Actor) -> None:
    """For what the house does by itself. Raises ``Denied`` for a person."""
    if by.actor_kind != "system":
        raise Denied()
    granted("system", hospital_id=None)


def is_operator(by: Actor) -> bool:
    """Whether ``by`` operates the site: a person who may sign in and is marked as staff, as it stands in the database now."""
    return by.actor_kind == "person" and Person.objects.filter(pk=by.actor_id, is_active=True, is_staff=True).exists()


def require_operator(by: Actor) -> None:
    """**The rule.** The operator of the site keeps people, organisations, networks, agreements and boards for everybody, in
    Django's admin. To be the operator gives no seat at any table and no role in any organisation, so no care content is seen;
    an organisation's own administrator is not the operator. Raises ``Denied``.
    """
    if not is_operator(by):
        raise Denied()
    granted("system", hospital_id=None)


def administers(by: Actor) -> bool:
    """Whether to offer the pages of an organisation's administrator: of the one that ``by`` acts for."""
    seats = {Seat.ADMIN} if OrganisationRole.Role.ADMIN in organisation_roles(by) else set()
    return permits("administer", seats, {"own"})


def access_organisation_for_administering(by: Actor, organisation_id: UUID | None) -> UUID:
    """The organisation that ``by`` acts for, if they administer it. Raises ``NotFound``: for others these pages do not exist."""
    if organisation_id is None or organisation_id != current().organisation_id or not administers(by):
        raise NotFound()
    granted("administer", hospital_id=organisation_id)
    return organisation_id


def visible_tokens(by: Actor) -> QuerySet[ApiToken]:
    """The tokens of the organisation that ``by`` administers, the newest first; none for anybody else."""
    if not administers(by):
        return ApiToken.objects.none()
    return ApiToken.objects.filter(organisation=current().organisation_id)


def access_token_for_administering(by: Actor, token_id: UUID) -> ApiToken:
    """A token of the own organisation, locked. Raises ``NotFound``."""
    access_organisation_for_administering(by, current().organisation_id)
    token = visible_tokens(by).select_for_update(of=("self",)).filter(pk=token_id).first()
    if token is None:
        raise NotFound()
    return token


def token_for(token_id: UUID, scope: str) -> ApiToken | None:
    """A program's token in force with a scope, whoever asks: before anybody is known to be there."""
    found = ApiToken.objects.filter(pk=token_id, revoked_at=None, expires_at__gt=now(), scopes__contains=[scope])
    return found.first()


def access_own_account(by: Actor) -> Person:
    """One's own account, locked. Raises ``Denied`` for whoever is no person or may no longer sign in."""
    found = Person.objects.select_for_update().filter(pk=by.actor_id, is_active=True)
    person = found.first() if by.actor_kind == "person" else None
    if person is None:
        raise Denied()
    granted("own_account", hospital_id=None)
    return person


def audit_seats(by: Actor) -> frozenset[Seat]:
    """The seats from which somebody may read the access log: those on boards, and those that a role in the house gives."""
    by_role = {
        OrganisationRole.Role.PRIVACY_OFFICER: Seat.PRIVACY_OFFICER,
        OrganisationRole.Role.CLINICIAN: Seat.REQUESTER,
        OrganisationRole.Role.SECRETARY: Seat.PARTNER_SECRETARY,
        OrganisationRole.Role.ADMIN: Seat.ADMIN,
        OrganisationRole.Role.GUEST: Seat.GUEST,
    }
    seats = {by_role[OrganisationRole.Role(role)] for role in organisation_roles(by)}
    return frozenset(seats.union(*(standing.seats for standing in visible_boards(by))))


def visible_audit(by: Actor) -> QuerySet[AuditEntry]:
    """**The rule.** A privacy officer reads what was done to data of the own hospital, by whomever, and what people did while
    acting for the own hospital, wherever: so both hospitals' officers see what crosses between them, and neither sees what
    stays inside the other. Others read their own acts, if their seat says so in the matrix. A program of the hospital reads what
    was done to its data, if its token says so. Raises ``Denied`` for the rest.
    """
    seats, organisation_id = audit_seats(by), current().organisation_id
    if permits("read_audit", {Seat.MACHINE}, scopes(by)):
        return AuditEntry.objects.filter(hospital_id=organisation_id)
    if permits("read_audit", seats, {"own"}):
        return AuditEntry.objects.filter(Q(hospital_id=organisation_id) | Q(organisation_id=organisation_id))
    if permits("read_audit", seats, {"own_acts"}):
        return AuditEntry.objects.filter(actor_id=by.actor_id)
    raise Denied()

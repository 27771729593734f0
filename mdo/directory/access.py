"""Who belongs where: the seats that somebody has at a board's table, and the hospitals whose cases reach them there.

**The rule.** A person acts for one organisation at a time (the door's). A role on a board counts when it is held on behalf of
that organisation and is in force. The *reach* of a role is the set of hospitals whose referrals to that board it may know of:
for the organiser's people the organiser itself and every hospital that signed an agreement in force with the organiser which
covers the board; for people of another organisation the parties of those agreements in force that the organiser and their own
organisation both signed. Agreements A–B and B–C therefore never give A–C. A partner whose reach is empty has no seat at all:
for them the board does not exist.

Outsiders get ``NotFound``, insiders without the right ``Denied``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
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
    DirectoryEntry,
    IdentityProvider,
    Organisation,
    OrganisationRole,
    Person,
    RecordSystem,
)
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import granted
from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
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


def _parties(board: Any, organiser: Any, organisation: Any, on: date) -> ArraySubquery:
    """Who signed an agreement in force that day that covers the board, together with its organiser and this organisation, beside each row
    of a query. What comes from that row is an ``OuterRef`` of an ``OuterRef``: it is asked within the subquery."""
    signed = AgreementParty.objects.filter(agreement=OuterRef("agreement"), signed_on__isnull=False)
    found = AgreementParty.objects.filter(
        Exists(signed.filter(organisation=organiser)),
        Exists(signed.filter(organisation=organisation)),
        agreement__in=_agreements_in_force(on).filter(agreementboard__board=board),
        signed_on__isnull=False,
    )
    return ArraySubquery(found.values("organisation_id"))


def _reach(board: Board, organisation_id: UUID, parties: Iterable[UUID]) -> frozenset[UUID]:
    return frozenset(parties) | ({board.organiser_id} if organisation_id == board.organiser_id else frozenset())


def reach(board: Board, organisation_id: UUID) -> frozenset[UUID]:
    """The hospitals whose referrals to ``board`` people of ``organisation_id`` may know of now. One query."""
    (parties,) = _signed(board=board.pk, organiser=board.organiser_id, organisation=organisation_id, day=today())
    return _reach(board, organisation_id, parties)


@compiled
def _signed(board: UUID, organiser: UUID, organisation: UUID, day: date) -> QuerySet[Board, list[UUID]]:
    return Board.objects.filter(pk=board).values_list(_parties(board, organiser, organisation, day), flat=True)


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


@compiled
def _seated(
    at: datetime, day: date, person: UUID, board: UUID, organiser: UUID, organisation: UUID
) -> QuerySet[Person, tuple[list[str], list[UUID]]]:
    parties = _parties(board, organiser, organisation, day)
    held = BoardRole.objects.filter(_in_force(at), board=board, person=OuterRef("pk"), organisation=organisation)
    return Person.objects.filter(pk=person, is_active=True).values_list(ArraySubquery(held.values("role")), parties)


def standing(by: Actor, board: Board, organisation_id: UUID | None = None) -> Standing:
    """The place of ``by`` on ``board``, acting for ``organisation_id`` (default: the door's organisation). One query, and none where the
    page knows the boards of ``by`` already."""
    here = current()
    organisation_id = organisation_id or here.organisation_id
    if by.actor_kind != "person" or organisation_id is None:
        return Standing(board, organisation_id, frozenset(), frozenset())
    if organisation_id == here.organisation_id and here.knows(("boards", by.actor_id)):
        found = next((each for each in visible_boards(by) if each.board.pk == board.pk), None)
        if found is not None:
            return replace(found, board=board)
    rows = _seated(
        at=now(),
        day=today(),
        person=by.actor_id,
        board=board.pk,
        organiser=board.organiser_id,
        organisation=organisation_id,
    )
    if not rows:
        return Standing(board, organisation_id, frozenset(), frozenset())
    roles, parties = rows[0]
    return Standing(board, organisation_id, frozenset(roles), _reach(board, organisation_id, parties))


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
    return current().once(
        ("roles", by.actor_id, organisation),
        lambda: frozenset(_roles(at=now(), person=by.actor_id, organisation=organisation)),
    )


@compiled
def _roles(at: datetime, person: UUID, organisation: UUID) -> QuerySet[OrganisationRole, str]:
    held = OrganisationRole.objects.filter(_in_force(at), person=person, organisation=organisation)
    return held.values_list("role", flat=True)


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
    own = own.exclude(role=OrganisationRole.Role.MEMBER)  # known by its directory, and with nothing to do here
    boards = BoardRole.objects.filter(at, person=OuterRef("pk"), organisation=organisation_id)
    return Person.objects.filter(Exists(own) | Exists(boards), is_active=True, visitor=False)


@compiled
def _organisations(at: datetime, person: UUID) -> QuerySet[Organisation]:
    own = OrganisationRole.objects.filter(_in_force(at), person=person, organisation=OuterRef("pk"))
    boards = BoardRole.objects.filter(_in_force(at), person=person, organisation=OuterRef("pk"))
    return Organisation.objects.filter(Exists(own) | Exists(boards)).order_by("name")


def organisations_of(person: Person) -> list[Organisation]:
    """The organisations that a person may act for, by name: those in which, or on behalf of which, they have a role now."""
    return _organisations(at=now(), person=person.pk)


def visible_boards(by: Actor) -> list[Standing]:
    """The boards on which ``by`` has a seat, acting for the door's organisation, with the standing on each, by name. One query, and
    none when the page asks again."""
    organisation_id = current().organisation_id
    if by.actor_kind != "person" or organisation_id is None:
        return []
    return current().once(("boards", by.actor_id), lambda: _boards_of(by, organisation_id))


@compiled
def _boards(at: datetime, day: date, person: UUID, organisation: UUID) -> QuerySet[Board]:
    held = BoardRole.objects.filter(
        _in_force(at), board=OuterRef("pk"), person=person, person__is_active=True, organisation=organisation
    )
    parties = _parties(OuterRef(OuterRef("pk")), OuterRef(OuterRef("organiser")), organisation, day)
    boards = Board.objects.filter(Exists(held)).annotate(held=ArraySubquery(held.values("role")), parties=parties)
    return boards.select_related("organiser").order_by("name")


def _boards_of(by: Actor, organisation_id: UUID) -> list[Standing]:
    rows: list[Any] = _boards(at=now(), day=today(), person=by.actor_id, organisation=organisation_id)
    found = [
        Standing(board, organisation_id, frozenset(board.held), _reach(board, organisation_id, board.parties))
        for board in rows
    ]
    return [each for each in found if each.seats]


@compiled
def _roles_on(at: datetime, day: date, board: UUID, organiser: UUID) -> QuerySet[BoardRole]:
    roles = BoardRole.objects.filter(_in_force(at), board=board, person__is_active=True).annotate(
        parties=_parties(board, organiser, OuterRef(OuterRef("organisation")), day)
    )
    return roles.select_related("person").order_by("valid_from", "id")


def in_office(board: Board) -> list[BoardRole]:
    """The roles on a board that count now, the oldest first: in force, of somebody with an account, and of a partner only under an
    agreement. One query."""
    found: list[Any] = _roles_on(at=now(), day=today(), board=board.pk, organiser=board.organiser_id)
    return [role for role in found if _reach(board, role.organisation_id, role.parties)]


@compiled
def _open_to(day: date, organisation: UUID) -> QuerySet[Board]:
    signed = AgreementParty.objects.filter(agreement=OuterRef("agreement"), signed_on__isnull=False)
    covering = AgreementBoard.objects.filter(
        Exists(signed.filter(organisation=organisation)),
        Exists(signed.filter(organisation=OuterRef("board__organiser"))),  # of this very agreement: two do not add up
        board=OuterRef("pk"),
        agreement__in=_agreements_in_force(day),
    )
    boards = Board.objects.filter(Q(organiser=organisation) | Exists(covering))
    return boards.select_related("organiser").order_by("name")


def boards_open_to(organisation_id: UUID) -> list[Board]:
    """The boards to which a hospital may refer now: those it organises, and those that an agreement in force covers for it."""
    return _open_to(day=today(), organisation=organisation_id)


def access_board_for(by: Actor, board_id: UUID, row: str, facts: Iterable[str] = ()) -> Standing:
    """The board, if ``by`` has a seat on it and the right ``row``. Raises ``NotFound`` or ``Denied``."""
    here = next((each for each in visible_boards(by) if each.board.pk == board_id), None)
    if here is None:
        raise NotFound()
    if not here.permits(row, facts):
        raise Denied()
    granted(row, hospital_id=here.board.organiser_id)
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


def acting_for() -> UUID | None:
    """The organisation for which the door was opened."""
    return current().organisation_id


def roles_held(person: Person, organisation_id: UUID) -> QuerySet[OrganisationRole]:
    """The roles in force of somebody in an organisation."""
    return OrganisationRole.objects.filter(_in_force(now()), person=person, organisation=organisation_id)


def data_managers(organisation_id: UUID) -> frozenset[UUID]:
    """Who answers the follow-ups of an organisation's cases without reading them."""
    people = people_with_role(organisation_id, OrganisationRole.Role.DATA_MANAGER)
    return frozenset(people.values_list("pk", flat=True))


def access_colleague_for_administering(by: Actor, person_id: UUID, *, lock: bool = True) -> Person:
    """Somebody who has a role at the organisation that `by` administers, or sits on a board for it; locked. Raises ``NotFound``."""
    organisation_id = access_organisation_for_administering(by, current().organisation_id)
    rows = Person.objects.select_for_update(of=("self",)) if lock else Person.objects
    person = rows.filter(pk=person_id, pk__in=people_of(organisation_id).values("pk")).first()
    if person is None:
        raise NotFound()
    return person


def organisations_belonging(person_id: UUID) -> QuerySet[Organisation]:
    """The organisations to which a person belongs now, as ``people_belonging``."""
    at = _in_force(now())
    own = OrganisationRole.objects.filter(at, person=person_id, organisation=OuterRef("pk"))
    boards = BoardRole.objects.filter(at, person=person_id, organisation=OuterRef("pk"))
    return Organisation.objects.filter(Exists(own.exclude(role=OrganisationRole.Role.GUEST)) | Exists(boards))


def people_belonging(organisation_id: UUID) -> QuerySet[Person]:
    """The people whom an organisation's own directory may mean: by a role in it other than a guest's, or a seat on a board for it, now.
    Active or not; never an operator of the site."""
    at = _in_force(now())
    own = OrganisationRole.objects.filter(at, person=OuterRef("pk"), organisation=organisation_id)
    boards = BoardRole.objects.filter(at, person=OuterRef("pk"), organisation=organisation_id)
    held = Exists(own.exclude(role=OrganisationRole.Role.GUEST)) | Exists(boards)
    return Person.objects.filter(held, visitor=False, is_staff=False)


def administers_organisation(person_id: UUID, organisation_id: UUID) -> bool:
    """Whether somebody administers an organisation now, whoever asks and for whom: before they are let in."""
    held = OrganisationRole.objects.filter(
        _in_force(now()), person=person_id, organisation=organisation_id, role=OrganisationRole.Role.ADMIN
    )
    return held.exists()


def access_identity_provider(by: Actor, organisation_id: UUID | None, *, lock: bool = True) -> IdentityProvider:
    """The own organisation's provider, locked, or a new one that is not stored yet. Raises ``NotFound``."""
    organisation = access_organisation_for_administering(by, organisation_id)
    rows = IdentityProvider.objects.select_for_update() if lock else IdentityProvider.objects
    found = rows.filter(organisation=organisation).first()
    return found or IdentityProvider(organisation_id=organisation, version=0)


def sees_status(by: Actor) -> bool:
    """**The rule.** Whoever administers one of the organisations sees how the system runs: they are asked why a mail did not come, and answer
    for log and backups. It is how late the house as a whole is; of what was given up they see the own organisation's. Nobody else needs it.
    """
    seats = {Seat.ADMIN} if OrganisationRole.Role.ADMIN in organisation_roles(by) else set()
    return permits("see_status", seats, {"own"})


def access_status(by: Actor) -> UUID:
    """The organisation whose given-up work ``by`` sees on the page of the system's state. Raises ``NotFound``: for others it does not exist."""
    organisation_id = current().organisation_id
    if organisation_id is None or not sees_status(by):
        raise NotFound()
    granted("see_status", hospital_id=organisation_id)
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


def provisions(by: Actor) -> UUID:
    """The organisation whose people a program enters and shuts out, by its token as it stands now. Raises ``Denied``, and ``NotFound`` for
    whoever is no program."""
    organisation_id = current().organisation_id
    if by.actor_kind != "machine":
        raise NotFound()
    if organisation_id is None or not permits("provision", {Seat.MACHINE}, scopes(by)):
        raise Denied()
    granted("provision", hospital_id=organisation_id)
    return organisation_id


def visible_entries(by: Actor) -> QuerySet[DirectoryEntry]:
    """The entries that the directory of a program's organisation made, the oldest first. Raises ``Denied`` where it may not know of them."""
    found = DirectoryEntry.objects.filter(organisation=provisions(by)).exclude(user_name="")
    return found.select_related("person").order_by("made_at", "id")


def access_entry_for_provisioning(by: Actor, entry_id: UUID) -> DirectoryEntry:
    """One of them, locked. Raises ``NotFound`` and ``Denied``."""
    entry = visible_entries(by).select_for_update(of=("self",)).filter(pk=entry_id).first()
    if entry is None:
        raise NotFound()
    return entry


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


def follows_up(by: Actor) -> bool:
    """Whether to offer the page of follow-ups: to whoever may answer one, by a seat on a board or a role in the house."""
    return _somewhere(by, "follow_up", {"own"})


def reads_cases(by: Actor) -> bool:
    """Whether to offer the pages of cases, meetings and decisions: not to whoever only runs the house or watches over it."""
    return _somewhere(by, "read_case", {"own", "agr", "slot"})


def _somewhere(by: Actor, row: str, facts: Collection[str]) -> bool:
    """Whether a seat of ``by`` permits this; those on boards first, which a page has asked for anyway."""
    return any(each.permits(row, facts) for each in visible_boards(by)) or permits(row, seats_of(by), facts)


def seats_of(by: Actor) -> frozenset[Seat]:
    """Every seat that somebody has: those on boards, and those that a role in the house gives."""
    by_role = {
        OrganisationRole.Role.PRIVACY_OFFICER: Seat.PRIVACY_OFFICER,
        OrganisationRole.Role.CLINICIAN: Seat.REQUESTER,
        OrganisationRole.Role.SECRETARY: Seat.PARTNER_SECRETARY,
        OrganisationRole.Role.ADMIN: Seat.ADMIN,
        OrganisationRole.Role.DATA_MANAGER: Seat.DATA_MANAGER,
        OrganisationRole.Role.GUEST: Seat.GUEST,
    }
    seats = {by_role[role] for each in organisation_roles(by) if (role := OrganisationRole.Role(each)) in by_role}
    return frozenset(seats.union(*(standing.seats for standing in visible_boards(by))))


def visible_audit(by: Actor) -> QuerySet[AuditEntry]:
    """**The rule.** A privacy officer reads what was done to data of the own hospital, by whomever, and what people did while
    acting for the own hospital, wherever: so both hospitals' officers see what crosses between them, and neither sees what
    stays inside the other. Others read their own acts, if their seat says so in the matrix. A program of the hospital reads what
    was done to its data, if its token says so. Raises ``Denied`` for the rest.
    """
    seats, organisation_id = seats_of(by), current().organisation_id
    if permits("read_audit", {Seat.MACHINE}, scopes(by)):
        return AuditEntry.objects.filter(hospital_id=organisation_id)
    if permits("read_audit", seats, {"own"}):
        return AuditEntry.objects.filter(Q(hospital_id=organisation_id) | Q(organisation_id=organisation_id))
    if permits("read_audit", seats, {"own_acts"}):
        return AuditEntry.objects.filter(actor_id=by.actor_id)
    raise Denied()

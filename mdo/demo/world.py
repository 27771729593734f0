"""Puts the demonstration together: four weeks that went by, a sitting today, the next one half prepared."""

from datetime import datetime, time, timedelta
from uuid import UUID

from django.db import transaction

from cases.actions.dossiers import change_case
from cases.models import Case, Referral
from mdo.demo.agreements import answer
from mdo.demo.archive import file_cases
from mdo.demo.dossiers import HOUSE, Registry, Told, door
from mdo.demo.network import ZONE, Town, make_network
from mdo.demo.papers import Printer
from mdo.demo.sittings import Sitting, accept, publish, schedule
from mdo.demo.stories import BILATERAL
from mdo.directory.models import Person
from mdo.kernel.acting import acting
from mdo.kernel.clock import frozen, now
from mdo.kernel.ids import new_id
from meetings.actions.agenda_building import add_topic, return_referral
from meetings.actions.inviting import invite_guest
from meetings.actions.planning import plan_due, plan_sitting
from meetings.actions.sitting import add_late_case
from meetings.models import AgendaItem, Meeting, Series, SeriesException
from meetings.recurrence import planned
from meetings.series import rule_of

# Requesters in turn: of all three hospitals, the organiser's most often.
REQUESTERS = (
    "requester",
    "partnergynaecologist",
    "requester",
    "thirdoncologist",
    "chair",
    "partnersurgeon",
    "requester",
)


def load_world() -> None:
    """See ``mdo.demo.load``. One transaction: a demonstration that is half there would be none."""
    if Person.objects.exists():
        raise RuntimeError("the demonstration is loaded into an empty database only")
    with transaction.atomic(), Printer() as printer:
        present = now()
        town = make_network(present.astimezone(ZONE).date())
        registry = Registry(town, printer)
        past, following = _series(town, present)
        _past_weeks(registry, past, following)
        answer(town, past[0].pk, present - timedelta(hours=20))
        _sitting_today(registry, present)
        _next_week(registry, following, present)


def _series(town: Town, present: datetime) -> tuple[list[Meeting], Meeting]:
    """The series with its last four sittings and those to come; the four, and the one after today."""
    today = present.astimezone(ZONE).date()
    midnight = datetime.combine(today, time(0), ZONE)
    if today.weekday() == 2:
        # The extra sitting takes the place of the one that the rule gives for today.
        SeriesException.objects.create(series=town.series, on=today)
    rule = rule_of(town.series)
    days = [each.day for each in planned(rule, midnight - timedelta(days=69), midnight) if each.takes_place][-4:]
    Series.objects.filter(pk=town.series.pk).update(starts_on=days[0])
    for moment in (datetime.combine(days[0], time(6), ZONE), present):
        with frozen(moment), acting(HOUSE, None, "work"):
            plan_due(by=HOUSE, series_id=town.series.pk)
    with acting(HOUSE, None, "work"):
        meetings = list(Meeting.objects.filter(series=town.series).order_by("starts_at"))
    return meetings[:4], next(each for each in meetings if each.starts_at > present and each.series_day not in days)


def _requester(n: int) -> str:
    return REQUESTERS[n % len(REQUESTERS)]


def _submitted(meeting_start: datetime, n: int) -> datetime:
    """When a case was handed in: three to six days before the meeting, in the morning."""
    return (meeting_start - timedelta(days=3 + n % 4)).replace(hour=8 + n % 3, minute=10 + 5 * n % 45)


def _past_weeks(registry: Registry, past: list[Meeting], following: Meeting) -> None:
    """Four sittings: 32 recommendations, of which 30 are signed and 2 wait for the coordinator; two cases were postponed."""
    carried: list[Told] = []  # postponed to this sitting by the one before
    for week, meeting in enumerate(past):
        starts_at = meeting.starts_at.astimezone(ZONE)
        last = week == len(past) - 1
        put_off = 1 if week in (1, 3) else 0
        requests = [
            (_requester(registry.number + n), _submitted(starts_at, n)) for n in range(8 - len(carried) + put_off)
        ]
        new = file_cases(registry, meeting, requests)
        registry.papers(new[0], *requests[0], 2)
        postponed = [(told, "pathology_missing" if last else "requester_absent") for told in new[len(new) - put_off :]]
        Sitting(
            registry.town,
            meeting.pk,
            starts_at,
            [*carried, *new[: len(new) - put_off]],
            postponed,
            to_meeting=following.pk if last else past[week + 1].pk if postponed else None,
            unsigned=2 if last else 0,
            uninformed=3 if last else 0,
            absent=(("nuclear",), ("thirdradiologist", "nurse"), (), ("partnersurgeon",))[week],
        ).hold()
        carried = [told for told, _ in postponed]


def _next_quarter(present: datetime) -> datetime:
    """The next full quarter of an hour of today; late in the evening the one that just passed."""
    local = present.astimezone(ZONE).replace(second=0, microsecond=0)
    quarter = local - timedelta(minutes=local.minute % 15)
    following = quarter + timedelta(minutes=15)
    return following if following.date() == local.date() else quarter


def _sitting_today(registry: Registry, present: datetime) -> None:
    """An extra sitting, published, ready to start: 12 items, among them a late one, an incomplete one, a bilateral one with a
    guest, and a topic."""
    town, starts_at, meeting_id = registry.town, _next_quarter(present), new_id()
    with door(town, "secretary", present - timedelta(days=8)) as secretary:
        plan_sitting(
            by=secretary,
            board_id=town.board.pk,
            meeting_id=meeting_id,
            starts_at=starts_at,
            minutes=90,
            command_id=new_id(),
        )
    cases = []
    for n in range(10):
        bilateral = n == 3
        cases.append(
            registry.bring(
                _requester(registry.number),
                _submitted(starts_at, n),
                plot=BILATERAL if bilateral else None if registry.number % 13 != BILATERAL else BILATERAL + 1,
                papers=2 if n % 2 == 0 or bilateral else 1,
                guest="guest" if n == 1 else "",
            )
        )
    schedule(town, meeting_id, cases, present - timedelta(days=2, hours=2))
    with door(town, "secretary", present - timedelta(days=2)) as secretary:
        add_topic(
            by=secretary,
            meeting_id=meeting_id,
            item_id=new_id(),
            title="Wachttijden voor MRI in de drie ziekenhuizen",
            text="Cijfers van het laatste kwartaal; voorstel om vrije plaatsen met elkaar te delen.",
            minutes=8,
            command_id=new_id(),
        )
    publish(town, meeting_id, present - timedelta(days=1))
    _take_back_a_result(registry, cases[6], present - timedelta(hours=5))
    late = registry.bring("chair", present - timedelta(minutes=50), papers=1)
    with door(town, "chair", present - timedelta(minutes=30)) as chair:
        add_late_case(by=chair, meeting_id=meeting_id, referral_id=late.referral_id, minutes=6, command_id=new_id())
    _invite_by_link(town, meeting_id, cases[2], present - timedelta(minutes=10))


def _invite_by_link(town: Town, meeting_id: UUID, told: Told, at: datetime) -> None:
    """The GP of the third case gets a link: the mail lies in the mailbox, the secretary makes the code on the page of the guests."""
    with door(town, "secretary", at) as secretary:
        invite_guest(
            by=secretary,
            meeting_id=meeting_id,
            item_id=AgendaItem.objects.values_list("pk", flat=True).get(meeting=meeting_id, referral=told.referral_id),
            name="dr. Jef Verlinden",
            discipline="general_practice",
            mail="jef.verlinden@example.org",
            phone="",
            language="nl",
            command_id=new_id(),
        )


def _take_back_a_result(registry: Registry, told: Told, at: datetime) -> None:
    """The laboratory withdrew a determination after the agenda was out: the dossier is incomplete again."""
    with door(registry.town, "secretary", at) as secretary:
        case = Case.objects.get(pk=told.case_id)
        tumour = case.tumours.get(position=1)
        left = {key: value for key, value in tumour.data.items() if not key.startswith("her2")}
        data = {**case.data, "pathology_findings": ""}
        change_case(
            by=secretary,
            case_id=case.pk,
            version=case.version,
            data=data,
            tumours={tumour.pk: left},
            command_id=new_id(),
        )


def _next_week(registry: Registry, following: Meeting, present: datetime) -> None:
    """The next sitting half prepared: three cases on the agenda (and one postponed to it), two accepted, two to accept, one
    returned, one draft."""
    town = registry.town
    at = [present - timedelta(days=2, hours=hours) for hours in (30, 28, 26, 24, 22, 9, 7, 5, 4)]
    cases = [
        registry.bring(_requester(registry.number), moment, papers=1 if n < 3 else 0, submit=n != 8)
        for n, moment in enumerate(at)
    ]
    schedule(town, following.pk, cases[:3], present - timedelta(days=1, hours=4))
    for told in cases[3:5]:
        accept(town, told, present - timedelta(days=1, hours=3))
    with door(town, "secretary", present - timedelta(days=1, hours=2)) as secretary:
        version = _referral_version(cases[7].referral_id)
        return_referral(
            by=secretary,
            referral_id=cases[7].referral_id,
            version=version,
            reason="De PET-CT van vorige week ontbreekt. Graag het verslag toevoegen en de cTNM aanvullen.",
            command_id=new_id(),
        )


def _referral_version(referral_id: UUID) -> int:
    return Referral.objects.values_list("version", flat=True).get(pk=referral_id)

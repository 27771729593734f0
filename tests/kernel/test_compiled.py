"""Questions whose SQL is made once: the same answers, and nothing of whoever asked first."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models import QuerySet

from mdo.directory.models import Network, Organisation
from mdo.kernel.acting import System, acting, current
from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
from mdo.kernel.models import AuditEntry

pytestmark = pytest.mark.django_db


@compiled
def _called(name: str, other: UUID) -> QuerySet[Organisation]:
    return Organisation.objects.filter(name=name, kind="hospital").exclude(pk=other).order_by("short_name")


@compiled
def _names(name: str) -> QuerySet[Organisation, Any]:
    return Organisation.objects.filter(name=name).values_list("pk", flat=True)[:1]


def test_each_asking_is_answered_by_its_own_arguments(django_assert_num_queries: Any) -> None:
    with acting(System("test"), None, "work"):
        one = Organisation.objects.create(name="Sint-Elders", short_name="SE")
        other = Organisation.objects.create(name="AZ Nergens", short_name="AN")
        for asked, wanted in ((one, [one]), (other, [other]), (one, [one])):
            with django_assert_num_queries(1):
                assert _called(name=asked.name, other=uuid4()) == wanted
            assert _names(name=asked.name) == [asked.pk]
        assert _called(name=one.name, other=one.pk) == []
        assert _called(name=one.name, other=other.pk)[0].short_name == one.short_name


def test_moments_and_days_are_arguments_too() -> None:
    @compiled
    def asked(since: datetime, day: date) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(at__gte=since, at__date=day)

    with acting(System("test"), None, "work"):
        assert asked(since=now(), day=now().date()) == []


def test_arguments_are_named_and_of_their_kind() -> None:
    for wrong in ({"name": "x"}, {"name": "x", "other": None}, {"name": "x", "other": str(uuid4())}):
        with pytest.raises(TypeError):
            _called(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _called("x", uuid4())


def test_what_the_door_knows_never_gets_into_a_question() -> None:
    """The negative control: a question that would answer everybody as whoever asked first cannot be made."""

    @compiled
    def by_door(name: str) -> QuerySet[Organisation]:
        return Organisation.objects.filter(name=name, pk=current().organisation_id)

    with acting(System("test"), uuid4(), "work"), pytest.raises(RuntimeError, match="no door is open"):
        by_door(name="x")


def test_what_is_reckoned_or_decided_inside_is_refused() -> None:
    @compiled
    def reckoned(at: datetime) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(at__gte=at, at__lt=at + timedelta(hours=1))

    @compiled
    def by_clock(name: str) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(purpose=name, at__lt=now())

    turns = iter(range(9))

    @compiled
    def decided(name: str) -> QuerySet[Network]:
        found = Network.objects.filter(name=name)
        return found if next(turns) else found.order_by("pk")

    @compiled
    def unsaid(name: str, other: UUID) -> QuerySet[Network]:
        return Network.objects.filter(name=name)

    with acting(System("test"), None, "work"):
        with pytest.raises(RuntimeError, match="none of its"):
            reckoned(at=now())
        with pytest.raises(RuntimeError, match="none of its"):
            by_clock(name="x")
        with pytest.raises(RuntimeError, match="none of its"):
            decided(name="x")
        with pytest.raises(RuntimeError, match="asks nothing by other"):
            unsaid(name="x", other=uuid4())

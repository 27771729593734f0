"""What ``/api/openapi.json`` says is true: schemathesis asks the real application, with a fixed seed, and finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode

from tests.cases.bundles import LICENCE, bundle
from tests.cases.test_api import Program
from tests.cast import Cast
from tests.factories import make_case

EXAMPLES = 12  # of each operation and kind; the seed is fixed
# A body that has the right shape may still break a rule of FHIR or of the house: 422, which the description names.
CONFIG = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]}}}


@pytest.fixture
def program(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    cache.clear()
    monkeypatch.setattr(settings, "MDO_API_REQUESTS_A_MINUTE", 100_000)
    monkeypatch.setattr(settings, "MDO_API_TRIES_A_MINUTE", 100_000)
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["*"])
    cast.requester.person.licence_number = LICENCE
    cast.requester.person.save()
    for signal in (
        request_started,
        request_finished,
    ):  # as Django's own test client does: the test's transaction goes on
        signal.disconnect(close_old_connections)
    yield Program(cast)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def as_itself(program: Program) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {program.secret}"
    }  # spelled as the description spells it, or it counts as made up


def described() -> Any:
    return schemathesis.openapi.from_wsgi(
        "/api/openapi.json", get_wsgi_application(), config=SchemathesisConfig.from_dict(CONFIG)
    )


def ask(schema: Any, program: Program, mode: GenerationMode, known: dict[str, str]) -> set[str]:
    """Ask every operation; returns the statuses that came back. ``known`` fills parameters with ids that exist, in half of the runs."""
    seen: set[str] = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @bounded(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def one(case: Any) -> None:
            response = case.call_and_validate(headers=as_itself(program))
            seen.add(f"{case.operation.label} {response.status_code}")

        one()
        for name, value in known.items():
            if mode is GenerationMode.POSITIVE and f"{{{name}}}" in operation.path:
                case = operation.Case(path_parameters={name: value})
                response = case.call_and_validate(headers=as_itself(program))
                seen.add(f"{case.operation.label} {response.status_code}")
    return seen


def test_schemathesis_finds_nothing(cast: Cast, program: Program) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    schema = described()
    seen = ask(schema, program, GenerationMode.POSITIVE, {"case_id": str(case.pk)})
    seen |= ask(schema, program, GenerationMode.NEGATIVE, {})
    assert {"GET /api/boards 200", "GET /api/cases/{case_id} 200", "GET /api/cases/{case_id} 404"} <= seen
    assert {"POST /api/cases/bundles 422", "POST /api/cases/bundles 400"} & seen
    # What it would hardly make up by itself: a Bundle that is taken, validated by the same checks.
    operation = schema["/api/cases/bundles"]["POST"]
    for status in (201, 200):
        made = operation.Case(body=bundle(), media_type="application/fhir+json")
        assert made.call_and_validate(headers=as_itself(program)).status_code == status


def test_a_description_that_is_not_true_would_be_found(cast: Cast, program: Program) -> None:
    """Negative control: a status that is not described."""
    schema = described()
    del schema.raw_schema["paths"]["/api/cases/{case_id}"]["get"]["responses"]["404"]
    with pytest.raises(FailureGroup):
        ask(schema, program, GenerationMode.POSITIVE, {"case_id": "00000000-0000-7000-8000-000000000000"})

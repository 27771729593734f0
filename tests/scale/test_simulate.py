"""The simulation of an hour counts what it says that it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.scale.simulate import Costs, Hour, Machines, Region

NEVER = 1e-9
ALMOST_NOTHING = (0.001, 0.001)


def test_how_busy_they_are_is_counted_while_people_sit():
    """One person in one room, whose commands alone cost something: what they cost in all is what made the processes busy."""
    region = Region(
        people=1,
        rooms=1,
        commands_every_s=1,
        typed_share=NEVER,
        browse_every_s=1 / NEVER,
        outside_pages_per_s=NEVER,
    )
    cheap = dict.fromkeys(("today", "agenda", "enter", "stage", "other_page", "hears", "text"), ALMOST_NOTHING)
    costs = replace(Costs(**cheap), takes=(200.0, 100.0), idle_web=0.0)
    found = Hour(region, Machines(1, 1), costs).run()
    assert 0.5 < found["commands_per_s"] < 1.5
    assert found["web_busy"] == pytest.approx(found["commands_per_s"] * 0.2, rel=0.15)
    assert found["postgres_busy"] == pytest.approx(found["commands_per_s"] * 0.1, rel=0.15)


def test_coming_in_makes_nobody_busy_in_the_hour():
    """The same people, whose pages on the way in are dear and whose sitting is not."""
    region = Region(people=200, rooms=1, typed_share=NEVER, browse_every_s=1 / NEVER, outside_pages_per_s=NEVER)
    sits = dict.fromkeys(("stage", "other_page", "takes", "hears", "text"), ALMOST_NOTHING)
    found = Hour(region, Machines(1, 1), replace(Costs(**sits), idle_web=0.0)).run()
    assert found["web_busy"] <= 0.02

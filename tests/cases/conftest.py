"""A secretary at a browser, and a case as a draft before the board."""

import pytest
from django.test import Client

from cases.models import Case
from tests.cases.pages import sign_in
from tests.cast import Cast
from tests.factories import make_case, make_referral


@pytest.fixture
def secretary(cast: Cast) -> Client:
    return sign_in(cast.secretary)


@pytest.fixture
def case(cast: Cast) -> Case:
    made = make_case(cast.organiser, cast.requester.person)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="draft", question="Heelkunde?")
    return made

"""Puts the demonstration together."""

from django.db import transaction

from mdo.demo.network import ZONE, make_network
from mdo.directory.models import Person
from mdo.kernel.clock import now


def load_world() -> None:
    """See ``mdo.demo.load``."""
    if Person.objects.exists():
        raise RuntimeError("the demonstration is loaded into an empty database only")
    today = now().astimezone(ZONE).date()
    with transaction.atomic():
        make_network(today)

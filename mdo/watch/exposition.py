"""Everything that is measured, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mdo import __version__
from mdo.kernel.metrics import REGISTRY
from mdo.watch import house
from meetings.room import hub


def _gauge(name: str, meaning: str, value: float | None) -> GaugeMetricFamily:
    """A number; one that is not known has no sample, so that a rule can ask for its absence."""
    family = GaugeMetricFamily(name, meaning)
    if value is not None:
        family.add_metric([], value)
    return family


class Rooms(Collector):
    """The rooms and sockets of this process, as they are when asked."""

    def collect(self) -> Iterator[Metric]:
        # Asked from a thread of a page, while the loop goes on: copies, which are taken at once.
        rooms = [room for each in list(hub._hubs.values()) for room in list(each.rooms.values())]
        sockets = sum(len(room.connections) for room in rooms)
        yield _gauge("mdo_rooms_open", "Rooms with somebody in them, in this process.", len(rooms))
        yield _gauge("mdo_sockets_open", "Sockets in those rooms.", sockets)
        version = GaugeMetricFamily("mdo_build", "The version that runs.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version


class House(Collector):
    """The house in numbers: the same from every process."""

    def __init__(self, kept: house.Kept) -> None:
        self.kept = kept

    def collect(self) -> Iterator[Metric]:
        found = self.kept.get()
        yield _gauge("mdo_house_read", "1 when the last look at the database succeeded.", 0 if found is None else 1)
        if found is None:
            return
        due = GaugeMetricFamily("mdo_work_due", "Rows that are due and not done, at most 10,000.", labels=["queue"])
        oldest = GaugeMetricFamily("mdo_work_oldest_seconds", "The age of the oldest of them.", labels=["queue"])
        given_up = GaugeMetricFamily(
            "mdo_work_given_up", "Rows given up after twelve attempts, in the last 7 days.", labels=["queue"]
        )
        for name, queue in found.queues.items():
            due.add_metric([name], queue.due)
            oldest.add_metric([name], queue.oldest_s)
            given_up.add_metric([name], queue.given_up)
        yield from (due, oldest, given_up)
        yield _gauge("mdo_reminders_late", "Reminders due for more than a minute.", found.reminders_late)
        yield _gauge("mdo_audit_unsealed", "Rows of the access log not sealed yet, at most 10,000.", found.unsealed)
        yield _gauge("mdo_audit_seal_lag_seconds", "The age of the oldest of them.", found.seal_lag_s)
        yield _gauge("mdo_audit_unsent", "Sealed rows not sent to the collector, at most 10,000.", found.unsent)
        yield _gauge("mdo_audit_unsent_seconds", "The age of the oldest of them.", found.unsent_age_s)
        yield _gauge("mdo_audit_anchor_age_seconds", "Since the seals were last written outside.", found.anchor_age_s)
        yield _gauge("mdo_backup_age_seconds", "Since the moment up to which backups cover.", found.backup_age_s)
        yield _gauge("mdo_backup_base_age_seconds", "Since the last base backup.", found.base_backup_age_s)
        yield _gauge("mdo_worker_heartbeat_age_seconds", "Since a worker last did a job.", found.heartbeat_age_s)


REGISTRY.register(House(house.Kept(house.look)))
REGISTRY.register(Rooms())
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


def text() -> bytes:
    """All metrics of this process and of the house, in Prometheus' text format."""
    return generate_latest(REGISTRY)

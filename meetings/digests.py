"""What a digest says: for each sitting what its reader has left to do there, with links and numbers. Read when it goes out."""

from dataclasses import dataclass
from datetime import datetime

from mdo.kernel.clock import now
from meetings import reminded
from meetings.models import Delivery, DigestLine
from meetings.reminded import Task


@dataclass(frozen=True)
class Section:
    """One line of the digest with what is left to do."""

    line: DigestLine
    task: Task


def _lines(delivery: Delivery) -> list[DigestLine]:
    """The lines that wait, those of the next sitting first."""
    found = DigestLine.objects.filter(delivery=delivery, state=DigestLine.State.WAITING)
    return list(found.select_related("meeting__board").order_by("meeting__starts_at", "added_at", "id"))


def allowed_at(delivery: Delivery) -> datetime:
    """When a digest may go out: now, or when the quiet hours of every board in it are over."""
    at = now()
    for line in _lines(delivery):
        at = max(at, reminded.manner_of(line.meeting).hours.allowed(at))
    return at


def _read(delivery: Delivery) -> list[tuple[DigestLine, Task | None, str]]:
    """Each line with what its reader has left to do, or why there is nothing."""
    found: list[tuple[DigestLine, Task | None, str]] = []
    for line in _lines(delivery):
        rule = reminded.manner_of(line.meeting).rule(line.kind)
        if rule is None or (not rule.on and not line.occasion.startswith("again:")):
            found.append((line, None, "off"))
            continue
        why = reminded.idle(line.meeting, rule.definition.anchor)
        task = None if why else reminded.tasks(line.meeting, line.kind, rule.to).get(line.person_id)
        found.append((line, task, why or "nothing"))
    return found


def superfluous(delivery: Delivery) -> list[tuple[DigestLine, str]]:
    """The lines about which nothing is left to do, each with why (a code of ``reminders.WHY``)."""
    return [(line, why) for line, task, why in _read(delivery) if task is None]


def sections(delivery: Delivery) -> list[Section]:
    """What the digest says, the next sitting first; what two reminders ask is said once."""
    found: list[Section] = []
    said: set[tuple[object, str]] = set()
    for line, task, _why in _read(delivery):
        about = (line.meeting_id, "ask" if line.kind.startswith("ask") else line.kind)
        if task is not None and about not in said:
            said.add(about)
            found.append(Section(line, task))
    return found

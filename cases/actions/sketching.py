"""What is typed of a new case before there is one: kept for its author, and thrown away."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from cases import access
from cases.events import SketchesForgotten, SketchKept, SketchThrownAway
from cases.models import Sketch
from mdo.directory.access import require_system
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, RuleBroken, Stale
from mdo.kernel.events import Event

KEPT: Final = timedelta(days=30)
MOST: Final = 50  # of one person: whoever has more throws some away
LONGEST: Final = 5000  # characters of one answer, as typed


@action("sketch.keep", row="submit")
def keep_sketch(
    *, by: Actor, sketch_id: UUID, version: int, typed: Mapping[str, str], command_id: UUID
) -> tuple[Event, ...]:
    """Keep what is typed of a new case, as it stands. Effects: its author finds it again on the page of a new case, in the same hospital,
    for 30 days after the last change; nobody else does, and nothing of it is a patient or a case.

    ``version``: of the row that was seen, 0 where there is none yet. Refused: ``Denied`` without a role in the hospital, ``NotFound`` when
    it is somebody else's, was thrown away or has become a case, ``Stale``, ``Invalid`` for an answer that is too long, ``RuleBroken`` at
    the fifty-first.
    """
    hospital_id = access.access_hospital_for_submitting(by)
    if by.actor_kind != "person":
        raise Denied()
    values = {name: typed[name] for name in Sketch.FIELDS if typed.get(name)}
    if long := [name for name, text in values.items() if len(text) > LONGEST]:
        raise Invalid({name: [_("At most %(count)d characters.") % {"count": LONGEST}] for name in long})
    if version == 0:
        if access.visible_sketches(by).count() >= MOST:
            raise RuleBroken(_("You have begun too many cases. Throw some away, or make cases of them."))
        at = now()
        Sketch.objects.create(
            id=sketch_id, hospital_id=hospital_id, author_id=by.actor_id, values=values, begun_at=at, changed_at=at
        )
        return (SketchKept(sketch_id=sketch_id, hospital_id=hospital_id, version=1),)
    sketch = access.access_sketch_for_submitting(by, sketch_id)
    if sketch.version != version:
        raise Stale(_("You changed this somewhere else. Look at it again."), current=sketch.version)
    sketch.values, sketch.changed_at, sketch.version = values, now(), version + 1
    sketch.save(update_fields=["values", "changed_at", "version"])
    return (SketchKept(sketch_id=sketch.pk, hospital_id=hospital_id, version=sketch.version),)


@action("sketch.throw_away", row="submit")
def throw_away_sketch(*, by: Actor, sketch_id: UUID, command_id: UUID | None = None) -> tuple[Event, ...]:
    """Throw away what was typed of a new case. Effects: it is gone. Refused: ``NotFound`` when it is not one's own, or gone."""
    sketch = access.access_sketch_for_submitting(by, sketch_id)
    sketch.delete()
    return (SketchThrownAway(sketch_id=sketch_id, hospital_id=sketch.hospital_id),)


@action("sketch.forget", row="system")
def forget_sketches(*, by: Actor) -> tuple[Event, ...]:
    """Throw away what nobody went on with for 30 days. Effects: it is gone."""
    require_system(by)
    count, _what = Sketch.objects.filter(changed_at__lt=now() - KEPT).delete()
    note(count=count)
    return (SketchesForgotten(count=count),) if count else ()


def forgotten_sketches() -> bool:
    """Whether ``forget_sketches`` has anything to do."""
    return Sketch.objects.filter(changed_at__lt=now() - KEPT).exists()

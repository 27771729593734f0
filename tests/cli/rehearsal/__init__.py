"""The kernel's migrations and one more (`MIGRATION_MODULES`): what `mdo prepare` has still to do in a test."""

from pathlib import Path

from mdo.kernel import migrations

LAST = max(path.stem for path in Path(migrations.__path__[0]).glob("0*.py"))
__path__ = [*migrations.__path__, *__path__]

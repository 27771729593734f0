"""What people change about their own account."""

from django.conf import settings
from django.utils.translation import gettext as _

from mdo.directory import access
from mdo.directory.events import DirectoryChanged
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import Invalid
from mdo.kernel.events import Event


@action("person.choose_language", row="own_account")
def choose_language(*, by: Actor, language: str) -> tuple[Event, ...]:
    """Read pages, mails and reports in another language from now on. Effects: the person's language. Raises ``Invalid``."""
    person = access.access_own_account(by)
    if language not in dict(settings.LANGUAGES):
        raise Invalid({"language": [_("Choose from the list.")]})
    person.language = language
    person.save(update_fields=["language"])
    return (DirectoryChanged(kind="person", object_id=person.pk, how="language"),)

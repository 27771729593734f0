from uuid import UUID

from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class GuestInvitation(models.Model):
    """A personal link for somebody from outside: one person, one item, until it expires.

    ``person`` was made for this invitation alone (``Person.visitor``): so grants, leases, the audit and row-level security know
    them like anybody else. Neither link nor code is stored: both follow from the site's secret, this row's id and a round
    (``meetings/guests.py``); of the link there is the digest by which it is recognised. ``device`` is the digest of what the one
    browser that confirmed keeps in its session. ``hospital`` is the item's.
    """

    class Way(models.TextChoices):
        CODE = "code"
        IDENTITY = "identity"  # signed in elsewhere, with the same verified mail address

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="invitations")
    item = models.ForeignKey(
        "meetings.AgendaItem", on_delete=models.CASCADE, related_name="invitations", db_constraint=False
    )
    person = models.OneToOneField("directory.Person", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    discipline = models.CharField(max_length=60, blank=True)
    mail = models.EmailField(blank=True)  # forgotten when it is over, as the number is
    phone = models.CharField(max_length=20, blank=True)
    token_digest = models.CharField(max_length=64)
    link_round = models.PositiveSmallIntegerField(default=1)
    code_round = models.PositiveSmallIntegerField(default=1)
    code_tries = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=10, choices=Way, blank=True)
    device = models.CharField(max_length=64, blank=True)
    revoked_at = models.DateTimeField(null=True)
    made_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="guest_id_hospital")]
        indexes = [models.Index(fields=["meeting", "item"])]

    def __str__(self) -> str:
        return str(self.pk)

    # The kernel's Actor: whoever holds the link, before they are confirmed.
    @property
    def actor_kind(self) -> str:
        return "guest"

    @property
    def actor_id(self) -> UUID:
        return self.pk

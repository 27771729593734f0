"""Tables of the kernel: journal, audit, command ids. None of them holds care content."""

from django.db import models
from django.db.models.functions import Now

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Stream(models.Model):
    """A journal of one meeting. ``head`` is the last sequence given out; it is raised under this row's lock."""

    id = models.UUIDField(primary_key=True)
    head = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.id}@{self.head}"


class JournalEntry(models.Model):
    """One event in one stream. Order of ``seq`` is order of commit."""

    id = models.BigAutoField(primary_key=True)
    stream_id = models.UUIDField()
    seq = models.BigIntegerField()
    at = models.DateTimeField(default=now)
    by_id = models.UUIDField()
    name = models.CharField(max_length=60)
    data = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream_id", "seq"], name="journal_stream_seq")]

    def __str__(self) -> str:
        return f"{self.stream_id} {self.seq} {self.name}"


class AccessEpoch(models.Model):
    """One row (id 1). Raised by triggers on roles, agreements and people: whoever draws for somebody asks whether it moved."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class AuditEntry(models.Model):
    """Who did or read what, as inserted. Append-only for the application; ``AuditSeal`` chains it afterwards."""

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(unique=True, default=new_id)
    at = models.DateTimeField(db_default=Now())
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField()
    organisation_id = models.UUIDField(null=True)  # acting for
    hospital_id = models.UUIDField(null=True)  # owner of the data
    purpose = models.CharField(max_length=40)
    action = models.CharField(max_length=60)
    outcome = models.CharField(max_length=12)  # ok, denied, not_found
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.UUIDField(null=True)
    patient_id = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)  # ids, states, numbers and versions only
    # Set by the database (pg_current_xact_id()): the sealer leaves rows of transactions that may still be open.
    xid = models.BigIntegerField(db_default=models.Func(function="mdo_xid"))

    class Meta:
        indexes = [
            models.Index(fields=["hospital_id", "id"]),
            models.Index(fields=["organisation_id", "id"]),
            models.Index(fields=["actor_id", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.at} {self.action} {self.outcome}"


class AuditSeal(models.Model):
    """Link ``n`` of the chain of one organisation: hash over the entry and the hash before it."""

    id = models.BigAutoField(primary_key=True)
    chain_id = models.UUIDField()
    n = models.BigIntegerField()
    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, related_name="seal")
    previous = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "n"], name="seal_chain_n")]

    def __str__(self) -> str:
        return f"{self.chain_id} {self.n}"


class AuditForwarding(models.Model):
    """Up to which seal the access log was sent to a collector outside, and who is at it."""

    name = models.CharField(max_length=20, primary_key=True)
    seal_id = models.BigIntegerField(default=0)
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name}@{self.seal_id}"


class CommandId(models.Model):
    """A command that succeeded, so that the same command sent again is answered and not done again. Kept for 7 days."""

    id = models.BigAutoField(primary_key=True)
    actor_id = models.UUIDField()
    command_id = models.UUIDField()
    action = models.CharField(max_length=60)
    digest = models.BinaryField(max_length=32)
    seqs = models.JSONField(default=dict)  # stream id → sequence reached
    at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor_id", "command_id"], name="command_actor_id")]

    def __str__(self) -> str:
        return f"{self.action} {self.command_id}"

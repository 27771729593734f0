from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id

if TYPE_CHECKING:
    from mdo.directory.models.boards import Board
    from mdo.directory.models.organisations import Organisation


class Agreement(models.Model):
    """A cooperation agreement (DOMAIN §1). In force: signed, between its dates, and for those of its parties that signed it: one
    that joins later or has not signed yet takes nothing from the others, and gets nothing."""

    class Status(models.TextChoices):
        DECLARATION = "declaration", _("Declaration of intent")
        SIGNED = "signed", _("Signed")
        ENDED = "ended", _("Ended")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    network = models.ForeignKey("directory.Network", on_delete=models.PROTECT, related_name="agreements")
    title = models.CharField(max_length=200)
    purpose = models.TextField(blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.DECLARATION)
    version = models.PositiveSmallIntegerField(default=1)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text=_("Last day in force"))
    boards: models.ManyToManyField[Board, AgreementBoard] = models.ManyToManyField(
        "directory.Board", through="AgreementBoard", related_name="agreements"
    )
    parties: models.ManyToManyField[Organisation, AgreementParty] = models.ManyToManyField(
        "directory.Organisation", through="AgreementParty", related_name="agreements"
    )

    class Meta:
        ordering = ["title", "-version"]
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")

    def __str__(self) -> str:
        return f"{self.title} ({self.version})"


class AgreementParty(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE)
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT)
    signatory = models.CharField(max_length=200, blank=True)
    signed_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agreement", "organisation"], name="agreement_party")]
        verbose_name = _("party")
        verbose_name_plural = _("parties")

    def __str__(self) -> str:
        return f"{self.organisation} – {self.agreement}"


class AgreementBoard(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE)
    board = models.ForeignKey("directory.Board", on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agreement", "board"], name="agreement_board")]
        verbose_name = _("board covered")
        verbose_name_plural = _("boards covered")

    def __str__(self) -> str:
        return f"{self.board} – {self.agreement}"

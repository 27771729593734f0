from django.core.validators import URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id


def default_quorum() -> dict[str, object]:
    return {"disciplines": 3, "required": []}


class Board(models.Model):
    """A standing body of a network that meets regularly. What differs between boards is data: its kind, dossier and settings."""

    class ReadBack(models.TextChoices):
        OFF = "off", _("No read-back")
        NO_OBJECTION = "no_objection", _("No objection in the room")
        EACH = "each", _("Each discipline confirms")

    class Call(models.TextChoices):
        MESH = "mesh", _("From browser to browser")
        LIVEKIT = "livekit", _("Through the media server")
        OWN = "own", _("The hospital's own system")
        OFF = "off", _("No picture and sound")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    network = models.ForeignKey("directory.Network", on_delete=models.PROTECT, related_name="boards")
    organiser = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="organised_boards")
    name = models.CharField(max_length=200)
    kind = models.CharField(
        max_length=40, default="tumour_board", help_text=_("A code of cases/dossiers/board_kinds.yaml")
    )
    dossier = models.CharField(max_length=40, default="breast", help_text=_("A code of cases/dossiers"))
    time_zone = models.CharField(max_length=40, default="Europe/Brussels")
    place = models.CharField(max_length=200, blank=True)
    minutes_per_item = models.PositiveSmallIntegerField(default=6)
    break_after = models.PositiveSmallIntegerField(
        default=60, help_text=_("Minutes after which a break is proposed; 0: never")
    )
    break_minutes = models.PositiveSmallIntegerField(default=10, help_text=_("How long a break lasts, in minutes"))
    deadline_hours = models.PositiveSmallIntegerField(
        default=50, help_text=_("Hours before the start after which a case is late")
    )
    quorum = models.JSONField(
        default=default_quorum, help_text=_("Disciplines or people needed, disciplines that must be there")
    )
    rule_set = models.CharField(max_length=20, default="be-2025", help_text=_("The rules for billing"))
    read_back = models.CharField(
        max_length=12,
        choices=ReadBack,
        default=ReadBack.NO_OBJECTION,
        help_text=_("How a wording is confirmed before it is recorded"),
    )
    delegate_recording = models.BooleanField(default=False, help_text=_("The secretary may record the recommendation"))
    partners_draft = models.BooleanField(
        default=True, help_text=_("Members of partner organisations may type the recommendation")
    )

    call = models.CharField(
        max_length=8,
        choices=Call,
        default=Call.MESH,
        help_text=_("How picture and sound reach the others; without a media server it is from browser to browser"),
    )
    call_link = models.URLField(
        max_length=500,
        blank=True,
        validators=[URLValidator(schemes=["https"])],
        help_text=_("The address of the meeting in the hospital's own system"),
    )
    call_dial_in = models.CharField(
        max_length=120, blank=True, help_text=_("A number to dial in by, with its code if there is one")
    )
    call_encrypted = models.BooleanField(
        default=False, help_text=_("Encrypt picture and sound from end to end on the media server")
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(call="own") | ~models.Q(call_link="") | ~models.Q(call_dial_in=""),
                name="board_own_call_is_reached",
                violation_error_message=_("The hospital's own system needs an address or a number."),
            )
        ]
        verbose_name = _("board")
        verbose_name_plural = _("boards")

    def __str__(self) -> str:
        return self.name


class BoardRole(models.Model):
    """A person's role on a board, on behalf of one organisation, from when until when."""

    class Role(models.TextChoices):
        CHAIR = "chair", _("Chair")
        COORDINATOR = "coordinator", _("Coordinator")
        SECRETARY = "secretary", _("Secretary")
        MEMBER = "member", _("Member")
        OBSERVER = "observer", _("Observer")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="roles")
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="board_roles")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="board_roles")
    role = models.CharField(max_length=20, choices=Role)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["board", "person", "organisation", "role", "valid_from"], name="board_role")
        ]
        indexes = [models.Index(fields=["person", "board"])]
        verbose_name = _("role on a board")
        verbose_name_plural = _("roles on boards")

    def __str__(self) -> str:
        return f"{self.person}: {self.get_role_display()}, {self.board}"

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id


def living(path: str = "") -> Q:
    """The one condition for whatever reminds, invites or asks afterwards: the patient is not known to have died. ``path`` leads from the
    filtered rows to the patient (``"case__patient"``); a row that has no patient at all, such as a topic, fulfils it."""
    return Q(**{f"{path}__deceased_on" if path else "deceased_on": None})


class Patient(models.Model):
    """A patient as one hospital knows them: the same person in two hospitals is two rows. Never a ``Person``."""

    class Sex(models.TextChoices):
        FEMALE = "female", _("Female")
        MALE = "male", _("Male")
        OTHER = "other", _("Other")
        UNKNOWN = "unknown", _("Unknown")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    family_name = models.CharField(max_length=300)
    given_name = models.CharField(max_length=300)
    name_key = models.CharField(max_length=620, editable=False)  # unaccented, lower case: for sorting and finding
    birth_date = models.DateField()
    sex = models.CharField(max_length=10, choices=Sex)
    national_number = models.CharField(max_length=11, blank=True)  # digits only
    other_identifier = models.CharField(max_length=40, blank=True)
    other_identifier_reason = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=2, default="nl")
    gp = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    gp_name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    deceased_on = models.DateField(null=True, blank=True)
    record_number = models.CharField(max_length=40, blank=True)  # the hospital's own, as its record system tells it
    # The record that goes on for this one since they were found to be one patient's; this row stays as a pointer, without cases.
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="patient_id_hospital"),
            models.UniqueConstraint(
                fields=["hospital", "national_number"],
                condition=~Q(national_number="") & Q(merged_into=None),
                name="patient_national_number",
            ),
            models.UniqueConstraint(
                fields=["hospital", "other_identifier"],
                condition=~Q(other_identifier="") & Q(merged_into=None),
                name="patient_other_identifier",
            ),
            models.UniqueConstraint(
                fields=["hospital", "record_number"],
                condition=~Q(record_number="") & Q(merged_into=None),
                name="patient_record_number",
            ),
            models.CheckConstraint(
                condition=~Q(national_number="") | (~Q(other_identifier="") & ~Q(other_identifier_reason="")),
                name="patient_identified",
            ),
        ]
        indexes = [models.Index(fields=["hospital", "name_key"])]

    def __str__(self) -> str:
        return str(self.pk)  # a name must not reach a log by accident

    @property
    def display_name(self) -> str:
        return f"{self.family_name} {self.given_name}"

    @property
    def label(self) -> str:
        """Initials and year of birth ("A.V. 1961"): how an agenda names a case."""
        initials = "".join(
            f"{part.strip()[0].upper()}." for part in (self.given_name, self.family_name) if part.strip()
        )
        return f"{initials} {self.birth_date.year}"

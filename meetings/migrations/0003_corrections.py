"""Corrections stand beside the signed version that they will replace; a series may move a sitting off a holiday."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0003_protection"),
        ("directory", "0003_board_rule_set"),
        ("meetings", "0002_protection"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="decision",
            name="decision_one_current",
        ),
        migrations.AddField(
            model_name="decision",
            name="correction_reason",
            field=models.CharField(blank=True, max_length=1000),
        ),
        migrations.AlterField(
            model_name="series",
            name="holiday_policy",
            field=models.CharField(
                choices=[
                    ("skip", "No sitting"),
                    ("keep", "Sitting all the same"),
                    ("later", "The next working day"),
                    ("earlier", "The working day before"),
                ],
                default="skip",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["draft", "recorded"])), fields=("item",), name="decision_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "signed")), fields=("item",), name="decision_one_signed"
            ),
        ),
    ]

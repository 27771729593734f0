"""Old decisions from elsewhere: a state of their own, beside the chain, that never changes."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# As in 0002, and what was imported stays as it came.
UNCHANGING = """
CREATE OR REPLACE FUNCTION mdo_signed_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'imported' THEN
        RAISE EXCEPTION 'an imported decision cannot be changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state IN ('signed', 'replaced') THEN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'a signed decision cannot be deleted' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF OLD.state = 'replaced' OR NEW.state <> 'replaced'
           OR (to_jsonb(NEW) - 'state') <> (to_jsonb(OLD) - 'state') THEN
            RAISE EXCEPTION 'a signed decision cannot be changed' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF TG_OP = 'DELETE' AND OLD.state = 'recorded' THEN
        RAISE EXCEPTION 'a recorded decision cannot be deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0006_imports"),
        ("directory", "0006_call"),
        ("meetings", "0013_digests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="imported",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="decision",
            name="imported_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="decision",
            name="imported_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="meeting",
            name="imported",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="decision",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("recorded", "Recorded"),
                    ("signed", "Signed"),
                    ("replaced", "Replaced"),
                    ("imported", "Imported, not signed here"),
                ],
                default="draft",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("digest", ""),
                        ("imported_at__isnull", False),
                        ("number", None),
                        ("signed_at", None),
                        ("state", "imported"),
                    ),
                    models.Q(models.Q(("state", "imported"), _negated=True), ("imported_at", None)),
                    _connector="OR",
                ),
                name="decision_imported_unsigned",
            ),
        ),
        migrations.RunSQL(UNCHANGING, migrations.RunSQL.noop),
    ]

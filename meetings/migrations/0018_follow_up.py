"""Whether what was decided was done, and what becomes of its actions: composite keys, write guard, row-level security."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.ids
from mdo.kernel import schema

TABLES = ("meetings_followup", "meetings_decisionaction")


def like_the_decision(table: str) -> str:
    """Whoever may see the case sees what became of it; what belongs to a topic is its board's (as 0006 has it for remarks)."""
    return (
        "(SELECT mdo_kind()) = 'system'"
        f" OR (case_id IS NOT NULL AND EXISTS (SELECT 1 FROM cases_case c WHERE c.id = {table}.case_id))"
        " OR (case_id IS NULL AND (board_id::text || ':' || hospital_id::text) = ANY ((SELECT mdo_reach())::text[]))"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0008_discussions"),
        ("directory", "0009_apitoken"),
        ("meetings", "0017_agreed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DecisionAction",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("key", models.UUIDField()),
                ("text", models.CharField(max_length=500)),
                ("due_on", models.DateField()),
                ("dropped", models.BooleanField(default=False)),
                ("done_at", models.DateTimeField(null=True)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "board",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decision_actions",
                        to="cases.case",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="actions",
                        to="meetings.decision",
                    ),
                ),
                (
                    "done_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decision_actions",
                        to="meetings.agendaitem",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("done_at", None), ("dropped", False)),
                        fields=["owner", "due_on"],
                        name="decisionaction_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("id", "hospital"), name="decisionaction_id_hospital"),
                    models.UniqueConstraint(fields=("item", "key"), name="decisionaction_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="FollowUp",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("due_on", models.DateField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("carried_out", "Carried out"),
                            ("partly", "Partly carried out"),
                            ("not", "Not carried out"),
                            ("other", "Other treatment"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("note", models.CharField(blank=True, max_length=1000)),
                ("answered_at", models.DateTimeField(null=True)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "board",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="follow_ups",
                        to="cases.case",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="follow_ups",
                        to="meetings.decision",
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="follow_up",
                        to="meetings.agendaitem",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("outcome", "")), fields=["hospital", "due_on"], name="followup_open"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("id", "hospital"), name="followup_id_hospital"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answered_at", None), ("outcome", "")),
                            models.Q(models.Q(("outcome", ""), _negated=True), ("answered_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="followup_answered",
                    ),
                ],
            },
        ),
        schema.composite_keys(
            [
                (table, column, target)
                for table in TABLES
                for column, target in (
                    ("case_id", "cases_case"),
                    ("item_id", "meetings_agendaitem"),
                    ("decision_id", "meetings_decision"),
                )
            ]
        ),
        schema.guarded(TABLES),
        *(schema.row_security(table, like_the_decision(table)) for table in TABLES),
    ]

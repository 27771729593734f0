"""The live room: texts typed together, read-back, remarks, breaks, parking, deputies, calls. One pen at a time is gone."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0003_protection"),
        ("directory", "0004_read_back"),
        ("meetings", "0004_decision_search"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveField(
            model_name="agendaitem",
            name="pen_holder",
        ),
        migrations.RemoveField(
            model_name="agendaitem",
            name="pen_taken_at",
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="parked",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="protocol",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="read_back_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="read_back_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="read_back_round",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="decision",
            name="content_version",
            field=models.PositiveSmallIntegerField(
                default=1
            ),  # what was signed before keeps the list that it was signed over
        ),
        migrations.AlterField(
            model_name="decision",
            name="content_version",
            field=models.PositiveSmallIntegerField(default=2),
        ),
        migrations.AddField(
            model_name="decision",
            name="discussion",
            field=models.TextField(blank=True, max_length=20000),
        ),
        migrations.AddField(
            model_name="decision",
            name="protocol",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="decision",
            name="text_digest",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="decision",
            name="voices",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="meeting",
            name="break_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="meeting",
            name="breaks",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="meeting",
            name="last_step",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="meeting",
            name="presenter",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="kind",
            field=models.CharField(
                choices=[
                    ("invitation", "Invitation"),
                    ("cancellation", "Cancellation"),
                    ("reports", "Reports ready"),
                    ("deadline", "Deadline near"),
                    ("signature", "Signature waiting"),
                    ("returned", "Submission returned"),
                    ("call_in", "Your item comes soon"),
                ],
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="TextDocument",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "field",
                    models.CharField(
                        choices=[("discussion", "Discussion"), ("recommendation", "Recommendation")], max_length=16
                    ),
                ),
                ("n", models.PositiveIntegerField(default=0)),
                ("frozen", models.BooleanField(default=False)),
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
                        related_name="texts",
                        to="cases.case",
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
                        related_name="texts",
                        to="meetings.agendaitem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TextUpdate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                ("at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="updates",
                        to="meetings.textdocument",
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Voice",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("discipline", models.CharField(blank=True, max_length=40)),
                ("round", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(choices=[("confirm", "Confirms"), ("dissent", "Dissents")], max_length=8)),
                ("reason", models.TextField(blank=True, max_length=2000)),
                ("at", models.DateTimeField(default=mdo.kernel.clock.now)),
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
                        related_name="+",
                        to="cases.case",
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
                        related_name="voices",
                        to="meetings.agendaitem",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Beside",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=200)),
                ("discipline", models.CharField(max_length=40)),
                ("since", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("until", models.DateTimeField(null=True)),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="beside", to="meetings.meeting"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["meeting", "host"], name="meetings_be_meeting_1edd47_idx")],
            },
        ),
        migrations.CreateModel(
            name="CallIn",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("by_mail", models.BooleanField()),
                ("at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="call_ins", to="meetings.agendaitem"
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="call_ins", to="meetings.meeting"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("item", "person"), name="call_in_once")],
            },
        ),
        migrations.CreateModel(
            name="Delegation",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(choices=[("chair", "Chair"), ("scribe", "Scribe")], max_length=6)),
                ("given_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="delegations", to="meetings.meeting"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("meeting", "person", "kind"),
                        name="delegation_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Remark",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(choices=[("chat", "Chat"), ("late", "Late remark")], max_length=5)),
                ("text", models.TextField(max_length=4000)),
                ("at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "board",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remarks",
                        to="cases.case",
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
                        related_name="remarks",
                        to="meetings.agendaitem",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["item", "at"], name="meetings_re_item_id_fcab60_idx")],
                "constraints": [models.UniqueConstraint(fields=("id", "hospital"), name="remark_id_hospital")],
            },
        ),
        migrations.AddConstraint(
            model_name="textdocument",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="text_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="textdocument",
            constraint=models.UniqueConstraint(fields=("item", "field"), name="text_of_item"),
        ),
        migrations.AddConstraint(
            model_name="textupdate",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="text_update_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="textupdate",
            constraint=models.UniqueConstraint(fields=("document", "n"), name="text_update_n"),
        ),
        migrations.AddConstraint(
            model_name="voice",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="voice_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="voice",
            constraint=models.UniqueConstraint(fields=("item", "person", "round"), name="voice_once"),
        ),
    ]

"""Wishes for the order of an agenda, windows of replies, and the rules of protocols: write guard."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.ids
from mdo.kernel import schema


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0006_call"),
        ("meetings", "0011_feeds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProtocolRule",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=120)),
                ("reference", models.CharField(blank=True, max_length=200)),
                ("conditions", models.JSONField(default=list)),
                ("active", models.BooleanField(default=True)),
                ("version", models.PositiveIntegerField(default=1)),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="guest_from",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="guest_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="heavy",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="locked",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="needs",
            field=models.JSONField(default=None, null=True),
        ),
        migrations.AddField(
            model_name="agendaitem",
            name="protocol_reference",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="meeting",
            name="earlier_order",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="reply",
            name="can_from",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="reply",
            name="can_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="reply",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("answer", "yes"), models.Q(("can_from", None), ("can_until", None)), _connector="OR"
                ),
                name="reply_window_of_who_comes",
            ),
        ),
        migrations.AddField(
            model_name="protocolrule",
            name="board",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="protocol_rules", to="directory.board"
            ),
        ),
        migrations.AddConstraint(
            model_name="protocolrule",
            constraint=models.UniqueConstraint(fields=("board", "name"), name="protocol_rule_name"),
        ),
        schema.guarded(["meetings_protocolrule"]),
    ]

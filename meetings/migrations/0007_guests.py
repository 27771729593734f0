"""Guests by link: composite key, write guard, row-level security; whoever loses their invitation loses their place at once."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

# Whoever holds the link (before they are confirmed), the guest, and the board's people; who of these may act is in access.py.
INVITATION = (
    "(SELECT mdo_kind()) = 'system' OR person_id = (SELECT mdo_actor())"
    " OR ((SELECT mdo_kind()) = 'guest' AND id = (SELECT mdo_actor()))"
    " OR EXISTS (SELECT 1 FROM meetings_meeting m WHERE m.id = meetings_guestinvitation.meeting_id"
    " AND (m.board_id::text || ':' || m.hospital_id::text) = ANY ((SELECT mdo_reach())::text[]))"
)

MOVING = """
CREATE TRIGGER bump_access AFTER INSERT OR UPDATE OR DELETE ON meetings_guestinvitation
    FOR EACH STATEMENT EXECUTE FUNCTION mdo_bump_access();
-- An item that is taken off takes its invitations with it: the person who was made for one is nobody any more.
CREATE FUNCTION mdo_guest_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE directory_person SET is_active = false WHERE id = OLD.person_id AND visitor;
    RETURN NULL;
END $$;
CREATE TRIGGER guest_gone AFTER DELETE ON meetings_guestinvitation FOR EACH ROW EXECUTE FUNCTION mdo_guest_gone();
"""
MOVING_BACK = """
DROP TRIGGER guest_gone ON meetings_guestinvitation; DROP FUNCTION mdo_guest_gone();
DROP TRIGGER bump_access ON meetings_guestinvitation;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0005_visitors"),
        ("meetings", "0006_live_room_protection"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                    ("guest_link", "Link for a guest"),
                    ("guest_code", "Code for a guest"),
                ],
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="GuestInvitation",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=120)),
                ("discipline", models.CharField(blank=True, max_length=60)),
                ("mail", models.EmailField(blank=True, max_length=254)),
                ("phone", models.CharField(blank=True, max_length=20)),
                ("token_digest", models.CharField(max_length=64)),
                ("link_round", models.PositiveSmallIntegerField(default=1)),
                ("code_round", models.PositiveSmallIntegerField(default=1)),
                ("code_tries", models.PositiveSmallIntegerField(default=0)),
                ("expires_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                (
                    "confirmed_by",
                    models.CharField(blank=True, choices=[("code", "Code"), ("identity", "Identity")], max_length=10),
                ),
                ("device", models.CharField(blank=True, max_length=64)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("made_at", models.DateTimeField(default=mdo.kernel.clock.now)),
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="meetings.agendaitem",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="meetings.meeting"
                    ),
                ),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["meeting", "item"], name="meetings_gu_meeting_e2386c_idx")],
                "constraints": [models.UniqueConstraint(fields=("id", "hospital"), name="guest_id_hospital")],
            },
        ),
        schema.composite_keys([("meetings_guestinvitation", "item_id", "meetings_agendaitem")]),
        schema.guarded(["meetings_guestinvitation"]),
        schema.row_security("meetings_guestinvitation", INVITATION),
        migrations.RunSQL(MOVING, MOVING_BACK),
    ]

"""Composite keys, the write guard, row-level security of decisions, and decisions that cannot change once they are signed."""

from django.db import migrations

from mdo.kernel import schema

DECISION = (
    "(SELECT mdo_kind()) = 'system'"
    " OR (case_id IS NOT NULL AND EXISTS (SELECT 1 FROM cases_case c WHERE c.id = meetings_decision.case_id))"
    " OR (case_id IS NULL AND (board_id::text || ':' || hospital_id::text) = ANY ((SELECT mdo_reach())::text[]))"
)

SIGNED = """
CREATE FUNCTION mdo_signed_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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
CREATE TRIGGER signed_decision BEFORE UPDATE OR DELETE ON meetings_decision FOR EACH ROW EXECUTE FUNCTION mdo_signed_decision();
"""


class Migration(migrations.Migration):
    dependencies = [("meetings", "0001_initial"), ("cases", "0003_protection")]

    operations = [
        schema.composite_keys(
            [
                ("meetings_agendaitem", "referral_id", "cases_referral"),
                ("meetings_agendaitem", "topic_id", "meetings_topic"),
                ("meetings_decision", "item_id", "meetings_agendaitem"),
                ("meetings_decision", "case_id", "cases_case"),
                ("meetings_report", "decision_id", "meetings_decision"),
            ]
        ),
        schema.guarded(
            [
                "meetings_meeting",
                "meetings_agendaitem",
                "meetings_topic",
                "meetings_decision",
                "meetings_report",
                "meetings_reminder",
                "meetings_delivery",
            ]
        ),
        schema.row_security("meetings_decision", DECISION),
        migrations.RunSQL(
            SIGNED, "DROP TRIGGER signed_decision ON meetings_decision; DROP FUNCTION mdo_signed_decision();"
        ),
    ]

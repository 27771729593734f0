"""Composite keys, the write guard and row-level security of what the live room keeps; typed text is only ever added to."""

from django.db import migrations

from mdo.kernel import schema


def like_the_decision(table: str) -> str:
    """Whoever may see the case sees what was said of it; what belongs to a topic is its board's (as 0002 has it for decisions)."""
    return (
        "(SELECT mdo_kind()) = 'system'"
        f" OR (case_id IS NOT NULL AND EXISTS (SELECT 1 FROM cases_case c WHERE c.id = {table}.case_id))"
        " OR (case_id IS NULL AND (board_id::text || ':' || hospital_id::text) = ANY ((SELECT mdo_reach())::text[]))"
    )


UPDATE = (
    "(SELECT mdo_kind()) = 'system'"
    " OR EXISTS (SELECT 1 FROM meetings_textdocument d WHERE d.id = meetings_textupdate.document_id)"
)


class Migration(migrations.Migration):
    dependencies = [("meetings", "0005_live_room")]

    operations = [
        schema.composite_keys(
            [
                ("meetings_textdocument", "item_id", "meetings_agendaitem"),
                ("meetings_textdocument", "case_id", "cases_case"),
                ("meetings_textupdate", "document_id", "meetings_textdocument"),
                ("meetings_voice", "item_id", "meetings_agendaitem"),
                ("meetings_voice", "case_id", "cases_case"),
                ("meetings_remark", "item_id", "meetings_agendaitem"),
                ("meetings_remark", "case_id", "cases_case"),
            ]
        ),
        schema.guarded(
            ["meetings_voice", "meetings_remark", "meetings_beside", "meetings_delegation", "meetings_callin"]
        ),
        schema.row_security("meetings_textdocument", like_the_decision("meetings_textdocument")),
        schema.row_security("meetings_textupdate", UPDATE),
        schema.row_security("meetings_voice", like_the_decision("meetings_voice")),
        schema.row_security("meetings_remark", like_the_decision("meetings_remark")),
        schema.for_app_role("REVOKE UPDATE, DELETE ON meetings_textupdate FROM {role}"),
        schema.for_app_role("REVOKE UPDATE, DELETE ON meetings_remark FROM {role}"),
    ]

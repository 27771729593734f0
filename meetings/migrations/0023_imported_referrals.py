from django.db import migrations

MARK = """
SELECT set_config('mdo.kind', 'system', true), set_config('mdo.action', 'migration', true);
UPDATE cases_referral SET imported = true FROM meetings_agendaitem item JOIN meetings_decision decision ON decision.item_id = item.id
    WHERE item.referral_id = cases_referral.id AND decision.state = 'imported';
SELECT set_config('mdo.kind', '', true), set_config('mdo.action', '', true);
"""


class Migration(migrations.Migration):
    dependencies = [("meetings", "0022_planned_breaks"), ("cases", "0011_sketches")]

    operations = [migrations.RunSQL(MARK, migrations.RunSQL.noop)]

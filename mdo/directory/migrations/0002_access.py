"""What the policies of the care tables ask about people, and the triggers that say that access moved."""

from django.db import migrations

FUNCTIONS = """
-- The codes of the roles that the actor has now in the organisation that they act for.
CREATE FUNCTION mdo_organisation_roles() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(r.role::text), '{}')
    FROM directory_organisationrole r JOIN directory_person p ON p.id = r.person_id AND p.is_active
    WHERE r.person_id = mdo_actor() AND r.organisation_id = mdo_organisation()
      AND r.valid_from <= now() AND (r.valid_until IS NULL OR r.valid_until > now())
$$;

-- "board:hospital" for every board at which the actor has a seat that reads cases, and every hospital within its reach
-- (mdo/directory/access.py says the rule in prose). A partner's secretary reads own cases only and is not in here.
CREATE FUNCTION mdo_reach() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT br.board_id::text || ':' || h.hospital_id::text), '{}')
    FROM directory_boardrole br
    JOIN directory_person p ON p.id = br.person_id AND p.is_active
    JOIN directory_board b ON b.id = br.board_id
    CROSS JOIN LATERAL (
        SELECT b.organiser_id AS hospital_id WHERE br.organisation_id = b.organiser_id
        UNION
        SELECT third.organisation_id
        FROM directory_agreement a
        JOIN directory_agreementboard ab ON ab.agreement_id = a.id AND ab.board_id = b.id
        JOIN directory_agreementparty one ON one.agreement_id = a.id AND one.organisation_id = b.organiser_id
            AND one.signed_on IS NOT NULL
        JOIN directory_agreementparty two ON two.agreement_id = a.id AND two.organisation_id = br.organisation_id
            AND two.signed_on IS NOT NULL
        JOIN directory_agreementparty third ON third.agreement_id = a.id AND third.signed_on IS NOT NULL
        WHERE a.status = 'signed' AND a.starts_on <= (now() AT TIME ZONE 'Europe/Brussels')::date
          AND (a.ends_on IS NULL OR a.ends_on >= (now() AT TIME ZONE 'Europe/Brussels')::date)
    ) h
    WHERE br.person_id = mdo_actor() AND br.organisation_id = mdo_organisation()
      AND br.valid_from <= now() AND (br.valid_until IS NULL OR br.valid_until > now())
      AND (br.role IN ('chair', 'coordinator', 'member') OR (br.role = 'secretary' AND br.organisation_id = b.organiser_id))
$$;
"""

BACK = "DROP FUNCTION mdo_reach(); DROP FUNCTION mdo_organisation_roles();"

_MOVING = (
    "directory_boardrole",
    "directory_organisationrole",
    "directory_agreement",
    "directory_agreementparty",
    "directory_agreementboard",
    "directory_board",
)

TRIGGERS = (
    "".join(
        f"CREATE TRIGGER bump_access AFTER INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION mdo_bump_access();\n"
        for table in _MOVING
    )
    + "CREATE TRIGGER bump_access AFTER UPDATE OF is_active ON directory_person FOR EACH ROW"
    " WHEN (old.is_active IS DISTINCT FROM new.is_active) EXECUTE FUNCTION mdo_bump_access();\n"
)
TRIGGERS_BACK = "".join(f"DROP TRIGGER bump_access ON {table};\n" for table in (*_MOVING, "directory_person"))


class Migration(migrations.Migration):
    dependencies = [("directory", "0001_initial"), ("kernel", "0001_initial")]

    operations = [migrations.RunSQL(FUNCTIONS, BACK), migrations.RunSQL(TRIGGERS, TRIGGERS_BACK)]

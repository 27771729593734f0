# The role that copies comes from another container; PostgreSQL's image lets replication in from its own alone.
echo "host replication mdo_backup samenet scram-sha-256" >> "$PGDATA/pg_hba.conf"

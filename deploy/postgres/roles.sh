# The roles and the database at the first start of PostgreSQL's container, with the passwords out of files; read by its entrypoint.
MDO_OWNER_PASSWORD=$(cat /run/secrets/owner_password) \
MDO_APP_PASSWORD=$(cat /run/secrets/app_password) \
MDO_BACKUP_PASSWORD=$(cat /run/secrets/backup_password) \
    psql -v ON_ERROR_STOP=1 --no-psqlrc -U "${POSTGRES_USER:-postgres}" -d postgres -f /etc/mdo/roles.sql

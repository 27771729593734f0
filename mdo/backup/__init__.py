"""Backups: a base of the database once a day, its write-ahead log as it is written, the stored files; all of it encrypted in one folder, the *vault*.

The copying is PostgreSQL's own (`pg_basebackup`, `pg_receivewal`), the encryption that of the stored files (`mdo.kernel.encryption`); what is written here
is the order in which they run, so that whatever the vault's log tells of has its file in the vault too (docs/decisions/backup.md).
"""

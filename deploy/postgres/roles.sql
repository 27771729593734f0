-- The two roles and the database. Run as a superuser of PostgreSQL 15 or later, with both passwords in the environment:
--   MDO_OWNER_PASSWORD=… MDO_APP_PASSWORD=… psql -v ON_ERROR_STOP=1 -d postgres -f roles.sql
-- and MDO_BACKUP_PASSWORD=… where `mdo backup` keeps the backups.
-- It may be run again: what exists is left or set right.
--
-- mdo_owner owns the database and migrates it; nothing that serves people runs as it.
-- mdo_app runs everything and owns nothing, so that row-level security holds for it.
-- mdo_backup copies the whole cluster and its log, and can read no table of it.
\set ON_ERROR_STOP on
\getenv owner_password MDO_OWNER_PASSWORD
\getenv app_password MDO_APP_PASSWORD
\getenv backup_password MDO_BACKUP_PASSWORD

SET password_encryption = 'scram-sha-256';
SET client_min_messages = warning;

SELECT 'CREATE ROLE mdo_owner' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mdo_owner') \gexec
SELECT 'CREATE ROLE mdo_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mdo_app') \gexec
ALTER ROLE mdo_owner LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE mdo_app LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS PASSWORD :'app_password';
-- What a fault of ours or a lost client may hold at most. The program asks for the same itself, but behind PgBouncer it cannot.
ALTER ROLE mdo_app SET statement_timeout = '60s';
ALTER ROLE mdo_app SET idle_in_transaction_session_timeout = '60s';

SELECT 'CREATE DATABASE mdo OWNER mdo_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mdo') \gexec
REVOKE ALL ON DATABASE mdo FROM PUBLIC;
GRANT CONNECT ON DATABASE mdo TO mdo_app;

\if :{?backup_password}
SELECT 'CREATE ROLE mdo_backup' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mdo_backup') \gexec
ALTER ROLE mdo_backup LOGIN REPLICATION NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS PASSWORD :'backup_password';
GRANT CONNECT ON DATABASE mdo TO mdo_backup;
\endif

\connect mdo
SET client_min_messages = warning;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- All of these are trusted extensions: the owner could make them too, but a managed PostgreSQL may want it done by its superuser.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;

-- What the owner makes from now on, mdo_app may use; a migration takes away what it must not.
ALTER DEFAULT PRIVILEGES FOR ROLE mdo_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mdo_app;
ALTER DEFAULT PRIVILEGES FOR ROLE mdo_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO mdo_app;

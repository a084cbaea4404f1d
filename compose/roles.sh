#!/usr/bin/env bash
# PostgreSQL's roles as system/store/postgres/roles.py describes them. `make -C compose up` runs it as a container of its own,
# which reads the secrets that belong to you; it can be repeated, and changes passwords to those of the secrets.
set -euo pipefail

readonly roles=(owner writer reader oracle alerts report)
PGPASSWORD=$(cat /run/secrets/postgres_password)
export PGPASSWORD PGHOST=postgres PGUSER=riskstream PGDATABASE=riskstream

statements() {
  local role
  for role in "${roles[@]}"; do
    cat <<SQL
DO \$\$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'riskstream_$role') THEN CREATE ROLE riskstream_$role; END IF;
END \$\$;
ALTER ROLE riskstream_$role WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  PASSWORD '$(cat "/run/secrets/postgres_${role}_password")';
SQL
  done
  cat <<SQL
ALTER ROLE riskstream_report CONNECTION LIMIT 10;
ALTER ROLE riskstream_report SET default_transaction_read_only = on;
ALTER ROLE riskstream_report SET statement_timeout = '60s';
ALTER ROLE riskstream_report SET idle_in_transaction_session_timeout = '60s';
ALTER DATABASE $PGDATABASE OWNER TO riskstream_owner;
REVOKE ALL ON DATABASE $PGDATABASE FROM PUBLIC;
GRANT CONNECT ON DATABASE $PGDATABASE TO riskstream_owner, riskstream_writer, riskstream_reader, riskstream_oracle, riskstream_alerts, riskstream_report;
ALTER SCHEMA public OWNER TO riskstream_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
}

# By the program's own input: a password stands on no command line.
statements | psql --quiet --no-psqlrc --set ON_ERROR_STOP=1

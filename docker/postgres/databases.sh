#!/bin/bash
# Runs once, when the volume is new: a database and a role for each service, closed to the others', and one for the log that
# TRANSPORT=postgres keeps.
set -euo pipefail
for name in order inventory payment shipping notification log; do
  psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --quiet --set ON_ERROR_STOP=1 \
    --set name="$name" --set password="$SERVICES_PASSWORD" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke connect on database :"name" from public;
SQL
done

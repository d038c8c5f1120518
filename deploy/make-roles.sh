#!/bin/sh
# Run once by PostgreSQL's image, when its volume is empty: the two roles of docs/database.md, with the passwords of the two URLs.
set -eu

password() { sed -E 's#^[a-z]+://[^:/@]+:([^@]+)@.*#\1#' "/run/secrets/$1"; }

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
  --set=owner_password="$(password migration_database_url)" --set=runtime_password="$(password database_url)" <<'SQL'
CREATE ROLE toolgrant_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE toolgrant_runtime LOGIN PASSWORD :'runtime_password';
CREATE DATABASE toolgrant OWNER toolgrant_owner;
REVOKE ALL ON DATABASE toolgrant FROM PUBLIC;
GRANT CONNECT ON DATABASE toolgrant TO toolgrant_runtime;
SQL

#!/bin/sh
# Makes the secrets that compose.yaml mounts, once: `sh deploy/make-secrets.sh`. Those that are there are kept.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets

keep() {
  [ -s "secrets/$1" ] && return 0
  cat >"secrets/$1"
  # Only the folder's owner gets here; in the containers, other accounts have to read the files.
  chmod 444 "secrets/$1"
}

url() { printf 'postgres://%s:%s@database:5432/toolgrant\n' "$1" "$(openssl rand -hex 24)"; }

openssl rand -base64 32 | keep toolgrant_secret
openssl rand -hex 24 | keep postgres_password
url toolgrant_owner | keep migration_database_url
url toolgrant_runtime | keep database_url
echo "In secrets/: keep toolgrant_secret in a backup of its own, apart from the database's."

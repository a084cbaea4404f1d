#!/usr/bin/env bash
# Make the secrets that compose.yaml hands to its services: once, readable by one user.
#
#   compose/make-secrets.sh [FOLDER]      FOLDER/secrets/* and FOLDER/.env; default: this folder
#
# Compose mounts the file of a secret as it is, its owner included. So the containers run as
# that owner (RISKSTREAM_UID, RISKSTREAM_GID in .env), which is never root.
set -euo pipefail
umask 077

folder=${1:-$(dirname "${BASH_SOURCE[0]}")}
readonly folder service_id=10001

random_word() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# Passwords of the roles that a folder lacks: a folder of an older version gets those that are new.
write_roles() {
  local into=$1 role word
  for role in owner writer reader oracle alerts report; do
    [ ! -e "$into/postgres_${role}_password" ] || continue
    word=$(random_word)
    printf 'postgresql://riskstream_%s:%s@postgres:5432/riskstream' "$role" "$word" >"$into/${role}_database_url"
    printf '%s' "$word" >"$into/postgres_${role}_password"
    [ "$(id -u)" != 0 ] || chown "$owner:$group" "$into/${role}_database_url" "$into/postgres_${role}_password"
  done
}

write_secrets() {
  local into=$1 redis
  redis=$(random_word)
  printf '%s' "$(random_word)" >"$into/postgres_password"
  write_roles "$into"
  printf 'requirepass %s\n' "$redis" >"$into/redis_auth"
  printf 'redis://:%s@redis:6379/0' "$redis" >"$into/redis_url"
  printf '%s' "$(random_word)" >"$into/riskstream_api_token"
  printf '%s\n' \
    'spark.authenticate          true' \
    "spark.authenticate.secret   $(random_word)" \
    'spark.ui.killEnabled        false' \
    'spark.master.rest.enabled   false' >"$into/spark-defaults.conf"
}

owner=$(id -u) group=$(id -g)
if [ "$owner" = 0 ]; then
  owner=$service_id group=$service_id
fi

if [ -e "$folder/secrets" ]; then
  write_roles "$folder/secrets"
  echo "secrets are there already: $folder/secrets"
else
  draft=$(mktemp -d "$folder/.secrets-XXXXXX")
  trap 'rm -rf "$draft"' EXIT
  write_secrets "$draft"
  [ "$(id -u)" != 0 ] || chown -R "$owner:$group" "$draft"
  mv "$draft" "$folder/secrets"
  echo "secrets written: $folder/secrets"
fi

if [ ! -e "$folder/.env" ]; then
  printf 'RISKSTREAM_UID=%s\nRISKSTREAM_GID=%s\n' "$owner" "$group" >"$folder/.env"
fi

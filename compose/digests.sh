#!/usr/bin/env bash
# Pin the images that are pulled: `@sha256:...` of each, as variables of .env that compose.yaml reads.
#
#   compose/digests.sh pin [FOLDER]     pull them, write FOLDER/.env; default: this folder
#   compose/digests.sh check [FOLDER]   exit code 1 unless FOLDER/.env pins all of them
#
# A tag can be moved to other bytes by whoever owns it, a digest cannot.
set -euo pipefail
umask 077

here=$(dirname "${BASH_SOURCE[0]}")
action=${1:-} folder=${2:-$here}
draft=""
readonly here action folder docker=${DOCKER:-docker}

tagged_images() {
  sed -nE 's/^ *(image: |FROM )([^$ ]+)\$\{([A-Z]+_DIGEST)(:-)?\}.*$/\3 \2/p' \
    "$here/compose.yaml" "$here/Dockerfile" | sort -u
}

digest_of() {
  # Of an image that has several names, the digest of the name that we use.
  $docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
    sed -nE "s#^(docker.io/(library/)?)?${1%%:*}(@sha256:[0-9a-f]{64})\$#\\3#p" | head -n 1
}

pin() {
  local variable image digest
  draft=$(mktemp "$folder/.env-XXXXXX")
  trap 'rm -f "$draft"' EXIT
  [ ! -e "$folder/.env" ] || grep -vE '^[A-Z]+_DIGEST=' "$folder/.env" >"$draft" || true
  while read -r variable image; do
    $docker pull --quiet "$image" >/dev/null
    digest=$(digest_of "$image")
    if [ -z "$digest" ]; then
      echo "$image has no digest: it was built here, or another registry's name is its only one" >&2
      exit 1
    fi
    echo "$variable=$digest" >>"$draft"
    echo "$image$digest"
  done < <(tagged_images)
  mv "$draft" "$folder/.env"
}

check() {
  local variable image status=0
  while read -r variable image; do
    if ! grep -qsE "^$variable=@sha256:[0-9a-f]{64}$" "$folder/.env"; then
      echo "$image is named by its tag alone: run \`make -C compose digests\`, then look at compose/.env" >&2
      status=1
    fi
  done < <(tagged_images)
  return $status
}

case $action in
  pin | check) "$action" ;;
  *)
    echo "usage: digests.sh pin|check [FOLDER]" >&2
    exit 2
    ;;
esac

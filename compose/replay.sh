#!/usr/bin/env bash
# Runs in the `replay` container: reference data, the three books, then the days until $1 (2020-04-30),
# $2 (3) seconds each.
set -euo pipefail

readonly books=/app/scenarios/books attempts=30
readonly window=(--from 2020-02-03 --to "${1:-2020-04-30}" --currencies USD,JPY) day_s=${2:-3}

# The API checks a book against what the stream has committed, which takes a moment.
import() {
  local attempt
  for ((attempt = 1; attempt < attempts; attempt++)); do
    riskstream portfolio import "$1" && return
    sleep 1
  done
  riskstream portfolio import "$1"
}

python -m system.simulate reference "${window[@]}"
for book in "$books"/*.json; do
  import "$book"
done
exec python -m system.simulate replay --skip-reference "${window[@]}" \
  --seconds-per-day "$day_s" --ticks-per-second 1000

#!/usr/bin/env bash
# Configure the broker from KAFKA_* variables as the official image does (with the broker's own wrapper), then run it.
set -euo pipefail

readonly defaults=/tmp/defaults mounted=/tmp/mounted config=/opt/kafka/config classes='/opt/kafka/libs/*'
mkdir -p "$defaults" "$mounted"
: >"$defaults/server.properties"
cat >"$defaults/log4j2.yaml" <<'YAML'
Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        - ref: STDOUT
YAML
cp "$defaults/log4j2.yaml" "$defaults/tools-log4j2.yaml"
export CLUSTER_ID="${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}"

# The wrapper formats the storage as well, and ends with 1 where it is formatted already.
java -cp "$classes" kafka.docker.KafkaDockerWrapper setup --default-configs-dir "$defaults" \
  --mounted-configs-dir "$mounted" --final-configs-dir "$config" ||
  grep -q . /var/lib/kafka/data/meta.properties "${KAFKA_LOG_DIRS:-/var/lib/kafka/data}/meta.properties"
# shellcheck disable=SC2086 - several options in one variable
exec java ${KAFKA_HEAP_OPTS:--Xmx512m} -XX:+UseG1GC -cp "$classes" \
  "-Dlog4j2.configurationFile=$config/log4j2.yaml" kafka.Kafka "$config/server.properties"

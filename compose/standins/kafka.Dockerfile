FROM riskstream-standin:bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --no-create-home appuser \
    && install --directory --owner appuser /var/lib/kafka/data /opt/kafka/config /opt/kafka/logs /etc/kafka/docker
COPY programs/broker /opt/kafka/libs
COPY kafka.sh /etc/kafka/docker/run
USER appuser
VOLUME /var/lib/kafka/data
CMD ["bash", "/etc/kafka/docker/run"]

FROM riskstream-standin:bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends redis-tools \
    && rm -rf /var/lib/apt/lists/* \
    && rm -rf /etc/redis && ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli
COPY programs /tmp/programs
RUN install -m 755 /tmp/programs/*/valkey-server /usr/local/bin/ && rm -rf /tmp/programs
WORKDIR /data
CMD ["valkey-server"]

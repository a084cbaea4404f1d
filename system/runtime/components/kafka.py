"""A Kafka broker of one node, its own controller (KRaft)."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Final

from kafka import KafkaAdminClient

from system.bus.admin import SEGMENT_BYTES, create_topics
from system.bus.reachability import link_options
from system.contracts.topics import WEEK
from system.runtime.components.broker_program import (
    broker_program,
    format_program,
    write_configuration,
)
from system.runtime.components.component import CHECK_BOUND_S, Component, Site, check_port
from system.runtime.components.programs import Program, run_step
from system.settings import LOOPBACK, ConnectionName, Connections, Settings

# A broker that was killed may register again only when its last session has run out.
SESSION_BOUND_MS: Final = 5_000
HEARTBEAT_INTERVAL_MS: Final = 1_000
PREFERRED_PORT: Final = 19092


class Kafka(Component):
    """The broker; gives way to ``KAFKA_BOOTSTRAP_SERVERS``."""

    name: ClassVar = "kafka"
    replaced_by: ClassVar[ConnectionName | None] = "kafka_bootstrap_servers"
    port_names: ClassVar = ("broker", "controller")
    needs_java: ClassVar = True

    def preferred_port(self, settings: Settings, port_name: str) -> int | None:
        """Return a port that stays the same from run to run, for the broker."""
        return PREFERRED_PORT if port_name == "broker" else None

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return the bootstrap servers."""
        return {"kafka_bootstrap_servers": f"{LOOPBACK}:{site.ports['broker']}"}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the bootstrap servers."""
        return connections.kafka_bootstrap_servers

    def prepare(self, site: Site) -> Program:
        """Write the configuration, and format the log folder once.

        Raises
        ------
        InputError
            If the broker's Java archives are not installed; names the command that fetches them.
        StackError
            If formatting the log folder fails.
        """
        folder = site.state.folder("kafka")
        settings, java = site.settings, site.required_java
        write_configuration(folder, server_properties(site.ports, folder / "log"))
        if not (folder / "log" / "meta.properties").exists():
            formatting = format_program(settings, java, folder, cluster_id(uuid.uuid4()))
            run_step(formatting, folder / "format.program")
        return broker_program(settings, java, folder)

    def finish(
        self, settings: Settings, connections: Connections, tell: Callable[[str], None]
    ) -> None:
        """Create the topics that are missing, and give all of them their settings."""
        create_topics(
            connections.kafka_bootstrap_servers,
            settings.partitions,
            retentions=settings.retentions,
        )

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if a broker describes its cluster."""
        servers = connections.kafka_bootstrap_servers.split(",")
        check_port(servers[0])
        admin = KafkaAdminClient(
            **link_options(
                connections.kafka_bootstrap_servers, CHECK_BOUND_S, request_seconds=CHECK_BOUND_S
            )
        )
        try:
            admin.describe_cluster()
        finally:
            admin.close()


def server_properties(ports: Mapping[str, int], log_dir: Path) -> str:
    """Return the broker's configuration file.

    Parameters
    ----------
    ports : mapping of str to int
        ``broker`` and ``controller``.
    log_dir : Path
        Where it keeps its messages.
    """
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{ports["controller"]}
listeners=PLAINTEXT://{LOOPBACK}:{ports["broker"]},CONTROLLER://{LOOPBACK}:{ports["controller"]}
advertised.listeners=PLAINTEXT://{LOOPBACK}:{ports["broker"]}
controller.listener.names=CONTROLLER
log.dirs={log_dir}
auto.create.topics.enable=false
log.segment.bytes={SEGMENT_BYTES}
log.retention.hours={WEEK.hours}
log.retention.bytes={WEEK.mib * 2**20}
compression.type=uncompressed
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms={SESSION_BOUND_MS}
broker.heartbeat.interval.ms={HEARTBEAT_INTERVAL_MS}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""


def cluster_id(drawn: uuid.UUID) -> str:
    """Return a cluster's id as Kafka writes it: 22 letters of URL-safe base 64.

    Kafka's own draws never begin with a dash, which its tool takes for an option.
    """
    letters = base64.urlsafe_b64encode(drawn.bytes).decode().rstrip("=")
    return letters if not letters.startswith("-") else f"A{letters[1:]}"

"""Fault points of a scenario: relays in front of the servers, and a small disk.

The product's processes are pointed at relays by the variables that name external servers;
the source, the observer and the checkers go to the servers themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from system.clock import Clock
from system.connections import DATABASE_ROLES, EXTERNAL_VARIABLES, Connections
from system.errors import UnavailableError
from system.runtime.components.ports import free_ports
from system.runtime.running import RunningStack
from system.settings import LOOPBACK
from validation.scenarios.faults.disk import SmallDisk
from validation.scenarios.faults.kill_points import POINTS, STOPS_BEHIND
from validation.scenarios.faults.relay import Relay, RelayCounts
from validation.scenarios.file.fault_tables import (
    AnyFault,
    BlackHole,
    Cut,
    Delay,
    DiskFull,
    KillAt,
)

KAFKA: Final = "kafka"
STREAM: Final = "stream"
LISTENER: Final = "RELAYED"
_PROPERTIES: Final = Path("kafka") / "server.properties"


class FaultPoints:
    """Relays and the small disk that one scenario asks for; closed before the next one.

    Parameters
    ----------
    faults : iterable
        Of the scenario.
    running : RunningStack
        The run's own stack: its broker may be started anew, with one more listener.
    connections : Connections
        Of that stack.
    """

    def __init__(
        self, faults: Iterable[AnyFault], running: RunningStack, connections: Connections
    ) -> None:
        listed = list(faults)
        self._links = {fault.what for fault in listed if isinstance(fault, Delay | Cut | BlackHole)}
        self._driver_links: set[str] = {
            POINTS[fault.point].link for fault in listed if isinstance(fault, KillAt)
        }
        self._wants_disk = any(isinstance(fault, DiskFull) for fault in listed)
        self._running = running
        self._connections = connections
        self._relays: dict[str, Relay] = {}
        self._open = ExitStack()
        self._disk: SmallDisk | None = None

    @property
    def is_wanted(self) -> bool:
        """True where a fault needs a relay or a disk."""
        return self._wants_disk or bool(self._links | self._driver_links)

    def environment(self, component: str) -> dict[str, str]:
        """Return the variables that point a process of the product at the relays.

        Where the driver is to be killed at a request, only the driver's requests pass the relay.
        """
        links = self._links | self._driver_links if component == STREAM else self._links
        ports = {name: relay.port for name, relay in self._relays.items() if name in links}
        return relayed_variables(self._connections, ports)

    @property
    def disk(self) -> SmallDisk:
        """The disk that the checkpoints lie on."""
        assert self._disk is not None, "a fault that needs it asks for it"
        return self._disk

    def relay(self, what: str) -> Relay:
        """Return the relay before a server."""
        return self._relays[what]

    def open(self) -> None:
        """Start relays and mount the disk; the stream and the API must be stopped.

        Raises
        ------
        UnavailableError
            If the disk cannot be mounted.
        RiskstreamError
            If the broker does not come up with its listener.
        """
        for name in sorted(self._links | self._driver_links):
            port, target = self._ports(name)
            relay = Relay(port, target, stops_behind=STOPS_BEHIND.get(name, b""))
            self._relays[name] = self._open.enter_context(relay)
        if self._wants_disk:
            self._disk = self._open.enter_context(SmallDisk(self._connections.state_dir))

    def close(self) -> None:
        """Stop relays and unmount the disk; harmless when nothing is open."""
        self._open.close()
        self._relays.clear()
        self._disk = None

    def _ports(self, name: str) -> tuple[int, int]:
        """Return where the relay listens, and the port that it passes on to."""
        if name != KAFKA:
            (port,) = free_ports([None])
            return port, server_port(self._connections, name)
        path = self._connections.state_dir / _PROPERTIES
        saved = path.read_text("utf-8")
        if (ports := listener_ports(saved)) is None:
            port, target = free_ports([None, None])
            ports = port, target
            path.write_text(with_listener(saved, port=port, target_port=target), "utf-8")
            self._running.restart(KAFKA)
        return ports


def server_port(connections: Connections, name: str) -> int:
    """Return the port of PostgreSQL or Redis."""
    url = connections.database_url if name == "postgres" else connections.redis_url
    port = urlsplit(url).port
    assert port is not None, "an embedded server's URL names its port"
    return port


def relayed_variables(connections: Connections, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the variables that name relays in place of servers.

    Parameters
    ----------
    connections : Connections
        Of the servers.
    ports : mapping of str to int
        Server to the port of its relay, on loopback.
    """
    variables: dict[str, str] = {}
    for name, port in ports.items():
        if name == KAFKA:
            variables[EXTERNAL_VARIABLES["kafka_bootstrap_servers"]] = f"{LOOPBACK}:{port}"
        elif name == "postgres":
            for role in ("database_url", *DATABASE_ROLES):
                if url := connections.get(role):
                    variables[EXTERNAL_VARIABLES[role]] = _with_port(url, port)
        else:
            variables[EXTERNAL_VARIABLES["redis_url"]] = _with_port(connections.redis_url, port)
    return variables


def with_listener(properties: str, *, port: int, target_port: int) -> str:
    """Return a broker's configuration with a listener that clients reach by a relay.

    A broker tells its clients where to go on: those that came by the relay are told of
    the relay again.

    Parameters
    ----------
    properties : str
        The broker's own.
    port : int
        Of the relay.
    target_port : int
        Where the broker listens for it.
    """
    added = {
        "listeners": f"{LISTENER}://{LOOPBACK}:{target_port}",
        "advertised.listeners": f"{LISTENER}://{LOOPBACK}:{port}",
    }
    lines = []
    for line in properties.splitlines():
        name, _, value = line.partition("=")
        lines.append(f"{name}={value},{added[name]}" if name in added else line)
    secure = ("PLAINTEXT", "CONTROLLER", LISTENER)
    protocols = ",".join(f"{name}:PLAINTEXT" for name in secure)
    lines.append(f"listener.security.protocol.map={protocols}")
    lines.append("inter.broker.listener.name=PLAINTEXT")
    return "\n".join(lines) + "\n"


def listener_ports(properties: str) -> tuple[int, int] | None:
    """Return the relay's port and the broker's own of the listener, None where there is none."""
    ports = {}
    for line in properties.splitlines():
        name, _, value = line.partition("=")
        for listener in value.split(","):
            if listener.startswith(f"{LISTENER}://"):
                ports[name] = int(listener.rpartition(":")[2])
    return (ports["advertised.listeners"], ports["listeners"]) if ports else None


def delayed(relay: Relay, fault: Delay, clock: Clock) -> tuple[bool, str]:
    """Delay what goes through a relay for a while; return whether it bit, and the witness."""
    before = relay.counts
    relay.delay(fault.milliseconds / 1e3)
    try:
        clock.sleep(fault.seconds)
    finally:
        relay.heal()
    held = relay.counts.held - before.held
    return (
        held > 0,
        f"{held} pieces held for {fault.milliseconds} ms each, {fault.seconds:g} s long",
    )


def cut_off(relay: Relay, fault: Cut, clock: Clock) -> tuple[bool, str]:
    """Cut every connection of a relay for a while; return whether it bit, and the witness."""
    before = relay.counts
    relay.cut()
    try:
        clock.sleep(fault.seconds)
    finally:
        relay.heal()
    done = _since(before, relay.counts)
    witness = f"{done.cut} connections cut, {done.refused} refused within {fault.seconds:g} s"
    return done.cut > 0, witness


def silenced(relay: Relay, fault: BlackHole, clock: Clock) -> tuple[bool, str]:
    """Let nothing pass a relay for a while; return whether it bit, and the witness."""
    before = relay.counts
    relay.silence()
    try:
        clock.sleep(fault.seconds)
        done = _since(before, relay.counts)
    finally:
        relay.heal()
    return done.held > 0, f"{done.held} pieces kept back for up to {fault.seconds:g} s"


def refused_here(faults: Iterable[AnyFault]) -> str:
    """Return why faults of a scenario cannot be made on this machine; empty when they can."""
    wants_disk = any(isinstance(fault, DiskFull) for fault in faults)
    return SmallDisk.why_not() if wants_disk else ""


def require_possible(name: str, faults: Iterable[AnyFault]) -> None:
    """Refuse a scenario whose faults cannot be made here.

    Raises
    ------
    UnavailableError
        If one cannot; says why.
    """
    if why := refused_here(faults):
        raise UnavailableError(f"{name} cannot be run here: {why}")


def _since(before: RelayCounts, now: RelayCounts) -> RelayCounts:
    names = RelayCounts.__struct_fields__
    return RelayCounts(**{name: getattr(now, name) - getattr(before, name) for name in names})


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    host, _, _ = parts.netloc.rpartition(":")
    return parts._replace(netloc=f"{host}:{port}").geturl()

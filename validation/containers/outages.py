"""Outages of one container: its processes killed, paused, or cut off from the network."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Final

import msgspec

from system.clock import SystemClock
from validation.containers.engine import ContainerError, Engine
from validation.containers.project import NETWORK, SERVICES, ComposeProject, ContainerState
from validation.run.wait import polled

BACK_BOUND_S: Final = 60.0
POLL_S: Final = 0.1
HELD_S: Final = 8.0
"""Seconds that a pause or a cut lasts: longer than the 5 s after which *running* is taken back."""


class OutageKind(StrEnum):
    """Kind of outage: processes killed, processes stopped, or network taken away."""

    KILL = "kill"
    PAUSE = "pause"
    CUT = "cut"


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """An outage that was made: its container before and after, and when (CLOCK_MONOTONIC)."""

    service: str
    kind: OutageKind
    container: str
    began_ns: int
    ended_ns: int
    witness: str


def plan() -> tuple[tuple[str, OutageKind], ...]:
    """Return every outage: each service killed, and those that hold the stream paused and cut."""
    killed = tuple((service, OutageKind.KILL) for service in SERVICES)
    held = ("kafka", "postgres", "redis", "spark-worker", "stream")
    pauses = tuple((service, OutageKind.PAUSE) for service in held)
    cuts = tuple((service, OutageKind.CUT) for service in held)
    return (*killed, *pauses, *cuts)


def make(project: ComposeProject, engine: Engine, service: str, kind: OutageKind) -> Outage:
    """Make an outage and end it; a killed container must come back by its restart policy.

    Raises
    ------
    ContainerError
        If the engine refuses, or a killed container is not running again within
        ``BACK_BOUND_S`` seconds.
    """
    clock = SystemClock()
    before = project.state(service)
    began_ns = clock.monotonic_ns()
    if kind is OutageKind.KILL:
        witness = _killed(project, service, before)
    elif kind is OutageKind.PAUSE:
        witness = _paused(project, engine, service, before)
    else:
        witness = _cut(project, engine, service, before)
    return Outage(
        service=service,
        kind=kind,
        container=before.container,
        began_ns=began_ns,
        ended_ns=clock.monotonic_ns(),
        witness=witness,
    )


def _killed(project: ComposeProject, service: str, before: ContainerState) -> str:
    """Kill the container's first process from outside.

    ``docker kill`` would count as a stop that a person asked for, after which no restart policy
    applies.
    """
    os.kill(before.pid, signal.SIGKILL)
    after = _await(project, service, lambda state: state.pid not in {0, before.pid})
    return f"process {before.pid} killed, {after.pid} in its place, restart {after.restarts}"


def _paused(project: ComposeProject, engine: Engine, service: str, before: ContainerState) -> str:
    engine.run("pause", before.container)
    try:
        seen = project.state(service).status
        SystemClock().sleep(HELD_S)
    finally:
        engine.run("unpause", before.container)
    return f"{seen} for {HELD_S:g} s"


def _cut(project: ComposeProject, engine: Engine, service: str, before: ContainerState) -> str:
    network = project.network()
    engine.run("network", "disconnect", "--force", network, before.container)
    try:
        left = engine.run(
            "inspect", "--format", "{{json .NetworkSettings.Networks}}", before.container
        )
        SystemClock().sleep(HELD_S)
    finally:
        engine.run("network", "connect", "--alias", service, network, before.container)
    is_cut = network not in msgspec.json.decode(left, type=dict[str, object])
    return f"{'without' if is_cut else 'still on'} network {NETWORK} for {HELD_S:g} s"


def _await(
    project: ComposeProject, service: str, is_back: Callable[[ContainerState], bool]
) -> ContainerState:
    def look() -> ContainerState | None:
        with suppress(ContainerError):
            state = project.state(service)
            if state.status == "running" and is_back(state):
                return state
        return None

    if state := polled(look, bound_s=BACK_BOUND_S, poll_s=POLL_S):
        return state
    raise ContainerError(f"{service} was killed and is not back after {BACK_BOUND_S:g} s")

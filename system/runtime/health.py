"""Wait until a component answers, or say why it will not."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Final

from tenacity import (
    Retrying,
    retry_if_not_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_fixed,
)

from system.runtime.components.component import Component, StillStartingError
from system.runtime.errors import ComponentFailedError, PortTakenError, StackError
from system.runtime.state import StateDir, last_lines, refusal
from system.runtime.supervision.supervisord import CRASHED_STATES, Supervisor
from system.settings import Connections

POLL_INTERVAL_S: Final = 0.2
EXTERNAL_BOUND_S: Final = 15.0
PORT_TAKEN: Final = re.compile(r"address already in use|port \d+ is (not available|already)", re.I)


def await_started(
    component: Component,
    pid: int,
    *,
    connections: Connections,
    addresses: Mapping[str, str],
    state: StateDir,
    log_offset: int,
    cancelled: threading.Event,
    on_progress: Callable[[str], None] = lambda text: None,
) -> None:
    """Return once a component of ours answers.

    Parameters
    ----------
    component : Component
        What was started.
    pid : int
        Its process; another one in its place means that it crashed.
    connections, addresses
        As ``Component.check`` takes them.
    state : StateDir
        Where it logs.
    log_offset : int
        Size of its log before the start: what stands before is another run's.
    cancelled : threading.Event
        Ends the wait early.
    on_progress : callable
        Told how far a component is that answers and is still starting.

    Raises
    ------
    PortTakenError
        If it crashed because its port was taken.
    ComponentFailedError
        If it crashed, or does not answer within its bound.
    """
    supervisor = Supervisor(state)

    def attempt() -> None:
        process = supervisor.process(component.name)
        if process.state in CRASHED_STATES or process.pid != pid:
            raise _crash(component, state, log_offset)
        try:
            component.check(connections, addresses)
        except StillStartingError as error:
            on_progress(str(error))
            raise

    try:
        _patient(component.start_bound_s, cancelled)(attempt)
    except StackError:
        raise
    except Exception as error:
        reason = f"did not answer within {component.start_bound_s:.0f} s: {error}"
        raise _failed(component, state, reason, log_offset) from error


def await_external(
    component: Component,
    connections: Connections,
    addresses: Mapping[str, str],
    cancelled: threading.Event,
) -> None:
    """Return once a server that somebody else runs answers.

    Raises
    ------
    StackError
        If it does not within ``EXTERNAL_BOUND_S``.
    """
    try:
        _patient(EXTERNAL_BOUND_S, cancelled)(component.check, connections, addresses)
    except Exception as error:
        raise StackError(
            f"{component.name}: the server at {addresses[component.name]}, named by the "
            f"environment, did not answer within {EXTERNAL_BOUND_S:.0f} s: {error}"
        ) from error


def _patient(bound_s: float, cancelled: threading.Event) -> Retrying:
    return Retrying(
        stop=stop_after_delay(bound_s) | stop_when_event_set(cancelled),
        wait=wait_fixed(POLL_INTERVAL_S),
        sleep=sleep_using_event(cancelled),
        retry=retry_if_not_exception_type(StackError),
        reraise=True,
    )


def _crash(component: Component, state: StateDir, log_offset: int) -> ComponentFailedError:
    return _failed(component, state, "exited while it started", log_offset)


def _failed(
    component: Component, state: StateDir, reason: str, log_offset: int
) -> ComponentFailedError:
    log_path = state.log_path(component.name)
    lines = last_lines(log_path, since=log_offset)
    taken = any(PORT_TAKEN.search(line) for line in lines)
    error_type = PortTakenError if taken else ComponentFailedError
    if refused := refusal(log_path, since=log_offset):
        reason = f"refuses to start: {refused}"
    return error_type(component.name, reason, log_path, lines)

"""A stack that runs, seen from any process: status, process ids, restart, stop."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from system.runtime.components.component import Component
from system.runtime.components.programs import change_program
from system.runtime.components.registry import COMPONENTS
from system.runtime.errors import ComponentFailedError, NotRunningError, StackError
from system.runtime.health import await_started
from system.runtime.state import (
    ComponentRecord,
    StateDir,
    forget_run,
    is_held,
    last_lines,
    load_record,
    refusal,
)
from system.runtime.supervision.supervisord import (
    STOPPED_STATES,
    Pause,
    ProcessState,
    Supervisor,
    program_path,
)
from system.settings import Settings

STOP_BOUND_S: Final = 60.0
TERM_BOUND_S: Final = 30.0
KILL_BOUND_S: Final = 10.0
POLL_INTERVAL_S: Final = 0.1


@dataclass(frozen=True)
class ComponentStatus:
    """Health and process status of one component.

    Parameters
    ----------
    name : str
        Component.
    state : str
        "healthy", "unhealthy", "stopped", or supervisord's word while it changes.
    address : str
        What a person opens, without secrets.
    external : bool
        Whether somebody else runs it.
    pid : int or None
        Its process, if it is ours and runs.
    uptime_s : int or None
        Since its last start.
    log_path : str
        Where it logs; empty for an external one.
    problem : str
        Why it is unhealthy; empty otherwise.
    """

    name: str
    state: str
    address: str
    external: bool
    pid: int | None
    uptime_s: int | None
    log_path: str
    problem: str


class RunningStack:
    """The stack that runs on a state folder.

    Parameters
    ----------
    settings : Settings
        Names the state folder.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = StateDir(settings.state_dir)

    def is_up(self) -> bool:
        """Return whether a stack owns the state folder: starting, running or stopping."""
        return is_held(self._state)

    def status(self) -> list[ComponentStatus]:
        """Return how each component is, health checked just now.

        Raises
        ------
        NotRunningError
            If no stack runs on the state folder.
        """
        records = self._records()
        supervisor = Supervisor(self._state)
        processes, pauses = supervisor.processes(), supervisor.pauses()

        def status(record: ComponentRecord) -> ComponentStatus:
            return self._status(record, processes.get(record.name), pauses, records)

        with ThreadPoolExecutor(len(records)) as pool:
            return list(pool.map(status, records))

    def failure(self) -> ComponentFailedError | None:
        """Return why the last stack on this state folder stopped by itself, None if it did not."""
        if not self._state.failure_path.exists():
            return None
        failure = json.loads(self._state.failure_path.read_text("utf-8"))
        log_path = self._state.log_path(failure["component"])
        return ComponentFailedError(
            failure["component"],
            failure["reason"],
            log_path,
            last_lines(log_path),
            failure.get("remedy", ""),
        )

    def pid(self, component: str) -> int:
        """Return the process id of a component; the supervisor's for "supervisord".

        Raises
        ------
        StackError
            If it does not run.
        """
        if component == "supervisord":
            return self._supervisor_pid()
        pid = Supervisor(self._state).process(component).pid
        if not pid:
            raise StackError(f"{component} does not run")
        return pid

    def restart(self, component: str) -> None:
        """Stop a component if it runs, start it on its old ports, and wait for its answer.

        Raises
        ------
        ComponentFailedError
            If it does not come up again.
        StackError
            If there is no such component, or it does not stop.
        """
        self.stop_component(component)
        addresses = {record.name: record.address for record in self._records()}
        self.start_and_await(COMPONENTS[component], addresses, threading.Event())

    def reconfigure(self, component: str, variables: Mapping[str, str]) -> None:
        """Change environment variables of a component, from its next start on.

        Parameters
        ----------
        component : str
            One that this stack has started.
        variables : mapping of str to str
            Added to its own, or put in their place.
        """
        change_program(self._state.root / program_path(component), variables)

    def stop_component(self, component: str) -> None:
        """Stop a component and return when it is gone; ``restart`` brings it back.

        Raises
        ------
        StackError
            If there is no such component, or it does not stop.
        """
        supervisor = Supervisor(self._state)
        supervisor.forget_restart(component)
        if supervisor.process(component).state not in STOPPED_STATES:
            supervisor.stop(component)
        self._await_stopped(supervisor, component)

    def start_and_await(
        self,
        component: Component,
        addresses: Mapping[str, str],
        cancelled: threading.Event,
        on_progress: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Start a prepared component and return once it answers.

        Parameters
        ----------
        component : Component
            Its program is saved already.
        addresses : mapping of str to str
            Of every component, for the check.
        cancelled : threading.Event
            Ends the wait early.
        on_progress : callable
            Told how far a component is that answers and is still starting.

        Raises
        ------
        PortTakenError
            If its port was taken; it is left stopped.
        ComponentFailedError
            If it crashed or does not answer; it is left stopped.
        """
        log_path = self._state.log_path(component.name)
        log_offset = log_path.stat().st_size if log_path.exists() else 0
        supervisor = Supervisor(self._state)
        try:
            await_started(
                component,
                supervisor.start(component.name),
                connections=self._settings.connections(),
                addresses=addresses,
                state=self._state,
                log_offset=log_offset,
                cancelled=cancelled,
                on_progress=on_progress,
            )
        except StackError:
            self._leave_stopped(supervisor, component.name)
            raise

    def forget(self) -> None:
        """Remove what a stack that was killed could not clean up; harmless when one runs."""
        if not self.is_up():
            forget_run(self._settings, self._state)

    def stop(self, supervisor_pid: int | None = None) -> None:
        """Stop every component and supervisord, and return when all of them are gone.

        Parameters
        ----------
        supervisor_pid : int, optional
            When known; else taken from the record.

        Raises
        ------
        NotRunningError
            If no stack runs on the state folder.
        StackError
            If something outlives even SIGKILL.
        """
        family = _family(supervisor_pid or self._supervisor_pid())
        try:
            Supervisor(self._state).shut_down()
        except StackError:
            _signal(family[:1], signal.SIGTERM)
        _end(family)
        forget_run(self._settings, self._state)

    def _status(
        self,
        record: ComponentRecord,
        process: ProcessState | None,
        pauses: Mapping[str, Pause],
        records: tuple[ComponentRecord, ...],
    ) -> ComponentStatus:
        process = None if record.external else process
        state, problem = self._health(record, process, records)
        is_down = process is not None and not process.pid
        why = refusal(self._state.log_path(record.name)) if is_down else ""
        pause = pauses[record.name].sentence() if record.name in pauses else ""
        problem = "; ".join(sentence for sentence in (why, pause) if sentence) or problem
        return ComponentStatus(
            record.name,
            state,
            record.address,
            external=record.external,
            pid=process.pid or None if process else None,
            uptime_s=process.uptime_s if process and process.pid else None,
            log_path=record.log_path,
            problem=problem,
        )

    def _health(
        self,
        record: ComponentRecord,
        process: ProcessState | None,
        records: tuple[ComponentRecord, ...],
    ) -> tuple[str, str]:
        if process is not None and not process.pid:
            return process.state.lower(), ""
        addresses = {each.name: each.address for each in records}
        try:
            COMPONENTS[record.name].check(self._settings.connections(), addresses)
        except Exception as error:
            return "unhealthy", str(error) or type(error).__name__
        return "healthy", ""

    def _await_stopped(self, supervisor: Supervisor, component: str) -> None:
        def is_stopping() -> bool:
            return supervisor.process(component).state not in STOPPED_STATES

        bound_s = COMPONENTS[component].stop_bound_s + KILL_BOUND_S
        Retrying(
            retry=retry_if_result(bool),
            stop=stop_after_delay(bound_s),
            wait=wait_fixed(POLL_INTERVAL_S),
            retry_error_callback=lambda state: _still_there(component, bound_s),
        )(is_stopping)

    def _leave_stopped(self, supervisor: Supervisor, component: str) -> None:
        with suppress(StackError):
            supervisor.forget_restart(component)
            if supervisor.process(component).state not in STOPPED_STATES:
                supervisor.stop(component)
                self._await_stopped(supervisor, component)

    def _records(self) -> tuple[ComponentRecord, ...]:
        record = load_record(self._state)
        if record is None or not self.is_up():
            raise NotRunningError(f"no stack runs on {self._state.root}")
        return record.components

    def _supervisor_pid(self) -> int:
        record = load_record(self._state)
        if record is None or not self.is_up():
            raise NotRunningError(f"no stack runs on {self._state.root}")
        return record.supervisor_pid


def _still_there(component: str, bound_s: float) -> None:
    raise StackError(f"{component} did not stop within {bound_s:.0f} s")


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and all that descend from it; none when it is gone."""
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end(family: list[psutil.Process]) -> None:
    """Wait for the ordered shutdown; what outlives its bound is killed."""
    psutil.wait_procs(family[:1], timeout=STOP_BOUND_S)
    _, alive = psutil.wait_procs(family, timeout=KILL_BOUND_S)
    _signal(alive, signal.SIGKILL)
    _, alive = psutil.wait_procs(alive, timeout=KILL_BOUND_S)
    if alive:
        raise StackError(f"still running after SIGKILL: {[each.pid for each in alive]}")


def _signal(processes: list[psutil.Process], which: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(which)

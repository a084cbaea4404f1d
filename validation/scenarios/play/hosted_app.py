"""The process that hosts drivers or APIs (`app_host`), as the harness sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from system.clock import SystemClock
from system.errors import RiskstreamError, UnavailableError
from system.runtime.components.apps import STREAM_START_BOUND_S
from system.runtime.components.java import find_java
from system.runtime.components.registry import COMPONENTS
from system.runtime.components.spark import spark_environment
from system.runtime.state import StateDir
from system.settings import Connections, Settings
from validation.run.command import log_tail
from validation.scenarios.play.app_host import ENDED, STARTED, Begin, End

ANSWER_BOUND_S: Final = 60.0
STOP_BOUND_S: Final = 30.0
POLL_S: Final = 0.1
LOG_LINES: Final = 20


COMMAND: Final = (sys.executable, "-m", "validation.scenarios.play.app_host")


class HostedApp:
    """Lives of a component in one process, one after the other; started at once, until `close`.

    Parameters
    ----------
    component : str
        ``stream`` or ``api``.
    log : Path
        Of the process.
    environment : mapping of str to str
        Of the process; that of each life comes on top.
    command : sequence of str
        Starts it.
    """

    def __init__(
        self,
        component: str,
        log: Path,
        environment: Mapping[str, str],
        *,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._component = component
        self._is_living = False
        self._log = log
        with log.open("ab") as stream:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                (*command, component),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=dict(environment),
                start_new_session=True,
            )

    @classmethod
    def of_stack(cls, component: str, settings: Settings) -> Self:
        """Start one beside the stack of some settings."""
        java = find_java(settings.java_home, settings.search_path)
        spark = spark_environment(settings, java.home)
        log = StateDir(settings.state_dir).log_path(f"{component}-host")
        return cls(component, log, {**os.environ, **settings.environment(), **spark})

    def close(self) -> None:
        """End the process and what its lives share; harmless when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None, "its input is a pipe"
        assert process.stdout is not None, "its output is a pipe"
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(STOP_BOUND_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def begin(self, environment: Mapping[str, str], connections: Connections) -> None:
        """Begin a life, and return once it answers.

        Parameters
        ----------
        environment : mapping of str to str
            ``Settings.environment()`` of this life.
        connections : Connections
            Of the stack, which is empty.

        Raises
        ------
        UnavailableError
            If it does not come up within its bound; holds the end of its log.
        """
        self._order(Begin(environment=dict(environment)), STARTED)
        self._is_living = True
        clock = SystemClock()
        deadline_ns = clock.monotonic_ns() + round(STREAM_START_BOUND_S * 1e9)
        while True:
            try:
                COMPONENTS[self._component].check(connections, {})
            except (RiskstreamError, OSError) as error:
                if clock.monotonic_ns() > deadline_ns or self._has_ended():
                    raise self._failed(str(error)) from None
                clock.sleep(POLL_S)
            else:
                return

    def end(self) -> None:
        """End the life, and return when it has ended; harmless where none has begun.

        Raises
        ------
        UnavailableError
            If it failed, or does not end in time; holds the end of its log.
        """
        if self._is_living:
            self._is_living = False
            self._order(End(), ENDED)

    def _order(self, order: Begin | End, answer: bytes) -> None:
        process = self._process
        assert process is not None, "orders are for a process that was not closed"
        assert process.stdin is not None, "its input is a pipe"
        assert process.stdout is not None, "its output is a pipe"
        timer = threading.Timer(ANSWER_BOUND_S, process.kill)
        timer.start()
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(msgspec.json.encode(order) + b"\n")
                process.stdin.flush()
            line = process.stdout.readline()
        finally:
            timer.cancel()
        if line.strip() != answer:
            raise self._failed(f"no answer to {type(order).__name__.lower()}")

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _failed(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the hosted {self._component}: {why}\n{log_tail(self._log, LOG_LINES)}"
        )

"""The process that hosts drivers or APIs (`app_host`), as the harness sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

import msgspec

from system.errors import RiskstreamError, UnavailableError
from system.runtime.components.apps import STREAM_START_BOUND_S
from system.runtime.components.java import find_java
from system.runtime.components.registry import COMPONENTS
from system.runtime.components.spark import spark_environment
from system.runtime.state import StateDir
from system.settings import Connections, Settings
from validation.run.child_process import ChildProcess, python_command
from validation.run.command import log_tail
from validation.run.wait import polled
from validation.scenarios.play.app_host import ENDED, STARTED, Begin, End

ANSWER_BOUND_S: Final = 60.0
POLL_S: Final = 0.1
LOG_LINES: Final = 20
COMMAND: Final = python_command("validation.scenarios.play.app_host")


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
        self._problem = ""
        self._log = log
        self._process = ChildProcess(
            f"the host of the {component}",
            (*command, component),
            log=log,
            environment=environment,
            ends_with_input=True,
        )
        self._process.start()

    @classmethod
    def of_stack(cls, component: str, settings: Settings) -> Self:
        """Start one beside the stack of some settings."""
        java = find_java(settings.java_home, settings.search_path)
        spark = spark_environment(settings, java.home)
        log = StateDir(settings.state_dir).log_path(f"{component}-host")
        return cls(component, log, {**os.environ, **settings.environment(), **spark})

    def close(self) -> None:
        """End the process and what its lives share; harmless when it has ended."""
        self._process.stop()

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
        if not polled(
            partial(self._answers, connections), bound_s=STREAM_START_BOUND_S, poll_s=POLL_S
        ):
            raise self._failed(self._problem)

    def _answers(self, connections: Connections) -> bool:
        """Return whether the life answers."""
        try:
            COMPONENTS[self._component].check(connections, {})
        except (RiskstreamError, OSError) as error:
            self._problem = str(error)
            if not self._process.is_running:
                raise self._failed(self._problem) from None
            return False
        return True

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
        self._process.write_line(msgspec.json.encode(order))
        line = self._process.read_line(ANSWER_BOUND_S)
        if line.strip() != answer:
            raise self._failed(f"no answer to {type(order).__name__.lower()}")

    def _failed(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the hosted {self._component}: {why}\n{log_tail(self._log, LOG_LINES)}"
        )

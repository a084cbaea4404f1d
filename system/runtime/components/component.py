"""Base class of the components of the stack.

A component is a value without state of its own: told where it runs (``Site``) it writes its
configuration and says which program to start; told where everything is (``Connections``) it
says whether it answers. The stack does the starting, so a component never starts anything.
"""

from __future__ import annotations

import os
import signal
import socket
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from system.errors import UnavailableError
from system.runtime.components.java import Java
from system.runtime.components.programs import Program
from system.runtime.state import Secrets, StateDir
from system.settings import ConnectionName, Connections, Settings

CHECK_BOUND_S: Final = 2.0


@dataclass(frozen=True)
class Site:
    """Settings, folder, passwords and ports that a component is started with.

    Parameters
    ----------
    settings : Settings
        What a person chose.
    state : StateDir
        Where files go.
    secrets : Secrets
        Generated passwords.
    ports : mapping of str to int
        The component's own ports, by the names it asked for.
    connections : Connections
        Where what was started before is.
    java : Java or None
        Found when a component of the stack needs it.
    """

    settings: Settings
    state: StateDir
    secrets: Secrets
    ports: Mapping[str, int]
    connections: Connections
    java: Java | None = None

    @property
    def required_java(self) -> Java:
        """The Java of a component that declared ``needs_java``."""
        assert self.java is not None, "the stack looks for Java when a component needs it"
        return self.java


class Component(ABC):
    """One server or process of the stack."""

    name: ClassVar[str]
    #: Components that must answer before this one is started.
    after: ClassVar[tuple[str, ...]] = ()
    #: The connection that an environment variable can name instead.
    replaced_by: ClassVar[ConnectionName | None] = None
    port_names: ClassVar[tuple[str, ...]] = ()
    needs_java: ClassVar[bool] = False
    #: Whether the product is lost without it. What is not essential never stops the stack.
    essential: ClassVar[bool] = True
    #: How long it may take to answer after its start.
    start_bound_s: ClassVar[float] = 120
    #: What asks it to stop, and how long it may take before it is killed.
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    stop_bound_s: ClassVar[int] = 15
    #: Stopped in falling order; equals stop together.
    stop_order: ClassVar[int] = 0

    def preferred_port(self, settings: Settings, port_name: str) -> int | None:
        """Return the port that a person would expect, None if any will do."""
        return None

    def is_wanted(self, settings: Settings) -> bool:
        """Return whether the settings ask for the component at all."""
        return True

    @abstractmethod
    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return what others need to connect, passwords included."""

    @abstractmethod
    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return what a person opens or connects to, without secrets."""

    @abstractmethod
    def prepare(self, site: Site) -> Program:
        """Write configuration and data folders, and return what to start.

        Raises
        ------
        StackError
            If that fails.
        """

    def finish(  # noqa: B027 - most components have nothing to make ready
        self, settings: Settings, connections: Connections, tell: Callable[[str], None]
    ) -> None:
        """Make ready what others expect in it, once it answers; safe to repeat.

        ``tell`` hears what is done, in words, where it may take long.
        """

    @abstractmethod
    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the component answers.

        Parameters
        ----------
        connections : Connections
            Where everything is.
        addresses : mapping of str to str
            What ``address`` returned for each component of the stack, by name.

        Raises
        ------
        Exception
            Whatever its client raises, within about ``CHECK_BOUND_S``, when it does not.
        """


def check_port(address: str) -> None:
    """Return if something listens on ``host:port``.

    Raises
    ------
    OSError
        If nothing does.
    """
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=CHECK_BOUND_S):
        return


class StillStartingError(UnavailableError):
    """A component that answers and is not done with its start; the message says how far it is."""


def http_answer(url: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the body of a GET that must answer 200.

    Parameters
    ----------
    url : str
        Of ``http`` or ``https``.
    headers : mapping or None
        Sent with it.

    Raises
    ------
    OSError
        If nothing listens or the answer is an error.
    UnavailableError
        If the address is not one of HTTP.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise UnavailableError(f"not a web address: {url}")
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 - checked
    try:
        with urllib.request.urlopen(request, timeout=CHECK_BOUND_S) as answer:  # noqa: S310
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        error.close()  # it holds the answer's body, open
        raise


def reachable_by_others(path: Path) -> bool:
    """Return whether every folder above a path lets any user pass."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def is_root() -> bool:
    """Return whether this process has root's rights."""
    return os.geteuid() == 0

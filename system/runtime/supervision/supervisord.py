"""supervisord: its configuration, its launch, and what it is asked.

supervisord starts each component through the guard, restarts what crashes, keeps and
rotates the logs, and stops everything in order. It is asked over a unix socket.
"""

from __future__ import annotations

import http.client
import os
import shlex
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from system.runtime.components.component import Component
from system.runtime.components.guard import DETACHED, OWN_PID_VARIABLE
from system.runtime.components.programs import Program, guarded_command, save_program
from system.runtime.errors import NotRunningError, StackError
from system.runtime.state import StateDir
from system.runtime.supervision.restarts import CRASH_WINDOW_S, MAX_CRASHES

SETTLED_AFTER_S: Final = 5
MAX_START_RETRIES: Final = 3
LOG_BYTES: Final = 10_000_000
LOG_BACKUPS: Final = 2
RPC_BOUND_S: Final = 10.0
CRASHED_STATES: Final = frozenset({"BACKOFF", "EXITED", "FATAL"})
STOPPED_STATES: Final = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})

_HEAD: Final = """\
[supervisord]
nodaemon=true
silent=true
logfile=logs/supervisord.log
logfile_maxbytes={log_bytes}
logfile_backups={log_backups}
pidfile=supervisord.pid
childlogdir=logs
nocleanup=true

[unix_http_server]
file={socket_path}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[rpcinterface:sentinel]
supervisor.rpcinterface_factory=system.runtime.supervision.sentinel:make_sentinel
failure_path=failure.json
optional={optional}
max_crashes={max_crashes}
"""

_PROGRAM: Final = """
[program:{name}]
command={command}
autostart=false
autorestart=true
startsecs={settled_after_s}
startretries={max_start_retries}
stopsignal={stop_signal}
stopwaitsecs={stop_bound_s}
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{name}.log
stdout_logfile_maxbytes={log_bytes}
stdout_logfile_backups={log_backups}
"""

_GROUP: Final = """
[group:{group}]
programs={names}
priority={priority}
"""


@dataclass(frozen=True)
class ProcessState:
    """State of a component by supervisord.

    Parameters
    ----------
    name : str
        Component.
    state : str
        supervisord's word: STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL.
    pid : int
        0 when it does not run.
    uptime_s : int
        Since its last start; 0 when it does not run.
    """

    name: str
    state: str
    pid: int
    uptime_s: int


@dataclass(frozen=True)
class Pause:
    """Wait of a crashed component for its restart.

    Parameters
    ----------
    crash_count : int
        Crashes within the window of ``system.runtime.supervision.restarts``.
    seconds : float
        Until its restart.
    """

    crash_count: int
    seconds: float

    def sentence(self) -> str:
        """Return it for a person."""
        minutes = CRASH_WINDOW_S / 60
        return (
            f"crashed {self.crash_count} times within {minutes:.0f} minutes; "
            f"is started again in {self.seconds:.0f} s"
        )


def supervisor_conf(components: Iterable[Component], socket_path: Path) -> str:
    """Return supervisord's configuration; its paths are relative to the state folder."""
    chosen = list(components)
    logs = {"log_bytes": LOG_BYTES, "log_backups": LOG_BACKUPS}
    programs = [_program_section(component, **logs) for component in chosen]
    orders = sorted({component.stop_order for component in chosen})
    groups = [_group_section(order, chosen) for order in orders]
    head = _HEAD.format(
        socket_path=socket_path,
        optional=" ".join(component.name for component in chosen if not component.essential),
        max_crashes=MAX_CRASHES,
        **logs,
    )
    return "".join([head, *programs, *groups])


def program_path(component: str) -> str:
    """Return where a component's program is described, relative to the state folder."""
    return f"programs/{component}.json"


def launch_supervisor(state: StateDir, lock: int, *, detached: bool) -> subprocess.Popen[bytes]:
    """Start supervisord; it takes the stack's lock over and starts nothing by itself.

    Parameters
    ----------
    state : StateDir
        Where its configuration stands.
    lock : int
        Descriptor of the held lock, inherited.
    detached : bool
        Whether it outlives this process; otherwise the death of the calling *thread* asks
        it to stop everything.

    Returns
    -------
    Popen
        supervisord itself; when detached, a process that ends at once.
    """
    conf = state.supervisor_conf_path.name
    command = (sys.executable, "-m", "supervisor.supervisord", "-n", "-c", conf)
    save_program(state.root / program_path("supervisord"), Program(command, state.root))
    parent = DETACHED if detached else str(os.getpid())
    with (state.logs_dir / "supervisord.launch.log").open("wb") as log:
        return subprocess.Popen(
            guarded_command(str(state.root / program_path("supervisord")), parent, "SIGTERM"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
        )


class Supervisor:
    """The running supervisord of a state folder. One per thread.

    Parameters
    ----------
    state : StateDir
        Whose supervisord.
    """

    def __init__(self, state: StateDir) -> None:
        self._socket_path = state.socket_path
        self._group_of: dict[str, str] = {}

    def start(self, component: str) -> int:
        """Start a component and return its process id; does not wait for an answer.

        Raises
        ------
        StackError
            If it cannot be started, or supervisord does not answer.
        """
        self._ask("supervisor.startProcess", self._full_name(component), False)
        return self.process(component).pid

    def stop(self, component: str) -> None:
        """Ask a component to stop; does not wait.

        Raises
        ------
        StackError
            If it does not run, or supervisord does not answer.
        """
        self._ask("supervisor.stopProcess", self._full_name(component), False)

    def forget_restart(self, component: str) -> None:
        """Cancel the restart of a component that waits for it after crashes.

        Raises
        ------
        StackError
            If supervisord does not answer.
        """
        self._ask("sentinel.forget", component)

    def pauses(self) -> dict[str, Pause]:
        """Return the components that wait for their restart after crashes.

        Raises
        ------
        StackError
            If supervisord does not answer.
        """
        held: dict[str, tuple[float, float]] = self._ask("sentinel.pauses")
        return {name: Pause(int(count), seconds) for name, (count, seconds) in held.items()}

    def process(self, component: str) -> ProcessState:
        """Return what supervisord says of a component.

        Raises
        ------
        StackError
            If there is none of that name, or supervisord does not answer.
        """
        return _process_state(self._ask("supervisor.getProcessInfo", self._full_name(component)))

    def processes(self) -> dict[str, ProcessState]:
        """Return what supervisord says of every component, by name.

        Raises
        ------
        StackError
            If supervisord does not answer.
        """
        infos = self._ask("supervisor.getAllProcessInfo")
        self._group_of = {info["name"]: info["group"] for info in infos}
        return {info["name"]: _process_state(info) for info in infos}

    def pid(self) -> int:
        """Return supervisord's own process id.

        Raises
        ------
        StackError
            If it does not answer.
        """
        return int(self._ask("supervisor.getPID"))

    def shut_down(self) -> None:
        """Ask supervisord to stop everything and itself; does not wait.

        Raises
        ------
        StackError
            If it does not answer.
        """
        self._ask("supervisor.shutdown")

    def _full_name(self, component: str) -> str:
        if component not in self._group_of:
            self.processes()
        if component not in self._group_of:
            known = ", ".join(sorted(self._group_of))
            raise StackError(f"the stack has no component {component!r}; it has {known}")
        return f"{self._group_of[component]}:{component}"

    def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - XML-RPC
        with _proxy(self._socket_path) as proxy:
            try:
                return getattr(proxy, method)(*arguments)
            except xmlrpc.client.Fault as fault:
                raise StackError(f"{method}{arguments}: {fault.faultString}") from None
            except (OSError, http.client.HTTPException) as error:
                raise NotRunningError(f"supervisord does not answer: {error}") from None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=RPC_BOUND_S)
        self._path = path

    def connect(self) -> None:
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connecting.settimeout(self.timeout)
            connecting.connect(str(self._path))
        except OSError:
            connecting.close()
            raise
        self.sock = connecting


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:  # noqa: ANN401
        connection = _UnixConnection(self._path)
        self._connection = (host, connection)  # so that close() finds it
        return connection


def _proxy(path: Path) -> xmlrpc.client.ServerProxy:
    return xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_UnixTransport(path))


def _process_state(info: dict[str, Any]) -> ProcessState:
    uptime_s = info["now"] - info["start"] if info["pid"] else 0
    return ProcessState(info["name"], info["statename"], info["pid"], max(0, uptime_s))


def _program_section(component: Component, **logs: int) -> str:
    parent = f"%(ENV_{OWN_PID_VARIABLE})s"
    # The command is written for supervisord's format, where a percent sign is doubled.
    quoted = shlex.join(guarded_command(program_path(component.name), "PARENT"))
    return _PROGRAM.format(
        name=component.name,
        command=quoted.replace("%", "%%").replace("PARENT", parent),
        settled_after_s=SETTLED_AFTER_S,
        max_start_retries=MAX_START_RETRIES,
        stop_signal=component.stop_signal.name.removeprefix("SIG"),
        stop_bound_s=component.stop_bound_s,
        **logs,
    )


def _group_section(order: int, components: Iterable[Component]) -> str:
    names = ",".join(each.name for each in components if each.stop_order == order)
    return _GROUP.format(group=f"order{order}", names=names, priority=order)

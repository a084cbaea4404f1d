"""Compose project for one run: copied files, fresh secrets, free ports; removed at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from system.places import SHARED_DIR
from system.runtime.components.ports import free_ports
from validation.containers.engine import ContainerError, Engine

SOURCE: Final = SHARED_DIR / "compose"
UP_BOUND_S: Final = 600.0
DOWN_BOUND_S: Final = 180.0
SERVICES: Final = (
    "kafka",
    "postgres",
    "redis",
    "spark-master",
    "spark-worker",
    "stream",
    "oracle",
    "api",
    "dashboard",
)
NETWORK: Final = "inside"
REPORTS: Final = "reports"


class ContainerState(msgspec.Struct, frozen=True, kw_only=True):
    """State of a container as Docker describes it: ``restarts`` by its restart policy."""

    container: str
    pid: int
    status: str
    restarts: int


class ComposeProject:
    """Nine services in containers, with volumes and networks of their own; a context manager.

    Parameters
    ----------
    engine : Engine
        Where they run.
    name : str
        Prefix of containers, volumes and networks.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self._compose = self._folder / "compose"

    def __enter__(self) -> Self:
        shutil.copytree(
            SOURCE, self._compose, ignore=shutil.ignore_patterns("secrets", ".env", "standins")
        )
        subprocess.run([str(self._compose / "make-secrets.sh")], check=True, capture_output=True)
        api, dashboard = free_ports((None, None))
        with (self._compose / ".env").open("a", encoding="utf-8") as file:
            file.write(f"RISKSTREAM_API_PORT={api}\nRISKSTREAM_DASHBOARD_PORT={dashboard}\n")
        self.reports.mkdir()
        owner = self._compose.joinpath("secrets").stat()
        os.chown(self.reports, owner.st_uid, owner.st_gid)
        self._folder.chmod(0o711)  # the containers' user passes through to the reports
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def reports(self) -> Path:
        """Folder that the harness's containers write into."""
        return self._folder / REPORTS

    def up(self) -> None:
        """Start everything, as ``make -C compose up`` does, and wait until all are healthy.

        Raises
        ------
        ContainerError
            If a service does not become healthy.
        """
        self._call("up", "--no-build", "--detach", "--wait", "postgres", bound_s=UP_BOUND_S)
        self._call("run", "--rm", "roles", bound_s=UP_BOUND_S)
        self._call("up", "--no-build", "--detach", "--wait", bound_s=UP_BOUND_S)

    def remove(self) -> None:
        """Stop and remove containers, networks and volumes; what is gone already is no error."""
        self._end_harness()
        profiles = ("--profile", "replay", "--profile", "roles", "--profile", "harness")
        try:
            self._call(*profiles, "down", "--volumes", "--timeout", "5", bound_s=DOWN_BOUND_S)
        except ContainerError:
            # A paused container cannot be stopped; a second attempt after all of them run again.
            for service in SERVICES:
                self._quietly("unpause", self.container(service))
            self._call(*profiles, "down", "--volumes", "--timeout", "5", bound_s=DOWN_BOUND_S)

    def _end_harness(self) -> None:
        """Remove containers of commands that an interrupt has left: `down` does not know them."""
        labels = (f"com.docker.compose.project={self.name}", "com.docker.compose.oneoff=True")
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        for container in self._engine.run("ps", "--all", "--quiet", *filters).split():
            self._quietly("rm", "--force", container)

    def harness(self, *command: str, bound_s: float) -> str:
        """Run a command of the harness in a container on the inner network; return its output.

        Raises
        ------
        ContainerError
            If it fails or takes longer than ``bound_s`` seconds.
        """
        return self._call(
            "run", "--rm", "--no-TTY", "--volume", f"{self.reports}:/reports", "harness", *command,
            bound_s=bound_s,
        )  # fmt: skip

    def container(self, service: str) -> str:
        """Return the full id of a service's container, empty where there is none."""
        return self._call("ps", "--all", "--quiet", "--no-trunc", service).strip()

    def state(self, service: str) -> ContainerState:
        """Return the state of a service's container.

        Raises
        ------
        ContainerError
            If there is none.
        """
        container = self.container(service)
        text = self._engine.run("inspect", "--format", _STATE, container)
        return msgspec.json.decode(text, type=ContainerState)

    def network(self) -> str:
        """Return the name of the inner network."""
        return f"{self.name}_{NETWORK}"

    def _quietly(self, *arguments: str) -> None:
        try:
            self._engine.run(*arguments)
        except ContainerError:
            return

    def _call(self, *arguments: str, bound_s: float = 30.0) -> str:
        return self._engine.run(
            "compose", "--project-name", self.name, *arguments, bound_s=bound_s,
            folder=self._compose,
        )  # fmt: skip


_STATE: Final = (
    '{"container":{{json .Id}},"pid":{{.State.Pid}},"status":{{json .State.Status}},'
    '"restarts":{{.RestartCount}}}'
)

"""The product's own processes: the stream's driver, the API, the dashboard."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlsplit

from system.errors import UnavailableError
from system.places import PROJECT_DIR
from system.runtime.components.compiler import compiled_writer
from system.runtime.components.component import Component, Site, StillStartingError, http_answer
from system.runtime.components.programs import Program
from system.runtime.components.spark import MASTER_NAME, WORKER_NAME, spark_environment
from system.settings import LOOPBACK, ConnectionName, Connections, Settings
from system.store.redis.latest import LatestStore

PREFERRED_API_PORT: Final = 8000
PREFERRED_DASHBOARD_PORT: Final = 8501
GRACEFUL_SHUTDOWN_S: Final = 3
STREAM_START_BOUND_S: Final = 300


class Stream(Component):
    """The Spark driver that values every portfolio."""

    name: ClassVar = "stream"
    after: ClassVar = ("kafka", "postgres", "redis", MASTER_NAME, WORKER_NAME)
    needs_java: ClassVar = True
    start_bound_s: ClassVar = STREAM_START_BOUND_S
    stop_bound_s: ClassVar = 20
    stop_order: ClassVar = 2

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return nothing: nobody connects to the driver."""
        return {}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return what it reads."""
        return f"{connections.spark_master} <- {connections.kafka_bootstrap_servers}"

    def prepare(self, site: Site) -> Program:
        """Return the driver's command, once its Java class is compiled."""
        compiled_writer(site.settings, site.required_java)
        environment = {
            **site.settings.environment(),
            **spark_environment(site.settings, site.required_java.home),
        }
        return Program((sys.executable, "-m", "system.stream"), PROJECT_DIR, environment)

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the driver's heartbeat is in Redis, and it is warm.

        Raises
        ------
        UnavailableError
            If there is no heartbeat yet, or Redis does not answer.
        StillStartingError
            If the driver is still warming up; says how far it is.
        """
        with LatestStore(connections.redis_url) as latest:
            if latest.status().heartbeat_age_ms is None:
                raise UnavailableError("the stream has no heartbeat yet")
            if (progress := latest.warm_up()) is not None:
                raise StillStartingError(progress.sentence())


class Oracle(Component):
    """The independent check beside the stream; the harness's code, started by its name only."""

    name: ClassVar = "oracle"
    after: ClassVar = ("kafka", "postgres", "redis")
    essential: ClassVar = False

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return nothing: nobody connects to it."""
        return {}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return what it reads."""
        return f"reads {connections.kafka_bootstrap_servers}"

    def prepare(self, site: Site) -> Program:
        """Return the oracle's command."""
        command = (sys.executable, "-m", "validation.oracle")
        return Program(command, PROJECT_DIR, site.settings.environment())

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if what it has found is in Redis.

        Raises
        ------
        UnavailableError
            If the oracle has published no status yet, or Redis does not answer.
        """
        with LatestStore(connections.redis_url) as latest:
            if latest.status().oracle is None:
                raise UnavailableError("the oracle has said nothing yet")


class Alerts(Component):
    """The sender of signed webhooks; only where an address is named."""

    name: ClassVar = "alerts"
    # Behind the stream: its start is no alert.
    after: ClassVar = ("postgres", "redis", "stream")
    essential: ClassVar = False

    def is_wanted(self, settings: Settings) -> bool:
        """Return whether an address for alerts is named."""
        return settings.alerts_url is not None

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return nothing: nobody connects to it."""
        return {}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the host that alerts are posted to: the rest of the address may be a secret."""
        return f"posts to {urlsplit(connections.get('alerts_url') or '').hostname}"

    def prepare(self, site: Site) -> Program:
        """Return the command of the process."""
        command = (sys.executable, "-m", "system.alerts")
        return Program(command, PROJECT_DIR, site.settings.environment())

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if a process holds the lock of those who send.

        Raises
        ------
        UnavailableError
            If none does, or PostgreSQL does not answer.
        """
        # Imported here: `status` and `down` of a stack without alerts need no database driver.
        from system.store.alerts.record import AlertRecord  # noqa: PLC0415

        with AlertRecord(connections.alerts_database_url) as record:
            if not record.is_sent():
                raise UnavailableError("no process sends alerts yet")


class Api(Component):
    """The REST and SSE server."""

    name: ClassVar = "api"
    after: ClassVar = ("kafka", "postgres", "redis")
    port_names: ClassVar = ("server",)
    stop_bound_s: ClassVar = GRACEFUL_SHUTDOWN_S + 5
    stop_order: ClassVar = 3

    def preferred_port(self, settings: Settings, port_name: str) -> int | None:
        """Return the chosen port, or the customary one."""
        return settings.api_port or PREFERRED_API_PORT

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return the base URL and the token that writers need."""
        url = f"http://{LOOPBACK}:{site.ports['server']}"
        return {"api_url": url, "api_token": site.secrets.api_token}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the page that documents the API."""
        return f"{connections.api_url}/docs"

    def prepare(self, site: Site) -> Program:
        """Return uvicorn's command."""
        listen = ("--host", LOOPBACK, "--port", str(site.ports["server"]))
        bound = ("--timeout-graceful-shutdown", str(GRACEFUL_SHUTDOWN_S))
        app = ("uvicorn", "system.serve.app:create_app", "--factory")
        http = ("--http", "system.web.connections:BoundedConnection")
        command = (sys.executable, "-m", *app, *listen, *bound, *http, "--no-access-log")
        return Program(command, PROJECT_DIR, site.settings.environment())

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the health page answers."""
        http_answer(f"{connections.api_url}/v1/health")


class Dashboard(Component):
    """The Streamlit pages."""

    name: ClassVar = "dashboard"
    essential: ClassVar = False
    port_names: ClassVar = ("server",)
    after: ClassVar = ("api",)
    stop_order: ClassVar = 3

    def preferred_port(self, settings: Settings, port_name: str) -> int | None:
        """Return the chosen port, or the customary one."""
        return settings.dashboard_port or PREFERRED_DASHBOARD_PORT

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return the URL."""
        return {"dashboard_url": f"http://{LOOPBACK}:{site.ports['server']}"}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the URL."""
        return connections.dashboard_url

    def prepare(self, site: Site) -> Program:
        """Return streamlit's command."""
        options = {
            "server.headless": "true",
            "server.address": LOOPBACK,
            "server.port": str(site.ports["server"]),
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        script = str(PROJECT_DIR / "system" / "show" / "app.py")
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        command = (sys.executable, "-m", "streamlit", "run", script, *flags)
        return Program(command, PROJECT_DIR, site.settings.environment())

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the health page answers."""
        http_answer(f"{connections.dashboard_url}/_stcore/health")

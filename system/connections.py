"""Addresses of the servers as they are now, and the files that hold them and other secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from system.errors import UnavailableError

SECRET_FILE_MODE: Final = 0o600
SPARK_DEFAULTS: Final = "spark-defaults.conf"
OWN_SPARK_CONF: Final = ("spark", "conf")
"""Folder of the embedded cluster's settings, in the state folder."""

ConnectionName = Literal[
    "kafka_bootstrap_servers",
    "spark_master",
    "database_url",
    "owner_database_url",
    "reader_database_url",
    "oracle_database_url",
    "alerts_database_url",
    "report_database_url",
    "redis_url",
    "api_url",
    "dashboard_url",
    "api_token",
    "alerts_url",
    "alerts_routing_key",
]

DATABASE_ROLES: Final[tuple[ConnectionName, ...]] = (
    "owner_database_url",
    "reader_database_url",
    "oracle_database_url",
    "alerts_database_url",
    "report_database_url",
)
"""The same database as another user; a role that is not named is that of ``database_url``."""

EXTERNAL_VARIABLES: Final[Mapping[ConnectionName, str]] = {
    "kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS",
    "spark_master": "SPARK_MASTER",
    "database_url": "DATABASE_URL",
    "owner_database_url": "RISKSTREAM_OWNER_DATABASE_URL",
    "reader_database_url": "RISKSTREAM_READER_DATABASE_URL",
    "oracle_database_url": "RISKSTREAM_ORACLE_DATABASE_URL",
    "alerts_database_url": "RISKSTREAM_ALERTS_DATABASE_URL",
    "report_database_url": "RISKSTREAM_REPORT_DATABASE_URL",
    "redis_url": "REDIS_URL",
    "api_url": "RISKSTREAM_API_URL",
    "api_token": "RISKSTREAM_API_TOKEN",
    "alerts_url": "RISKSTREAM_ALERTS_URL",
    "alerts_routing_key": "RISKSTREAM_ALERTS_ROUTING_KEY",
}


class NotConnectedError(UnavailableError):
    """No running stack and no external server for what was asked; the message says how."""


@dataclass(frozen=True, repr=False)
class Connections:
    """Addresses of the servers; each property raises ``NotConnectedError`` when unknown.

    Parameters
    ----------
    facts : mapping of connection name to str
        Addresses and secrets; never printed.
    state_dir : Path
        Named in the error, so that a person sees which stack was looked for.
    """

    facts: Mapping[ConnectionName, str]
    state_dir: Path

    def __repr__(self) -> str:
        return f"Connections({', '.join(sorted(self.facts))})"

    @property
    def spark_defaults(self) -> Path:
        """The embedded cluster's settings, its secret among them."""
        return self.state_dir.joinpath(*OWN_SPARK_CONF, SPARK_DEFAULTS)

    def get(self, name: ConnectionName) -> str | None:
        """Return an address or secret, or None when nothing is known of it."""
        return self.facts.get(name)

    @property
    def kafka_bootstrap_servers(self) -> str:
        """The brokers, ``host:port`` separated by commas.

        Raises
        ------
        NotConnectedError
            If no stack runs and no variable names the brokers.
        """
        return self._required("kafka_bootstrap_servers")

    @property
    def spark_master(self) -> str:
        """The master's URL, ``spark://host:port``.

        Raises
        ------
        NotConnectedError
            If no stack runs and no variable names a master.
        """
        return self._required("spark_master")

    @property
    def database_url(self) -> str:
        """The PostgreSQL URL of the user who writes, password included.

        Raises
        ------
        NotConnectedError
            If no stack runs and no variable names a database.
        """
        return self._required("database_url")

    @property
    def owner_database_url(self) -> str:
        """The URL of the user who owns the schema and migrates; else ``database_url``."""
        return self.get("owner_database_url") or self.database_url

    @property
    def reader_database_url(self) -> str:
        """The URL of the user who only reads; else ``database_url``."""
        return self.get("reader_database_url") or self.database_url

    @property
    def oracle_database_url(self) -> str:
        """The URL of the user who writes the oracle's findings; else ``database_url``."""
        return self.get("oracle_database_url") or self.database_url

    @property
    def alerts_database_url(self) -> str:
        """The URL of the user who keeps alerts and their deliveries; else ``database_url``."""
        return self.get("alerts_database_url") or self.database_url

    @property
    def report_database_url(self) -> str:
        """The URL of the user who reads the report views only; else ``reader_database_url``."""
        return self.get("report_database_url") or self.reader_database_url

    @property
    def redis_url(self) -> str:
        """The Redis URL, password included.

        Raises
        ------
        NotConnectedError
            If no stack runs and no variable names a Redis.
        """
        return self._required("redis_url")

    @property
    def api_url(self) -> str:
        """The API's base URL, without a trailing slash.

        Raises
        ------
        NotConnectedError
            If no stack runs and no variable names an API.
        """
        return self._required("api_url").rstrip("/")

    @property
    def dashboard_url(self) -> str:
        """The dashboard's URL.

        Raises
        ------
        NotConnectedError
            If no stack runs and no variable names a dashboard.
        """
        return self._required("dashboard_url")

    @property
    def api_token(self) -> str:
        """The bearer token that the API asks of writers.

        Raises
        ------
        NotConnectedError
            If no stack runs and no variable names a token.
        """
        return self._required("api_token")

    def _required(self, name: ConnectionName) -> str:
        fact = self.facts.get(name)
        if fact is None:
            raise NotConnectedError(_not_connected(name, self.state_dir))
        return fact


def secret_file(path: Path, content: str) -> None:
    """Write a file that only its owner can read, all of it or nothing.

    Parameters
    ----------
    path : Path
        Replaced if it exists. Its folder must exist.
    content : str
        Written as UTF-8.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, SECRET_FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)


def save_connections(path: Path, facts: Mapping[ConnectionName, str]) -> None:
    """Write where the servers are, for other processes of this product.

    Parameters
    ----------
    path : Path
        ``Settings.connections_path``. Its folder must exist.
    facts : mapping of connection name to str
        Addresses and secrets.
    """
    secret_file(path, json.dumps(dict(facts), indent=2, sort_keys=True) + "\n")


def read_connections(path: Path) -> dict[ConnectionName, str]:
    """Return where the servers are, as ``save_connections`` wrote it; nothing without a file.

    Raises
    ------
    ValueError
        If the file is damaged; says what to do.
    """
    try:
        facts: dict[ConnectionName, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        msg = f"{path}: not JSON ({error}); run `riskstream down`, then `up`"
        raise ValueError(msg) from None
    return facts


def _not_connected(name: ConnectionName, state_dir: Path) -> str:
    variable = EXTERNAL_VARIABLES.get(name)
    other = f", or set {variable}" if variable else ""
    return f"{name} is unknown: no stack runs on {state_dir}; start it (`riskstream up`){other}"

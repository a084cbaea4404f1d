"""A copy of the tree that defects are put into, and taken out of again."""

from __future__ import annotations

import os
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from validation.kill_table.fork_client import ForkServer
from validation.kill_table.fork_server import LIBRARIES, Request
from validation.measure.machine_speed import current_stretch
from validation.report.junit import read_suites
from validation.run.command import CommandResult

COPIED: Final = ("system", "validation", "loadtests", "tests", "scenarios", "pyproject.toml")
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__")
RUN_BOUND_S: Final = 150.0
CONTROL_BOUND_S: Final = 600.0
"""On a machine as fast as the reference; on a slower one longer by its factor."""
A_SECOND_NS: Final = 1_000_000_000
PLUGIN: Final = ("-p", "validation.kill_table.inside")


@dataclass(frozen=True)
class KillerRun:
    """Result of a run of named tests.

    Parameters
    ----------
    result : CommandResult
        Of the process.
    cases : sequence of Element
        JUnit's test cases.
    """

    result: CommandResult
    cases: Sequence[ET.Element]


class TreeCopy:
    """The tree in a folder of its own, with a fork server; used by one thread at a time.

    Parameters
    ----------
    root : Path
        The tree that is copied; never written to.
    folder : Path
        Where the copy goes; made here.
    libraries : sequence of str
        Modules that the fork server imports once.
    """

    def __init__(self, root: Path, folder: Path, *, libraries: Sequence[str] = LIBRARIES) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COPIED:
            _copy(root / name, folder / name)
        self._stretch = current_stretch()
        self._server = ForkServer(folder, log=folder / "server.log", libraries=libraries)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def run(self, tests: Sequence[str], *, bound_s: float, keep_bytecode: bool) -> KillerRun:
        """Run some tests in the copy, in a process of their own.

        Parameters
        ----------
        tests : sequence of str
            As pytest names them.
        bound_s : float
            Longest time on a machine as fast as the reference, seconds.
        keep_bytecode : bool
            Whether what was compiled may serve later runs: of the control run only.
        """
        junit, log = self.folder / "junit.xml", self.folder / "run.log"
        for old in (junit, log):
            old.unlink(missing_ok=True)
        request = Request(
            arguments=("-q", *PLUGIN, f"--junitxml={junit}", *tests),
            log=str(log),
            bound_s=bound_s * self._stretch,
            keep_bytecode=keep_bytecode,
        )
        result = self._server.run(request)
        suites = read_suites(junit)
        return KillerRun(result, [case for suite in suites for case in suite.iter("testcase")])

    @contextmanager
    def holding(self, texts: Mapping[Path, str]) -> Iterator[None]:
        """Put texts into files of the copy, and the old ones back, with their old times.

        Python takes a compiled file for current by the second and the size of its source, so
        a planted file is dated a second later than the one that the control run compiled.
        """
        before = {path: (path.read_bytes(), path.stat()) for path in texts}
        try:
            for path, text in texts.items():
                path.write_text(text, "utf-8")
                stat = before[path][1]
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + A_SECOND_NS))
            yield
        finally:
            for path, (content, stat) in before.items():
                path.write_bytes(content)
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=LEFT_OUT)
    elif source.exists():
        shutil.copy2(source, target)

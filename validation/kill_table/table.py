"""The kill table itself: the control run, then each defect, two at a time at most."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from validation.kill_table.copies import CONTROL_BOUND_S, RUN_BOUND_S, KillerRun, TreeCopy
from validation.kill_table.fork_server import LIBRARIES
from validation.kill_table.records import Mutant, NotApplicable, StaleRecordError, Target, planted
from validation.verdict import Finding, Verdict

COPY_COUNT: Final = 2
TESTS_FAILED: Final = 1
BROKEN_BY: Final = (
    "NameError",
    "ImportError",
    "ModuleNotFoundError",
    "AttributeError",
    "SyntaxError",
    "IndentationError",
    "TypeError",
)
"""Errors of code that does not hold together: no check has judged a number then."""
LARGEST_REASON: Final = 200


class MutantResult(StrEnum):
    """Fate of a planted defect; only *killed* is a pass."""

    KILLED = "killed"
    SURVIVED = "survived"
    STALE = "stale"
    BROKEN = "broken"
    TIMED_OUT = "timed out"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the kill table; ``said`` is the start of what the killer said."""

    name: str
    defect: str
    target: Target
    files: tuple[str, ...]
    killer: str
    fate: MutantResult
    said: str
    seconds: float


class KillTable(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``kill_table.json``; ``findings`` says the same for the report's table."""

    verdict: Verdict
    seconds: float
    control: Finding
    rows: tuple[Row, ...]
    not_applicable: tuple[NotApplicable, ...]
    findings: tuple[Finding, ...]


def run_table(
    root: Path,
    mutants: Sequence[Mutant],
    *,
    on_row: Callable[[Row], None] = lambda row: None,
    libraries: Sequence[str] = LIBRARIES,
) -> tuple[Finding, tuple[Row, ...]]:
    """Return the control's finding, and what became of each defect.

    Parameters
    ----------
    root : Path
        The tree that is copied.
    mutants : sequence of Mutant
        What is planted.
    on_row : callable
        Called with each row as it is known, from several threads.
    libraries : sequence of str
        Modules that each fork server imports once.
    """
    lanes = deal(mutants, COPY_COUNT)
    with (
        tempfile.TemporaryDirectory(prefix="riskstream-kill-table-") as folder,
        ThreadPoolExecutor(COPY_COUNT, "kill-table") as pool,
        ExitStack() as servers,  # ends before the pool: an interrupt ends what its threads wait for
    ):
        copies = [
            servers.enter_context(TreeCopy(root, Path(folder) / str(number), libraries=libraries))
            for number in range(COPY_COUNT)
        ]
        control = _control(copies, pool, lanes)
        if control.verdict is not Verdict.PASSED:
            return control, ()

        def struck(copy: TreeCopy, lane: Sequence[Mutant]) -> list[Row]:
            rows = []
            for mutant in lane:
                rows.append(strike(mutant, copy))
                on_row(rows[-1])
            return rows

        rows = {row.name: row for lane_rows in pool.map(struck, copies, lanes) for row in lane_rows}
        return control, tuple(rows[mutant.name] for mutant in mutants)


def deal(mutants: Sequence[Mutant], lane_count: int) -> list[list[Mutant]]:
    """Divide defects into lanes of about equal length; all that one file of tests kills in one.

    The control run of a lane then compiles every file of tests that its defects need.
    """
    files: defaultdict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        files[mutant.killer.partition("::")[0]].append(mutant)
    lanes: list[list[Mutant]] = [[] for _ in range(lane_count)]
    for members in sorted(files.values(), key=len, reverse=True):
        min(lanes, key=len).extend(members)
    return lanes


def strike(mutant: Mutant, copy: TreeCopy) -> Row:
    """Return what became of one defect in a copy; the copy is as it was afterwards."""
    try:
        texts = planted(mutant, copy.folder)
    except StaleRecordError as error:
        return _row(mutant, MutantResult.STALE, str(error), 0.0)
    with copy.holding(texts):
        run = copy.run([mutant.killer], bound_s=RUN_BOUND_S, keep_bytecode=False)
    fate, said = fate_of(run)
    return _row(mutant, fate, said, run.result.seconds)


def fate_of(run: KillerRun) -> tuple[MutantResult, str]:
    """Return what a run of the killer says about the defect, and what the killer said."""
    if run.result.ending != "ended":
        return MutantResult.TIMED_OUT, f"no verdict after {run.result.seconds:.0f} s"
    failures = [said for case in run.cases if (said := _failure(case))]
    if run.result.exit_code == 0 and run.cases:
        return MutantResult.SURVIVED, ""
    if run.result.exit_code != TESTS_FAILED or not failures:
        return MutantResult.BROKEN, f"exit code {run.result.exit_code}: the killer did not run"
    if all(said.startswith(BROKEN_BY) for said in failures):
        return MutantResult.BROKEN, failures[0]
    return MutantResult.KILLED, next(said for said in failures if not said.startswith(BROKEN_BY))


def findings(control: Finding, rows: Sequence[Row]) -> tuple[Finding, ...]:
    """Return a finding for the control run, one per defect; nothing but a kill passes."""
    return (control, *map(_finding, rows))


def _control(
    copies: Sequence[TreeCopy], pool: ThreadPoolExecutor, lanes: Sequence[Sequence[Mutant]]
) -> Finding:
    """Run every killer on the tree as it is, each lane's in its copy."""
    killers = [sorted({mutant.killer for mutant in lane}) for lane in lanes]
    runs = [
        pool.submit(copy.run, lane, bound_s=CONTROL_BOUND_S, keep_bytecode=True)
        for copy, lane in zip(copies, killers, strict=True)
        if lane
    ]
    return control_finding([run.result() for run in runs], sum(map(len, killers)))


def control_finding(runs: Sequence[KillerRun], killer_count: int) -> Finding:
    """Return whether every killer passes where nothing is planted."""
    check = "control: every named check passes on the tree as it is"
    passed = sum(not _failure(case) for run in runs for case in run.cases)
    problems = [said for run in runs for case in run.cases if (said := _failure(case))]
    problems += [f"exit code {run.result.exit_code}" for run in runs if run.result.exit_code]
    if problems or passed < killer_count:
        told = problems[0] if problems else f"{passed} of {killer_count} named checks ran"
        return Finding(check=check, verdict=Verdict.FAILED, detail=told)
    return Finding(check=check, verdict=Verdict.PASSED, detail=f"{killer_count} named checks")


def _row(mutant: Mutant, fate: MutantResult, said: str, seconds: float) -> Row:
    return Row(
        name=mutant.name,
        defect=mutant.defect,
        target=mutant.target,
        files=mutant.files,
        killer=mutant.killer,
        fate=fate,
        said=said[:LARGEST_REASON],
        seconds=seconds,
    )


def _finding(row: Row) -> Finding:
    where = f"{row.fate}: {row.killer}" + (f": {row.said}" if row.said else "")
    return Finding(
        check=f"{row.defect} ({row.target}: {', '.join(row.files)})",
        verdict=Verdict.PASSED if row.fate is MutantResult.KILLED else Verdict.FAILED,
        detail=where,
    )


def _failure(case: ET.Element) -> str:
    """Return the first line of why a case failed, or was skipped; empty where it passed."""
    for kind in ("failure", "error", "skipped"):
        element = case.find(kind)
        if element is not None:
            lines = (element.get("message") or kind).strip().splitlines()
            return lines[0] if lines else kind
    return ""


def tally(rows: Sequence[Row]) -> str:
    """Return how many defects had which fate, in words."""
    counts = Counter(row.fate for row in rows)
    return ", ".join(f"{counts[fate]} {fate}" for fate in MutantResult if counts[fate])

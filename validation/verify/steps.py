"""The steps of verify: what each runs, how long it may take, what it leaves behind."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SERVERLESS: Final = "not integration and not end_to_end and not benchmark_suite and not libraries"
PARALLEL: Final = ("-n", "auto", "--maxprocesses", "8", "--dist", "loadfile")
"""Tests without servers share nothing: a file each on every core."""
BIN: Final = Path(sys.executable).parent
_RISKSTREAM: Final = str(BIN / "riskstream")


@dataclass(frozen=True)
class Step:
    """One step of verify.

    Parameters
    ----------
    name : str
        What ``--only`` takes.
    title : str
        What it shows, for a person.
    commands : tuple of tuple of str
        Run one after the other; the first that fails ends the step.
    timeout_s : float
        Bound of each command on a machine as fast as the reference, seconds.
    junit : Path, optional
        The JUnit file that a command leaves.
    findings : Path, optional
        The JSON report with findings that a command leaves.
    servers : bool
        Whether it runs a stack of its own, and waits for it most of the time.
    expected_s : float
        Of a step with servers, on two quiet cores: the longest is begun first.
    outside : str
        Service outside this machine that the step asks, empty for none. While the service does
        not answer the step is unknown, and that alone does not decide verify's exit code.
    """

    name: str
    title: str
    commands: tuple[tuple[str, ...], ...]
    timeout_s: float
    junit: Path | None = None
    findings: Path | None = None
    servers: bool = False
    expected_s: float = 0.0
    outside: str = ""


def verify_steps(folder: Path) -> tuple[Step, ...]:
    """Return the steps in their order.

    Parameters
    ----------
    folder : Path
        Where steps leave their files.
    """
    return (
        Step("lint", "style and format", (_python("ruff", "check", "."), _FORMAT), 300),
        Step(
            "documents",
            "reference pages up to date; the site, every link checked",
            (_python("validation.documents", "--check"), _site(folder)),
            300,
        ),
        Step("types", "static types, strict", (_python("mypy"),), 900),
        Step("layers", "imports follow the layers", ((str(BIN / "lint-imports"),),), 300),
        Step(
            "sbom",
            "bill of materials: complete, as installed, valid by its schema",
            (_python("validation.dependencies.sbom", *_sbom_files(folder)),),
            120,
            findings=folder / SBOM_FINDINGS,
        ),
        Step(
            "audit",
            "known vulnerabilities of every dependency",
            (_python("validation.dependencies.audit", "--report", str(folder / AUDIT)),),
            300,
            findings=folder / AUDIT,
            outside="the OSV advisory database",
        ),
        _tests(folder, "unit", "unit and property tests", _UNIT, 1_800),
        _tests(folder, "references", "references against other libraries", _REFERENCES, 1_200),
        Step(
            "libraries",
            "other libraries, each at its own convention, differences on purpose",
            (_python("validation.published.libraries", "--report", str(folder / LIBRARIES)),),
            900,
            findings=folder / LIBRARIES,
        ),
        Step(
            MODEL_STEP,
            "model: published breaches of four spans; evidence on the 95 %, with power",
            (_python("validation.published.model_evidence", "--report", str(folder / MODEL)),),
            900,
            findings=folder / MODEL,
        ),
        Step(
            "fuzzing",
            "fuzzing: broken bytes, and extreme but valid messages; by a seed",
            (_python("validation.fuzzing", "--report", str(folder / FUZZING)),),
            300,
            findings=folder / FUZZING,
        ),
        Step(
            "kill-table",
            "kill table: each planted defect is caught by the check named beforehand",
            (_python("validation.kill_table", "--report", str(folder / KILL_TABLE)),),
            2_400,
            findings=folder / KILL_TABLE,
        ),
        _tests(folder, "compose", "compose file against its specification", _COMPOSE, 300),
        _tests(
            folder,
            "integration",
            "integration on the real servers",
            _INTEGRATION,
            1_800,
            servers=150,
        ),
        _tests(
            folder, "golden", "golden and dirty replay, end to end", _END_TO_END, 2_400, servers=240
        ),
        Step(
            "guard",
            "hot path: CPU as ratios to the stored baseline, reported",
            ((_RISKSTREAM, "measure", "guard", *_SHORT_GUARD, "--report", str(folder / GUARD)),),
            900,
            findings=folder / GUARD,
        ),
        _tests(
            folder, "load", "a short load with users: every tick right", _LOAD, 1_200, servers=60
        ),
        Step(
            "demo",
            "demo replay in short form: every number and message; latency reported",
            (_python("validation.demo.command", "--short", "--report", str(folder / "demo")),),
            1_800,
            findings=folder / "demo" / "report.json",
            servers=True,
            expected_s=150,
        ),
        Step(
            "scenarios",
            "every story compressed, pairwise points of the determinism grid",
            (_scenarios("--report", str(folder / "scenarios")),),
            3_600,
            findings=folder / "scenarios" / "report.json",
            servers=True,
            expected_s=900,
        ),
    )


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _site(folder: Path) -> tuple[str, ...]:
    """Return the command that builds the documentation anew; a warning fails it."""
    return _python("sphinx", "-E", "-q", "-W", "-c", "docs/site", ".", str(folder / "site"))


def _scenarios(*arguments: str) -> tuple[str, ...]:
    return _python("validation.scenarios.suite.short", *_SHORT, *arguments)


def _sbom_files(folder: Path) -> tuple[str, ...]:
    return ("--output", str(folder / "sbom.cdx.json"), "--report", str(folder / SBOM_FINDINGS))


def _tests(
    folder: Path,
    name: str,
    title: str,
    chosen: Sequence[str],
    timeout_s: float,
    *,
    servers: float = 0,
) -> Step:
    """Return a step of tests; ``servers`` is what it is expected to take with a stack, seconds."""
    junit = folder / f"{name}.xml"
    command = _python("pytest", "-q", *chosen, f"--junitxml={junit}")
    return Step(
        name, title, (command,), timeout_s, junit=junit, servers=servers > 0, expected_s=servers
    )


LIBRARIES: Final = "libraries.json"
MODEL: Final = "model.json"
MODEL_STEP: Final = "model"
KILL_TABLE: Final = "kill_table.json"
FUZZING: Final = "fuzzing.json"
GUARD: Final = "guard.json"
SBOM_FINDINGS: Final = "sbom.json"
AUDIT: Final = "audit.json"
_SHORT: Final = ("--minutes", "45")
"""On two cores all of it fits; on a much slower machine the report lists what did not."""
_SHORT_GUARD: Final = ("--rounds", "7", "--tolerance", "2", "--report-timings")
"""A timing is reported here, and judged by `make bench`: a slow machine is not a failure."""
_FORMAT: Final = _python("ruff", "format", "--check", ".")
_LIBRARY_TESTS: Final = (
    "tests/system/backtest/statistics/test_libraries.py",
    "tests/system/risk/options/test_options_quantlib.py",
    "tests/validation/references/test_libraries.py",
    "tests/validation/published/test_libraries_table.py",
)
"""Named, because pytest imports every file below a folder to find those with a marker."""
_REFERENCES: Final = (*_LIBRARY_TESTS, "-m", "libraries")
_COMPOSE: Final = ("tests/compose",)
_UNIT: Final = ("tests", "-m", SERVERLESS, "--ignore=tests/compose", *PARALLEL)
_INTEGRATION: Final = ("tests/integration", "-m", "integration and not end_to_end")
_LOAD: Final = ("tests/loadtests", "-m", "end_to_end")
_END_TO_END: Final = ("tests/end_to_end", "-m", "end_to_end and not benchmark_suite")

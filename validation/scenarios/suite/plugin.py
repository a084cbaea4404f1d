"""Scenario files as tests: what ``scenarios/conftest.py`` hands to pytest.

``pytest scenarios/dirty-feed.toml`` runs one, ``pytest scenarios/`` all, on one stack that
is started for the first and stopped behind the last. A scenario that does not pass fails
with its findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from system.places import REPORTS_DIR
from system.runtime.interrupts import heed_interrupts
from system.settings import load_settings
from validation.run.console import open_console
from validation.scenarios.faults.fault_points import require_possible
from validation.scenarios.file.parser import SUFFIX, Scenario, read_scenario
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import PipelineConfig, ScenarioStack, replay_settings
from validation.scenarios.story.story import read_story
from validation.scenarios.suite.repeat_command import repeat_line
from validation.scenarios.suite.report import ScenarioReport
from validation.scenarios.suite.suite import RunSite, run_scenario
from validation.verdict import Verdict

REPORT: Final = REPORTS_DIR / "replay"
TIMEOUT_S: Final = 900
STACK: Final = pytest.StashKey[ScenarioStack]()


class ScenarioFailedError(Exception):
    """A scenario did not pass; its findings say why."""


class ScenarioTestFile(pytest.File):
    """A scenario file with its one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the scenario.

        Raises
        ------
        ScenarioError
            If the file is not valid.
        """
        scenario = read_scenario(self.path)
        item = ScenarioItem.from_parent(self, name=scenario.name, scenario=scenario)
        item.add_marker(pytest.mark.end_to_end)
        item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        yield item


class ScenarioItem(pytest.Item):
    """A scenario as a test."""

    def __init__(self, *, scenario: Scenario, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # pytest's own
        self._scenario = scenario

    def runtest(self) -> None:
        """Run the scenario on an empty pipeline.

        Raises
        ------
        ScenarioFailedError
            If a check did not pass.
        """
        report = self._run(_stack(self.config))
        if report.verdict is not Verdict.PASSED:
            lines = [
                f"{finding.verdict}: {finding.check}: {finding.detail}"
                for finding in report.findings
                if finding.verdict in {Verdict.FAILED, Verdict.UNKNOWN}
            ]
            raise ScenarioFailedError("\n".join([*lines, f"repeat it: {report.repeat_with}"]))

    def _run(self, stack: ScenarioStack) -> ScenarioReport:
        story = read_story(self._scenario, load_settings().wheels_dir)
        shape = PipelineConfig()
        faults = self._scenario.file.faults
        require_possible(self._scenario.name, faults)
        connections = stack.fresh(shape, faults)
        where = stack.running, stack.rig, stack.settings
        place = RunSite(connections, *where, REPORT / self.name, open_console())
        run = Run(story)
        return run_scenario(run, shape, place, repeat_with=repeat_line(run, shape))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        """Return the findings, without a traceback where the scenario just failed."""
        if isinstance(excinfo.value, ScenarioFailedError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the scenario stands and what it is called."""
        return self.path, 0, f"scenario: {self._scenario.file.title}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """Collect scenario files."""
    if file_path.suffix != SUFFIX:
        return None
    return ScenarioTestFile.from_parent(parent, path=file_path)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the stack, where one was started."""
    stack = session.config.stash.get(STACK, None)
    if stack is not None:
        stack.__exit__(None, None, None)


def _stack(config: pytest.Config) -> ScenarioStack:
    if STACK not in config.stash:
        heed_interrupts()
        config.stash[STACK] = ScenarioStack(replay_settings())
    return config.stash[STACK]

"""JUnit XML: what test runners leave, read, counted and merged into one file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from validation.verdict import Finding, Verdict

LARGEST_LINE: Final = 400


class CaseCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of cases that passed, failed (errors included) and were skipped or unknown."""

    passed: int = 0
    failed: int = 0
    unknown: int = 0

    def __add__(self, other: CaseCounts) -> CaseCounts:
        """Return the counts of both."""
        return CaseCounts(
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            unknown=self.unknown + other.unknown,
        )


def read_suites(path: Path) -> list[ET.Element]:
    """Return the test suites of a JUnit file; none where it is missing or cut off."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - written by our own steps
    except (FileNotFoundError, ET.ParseError):
        return []
    return [root] if root.tag == "testsuite" else list(root.iter("testsuite"))


def case_counts(suites: Iterable[ET.Element]) -> CaseCounts:
    """Return how the cases of the suites ended."""
    verdicts = [_verdict(case) for suite in suites for case in suite.iter("testcase")]
    return CaseCounts(
        passed=verdicts.count(Verdict.PASSED),
        failed=verdicts.count(Verdict.FAILED),
        unknown=verdicts.count(Verdict.UNKNOWN),
    )


def failed_cases(suites: Iterable[ET.Element]) -> tuple[str, ...]:
    """Return a line for each case that failed: where it is, and the start of why."""
    cases = (case for suite in suites for case in suite.iter("testcase"))
    return tuple(_failure_line(case) for case in cases if _verdict(case) is Verdict.FAILED)


def suite_of_findings(name: str, findings: Sequence[Finding], *, seconds: float) -> ET.Element:
    """Return findings as a suite: one case each, unknown skipped, flaky failed, with the reason."""
    suite = ET.Element("testsuite", name=name, time=f"{seconds:.3f}", tests=str(len(findings)))
    for finding in findings:
        case = ET.SubElement(suite, "testcase", classname=name, name=finding.check)
        if finding.verdict is Verdict.FAILED:
            ET.SubElement(case, "failure", message=finding.detail)
        elif finding.verdict is Verdict.FLAKY:
            ET.SubElement(case, "failure", message=f"flaky: {finding.detail}", type="flaky")
        elif finding.verdict is Verdict.UNKNOWN:
            ET.SubElement(case, "skipped", message=f"unknown: {finding.detail}")
    return suite


def write_junit(path: Path, suites: Sequence[tuple[str, Sequence[ET.Element]]]) -> None:
    """Write the suites of all steps into one file, each under its step's name."""
    root = ET.Element("testsuites")
    for step, members in suites:
        for suite in members:
            suite.set("name", step)
            root.append(suite)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _failure_line(case: ET.Element) -> str:
    reasons = (case.find("failure"), case.find("error"))
    message = next(each.get("message", "") for each in reasons if each is not None)
    reason = " | ".join(line.strip() for line in message.splitlines() if line.strip())
    return f"{case.get('classname', '')}::{case.get('name', '')}  {reason}"[:LARGEST_LINE]


def _verdict(case: ET.Element) -> Verdict:
    if case.find("failure") is not None or case.find("error") is not None:
        return Verdict.FAILED
    if case.find("skipped") is not None:
        return Verdict.UNKNOWN
    return Verdict.PASSED

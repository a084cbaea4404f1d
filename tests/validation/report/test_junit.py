"""JUnit files: read, counted and merged without losing a case."""

from __future__ import annotations

from pathlib import Path

from validation.report.junit import (
    CaseCounts,
    case_counts,
    read_suites,
    suite_of_findings,
    write_junit,
)
from validation.verdict import Finding, Verdict

SUITE = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="4">
<testcase classname="a" name="passes"/>
<testcase classname="a" name="fails"><failure message="no"/></testcase>
<testcase classname="a" name="breaks"><error message="no"/></testcase>
<testcase classname="a" name="skips"><skipped message="later"/></testcase>
</testsuite></testsuites>
"""
FINDINGS = [
    Finding(check="var", verdict=Verdict.PASSED, detail="equal"),
    Finding(check="ledger", verdict=Verdict.FAILED, detail="one lost"),
    Finding(check="latency", verdict=Verdict.UNKNOWN, detail="invalid run"),
]


def test_errors_are_failures_and_skips_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(SUITE)
    counts = case_counts(read_suites(tmp_path / "junit.xml"))
    assert counts == CaseCounts(passed=1, failed=2, unknown=1)


def test_findings_become_cases_with_their_verdicts() -> None:
    counts = case_counts([suite_of_findings("demo", FINDINGS, seconds=1)])
    assert counts == CaseCounts(passed=1, failed=1, unknown=1)


def test_a_missing_or_cut_off_file_has_no_suites(tmp_path: Path) -> None:
    (tmp_path / "cut.xml").write_text(SUITE[:100])
    assert read_suites(tmp_path / "cut.xml") == []
    assert read_suites(tmp_path / "none.xml") == []


def test_merged_files_hold_every_case_under_its_step(tmp_path: Path) -> None:
    (tmp_path / "unit.xml").write_text(SUITE)
    suites = read_suites(tmp_path / "unit.xml")
    write_junit(
        tmp_path / "all.xml",
        [("unit", suites), ("demo", [suite_of_findings("x", FINDINGS, seconds=1)])],
    )
    merged = read_suites(tmp_path / "all.xml")
    assert [suite.get("name") for suite in merged] == ["unit", "demo"]
    assert case_counts(merged) == CaseCounts(passed=2, failed=3, unknown=2)

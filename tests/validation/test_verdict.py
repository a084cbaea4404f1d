"""Verdicts: how they combine, and how many problems a sentence names."""

from __future__ import annotations

import pytest

from validation.verdict import (
    Finding,
    Verdict,
    as_measured,
    judged,
    overall,
    repeated,
    unknown,
)

PASSED, FAILED, UNKNOWN = Verdict.PASSED, Verdict.FAILED, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([PASSED, PASSED], PASSED),
        ([PASSED, UNKNOWN], UNKNOWN),
        ([UNKNOWN, FAILED, PASSED], FAILED),
        ([], UNKNOWN),
        ([PASSED, Verdict.FLAKY], Verdict.FLAKY),
        ([Verdict.FLAKY, UNKNOWN], UNKNOWN),
    ],
)
def test_failed_comes_before_unknown_and_unknown_before_passed(verdicts, whole) -> None:
    assert overall(verdicts) is whole


def test_no_problem_is_a_pass_with_its_sentence() -> None:
    finding = judged("check", [], passed="all good", figures={"n": 3})
    assert (finding.verdict, finding.detail, finding.figures) == (PASSED, "all good", {"n": 3})


def test_the_first_problems_are_named_and_the_rest_counted() -> None:
    finding = judged("check", ["a", "b", "c", "d", "e"], passed="all good")
    assert (finding.verdict, finding.detail) == (FAILED, "a; b; c; and 2 more")


def test_what_could_not_be_judged_says_why() -> None:
    assert (unknown("check", "no record").verdict, unknown("check", "no record").detail) == (
        UNKNOWN,
        "no record",
    )


def test_a_finding_that_only_time_speaks_against_becomes_measured_and_decides_nothing():
    late = Finding(check="latency", verdict=Verdict.FAILED, detail="p99", timing_only=True)
    wrong = Finding(check="numbers", verdict=Verdict.FAILED, detail="differs")

    assert as_measured(late).verdict is Verdict.MEASURED
    assert as_measured(wrong).verdict is Verdict.FAILED
    assert overall([Verdict.MEASURED, Verdict.PASSED]) is Verdict.PASSED
    assert overall([Verdict.MEASURED]) is Verdict.UNKNOWN


def findings(**verdicts: Verdict) -> tuple[Finding, ...]:
    return tuple(
        Finding(check=name, verdict=verdict, detail="why") for name, verdict in verdicts.items()
    )


def test_what_passes_only_when_repeated_is_flaky_and_no_pass():
    first, second = findings(a=PASSED, b=FAILED, c=UNKNOWN), findings(a=PASSED, b=PASSED, c=PASSED)
    merged = repeated(first, second)
    assert [finding.verdict for finding in merged] == [PASSED, Verdict.FLAKY, Verdict.FLAKY]
    assert merged[1].detail == "failed at first, not when repeated from a fresh start: why"
    assert overall(finding.verdict for finding in merged) is Verdict.FLAKY


def test_what_fails_twice_has_failed_and_what_fails_only_then_too():
    merged = repeated(findings(a=FAILED, b=PASSED), findings(a=FAILED, b=FAILED))
    assert [finding.verdict for finding in merged] == [FAILED, FAILED]


def test_a_run_that_broke_off_at_first_is_flaky_although_its_check_is_gone():
    merged = repeated(findings(run=FAILED), findings(a=PASSED))
    assert [(finding.check, finding.verdict) for finding in merged] == [
        ("a", PASSED),
        ("run", Verdict.FLAKY),
    ]

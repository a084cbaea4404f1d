"""Verdicts: passed, failed, unknown or flaky, and how they combine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from system.exits import ExitCode

Figure = float | int | str


class Verdict(StrEnum):
    """Verdict of a check. ``unknown`` says that it could not be judged: not a pass.

    ``flaky`` says that it did not pass at first and did when all was repeated from a fresh
    start: not a pass either, because nobody knows yet why.
    ``measured`` is a timing over its budget in a run that reports timings and does not
    judge them, because other programs share its machine; it is no verdict on the product.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    FLAKY = "flaky"
    MEASURED = "measured"


EXIT_CODES: Final[Mapping[Verdict, ExitCode]] = {
    Verdict.PASSED: ExitCode.PASSED,
    Verdict.FAILED: ExitCode.FAILED,
    Verdict.UNKNOWN: ExitCode.UNKNOWN,
}
"""Of commands that say *unknown* by an exit code of its own."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one check: its verdict, a sentence, and the figures behind it.

    ``timing_only``: nothing but the time that something took speaks against a pass.
    """

    check: str
    verdict: Verdict
    detail: str
    figures: dict[str, Figure] = msgspec.field(default_factory=dict)
    timing_only: bool = False


def as_measured(finding: Finding) -> Finding:
    """Return a finding that only time speaks against as measured, any other as it is."""
    if not finding.timing_only:
        return finding
    return msgspec.structs.replace(finding, verdict=Verdict.MEASURED)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a whole: failed before unknown before flaky before passed.

    Of nothing it is unknown: a run that judged nothing has shown nothing.
    """
    kinds = set(verdicts) - {Verdict.MEASURED}
    if Verdict.FAILED in kinds:
        return Verdict.FAILED
    if Verdict.UNKNOWN in kinds or not kinds:
        return Verdict.UNKNOWN
    return Verdict.FLAKY if Verdict.FLAKY in kinds else Verdict.PASSED


def judged(
    check: str, problems: Iterable[str], *, passed: str, figures: dict[str, Figure] | None = None
) -> Finding:
    """Return failed with the first problems named, or passed when there are none.

    Parameters
    ----------
    check : str
        Name of the check.
    problems : iterable of str
        One sentence each.
    passed : str
        The sentence to say when there are none.
    figures : dict, optional
        Numbers behind the verdict.
    """
    sentences = list(problems)
    verdict = Verdict.FAILED if sentences else Verdict.PASSED
    detail = _first(sentences) if sentences else passed
    return Finding(check=check, verdict=verdict, detail=detail, figures=figures or {})


def repeated(first: Sequence[Finding], second: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what two runs of the same checks have shown together.

    Parameters
    ----------
    first : sequence of Finding
        Of a run that did not pass.
    second : sequence of Finding
        Of the same, repeated from a fresh start.

    Returns
    -------
    tuple of Finding
        The second run's, but flaky where a check passed only then, or is only in the first.
    """
    passed = {finding.check for finding in second if finding.verdict is Verdict.PASSED}
    wrong = {finding.check: finding for finding in first if finding.verdict in _NO_PASS}
    findings = [
        _flaky(wrong[finding.check])
        if finding.check in wrong and finding.check in passed
        else finding
        for finding in second
    ]
    judged_again = {finding.check for finding in second}
    lost = [_flaky(finding) for finding in wrong.values() if finding.check not in judged_again]
    return (*findings, *lost)


def _flaky(first: Finding) -> Finding:
    detail = f"{first.verdict} at first, not when repeated from a fresh start: {first.detail}"
    return msgspec.structs.replace(first, verdict=Verdict.FLAKY, detail=detail)


_NO_PASS = frozenset({Verdict.FAILED, Verdict.UNKNOWN})


def unknown(check: str, why: str) -> Finding:
    """Return that a check could not be judged, and why."""
    return Finding(check=check, verdict=Verdict.UNKNOWN, detail=why)


PROBLEMS_NAMED = 3


def _first(problems: list[str]) -> str:
    named = "; ".join(problems[:PROBLEMS_NAMED])
    more = len(problems) - PROBLEMS_NAMED
    return f"{named}; and {more} more" if more > 0 else named

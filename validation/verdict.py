"""Verdicts: passed, failed, unknown or flaky, and how they combine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

Figure = float | int | str


class Verdict(StrEnum):
    """What a check found. ``unknown`` says that it could not be judged: not a pass.

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
    found = set(verdicts) - {Verdict.MEASURED}
    if Verdict.FAILED in found:
        return Verdict.FAILED
    if Verdict.UNKNOWN in found or not found:
        return Verdict.UNKNOWN
    return Verdict.FLAKY if Verdict.FLAKY in found else Verdict.PASSED


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
    found = list(problems)
    verdict = Verdict.FAILED if found else Verdict.PASSED
    detail = _first(found) if found else passed
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
    passed = {one.check for one in second if one.verdict is Verdict.PASSED}
    wrong = {one.check: one for one in first if one.verdict in _NO_PASS}
    found = [
        _flaky(wrong[one.check]) if one.check in wrong and one.check in passed else one
        for one in second
    ]
    judged_again = {one.check for one in second}
    lost = [_flaky(one) for one in wrong.values() if one.check not in judged_again]
    return (*found, *lost)


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

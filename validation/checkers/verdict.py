"""Verdicts: passed, failed or unknown, and how they combine."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

Figure = float | int | str


class Verdict(StrEnum):
    """What a check found. ``unknown`` says that it could not be judged: not a pass.

    ``measured`` is a timing over its budget in a run that reports timings and does not
    judge them, because other programs share its machine; it is no verdict on the product.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
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
    """Return the verdict of a whole: failed before unknown before passed.

    Of nothing it is unknown: a run that judged nothing has shown nothing.
    """
    found = set(verdicts) - {Verdict.MEASURED}
    if Verdict.FAILED in found:
        return Verdict.FAILED
    if Verdict.UNKNOWN in found or not found:
        return Verdict.UNKNOWN
    return Verdict.PASSED


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


def unknown(check: str, why: str) -> Finding:
    """Return that a check could not be judged, and why."""
    return Finding(check=check, verdict=Verdict.UNKNOWN, detail=why)


PROBLEMS_NAMED = 3


def _first(problems: list[str]) -> str:
    named = "; ".join(problems[:PROBLEMS_NAMED])
    more = len(problems) - PROBLEMS_NAMED
    return f"{named}; and {more} more" if more > 0 else named

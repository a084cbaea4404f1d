"""End-of-day agreement: what PostgreSQL states against what a reference expects.

Amounts are compared relative to themselves; P&L and components, which can vanish,
relative to the larger of themselves and the VaR of the day. Dates, breaches and the set
of components are compared exactly. A day that is missing on either side fails.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from validation.verdict import Finding, judged, unknown

RELATIVE_TOLERANCE: Final = 1e-9


class EndOfDay(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one portfolio at one close, base currency.

    ``nav`` counts cash too; ``components`` the component VaR per instrument.
    Fields that are ``None`` on the expected side are not compared.
    """

    var: float | None
    nav: float | None = None
    expected_shortfall: float | None = None
    hypothetical_pnl: float | None = None
    breach: bool | None = None
    scenario_date: dt.date | None = None
    components: Mapping[str, float | None] | None = None


Days = Mapping[tuple[str, dt.date], EndOfDay]
"""(portfolio, date) to the numbers of that close."""

AMOUNTS: Final = ("var", "nav", "expected_shortfall")
EXACT: Final = ("breach", "scenario_date")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Difference of one number from its reference: relative and absolute."""

    portfolio: str
    date: dt.date
    field: str
    relative: float
    absolute: float


def check_end_of_day(
    check: str,
    stated: Days,
    expected: Days,
    *,
    relative: float = RELATIVE_TOLERANCE,
    absolute: float = 0.0,
) -> Finding:
    """Return whether every end of day agrees with its reference.

    Parameters
    ----------
    check : str
        Name of the check, for the report.
    stated, expected : mapping
        The product's numbers and the reference's.
    relative, absolute : float
        A number agrees when either tolerance holds; ``absolute`` in base currency.
    """
    if not expected:
        return unknown(check, "the reference expects no day: nothing was compared")
    compared = list(differences(stated, expected))
    off = [
        difference
        for difference in compared
        if difference.relative > relative and difference.absolute > absolute
    ]
    problems = [*_missing(stated, expected), *_inexact(stated, expected), *map(_sentence, off)]
    largest = max((difference.relative for difference in compared), default=0.0)
    return judged(
        check,
        problems,
        passed=f"{len(expected)} days, {len(compared)} numbers, largest difference {largest:.1e}",
        figures={"days": len(expected), "numbers": len(compared), "largest_relative": largest},
    )


def largest_var_difference(stated: Days, expected: Days) -> float:
    """Return the largest relative difference of a VaR; infinite if a day is missing."""
    if any(_missing(stated, expected)):
        return float("inf")
    return max(
        (
            difference.relative
            for difference in differences(stated, expected)
            if difference.field == "var"
        ),
        default=0.0,
    )


def differences(stated: Days, expected: Days) -> Iterator[Difference]:
    """Yield the difference of every number that both sides have; infinite where one lacks it."""
    for (portfolio, date), wanted in sorted(expected.items()):
        mine = stated.get((portfolio, date))
        if mine is None:
            continue
        for field, actual, target, unit in _pairs(mine, wanted):
            gap = _gap(actual, target)
            yield Difference(
                portfolio=portfolio,
                date=date,
                field=field,
                relative=gap / unit if gap else 0.0,
                absolute=gap,
            )


def _pairs(
    mine: EndOfDay, wanted: EndOfDay
) -> Iterator[tuple[str, float | None, float | None, float]]:
    scale = abs(wanted.var or 0.0)
    for field in AMOUNTS:
        target = getattr(wanted, field)
        if target is not None or field == "var":
            yield field, getattr(mine, field), target, abs(target or 0.0) or 1.0
    if wanted.hypothetical_pnl is not None:
        target = wanted.hypothetical_pnl
        yield "hypothetical_pnl", mine.hypothetical_pnl, target, max(abs(target), scale) or 1.0
    for name, part in (wanted.components or {}).items():
        unit = max(abs(part or 0.0), scale) or 1.0
        yield f"component {name}", (mine.components or {}).get(name), part, unit


def _gap(actual: float | None, target: float | None) -> float:
    if actual is None or target is None:
        return 0.0 if actual is target else float("inf")
    gap = abs(actual - target)
    return gap if gap == gap else float("inf")  # noqa: PLR0124 - NaN differs from itself


def _missing(stated: Days, expected: Days) -> Iterator[str]:
    for portfolio, date in sorted(expected.keys() - stated.keys()):
        yield f"{portfolio} {date}: not in PostgreSQL"
    for portfolio, date in sorted(stated.keys() - expected.keys()):
        yield f"{portfolio} {date}: in PostgreSQL, and no reference expects it"


def _inexact(stated: Days, expected: Days) -> Iterator[str]:
    for (portfolio, date), wanted in sorted(expected.items()):
        mine = stated.get((portfolio, date))
        if mine is None:
            continue
        for field in EXACT:
            target = getattr(wanted, field)
            if target is not None and getattr(mine, field) != target:
                yield f"{portfolio} {date} {field}: {getattr(mine, field)}, expected {target}"
        extra = set(mine.components or ()) ^ set(wanted.components or ())
        if wanted.components is not None and extra:
            yield f"{portfolio} {date}: components differ in {', '.join(sorted(extra))}"


def _sentence(difference: Difference) -> str:
    place = f"{difference.portfolio} {difference.date} {difference.field}"
    return f"{place}: off by {difference.relative:.2e} relative"

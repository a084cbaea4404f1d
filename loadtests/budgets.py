"""Budgets of a locust run: what ends it with a failing exit code. Pure.

Percentiles are locust's own (response times rounded to about two digits); the latency of ticks
is judged by the exact figures of the run's report instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

TICK: Final = "TICK"
SENT: Final = "sent, slip"
COVERED: Final = "sent -> covered in Redis"
PUSH: Final = "PUSH"
PUSHED: Final = "valued -> received"
TRADE: Final = "TRADE"
ACCEPTED_TO_VAR: Final = "accepted -> VaR pushed"
SENT_TO_VAR: Final = "sent -> VaR pushed"
WHAT_IF: Final = "/v1/portfolios/{id}/what-if"
MOST_FAILURES: Final = 0.001
"""The largest share of requests of one name that may fail."""


class NameBudget(msgspec.Struct, frozen=True):
    """The longest p99 of one name, milliseconds."""

    name: str
    p99_ms: float


BUDGETS: Final = (
    NameBudget(ACCEPTED_TO_VAR, 1_000.0),
    NameBudget(PUSHED, 500.0),
    NameBudget("/v1/portfolios/{id}/var", 500.0),
    NameBudget("/v1/portfolios/{id}/attribution", 500.0),
    NameBudget("/v1/portfolios/{id}/snapshots", 1_000.0),
    NameBudget(WHAT_IF, 500.0),
)
"""Floors, not goals: these hold on two cores that also run the load."""


class NameFigures(msgspec.Struct, frozen=True):
    """What locust has counted under one name."""

    name: str
    count: int
    failures: int
    p99_ms: float


def broken_budgets(
    figures: Iterable[NameFigures], budgets: Iterable[NameBudget] = BUDGETS
) -> tuple[str, ...]:
    """Return one sentence for each budget that was not kept, and each name that failed.

    Parameters
    ----------
    figures : iterable of NameFigures
        Of the whole run.
    budgets : iterable of NameBudget
        A name that was never asked for is not judged.
    """
    by_name: Mapping[str, float] = {one.name: one.p99_ms for one in budgets}
    broken = []
    for one in figures:
        if one.count and one.failures > MOST_FAILURES * one.count:
            broken.append(f"{one.name}: {one.failures} of {one.count} failed")
        budget_ms = by_name.get(one.name)
        if budget_ms is not None and one.p99_ms > budget_ms:
            broken.append(f"{one.name}: p99 {one.p99_ms:.0f} ms, budget {budget_ms:.0f} ms")
    return tuple(broken)

"""Budgets of a locust run: what ends it with a failing exit code. Pure.

Percentiles are locust's own (response times rounded to about two digits); the latency of ticks
is judged by the exact figures of the run's report instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
    """The longest p99 of one name, milliseconds, and the classes of users that make it."""

    name: str
    p99_ms: float
    users: tuple[str, ...] = ()


BUDGETS: Final = (
    NameBudget(ACCEPTED_TO_VAR, 1_000.0, ("TradeUser",)),
    NameBudget(PUSHED, 500.0, ("SseUser", "TradeUser")),
    NameBudget("/v1/portfolios/{id}/var", 500.0, ("ApiReader",)),
    NameBudget("/v1/portfolios/{id}/attribution", 500.0, ("ApiReader",)),
    NameBudget("/v1/portfolios/{id}/snapshots", 1_000.0, ("ApiReader",)),
    NameBudget(WHAT_IF, 500.0, ("WhatIfUser",)),
)
"""Wider than the product's floors, on purpose: locust's users take turns on the two cores that
also run the system and its load, and an answer that waits for its reader counts as late. So
500 ms for a what-if here, whose floor is 50 ms. ``riskstream measure goals`` judges the floors,
from processes that do nothing else. A trade's VaR alone has its floor as its budget."""


class NameFigures(msgspec.Struct, frozen=True):
    """Counts of locust under one name."""

    name: str
    count: int
    failures: int
    p99_ms: float


def broken_budgets(
    figures: Iterable[NameFigures],
    budgets: Iterable[NameBudget] = BUDGETS,
    *,
    ran: Collection[str] = (),
) -> tuple[str, ...]:
    """Return one sentence for each budget that was not kept or not shown, and each failing name.

    Parameters
    ----------
    figures : iterable of NameFigures
        Of the whole run.
    budgets : iterable of NameBudget
        One that has no sample is not shown, when users who make it ran.
    ran : collection of str
        The classes of users that ran.
    """
    by_name = {figure.name: figure for figure in figures if figure.count}
    broken = [
        f"{figures.name}: {figures.failures} of {figures.count} failed"
        for figures in by_name.values()
        if figures.failures > (0 if figures.name == PUSHED else MOST_FAILURES * figures.count)
    ]
    for budget in budgets:
        sample = by_name.get(budget.name)
        makers = [name for name in budget.users if name in ran]
        if sample is None and makers:
            broken.append(f"{budget.name}: not shown, {' and '.join(makers)} ran without a sample")
        elif sample is not None and sample.p99_ms > budget.p99_ms:
            broken.append(
                f"{sample.name}: p99 {sample.p99_ms:.0f} ms, budget {budget.p99_ms:.0f} ms"
            )
    return tuple(broken)

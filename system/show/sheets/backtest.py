"""Backtest of one book's ends of day: P&L against VaR, coverage, evidence, zones, power.

The stored days are judged by `system.backtest`'s own statistics; nothing is computed here twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import numpy as np

from system.backtest.power import E_PROCESS, TESTS, PowerRow, power
from system.backtest.statistics.coverage import (
    exact_binomial,
    kupiec_pof,
    mid_p_binomial,
    traffic_light,
)
from system.backtest.statistics.eprocess import LEVEL, coverage_evidence, days_to_rejection
from system.backtest.statistics.independence import (
    christoffersen_conditional_coverage,
    christoffersen_independence,
    transitions,
)
from system.risk.arrays import BoolVector
from system.show import format as text
from system.show.sheets.contents import Chart, Column, Lines, Row, Series, Sheet
from system.show.view.base import View

POWER_SEED: Final = 20
POWER_SIMULATIONS: Final = 200
"""Draws per law: a rate is within some 7 percentage points, and a page waits for it."""
TEST_NAMES: Final = {
    "kupiec_pof": "Kupiec",
    "christoffersen_independence": "Christoffersen, independence",
    "christoffersen_conditional_coverage": "Christoffersen, both",
    "weibull_duration": "Weibull duration",
    E_PROCESS: "e-process",
}


class JudgedDay(View, frozen=True, kw_only=True):
    """A day that was judged: its hypothetical P&L, and the VaR stated at the close before."""

    date: dt.date
    pnl: float
    var: float
    breach: bool


class Promise(View, frozen=True, kw_only=True):
    """Promise of an estimator: VaR at ``confidence`` as the k-th worst of n scenarios."""

    confidence: str
    scenario_count: int
    tail_rank: int

    @property
    def tail_probability(self) -> float:
        """Return 1 - confidence."""
        return 1.0 - float(self.confidence)

    @property
    def expected_rate(self) -> float | None:
        """Return k / (n + 1), the breach rate of a correct estimator; None without scenarios."""
        return self.tail_rank / (self.scenario_count + 1) if self.scenario_count else None


def pnl_lines(days: Sequence[JudgedDay], promise: Promise) -> Lines:
    """Return P&L against VaR with the breaches, and the e-process below it, by day.

    Parameters
    ----------
    days : sequence of JudgedDay
        Oldest first.
    promise : Promise
        What VaR is held to.
    """
    title = "Daily P&L against VaR, and the evidence"
    if not days:
        return Lines(title=title, x=(), charts=(), empty="No day has been judged yet.")
    evidence = coverage_evidence(
        hits_of(days), promise.tail_probability, expected_rate=promise.expected_rate
    )
    wealth = tuple(map(float, np.exp(evidence.log_wealth)))
    expected = evidence.expected_log_wealth
    breach_count = sum(day.breach for day in days)
    series = [
        Series(name="e-value", colour="accent", values=wealth),
        Series(name="rejects at", colour="limit", values=(1 / LEVEL,) * len(days), dash=True),
    ]
    if expected is not None:
        values = tuple(map(float, np.exp(expected)))
        series.insert(
            1, Series(name="expected of k/(n+1)", colour="muted", values=values, dash=True)
        )
    return Lines(
        title=title,
        x=tuple(float(_seconds(day.date)) for day in days),
        note=f"{breach_count} breaches in {len(days)} days",
        charts=(
            Chart(
                title="P&L on unchanged positions, VaR stated the close before",
                words=f"P&L of {len(days)} days with {breach_count} breaches of VaR",
                series=(
                    Series(name="P&L", colour="long", values=tuple(day.pnl for day in days)),
                    Series(
                        name="VaR, as a loss",
                        colour="warn",
                        values=tuple(-day.var for day in days),
                        steps=True,
                    ),
                    Series(
                        name="breach",
                        colour="limit",
                        values=tuple(day.pnl if day.breach else None for day in days),
                        points=True,
                    ),
                ),
            ),
            Chart(
                title="e-process against the promised rate",
                words=f"e-value {evidence.e_value:.3g} after {len(days)} days; 20 rejects",
                series=tuple(series),
                log=True,
            ),
        ),
        words="Drag to zoom, double click to zoom out; the cursors of both charts move together.",
    )


def coverage_sheet(days: Sequence[JudgedDay], promise: Promise) -> Sheet:
    """Return the tests of coverage and independence; a small p-value speaks against the promise."""
    columns = (
        Column(name="Test"),
        Column(name="Holds if", kind="text"),
        Column(name="Statistic"),
        Column(name="p-value"),
        Column(name="", kind="text"),
    )
    title = "Coverage and independence"
    if not days:
        return Sheet(title=title, columns=columns, rows=(), empty="No day has been judged yet.")
    count, total, tail = sum(day.breach for day in days), len(days), promise.tail_probability
    counts = transitions(hits_of(days))
    results = (
        kupiec_pof(count, total, tail),
        exact_binomial(count, total, tail),
        mid_p_binomial(count, total, tail),
        christoffersen_independence(counts),
        christoffersen_conditional_coverage(
            counts, breach_count=count, day_count=total, tail_probability=tail
        ),
    )
    rows = tuple(
        Row(
            cells=(
                result.name.replace("_", " "),
                result.null,
                _number(result.statistic),
                _number(result.p_value),
                result.note,
            ),
            kind="bad" if result.p_value is not None and result.p_value < LEVEL else "",
        )
        for result in results
    )
    rate = promise.expected_rate
    expected = (
        "" if rate is None else f"; a correct estimator breaches {text.percent(rate, digits=1)}"
    )
    return Sheet(
        title=title,
        note=f"{count} in {total} days ({text.percent(count / total, digits=1)}){expected}",
        columns=columns,
        rows=rows,
    )


def zones_sheet(days: Sequence[JudgedDay], promise: Promise) -> Sheet:
    """Return the zones of the traffic light for this number of days, the present one marked."""
    columns = (Column(name="Zone"), Column(name="Breaches"), Column(name="Here", kind="text"))
    title = "Zones"
    if not days:
        return Sheet(title=title, columns=columns, rows=(), empty="No day has been judged yet.")
    count, total = sum(day.breach for day in days), len(days)
    light = traffic_light(count, total, promise.tail_probability)
    ranges = {
        "green": f"0 to {light.green_to}" if light.green_to >= 0 else text.NOTHING,
        "yellow": f"{light.green_to + 1} to {light.yellow_to}",
        "red": f"{light.yellow_to + 1} or more",
    }
    rows = tuple(
        Row(
            cells=(zone, breaches, f"{count} breaches" if zone == light.zone.value else ""),
            kind={"green": "good", "yellow": "warn", "red": "bad"}[zone]
            if zone == light.zone.value
            else "",
        )
        for zone, breaches in ranges.items()
    )
    to_rejection = (
        None
        if promise.expected_rate is None
        else days_to_rejection(promise.expected_rate, promise.tail_probability)
    )
    words = (
        f"P(at most {count}) = {text.percent(light.cumulative_probability, digits=1)} if breaches "
        f"were independent at {promise.tail_probability:.3g}."
    )
    if to_rejection is not None:
        words += (
            f" A correct k-th worst of n is expected to be told from the promise after"
            f" {to_rejection:,.0f} days."
        )
    return Sheet(title=title, columns=columns, rows=rows, words=words, note=f"{total} days")


def power_rows(day_count: int, promise: Promise) -> tuple[PowerRow, ...]:
    """Return how often the tests would reject, were something else true; seeded, so repeatable."""
    return power(
        np.random.default_rng(POWER_SEED),
        tail_probability=promise.tail_probability,
        expected_rate=promise.expected_rate,
        day_count=day_count,
        simulation_count=POWER_SIMULATIONS,
    )


def power_sheet(rows: Sequence[PowerRow], day_count: int) -> Sheet:
    """Return the power of the tests: the number to read before *not rejected*."""
    names = (*TESTS, E_PROCESS)
    return Sheet(
        title="Power",
        note=f"in {day_count} days, at {LEVEL:.0%}, {POWER_SIMULATIONS} draws a law",
        words="how often a test rejects if this is the truth instead",
        columns=(
            Column(name="If the truth is"),
            *(Column(name=TEST_NAMES.get(name, name)) for name in names),
        ),
        rows=tuple(
            Row(
                cells=(
                    row.alternative,
                    *(text.percent(row.rejection_rates[name], digits=0) for name in names),
                )
            )
            for row in rows
        ),
        empty="No day has been judged yet.",
    )


def hits_of(days: Sequence[JudgedDay]) -> BoolVector:
    """Return which days were breaches, oldest first."""
    return np.array([day.breach for day in days], dtype=np.bool_)


def _seconds(date: dt.date) -> float:
    return dt.datetime.combine(date, dt.time(), tzinfo=dt.UTC).timestamp()


def _number(number: float | None) -> str:
    return text.NOTHING if number is None else f"{number:.3g}"

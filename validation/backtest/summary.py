"""Entries of ``summary.json``, gathered from a backtest and its tests."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from system.backtest.attribution import pnl_attribution
from system.backtest.battery import SimulationPlan, all_tests, rolling_law
from system.backtest.daily import DailyBacktest
from system.backtest.engine.methods import expected_rate
from system.backtest.engine.positions import ALWAYS
from system.backtest.engine.settlements import StandInVolatility
from system.backtest.engine.untested import Cause, DayRange
from system.backtest.power import PowerRow, power
from system.backtest.statistics.coverage import TrafficLight, traffic_light
from system.backtest.statistics.eprocess import (
    CoverageEvidence,
    coverage_evidence,
    days_to_rejection,
    growth_per_day,
)
from system.backtest.statistics.hits import HitLaw, IndependentHits, hit_blocks
from system.backtest.statistics.results import HypothesisResult
from system.contracts.messages import CARRY_SPAN_DAYS
from system.risk.historical import ESTIMATOR
from validation.backtest.entries import (
    AttributionEntry,
    BandEntry,
    CarriedEntry,
    EProcessEntry,
    FlatEntry,
    InputEntry,
    MethodEntry,
    PowerEntry,
    RangeEntry,
    StandInEntry,
    Summary,
    SuspectEntry,
    TestEntry,
    ZoneEntry,
)

BAND: Final = (0.005, 0.995)
"""Quantiles of the band that a number of breaches is held against."""
MIN_ATTRIBUTION_DAYS: Final = 2
SHOWN_NAMES: Final = 3
POWER_STREAM: Final = 21
BAND_STREAM: Final = 22


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A backtest with what the tests and the e-process make of it."""

    backtest: DailyBacktest
    evidence: CoverageEvidence
    entry: MethodEntry


def judged(backtest: DailyBacktest, plan: SimulationPlan) -> Judged:
    """Return a backtest with every test, its power and its evidence.

    Parameters
    ----------
    backtest : DailyBacktest
        One portfolio under one method.
    plan : SimulationPlan
        Seed and number of simulated samples.
    """
    settings = backtest.settings
    probability = float(settings.confidence.tail_probability)
    expected = expected_rate(
        settings.method, window=settings.window, confidence=settings.confidence
    )
    evidence = coverage_evidence(backtest.breach, probability, expected_rate=expected)
    rows = power(
        plan.rng(POWER_STREAM),
        tail_probability=probability,
        expected_rate=expected,
        day_count=backtest.day_count,
        simulation_count=plan.slow_count,
        stretches=backtest.stretches,
    )
    entry = MethodEntry(
        method=settings.method.value,
        official=settings.method.is_official,
        estimator=ESTIMATOR if settings.method.is_official else settings.method.value,
        confidence=str(settings.confidence),
        window=settings.window,
        n=backtest.scenario_count,
        k=backtest.tail_rank,
        first_asof=backtest.as_of_dates[0],
        last_pnl_date=backtest.pnl_dates[-1],
        days=backtest.day_count,
        breaches=backtest.breach_count,
        rate=backtest.breach_count / backtest.day_count,
        promised_rate=probability,
        expected_rate=expected,
        breach_band_99=_band(backtest, probability, plan),
        tests={result.name: _test_entry(result) for result in all_tests(backtest, plan)},
        traffic_light=_zone("all days", backtest.breach, probability),
        years=_years(backtest, probability),
        e_process=_e_process(backtest, evidence, probability, expected),
        power=tuple(_power_entry(row) for row in rows),
        pnl_attribution=_attribution(backtest),
        suspect_moves=_suspects(backtest),
        carried_prices=tuple(
            CarriedEntry(series=carried_close.name, date=carried_close.date)
            for carried_close in backtest.carried
        ),
        constant_volatility=backtest.constant_volatility,
        kernel_checked=backtest.kernel_checked,
        held_days=backtest.day_count + backtest.untested_count,
        untested_days=backtest.untested_count,
        untested=_ranges(backtest, backtest.untested),
        left_out=_ranges(backtest, backtest.left_out),
        flat=tuple(
            FlatEntry(since=None if since == ALWAYS else since, until=until)
            for since, until in backtest.flat
        ),
        stand_in_volatilities=tuple(_stand_in(stand_in) for stand_in in backtest.stand_ins),
        fit_note=backtest.fit_note,
    )
    return Judged(backtest, evidence, entry)


def input_entries(paths: Mapping[str, Path]) -> dict[str, InputEntry]:
    """Return name and SHA-256 of each file."""
    return {
        name: InputEntry(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for name, path in paths.items()
    }


def nested(
    entries: Sequence[Judged], without_law: Iterable[tuple[str, str]] = ()
) -> dict[str, dict[str, MethodEntry | None]]:
    """Return entries by portfolio and method, in their order.

    Parameters
    ----------
    entries : sequence of Judged
        What was tested.
    without_law : iterable of (str, str)
        Portfolio and method: None where the method has no law for a portfolio that others have.
    """
    by_portfolio: dict[str, dict[str, MethodEntry | None]] = {}
    for item in entries:
        by_portfolio.setdefault(item.backtest.portfolio, {})[item.entry.method] = item.entry
    for portfolio, method in without_law:
        if portfolio in by_portfolio:
            by_portfolio[portfolio][method] = None
    return by_portfolio


def write_summary(path: Path, summary: Summary) -> None:
    """Write the summary as indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")


def _test_entry(result: HypothesisResult) -> TestEntry:
    return TestEntry(
        null=result.null,
        statistic=result.statistic,
        p_value=result.p_value,
        dof=result.dof,
        p_value_simulated=result.p_value_simulated,
        p_value_rolling=result.p_value_rolling,
        note=result.note,
    )


def _zone(period: str, hits: np.ndarray, probability: float) -> ZoneEntry:
    breaches, days = int(np.count_nonzero(hits)), len(hits)
    light: TrafficLight = traffic_light(breaches, days, probability)
    return ZoneEntry(
        period=period,
        days=days,
        breaches=breaches,
        zone=light.zone.value,
        cumulative_probability=light.cumulative_probability,
        green_to=light.green_to,
        yellow_to=light.yellow_to,
    )


def _years(backtest: DailyBacktest, probability: float) -> tuple[ZoneEntry, ...]:
    years = itertools.groupby(
        range(backtest.day_count), key=lambda day: backtest.pnl_dates[day].year
    )
    return tuple(_zone(str(year), backtest.breach[list(days)], probability) for year, days in years)


def _e_process(
    backtest: DailyBacktest,
    evidence: CoverageEvidence,
    probability: float,
    expected: float | None,
) -> EProcessEntry:
    first, path = evidence.first_rejection, evidence.expected_log_wealth
    return EProcessEntry(
        null="given the past, the breach probability is at most 1 - confidence",
        e_value=evidence.e_value,
        log_e_value=float(evidence.log_wealth[-1]),
        largest_e_value=evidence.largest_e_value,
        anytime_p_value=evidence.p_value,
        level=evidence.level,
        first_rejection=None if first is None else backtest.pnl_dates[first],
        expected_log_e_value=None if path is None else float(path[-1]),
        expected_growth_per_day=None if expected is None else growth_per_day(expected, probability),
        expected_days_to_rejection=(
            None if expected is None else days_to_rejection(expected, probability)
        ),
    )


def _band(backtest: DailyBacktest, probability: float, plan: SimulationPlan) -> BandEntry:
    rolling = rolling_law(backtest)
    return BandEntry(
        independent=_count_band(IndependentHits(probability), backtest, plan, 0),
        rolling=None if rolling is None else _count_band(rolling, backtest, plan, 1),
    )


def _count_band(
    law: HitLaw, backtest: DailyBacktest, plan: SimulationPlan, stream: int
) -> tuple[int, int]:
    rng = plan.rng(BAND_STREAM + stream)
    on_days = backtest.stretches.law(law)
    blocks = hit_blocks(on_days, rng, max(1, plan.count), backtest.day_count)
    counts = np.concatenate([block.sum(axis=1) for block in blocks])
    low, high = np.quantile(counts, BAND, method="inverted_cdf")
    return int(low), int(high)


def _stand_in(stand_in: StandInVolatility) -> StandInEntry:
    return StandInEntry(
        option=stand_in.instrument_id,
        date=stand_in.date,
        settlement=stand_in.price,
        worth_settlement=stand_in.is_worth_price,
        volatility=stand_in.volatility,
        settled_on=stand_in.settled_on,
    )


def _ranges(backtest: DailyBacktest, ranges: Sequence[DayRange]) -> tuple[RangeEntry, ...]:
    return tuple(
        RangeEntry(
            first=days.first,
            last=days.last,
            days=days.day_count,
            cause=days.cause.value,
            series=days.series,
            reason=_reason(backtest, days),
        )
        for days in ranges
    )


def _reason(backtest: DailyBacktest, days: DayRange) -> str:
    """Return in words why days have no VaR, or are no scenario days."""
    if days.cause is Cause.NO_FIT:
        return backtest.fit_note
    who, has = named(days.series), "has" if len(days.series) == 1 else "have"
    if days.cause is Cause.NO_CLOSE:
        return f"{who} {has} no close"
    if days.cause is Cause.INTERRUPTED:
        bound = backtest.settings.carry
        return (
            f"closes of {who} are missing on more than {bound.max_sessions} weekdays within "
            f"{CARRY_SPAN_DAYS} scenario days, and of more than {bound.max_share:.1%} of gross "
            "exposure"
        )
    if days.cause is Cause.NO_SETTLEMENT:
        return f"{who} {has} no settlement that a volatility gives"
    needed = f"the {backtest.settings.history_count + 1} closes that {backtest.settings.method}"
    if not days.series:
        return f"the prices begin too late for {needed} needs up to the day before"
    return f"{who} {has} fewer than {needed} needs up to the day before"


def named(names: Sequence[str]) -> str:
    """Return a few of many names as text.

    Examples
    --------
    >>> named(["A", "B"]), named(["A", "B", "C", "D", "E"])
    ('A, B', 'A, B, C and 2 more')
    """
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _power_entry(row: PowerRow) -> PowerEntry:
    return PowerEntry(alternative=row.alternative, rejection_rates=dict(row.rejection_rates))


def _attribution(backtest: DailyBacktest) -> AttributionEntry | None:
    if backtest.day_count < MIN_ATTRIBUTION_DAYS:
        return None
    attribution = pnl_attribution(backtest.theoretical_pnl, backtest.pnl)
    return AttributionEntry(
        spearman=attribution.spearman,
        kolmogorov_smirnov=attribution.kolmogorov_smirnov,
        largest_gap=attribution.largest_gap,
        zone=None if attribution.zone is None else attribution.zone.value,
    )


def _suspects(backtest: DailyBacktest) -> tuple[SuspectEntry, ...]:
    return tuple(
        SuspectEntry(
            instrument=suspect.instrument_id,
            date=suspect.date,
            move=suspect.move,
            probable_split=None if suspect.split_ratio is None else str(suspect.split_ratio),
        )
        for suspect in backtest.suspects
    )

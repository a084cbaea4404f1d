"""The replay backtest: a stored history beside the batch, every day and the count."""

from __future__ import annotations

import msgspec
import pytest

from validation.checkers.end_of_day import EndOfDay
from validation.published.golden import CASES, GoldenCase, golden_case
from validation.published.replay_backtest import (
    Days,
    ReplayBacktest,
    batch_backtest,
    compared,
    last_pnl_date,
    published_count,
)
from validation.rules.second_reader import EQUITIES, Closes, read_closes
from validation.verdict import Verdict


@pytest.fixture(scope="module")
def closes() -> Closes:
    return read_closes(EQUITIES)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, closes: Closes) -> GoldenCase:
    return golden_case(request.param, closes)


def as_stored(case: GoldenCase, closes: Closes) -> dict:
    """Return what PostgreSQL would hold: the golden days, and the last P&L date."""
    batch = batch_backtest(case, closes)
    last = last_pnl_date(case, closes)
    at = batch.as_of_dates.index(last)
    stored = dict(case.expected)
    stored[case.portfolio.portfolio, last] = EndOfDay(
        var=float(batch.var[at]),
        nav=float(batch.value[at]),
        expected_shortfall=float(batch.expected_shortfall[at]),
        hypothetical_pnl=float(batch.pnl[at - 1]),
        breach=case.breach_after_last,
        scenario_date=batch.scenario_dates[at],
        components=dict(
            zip(
                batch.components[0].instrument_ids,
                batch.components[0].component_var[at].tolist(),
                strict=True,
            )
        ),
    )
    return stored


def result(case: GoldenCase, closes: Closes, stored: Days) -> ReplayBacktest:
    return compared(case.name, stored, batch_backtest(case, closes))


def test_every_day_and_the_count_of_breaches_are_those_of_the_batch(
    case: GoldenCase, closes: Closes
) -> None:
    replayed = result(case, closes, as_stored(case, closes))
    assert (replayed.stored_breaches, replayed.day_count) == (case.breach_count, len(case.days))
    assert replayed.batch_breaches == case.breach_count
    days, counts = replayed.findings
    assert counts.verdict is Verdict.PASSED
    assert days.figures["days"] == len(case.days) + 1
    assert days.verdict is Verdict.PASSED or float(days.figures["largest_relative"]) < 1e-8


def test_a_day_that_differs_is_named_and_a_lost_breach_is_counted(
    case: GoldenCase, closes: Closes
) -> None:
    stored = as_stored(case, closes)
    key = next(key for key, day in stored.items() if day.breach)
    stored[key] = msgspec.structs.replace(stored[key], breach=False, var=stored[key].var * 1.001)
    replayed = result(case, closes, stored)
    assert {finding.verdict for finding in replayed.findings} == {Verdict.FAILED}
    assert str(key[1]) in replayed.findings[0].detail
    assert replayed.stored_breaches == case.breach_count - 1


def test_a_count_that_is_not_the_published_one_fails(case: GoldenCase) -> None:
    assert published_count(case, case.breach_count).verdict is Verdict.PASSED
    assert published_count(case, case.breach_count - 1).verdict is Verdict.FAILED


def test_a_day_that_is_missing_fails(case: GoldenCase, closes: Closes) -> None:
    stored = as_stored(case, closes)
    del stored[case.portfolio.portfolio, case.days[10]]
    assert result(case, closes, stored).findings[0].verdict is Verdict.FAILED

"""Stressed windows: which returns, whose, and the worst run of a long history."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.messages import AssetClass
from system.risk.confidence import Confidence
from system.risk.errors import HistoryTooShortError, NoHistoryInWindowError, TooFewScenariosError
from system.risk.historical import historical_var
from system.risk.listing import Listing
from system.risk.portfolio import scenario_pnl
from system.risk.scenarios.factors import scenario_factors
from system.risk.scenarios.proxies import Proxied
from system.risk.scenarios.stressed import (
    STRESSED_WINDOWS,
    StressedWindow,
    is_over,
    stressed_scenarios,
    stressed_var,
    worst_window,
)
from system.risk.scenarios.window import CloseTable, scenario_window
from system.risk.valuation import valuation
from tests.strategies import confidences, pnl_vectors
from tests.system.risk.test_golden import DATA, NINETY_FIVE, book_of
from validation.rules import second_reader

AS_OF = dt.date(2022, 12, 27)
YEAR_2008 = StressedWindow("GFC12m", dt.date(2008, 1, 2), dt.date(2008, 12, 31))
WINDOWS = {window.name: window for window in (*STRESSED_WINDOWS, YEAR_2008)}
MONDAY = dt.date(2020, 1, 6)


@pytest.fixture(scope="module")
def equities() -> Mapping[str, Mapping[dt.date, float]]:
    return second_reader.read_closes(second_reader.EQUITIES)


@pytest.fixture(scope="module")
def golden() -> dict[str, dict[str, float | str]]:
    return json.loads((DATA / "golden_stressed_var.json").read_text())


@pytest.fixture(scope="module")
def today(equities: Mapping[str, Mapping[dt.date, float]]):
    """Return the golden book, its exposures as of the golden day, and all closes."""
    holdings = book_of(equities, dt.date(2022, 1, 3))
    prices = np.array([equities[name][AS_OF] for name in holdings.instrument_ids])
    worth = valuation(holdings, prices=prices, quotes={}, base_currency="USD")
    return holdings, worth, CloseTable.of(equities)


# -- real crises ------------------------------------------------------------------------


@pytest.mark.parametrize("name", WINDOWS)
def test_stressed_var_is_the_golden_one(today, golden, name: str) -> None:
    holdings, worth, table = today
    scenarios = stressed_scenarios(
        table, holdings.listings, window=WINDOWS[name], as_of=AS_OF, base_currency="USD"
    )
    dates = scenarios.factors.scenario_dates
    pnl = scenario_pnl(worth.exposures, scenarios.factors)
    var = stressed_var(pnl, dates, confidence=NINETY_FIVE)
    expected = golden[name]
    assert var.var == pytest.approx(expected["svar"], abs=0.01)
    assert (var.scenario_count, var.tail_rank) == (expected["n"], expected["k"])
    assert (str(dates[0]), str(dates[-1])) == (expected["first"], expected["last"])
    assert scenarios.proxied == ()


def test_at_ninety_nine_percent_sixty_two_days_are_too_few(today) -> None:
    holdings, worth, table = today
    scenarios = stressed_scenarios(
        table, holdings.listings, window=WINDOWS["2020"], as_of=AS_OF, base_currency="USD"
    )
    pnl = scenario_pnl(worth.exposures, scenarios.factors)
    with pytest.raises(TooFewScenariosError, match="62 scenarios"):
        stressed_var(pnl, scenarios.factors.scenario_dates, confidence=Confidence.parse("0.99"))


def test_the_worst_thirty_days_since_1990_are_found_and_end_in_march_2020(today) -> None:
    holdings, worth, table = today
    count = len(table.dates) - 1
    window = scenario_window(
        table.select(holdings.instrument_ids), as_of=table.dates[-1], scenario_count=count
    )
    factors = scenario_factors(window, holdings.listings, base_currency="USD")
    pnl, dates = scenario_pnl(worth.exposures, factors), factors.scenario_dates
    worst = worst_window(pnl, dates, scenario_count=30, confidence=NINETY_FIVE)
    by_hand = [
        historical_var(pnl[start : start + 30], confidence=NINETY_FIVE)
        for start in range(len(pnl) - 29)
    ]
    assert worst.var == max(by_hand)
    assert worst.first == dates[by_hand.index(max(by_hand))]
    assert worst.window_count == len(by_hand)
    assert (worst.first, worst.last) == (dt.date(2020, 2, 3), dt.date(2020, 3, 16))
    assert worst.var > 78_508.27  # the whole of 2008, where more quiet days thin out its tail


# -- which returns ----------------------------------------------------------------------


def weekdays(count: int) -> list[dt.date]:
    days = [MONDAY + dt.timedelta(index) for index in range(count * 2)]
    return [day for day in days if day.weekday() < 5][:count]


def table_of(**series: Mapping[dt.date, float]) -> CloseTable:
    return CloseTable.of({name.replace("_", ":"): dict(one) for name, one in series.items()})


def rising(days: list[dt.date], start: float = 100.0, step: float = 1.0) -> dict[dt.date, float]:
    return {day: start + step * index for index, day in enumerate(days)}


SHARE = Listing("A", AssetClass.EQUITY, "USD")
DAYS = weekdays(20)
CRISIS = StressedWindow("crisis", DAYS[5], DAYS[14])


def scenarios_of(table: CloseTable, *listings: Listing, as_of: dt.date = DAYS[-1]):
    return stressed_scenarios(table, listings, window=CRISIS, as_of=as_of, base_currency="USD")


def test_a_window_takes_the_returns_dated_inside_it_both_ends_included() -> None:
    scenarios = scenarios_of(table_of(A=rising(DAYS)), SHARE)
    assert scenarios.factors.scenario_dates == tuple(DAYS[5:15])
    assert scenarios.factors.rows[0, 0] == pytest.approx(1.0 / 104.0)


def test_a_window_takes_no_return_after_the_as_of_date() -> None:
    scenarios = scenarios_of(table_of(A=rising(DAYS)), SHARE, as_of=DAYS[8])
    assert scenarios.factors.scenario_dates == tuple(DAYS[5:9])
    later = scenarios_of(table_of(A=rising(DAYS)), SHARE, as_of=DAYS[4])
    assert later.factors.scenario_dates == ()


def test_a_window_is_over_once_its_last_day_lies_before_the_as_of_date() -> None:
    assert is_over(CRISIS, CRISIS.last + dt.timedelta(days=1))
    assert not is_over(CRISIS, CRISIS.last)
    assert not is_over(CRISIS, None)


def test_a_day_that_a_rate_lacks_is_no_scenario_day_and_the_next_return_spans_it() -> None:
    rates = rising(DAYS, 1.0, 0.01)
    del rates[DAYS[7]]
    euro = Listing("A", AssetClass.EQUITY, "EUR")
    scenarios = scenarios_of(table_of(A=rising(DAYS), fx_USD=rates), euro)
    assert DAYS[7] not in scenarios.factors.scenario_dates
    assert len(scenarios.factors.scenario_dates) == 9


# -- instruments without history --------------------------------------------------------


def test_an_instrument_without_history_in_the_window_is_refused_by_name() -> None:
    young = {day: close for day, close in rising(DAYS).items() if day >= DAYS[7]}
    listing = Listing("NEW", AssetClass.EQUITY, "USD")
    with pytest.raises(NoHistoryInWindowError, match=r"NEW has no history in the window crisis"):
        scenarios_of(table_of(A=rising(DAYS), NEW=young), SHARE, listing)


def test_an_instrument_that_ended_inside_the_window_is_refused_by_name() -> None:
    long_crisis = StressedWindow("crisis", DAYS[1], DAYS[19])
    gone = {day: close for day, close in rising(DAYS).items() if day <= DAYS[5]}
    with pytest.raises(NoHistoryInWindowError, match="GONE"):
        stressed_scenarios(
            table_of(GONE=gone, A=rising(DAYS)),
            [SHARE, Listing("GONE", AssetClass.EQUITY, "USD")],
            window=long_crisis,
            as_of=DAYS[-1],
            base_currency="USD",
        )


def test_a_proxy_moves_for_an_instrument_without_history_and_is_named() -> None:
    listing = Listing("NEW", AssetClass.EQUITY, "USD", proxy="A")
    scenarios = scenarios_of(table_of(A=rising(DAYS)), listing)
    assert scenarios.proxied == (Proxied("NEW", "A"),)
    own = scenarios_of(table_of(A=rising(DAYS)), SHARE)
    assert scenarios.factors.rows.tolist() == own.factors.rows.tolist()


def test_a_proxy_is_not_used_where_the_instrument_has_its_own_history() -> None:
    listing = Listing("B", AssetClass.EQUITY, "USD", proxy="A")
    scenarios = scenarios_of(table_of(A=rising(DAYS), B=rising(DAYS, 50.0, -1.0)), listing)
    assert scenarios.proxied == ()
    assert (scenarios.factors.rows < 0.0).all()


# -- the search -------------------------------------------------------------------------


@given(pnl=pnl_vectors(25, 60), count=st.integers(20, 25), confidence=confidences())
def test_the_worst_window_is_the_oldest_of_those_with_the_largest_var(
    pnl: np.ndarray, count: int, confidence: Confidence
) -> None:
    dates = [DAYS[0] + dt.timedelta(index) for index in range(len(pnl))]
    worst = worst_window(pnl, dates, scenario_count=count, confidence=confidence)
    by_hand = [
        historical_var(pnl[start : start + count], confidence=confidence)
        for start in range(len(pnl) - count + 1)
    ]
    assert worst.var == max(by_hand)
    assert worst.first == dates[by_hand.index(max(by_hand))]
    assert (worst.last - worst.first).days == count - 1


def test_a_history_shorter_than_the_window_is_refused_with_both_numbers() -> None:
    with pytest.raises(HistoryTooShortError, match=r"25 returns of history are fewer .* of 30"):
        worst_window(np.zeros(25), DAYS, scenario_count=30, confidence=NINETY_FIVE)

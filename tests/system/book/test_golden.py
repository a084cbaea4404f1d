"""Three half-years of real closes through the fold: every day equals the golden files.

The files are rounded to six decimals: a number agrees at 1e-9 relative or 5e-7 absolute.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from system.contracts.messages import CloseHistory, ClosePoint, Mark, RiskSnapshot, Tick
from tests.system.book.feed import Feed, end_of_day, instrument
from validation.published.golden import CASES, GoldenCase, golden_case
from validation.rules.second_reader import EQUITIES, Closes, read_closes

DAYS_AND_BREACHES = {"2008H2": (128, 9), "2020H1": (125, 15), "2022H1": (124, 11)}
HISTORY_DAYS = 40
HOUR_NS = 3_600_000_000_000


def agreed(number: float) -> object:
    return pytest.approx(number, rel=1e-9, abs=5e-7)


@pytest.fixture(scope="module")
def equities() -> Closes:
    return read_closes(EQUITIES)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, equities: Closes) -> GoldenCase:
    return golden_case(request.param, equities)


def midnight_ns(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()) * 10**9


def history(series: str, closes: Mapping[dt.date, float], first: dt.date) -> CloseHistory:
    days = sorted(day for day in closes if day < first)[-HISTORY_DAYS:]
    return CloseHistory(series=series, closes=tuple(ClosePoint(day, closes[day]) for day in days))


def close_of(ticker: str, day: dt.date, price: float, sequence: int) -> Tick:
    return Tick(
        ticker=ticker,
        bid=price,
        mid=price,
        ask=price,
        volume=1.0,
        event_time_ns=midnight_ns(day) + 20 * HOUR_NS,
        sequence=sequence,
    )


@pytest.fixture(scope="module")
def replayed(case: GoldenCase, equities: Closes) -> dict[dt.date, RiskSnapshot]:
    """The ends of day of all days of the file, and of the one after."""
    feed, first = Feed(), case.days[0]
    for name, closes in sorted(equities.items()):
        feed.send(instrument(name), history(name, closes, first))
    feed.send(case.portfolio)
    after = min(day for day in equities["AAPL"] if day > case.days[-1])
    ends = {}
    for number, day in enumerate((*case.days, after)):
        ticks = [close_of(name, day, closes[day], number) for name, closes in equities.items()]
        assert feed.send(*ticks).rejected == ()
        mark = Mark(date=day, event_time_ns=midnight_ns(day) + 21 * HOUR_NS)
        ends[day] = end_of_day(
            feed.fold({name: [mark] for name in feed.names}), case.portfolio.portfolio
        )
    return ends


def test_every_day_states_the_golden_numbers(
    case: GoldenCase, replayed: dict[dt.date, RiskSnapshot]
) -> None:
    for (_, day), expected in case.expected.items():
        stated = replayed[day]
        assert stated.nav == agreed(expected.nav), day
        assert stated.var == agreed(expected.var), day
        assert stated.expected_shortfall == agreed(expected.expected_shortfall), day
        assert stated.scenario_date == expected.scenario_date, day
        components = {position.instrument: position.component_var for position in stated.positions}
        assert components == {name: agreed(part) for name, part in expected.components.items()}
        assert (stated.stale, stated.carried, stated.not_available) == ((), (), "")


def test_every_day_states_the_pnl_and_the_breach_of_the_day(
    case: GoldenCase, replayed: dict[dt.date, RiskSnapshot]
) -> None:
    for (_, day), expected in case.expected.items():
        stated = replayed[day]
        assert stated.breach is expected.breach, day
        if expected.hypothetical_pnl is None:
            assert stated.hypothetical_pnl is None
        else:
            assert stated.hypothetical_pnl == agreed(expected.hypothetical_pnl), day
            assert stated.daily_pnl == stated.hypothetical_pnl


def test_breaches_are_counted_as_in_the_file(
    case: GoldenCase, replayed: dict[dt.date, RiskSnapshot]
) -> None:
    stated = [snapshot for snapshot in replayed.values() if snapshot.breach is not None]
    breaches = sum(bool(stated_snapshot.breach) for stated_snapshot in stated)
    assert (len(stated), breaches) == DAYS_AND_BREACHES[case.name]
    assert breaches == case.breach_count
    assert list(replayed.values())[-1].breach is case.breach_after_last

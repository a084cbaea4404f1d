"""Options in a backtest: the bits of the stream's own snapshots, and what is refused."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pytest

from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket
from system.backtest.engine.methods import Method
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.backtest.engine.specification import BacktestSettings
from system.backtest.engine.splits import DatedSplit
from system.backtest.errors import NoOptionVolatilityError, UnsupportedInstrumentError
from system.contracts.messages import Instrument, RiskSnapshot
from system.risk.confidence import Confidence
from system.risk.errors import MissingCloseError, UnknownSeriesError
from system.risk.listing import Listing
from system.risk.options.black_scholes import (
    EuropeanOption,
    OptionArrays,
    implied_volatility,
    option_value,
)
from system.risk.scenarios.window import CloseTable, Missing
from tests.system.book.feed import (
    CONFIDENCE,
    LAST_CLOSE,
    WINDOW,
    Feed,
    date_of,
    end_of_day,
    history,
    holding,
    instrument,
    portfolio,
    rate,
    tick,
    walk,
)
from tests.validation.oracle.recorded import OPTIONS

DAYS = 12
KNOWN = WINDOW + 3
LEVELS = {"Y": 2_000.0, "A": 100.0, "B": 100.0, "C": 900.0, "VOL": 0.2}
CURRENCIES = {"USD": 1.1, "GBP": 0.85, "JPY": 130.0}
HELD = {
    "Y.CALL": -3.0,
    "B.PUT": 12.0,
    "A.OVER": 2.0,
    "A": 30.0,
    "C": 70.0,
    "cash:JPY": 90_000.0,
}
DECLARED: tuple[Instrument, ...] = (
    instrument("Y", currency="JPY"),
    instrument("A"),
    instrument("B", currency="EUR"),
    instrument("C", currency="GBp"),
    instrument("VOL"),
    *(option for option in OPTIONS if option.instrument in HELD),
)


def closes_of(name: str) -> list[float]:
    """Return closes from before the stream on, one a day."""
    start = {**LEVELS, **CURRENCIES}[name]
    return walk(sum(map(ord, name)), start=start, count=KNOWN + DAYS)


QUOTED = {
    "Y.CALL": [
        max(spot - 2_000.0, 0.0) + 50.0 + 2.0 * day
        for day, spot in enumerate(closes_of("Y")[KNOWN:])
    ]
}


def call_of(day: int) -> EuropeanOption:
    """Return the quoted call with the time that is left to it."""
    terms = listings()["Y.CALL"].option
    assert terms is not None
    years = (terms.expiry - date_of(day)).days / 365
    return EuropeanOption(terms.right, terms.strike, years, terms.rate, terms.dividend_yield)


def worth_at(day: int, settled: int) -> float:
    """Return the call's value on a day at the volatility that another day's settlement implies."""
    spots = closes_of("Y")[KNOWN:]
    price = QUOTED["Y.CALL"][settled]
    volatility = implied_volatility(call_of(settled), price=price, spot=spots[settled])
    arrays = OptionArrays.of([call_of(day)])
    spot, at = np.array([spots[day]]), np.array([volatility])
    return float(option_value(arrays, spot=spot, volatility=at)[0])


def streamed() -> list[RiskSnapshot]:
    """Return what the stream states at each close."""
    feed = Feed()
    book = portfolio(
        "O", *(holding(name, amount) for name, amount in HELD.items()), base_currency="EUR"
    )
    fold = feed.send(
        *DECLARED,
        *(history(name, closes_of(name)[:KNOWN]) for name in LEVELS),
        *(history(f"fx:{name}", closes_of(name)[:KNOWN]) for name in CURRENCIES),
        book,
    )
    assert fold.rejected == ()
    rows = []
    for day in range(DAYS):
        now = {name: closes_of(name)[KNOWN + day] for name in {**LEVELS, **CURRENCIES}}
        quotes = [
            *(tick(name, now[name], day=day) for name in LEVELS),
            *(rate(name, now[name], day=day) for name in CURRENCIES),
            *(tick(name, prices[day], day=day) for name, prices in QUOTED.items()),
        ]
        rows.append(end_of_day(feed.close(day, *quotes), "O"))
    return rows


def listings() -> dict[str, Listing]:
    feed = Feed()
    feed.send(*DECLARED)
    return {name: feed.book.market.listing(name) for name in HELD} | {
        name: feed.book.market.listing(name) for name in ("Y", "B")
    }


def market(quoted: dict[str, list[float]] | None = None) -> BacktestMarket:
    dates = tuple(
        LAST_CLOSE - dt.timedelta(days=KNOWN - 1 - index) for index in range(KNOWN + DAYS)
    )
    assert dates[KNOWN] == date_of(0)
    before = [np.nan] * KNOWN
    own = {
        name: [*before, *prices] for name, prices in (QUOTED if quoted is None else quoted).items()
    }
    series = {**{name: closes_of(name) for name in LEVELS}, **own}
    rates = {name: [1.0 / rate for rate in closes_of(name)] for name in CURRENCIES}
    return BacktestMarket(
        CloseTable(tuple(series), dates, np.array(list(series.values()))),
        CloseTable(tuple(rates), dates, np.array(list(rates.values()))),
    )


def backtested(
    closes: BacktestMarket,
    *,
    held: dict[str, float] | None = None,
    missing: Missing = Missing.REFUSE,
    splits: tuple[DatedSplit, ...] = (),
    method: Method = Method.HS,
    known: dict[str, Listing] | None = None,
) -> DailyBacktest:
    quantities = tuple(
        DatedQuantity(name, amount, date_of(0)) for name, amount in (held or HELD).items()
    )
    book = BacktestBook("O", "EUR", known or listings(), quantities)
    settings = BacktestSettings(
        method=method, window=WINDOW, confidence=Confidence.parse(CONFIDENCE), missing=missing
    )
    return daily_backtest(book, closes, settings, splits=splits)


def test_each_day_has_the_bits_of_the_streams_snapshot() -> None:
    snapshots, backtest = streamed(), backtested(market())
    assert backtest.as_of_dates == tuple(date_of(day) for day in range(DAYS - 1))
    [block] = backtest.components
    for index, (snapshot, after) in enumerate(itertools.pairwise(snapshots)):
        assert snapshot.var is not None
        assert backtest.value[index] == snapshot.nav
        assert backtest.var[index] == snapshot.var
        assert backtest.expected_shortfall[index] == snapshot.expected_shortfall
        assert backtest.scenario_dates[index] == snapshot.scenario_date
        parts = dict(zip(block.instrument_ids, block.component_var[index].tolist(), strict=True))
        assert parts == {row.instrument: row.component_var for row in snapshot.positions}
        assert backtest.pnl[index] == after.hypothetical_pnl
        assert bool(backtest.breach[index]) == after.breach


def test_an_option_that_expires_stays_at_what_exercise_brought() -> None:
    backtest = backtested(market(), held={"A.OVER": 1.0})
    [block] = backtest.components
    last = closes_of("A")[KNOWN + 1]
    rates = [1.0 / rate for rate in closes_of("USD")[KNOWN:]]
    worth = [10.0 * max(last - 90.0, 0.0) * rate for rate in rates]
    assert backtest.value[1:].tolist() == pytest.approx(worth[1:-1], rel=1e-15)
    assert backtest.pnl[2:].tolist() == pytest.approx(np.diff(worth)[2:].tolist(), rel=1e-9)
    assert block.component_var[:, 0] == pytest.approx(backtest.var, rel=1e-12)


def test_a_volatility_that_no_series_moves_is_said() -> None:
    assert backtested(market()).constant_volatility == ("A.OVER",)


@pytest.mark.parametrize("method", list(Method))
def test_every_method_takes_options(method: Method) -> None:
    closes = with_more_history(market(), 300)
    backtest = backtested(closes, method=method)
    assert backtest.day_count == DAYS - 1
    assert np.isfinite(backtest.var).all()
    assert backtest.pnl.tolist() == backtested(closes).pnl.tolist()


def test_the_move_of_the_day_after_explains_the_pnl_but_for_time() -> None:
    backtest = backtested(market(), held={"B.PUT": 12.0})
    alone = backtested(market(), held={"B": 12.0})
    assert np.corrcoef(backtest.pnl, backtest.theoretical_pnl)[0, 1] > 0.99
    assert np.all(backtest.theoretical_pnl[alone.pnl < -5.0] > backtest.theoretical_pnl.min())


def test_a_missing_quote_of_an_option_is_a_gap_that_can_be_carried_and_is_counted() -> None:
    quotes = {"Y.CALL": [*QUOTED["Y.CALL"][:4], np.nan, *QUOTED["Y.CALL"][5:]]}
    with pytest.raises(MissingCloseError, match=rf"Y.CALL.*{date_of(4)}"):
        backtested(market(quotes))
    carried = backtested(market(quotes), missing=Missing.CARRY)
    assert {(carried_close.name, carried_close.date) for carried_close in carried.carried} >= {
        ("Y.CALL", date_of(4))
    }
    (stand_in,) = carried.stand_ins
    assert (stand_in.date, stand_in.price, stand_in.settled_on) == (date_of(4), None, date_of(3))
    modelled = {"Y.CALL": [*QUOTED["Y.CALL"][:4], worth_at(4, 3), *QUOTED["Y.CALL"][5:]]}
    same = backtested(market(modelled))
    assert carried.value == pytest.approx(same.value, rel=1e-12)
    assert carried.var == pytest.approx(same.var, rel=1e-9)
    assert carried.pnl == pytest.approx(same.pnl, rel=1e-9)


def test_without_a_column_of_its_own_an_option_is_worth_its_volatility() -> None:
    quoted, modelled = backtested(market()), backtested(market({}))
    assert quoted.value[0] != modelled.value[0]
    assert quoted.value.shape == modelled.value.shape


def test_a_price_that_no_volatility_gives_is_refused_with_option_and_date() -> None:
    wrong = {"Y.CALL": [*QUOTED["Y.CALL"][:3], 9_999.0, *QUOTED["Y.CALL"][4:]]}
    with pytest.raises(
        NoOptionVolatilityError, match=rf"Y.CALL on {date_of(3)} is 9999"
    ) as refused:
        backtested(market(wrong))
    assert (refused.value.instrument_id, refused.value.price) == ("Y.CALL", 9_999.0)


def test_a_split_of_what_an_option_is_on_is_refused() -> None:
    with pytest.raises(UnsupportedInstrumentError, match=r"A.OVER.*A is split"):
        backtested(market(), splits=(DatedSplit("A", date_of(3), 4.0),))


@pytest.mark.parametrize("lacking", ["Y", "VOL"])
def test_a_series_behind_an_option_that_has_no_column_is_named(lacking: str) -> None:
    whole = market()
    names = [name for name in whole.closes.names if name != lacking]
    with pytest.raises(UnknownSeriesError, match=lacking):
        backtested(BacktestMarket(whole.closes.select(names), whole.rates))


def with_more_history(known: BacktestMarket, days: int) -> BacktestMarket:
    """Return the same with a longer past, for methods that look back further."""

    def longer(table: CloseTable) -> CloseTable:
        first = table.dates[0]
        dates = tuple(first - dt.timedelta(days=days - index) for index in range(days))
        past = [
            walk(sum(map(ord, name)) + 7, start=float(row[0]), count=days)
            if np.isfinite(row[0])
            else [np.nan] * days
            for name, row in zip(table.names, table.closes, strict=True)
        ]
        return CloseTable(
            table.names, (*dates, *table.dates), np.hstack([np.array(past), table.closes])
        )

    return BacktestMarket(longer(known.closes), longer(known.rates))

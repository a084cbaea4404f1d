"""Books with missing closes against the references: the same days, the same bound, exact VaR."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    ExchangeSessions,
    Instrument,
    OpeningPosition,
    OptionRight,
    OptionTerms,
    Portfolio,
    RiskSnapshot,
    SessionClose,
)
from tests.system.book.feed import Feed, live
from validation.references.exact import ReferenceInputError
from validation.references.snapshot import ReferenceSnapshot
from validation.rules.expected_days import ExpectedMarket, expected_end_of_day, positions_after
from validation.rules.sessions import session_tables

FIRST = dt.date(2024, 1, 1)
DAY_COUNT = 75
DAYS = [FIRST + dt.timedelta(days=number) for number in range(DAY_COUNT)]
EXCHANGES = ("XNYS", "XTAE")
SHARES = ("A", "B", "C", "NEW")
SERIES = (*SHARES, "ETF", "VOL", "fx:USD", "fx:GBP")


@dataclass(frozen=True)
class Case:
    book: Portfolio
    instruments: Sequence[Instrument]
    closes: Mapping[str, Mapping[dt.date, float]]
    tables: Sequence[ExchangeSessions]


def gapped_closes(rng: random.Random, name: str) -> dict[dt.date, float]:
    """Return closes that begin and end somewhere, with a run of missing days and single ones."""
    days = [day for day in DAYS if day.weekday() < 5 or name == "C"]
    begin, end = rng.choice([0, 0, 0, 0, 3, 40]), rng.choice([0, 0, 0, 0, 2, 6, 12])
    days = days[begin : len(days) - end]
    halt, length = rng.randrange(60), rng.choice([0, 0, 0, 1, 5, 6, 9])
    missed = {rng.randrange(70) for _ in range(rng.choice([0, 0, 1, 4]))}
    sparse = rng.choice([1, 1, 1, 2, 3, 20]) if name in ("NEW", "ETF") else 1
    level = {"fx:USD": 1.1, "fx:GBP": 0.85, "VOL": 20.0}.get(name, 100.0)
    return {
        day: level * (1.0 + 0.002 * rng.randint(-20, 20))
        for number, day in enumerate(days)
        if not halt <= number < halt + length and number not in missed
        if number % sparse == 0
    }


def session_table(rng: random.Random, exchange: str) -> ExchangeSessions:
    first, last = rng.randrange(30), rng.randrange(45, 75)
    closed = {rng.randrange(DAY_COUNT) for _ in range(rng.choice([0, 3, 10]))}
    weekend = (4, 5) if exchange == "XTAE" else (5, 6)
    return ExchangeSessions(
        exchange=exchange,
        first=DAYS[first],
        last=DAYS[last],
        version="test",
        sessions=tuple(
            SessionClose(DAYS[number], 1)
            for number in range(first, last + 1)
            if number not in closed and DAYS[number].weekday() not in weekend
        ),
    )


def described(rng: random.Random) -> tuple[Instrument, ...]:
    currencies = {"A": "USD", "B": "EUR", "C": "GBp", "NEW": "USD"}
    shares = [
        Instrument(
            instrument=name,
            asset_class=AssetClass.EQUITY,
            currency=currencies[name],
            exchange=rng.choice([None, *EXCHANGES]),
            proxy="ETF" if name == "NEW" else None,
        )
        for name in SHARES
    ]
    option = Instrument(
        instrument="A.CALL",
        asset_class=AssetClass.OPTION,
        currency="USD",
        option=OptionTerms(
            underlying="A",
            right=OptionRight.CALL,
            strike=100.0,
            expiry=dt.date(2024, 9, 20),
            volatility=0.2,
            volatility_series="VOL",
        ),
    )
    etf = Instrument(instrument="ETF", asset_class=AssetClass.ETF, currency="USD")
    return (*shares, etf, option)


def case_of(seed: int) -> Case:
    rng = random.Random(seed)  # noqa: S311 - a test case
    names = [*SHARES, *SHARES, "A.CALL", "cash:EUR", "cash:USD"]
    held = {rng.choice(names): rng.choice([-40.0, -3.0, 1.0, 2.0, 60.0]) for _ in range(4)}
    window = rng.choice([4, 20, 30, 45])
    book = Portfolio(
        portfolio="P",
        base_currency=rng.choice(["USD", "EUR"]),
        window=window,
        confidence="0.95" if window >= 20 else "0.7",
        positions=tuple(
            OpeningPosition(instrument=name, quantity=amount, entry_price=1.0)
            for name, amount in held.items()
        ),
        carry_max_sessions=rng.choice([0, 2, 5, 5, 9]),
        carry_max_share=rng.choice([0.0, 0.05, 0.05, 0.4, 1.0]),
    )
    return Case(
        book,
        described(rng),
        {name: gapped_closes(rng, name) for name in SERIES},
        [session_table(rng, name) for name in EXCHANGES],
    )


def stated(case: Case) -> RiskSnapshot:
    feed = Feed()
    histories = [
        CloseHistory(series=name, closes=tuple(ClosePoint(*point) for point in series.items()))
        for name, series in case.closes.items()
    ]
    fold = feed.send(*case.instruments, *case.tables, *histories, case.book)
    assert fold.rejected == ()
    return live(fold)


def expected(case: Case) -> ReferenceSnapshot | ReferenceInputError:
    instruments = {known.instrument: known for known in case.instruments}
    calendar = sorted({day for series in case.closes.values() for day in series})
    market = ExpectedMarket(
        case.closes, instruments, calendar, sessions=session_tables(case.tables)
    )
    try:
        held = positions_after(case.book, (), instruments)
        return expected_end_of_day(case.book, held, market, calendar[-1])
    except ReferenceInputError as error:
        return error


@given(st.integers(0, 2**32 - 1))
@example(2_282_880)  # an instrument that is held has no close at all
@example(606_350)  # the volatility of an option that is held has no close at all
@settings(max_examples=150, deadline=None)
def test_every_book_with_gaps_states_the_exact_var_or_none(seed: int) -> None:
    case = case_of(seed)
    snapshot, reference = stated(case), expected(case)
    if isinstance(reference, ReferenceInputError):
        assert snapshot.var is None, f"expected none: {reference}"
        return
    assert snapshot.var is not None, f"{snapshot.not_available}, expected {float(reference.var)}"
    scale = float(sum(abs(part) for part in reference.components.values()))
    assert snapshot.var == pytest.approx(float(reference.var), rel=1e-9, abs=1e-9 * scale)
    assert snapshot.expected_shortfall == pytest.approx(
        float(reference.expected_shortfall), rel=1e-9, abs=1e-9 * scale
    )
    assert snapshot.scenario_count == len(reference.scenario_dates)

"""Snapshots against exact arithmetic: books of every kind, traded over days, each close.

Positions are kept a second time, in fractions; risk comes from ``validation.references``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.contracts.messages import AssetClass, Portfolio, RiskSnapshot, Trade
from tests.system.book.feed import (
    Feed,
    Sent,
    date_of,
    end_of_day,
    history,
    holding,
    instrument,
    portfolio,
    rate,
    tick,
    trade,
    walk,
)
from validation.references.revaluation import (
    CurrentMarket,
    ReferencePosition,
    current_market,
    value,
)
from validation.references.snapshot import ReferenceSnapshot, reference_snapshot

WINDOW = 20
KNOWN = WINDOW + 3
KINDS = {
    "A": ("equity", "USD", 1.0),
    "B": ("equity", "EUR", 1.0),
    "C": ("etf", "GBp", 1.0),
    "D": ("future", "USD", 50.0),
    "F": ("future", "GBp", 10.0),
    "E": ("fx", "EUR", 1.0),
    "Y": ("fx", "JPY", 1.0),
}
PRICED = ("A", "B", "C", "D", "F")
CURRENCIES = {"USD": 1.1, "GBP": 0.85, "JPY": 130.0}
PENCE = {"GBp": ("GBP", 100)}
TOLERANCE = 1e-12


@dataclass
class ExactBook:
    """Average cost, realised P&L and cash, in fractions and by the definition."""

    base_currency: str
    quantity: dict[str, Fraction] = field(default_factory=dict)
    cost: dict[str, Fraction] = field(default_factory=dict)
    realised: dict[str, Fraction] = field(default_factory=dict)
    cash: dict[str, Fraction] = field(default_factory=dict)

    def open(self, definition: Portfolio) -> None:
        for position in definition.positions:
            quantity = Fraction(position.quantity)
            if position.instrument.startswith("cash:"):
                self.cash[position.instrument.removeprefix("cash:")] = quantity
            else:
                self.quantity[position.instrument] = quantity
                self.cost[position.instrument] = Fraction(position.entry_price)

    def book(self, one: Trade) -> None:
        name, price, left = one.instrument, Fraction(one.price), Fraction(one.quantity)
        asset_class, currency, multiplier = KINDS[name]
        money = asset_class == "fx"
        pocket, parts = PENCE.get(currency, (currency, 1))
        pocket = self.base_currency if money else pocket
        held = self.quantity.get(name, Fraction(0))
        closing = Fraction(0)
        if held * left < 0:
            closing = max(left, -held) if left < 0 else min(left, -held)
        gain = -closing * (price - self.cost.get(name, 0)) * Fraction(multiplier) / parts
        self.realised[name] = self.realised.get(name, Fraction(0)) + gain
        opening, held = left - closing, held + closing
        if opening:
            spent = held * self.cost.get(name, Fraction(0)) + opening * price
            self.cost[name] = spent / (held + opening)
        self.quantity[name] = held + opening
        paid = left * price * Fraction(multiplier) / parts
        flow = gain if asset_class == "future" else -paid
        self.cash[pocket] = self.cash.get(pocket, Fraction(0)) + flow

    def positions(self) -> list[ReferencePosition]:
        held = [
            ReferencePosition(
                name, KINDS[name][0], KINDS[name][1], quantity, self.cost[name], KINDS[name][2]
            )
            for name, quantity in self.quantity.items()
            if quantity
        ]
        purses = [
            ReferencePosition(f"cash:{currency}", "cash", currency, amount)
            for currency, amount in self.cash.items()
            if amount
        ]
        return [*held, *purses]


@dataclass(frozen=True)
class Case:
    definition: Portfolio
    days: Sequence[tuple[Mapping[str, float], Sequence[Trade]]]


amounts = st.integers(-800, 800).filter(bool).map(lambda n: n / 8)
purses = st.sampled_from(["cash:USD", "cash:EUR", "cash:GBP", "cash:JPY"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    held = draw(st.dictionaries(st.sampled_from(sorted(KINDS)) | purses, amounts, max_size=6))
    definition = portfolio(
        "P",
        *(holding(name, quantity, draw(_prices(name))) for name, quantity in held.items()),
        base_currency=draw(st.sampled_from(["USD", "EUR", "GBP"])),
        window=WINDOW,
        confidence=draw(st.sampled_from(["0.9", "0.95", "0.925"])),
    )
    days, count = [], 0
    for _ in range(draw(st.integers(1, 3))):
        closes = {
            name: draw(_prices(name))
            for name in (*PRICED, *CURRENCIES)
            if draw(st.integers(0, 5)) or name == "A"
        }
        trades = []
        for _ in range(draw(st.integers(0, 4))):
            name = draw(st.sampled_from(sorted(KINDS)))
            trades.append(trade(f"t{count}", name, draw(amounts), draw(_prices(name))))
            count += 1
        days.append((closes, tuple(trades)))
    return Case(definition, tuple(days))


def _level(name: str) -> float:
    levels = {**CURRENCIES, "A": 100.0, "B": 40.0, "C": 900.0, "D": 3000.0, "F": 7000.0}
    return levels.get(name, 1.0)


def _prices(name: str) -> st.SearchStrategy[float]:
    return st.integers(900, 1100).map(lambda n: n / 1000 * _level(name))


def past(name: str) -> list[float]:
    return walk(sum(map(ord, name)), start=_level(name), count=KNOWN)


def reference_messages() -> list[Sent]:
    return [
        *(
            instrument(name, AssetClass(kind), currency, multiplier)
            for name, (kind, currency, multiplier) in KINDS.items()
        ),
        *(history(name, past(name)) for name in PRICED),
        *(history(f"fx:{currency}", past(currency)) for currency in CURRENCIES),
    ]


def fed(case: Case) -> list[RiskSnapshot]:
    """Return what the fold states at each close."""
    feed = Feed()
    feed.send(*reference_messages(), case.definition)
    snapshots = []
    for day, (closes, trades) in enumerate(case.days):
        quotes = [
            tick(name, price, day=day) if name in PRICED else rate(name, price, day=day)
            for name, price in closes.items()
        ]
        fold = feed.close(day, *quotes, *trades)
        assert fold.rejected == ()
        snapshots.append(end_of_day(fold))
    return snapshots


class ExactMarket:
    """Closes as they become known."""

    def __init__(self) -> None:
        first = date_of(-KNOWN)
        self.closes: dict[str, dict[dt.date, float]] = {
            name: {first + dt.timedelta(i): value for i, value in enumerate(past(name))}
            for name in (*PRICED, *CURRENCIES)
        }

    def close(self, day: int, closes: Mapping[str, float]) -> None:
        for name, price in closes.items():
            self.closes[name][date_of(day)] = price

    @property
    def prices(self) -> dict[str, dict[dt.date, float]]:
        return {name: self.closes[name] for name in PRICED}

    @property
    def rates(self) -> dict[str, dict[dt.date, float]]:
        return {name: self.closes[name] for name in CURRENCIES}

    @property
    def now(self) -> CurrentMarket:
        last = {name: series[max(series)] for name, series in self.closes.items()}
        return CurrentMarket(last, {name: last[name] for name in CURRENCIES})


def stated(case: Case, book: ExactBook, market: ExactMarket, day: int) -> ReferenceSnapshot | None:
    """Return what must be stated, None for a book without positions."""
    positions = book.positions()
    if not positions:
        return None
    fx = market.rates if _is_foreign(positions, case) else {}
    return reference_snapshot(
        positions,
        {**market.prices} if fx or any(p.instrument in PRICED for p in positions) else _calendar(),
        fx,
        as_of=date_of(day),
        window=WINDOW,
        confidence=case.definition.confidence,
        base_currency=case.definition.base_currency,
        now=market.now,
    )


def _is_foreign(positions: Sequence[ReferencePosition], case: Case) -> bool:
    majors = {PENCE.get(position.currency, (position.currency, 1))[0] for position in positions}
    return bool(majors - {case.definition.base_currency})


def _calendar() -> dict[str, dict[dt.date, float]]:
    return {"A": dict.fromkeys((date_of(day) for day in range(-KNOWN, 3)), 1.0)}


def agreed(number: float | None, exact: Fraction, scale: float) -> None:
    assert number is not None
    assert number == pytest.approx(float(exact), rel=TOLERANCE, abs=TOLERANCE * scale)


def check(snapshot: RiskSnapshot, exact: ReferenceSnapshot, scale: float) -> None:
    agreed(snapshot.nav, exact.nav, scale)
    agreed(snapshot.var, exact.var, scale)
    agreed(snapshot.expected_shortfall, exact.expected_shortfall, scale)
    assert [position.instrument for position in snapshot.positions] == sorted(exact.components)
    for row in snapshot.positions:
        agreed(row.component_es, exact.component_es[row.instrument], scale)
    gap = min(
        (abs(first - second) for first, second in pairwise(sorted(exact.pnl))),
        default=Fraction(1),
    )
    if gap <= TOLERANCE * scale:
        return  # two days as good as tied: either may be the VaR scenario
    assert snapshot.scenario_date == exact.scenario_date
    assert tuple(point.date for point in snapshot.tail) == exact.tail
    for row in snapshot.positions:
        agreed(row.component_var, exact.components[row.instrument], scale)
    classes = {
        asset_class_.asset_class.value: asset_class_ for asset_class_ in snapshot.asset_classes
    }
    assert classes.keys() == exact.classes.keys()
    for name, (var, expected_shortfall) in exact.classes.items():
        agreed(classes[name].var, var, scale)
        agreed(classes[name].expected_shortfall, expected_shortfall, scale)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_every_close_states_the_exact_numbers(case: Case) -> None:
    book, market = ExactBook(case.definition.base_currency), ExactMarket()
    book.open(case.definition)
    snapshots = fed(case)
    for day, (closes, trades) in enumerate(case.days):
        market.close(day, closes)
        for traded in trades:
            book.book(traded)
        snapshot, exact = snapshots[day], stated(case, book, market, day)
        scale = sum(abs(position.exposure) + abs(position.value) for position in snapshot.positions)
        scale += sum(float(abs(amount)) for amount in book.realised.values())
        scale += sum(abs(traded.quantity * traded.price) * 200 for traded in trades)
        held = {position.instrument: position.quantity for position in snapshot.positions}
        assert held.keys() >= {position.instrument for position in book.positions()}
        for name, quantity in book.quantity.items():
            assert held.get(name, 0.0) == quantity
        if exact is not None and held.keys() == exact.components.keys():
            check(snapshot, exact, scale)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_costs_and_gains_are_exact_too(case: Case) -> None:
    book, market = ExactBook(case.definition.base_currency), ExactMarket()
    book.open(case.definition)
    for day, snapshot in enumerate(fed(case)):
        closes, trades = case.days[day]
        market.close(day, closes)
        for traded in trades:
            book.book(traded)
        for row in snapshot.positions:
            if row.instrument in book.cost:
                assert row.average_cost == pytest.approx(
                    float(book.cost[row.instrument]), rel=TOLERANCE
                )
        positions = [
            ReferencePosition(name, "cash", _pocket(name, case), amount)
            for name, amount in book.realised.items()
        ]
        rates = current_market(positions, market.now, case.definition.base_currency).rates
        total = sum((Fraction(p.quantity) * rates[p.currency] for p in positions), Fraction(0))
        scale = sum(float(abs(Fraction(p.quantity) * rates[p.currency])) for p in positions)
        scale += sum(abs(traded.quantity * traded.price) * 200 for traded in trades)
        assert snapshot.realised_pnl == pytest.approx(
            float(total), rel=TOLERANCE, abs=TOLERANCE * scale
        )


def _pocket(name: str, case: Case) -> str:
    asset_class, currency, _ = KINDS[name]
    if asset_class == "fx":
        return case.definition.base_currency
    return PENCE.get(currency, (currency, 1))[0]


@given(cases())
@settings(max_examples=40, deadline=None)
def test_the_day_of_the_positions_held_before_is_exact(case: Case) -> None:
    book, market = ExactBook(case.definition.base_currency), ExactMarket()
    book.open(case.definition)
    before: tuple[list[ReferencePosition], CurrentMarket] | None = None
    for day, snapshot in enumerate(fed(case)):
        closes, trades = case.days[day]
        market.close(day, closes)
        if before is None:
            assert snapshot.hypothetical_pnl is None
        else:
            worth = [_nav(before[0], now, case) for now in (before[1], market.now)]
            scale = float(sum(map(abs, worth))) + _gross(before[0])
            agreed(snapshot.hypothetical_pnl, worth[1] - worth[0], scale)
        for traded in trades:
            book.book(traded)
        before = book.positions(), market.now


def _nav(positions: Sequence[ReferencePosition], now: CurrentMarket, case: Case) -> Fraction:
    moment = current_market(positions, now, case.definition.base_currency)
    return sum((value(position, moment) for position in positions), Fraction(0))


def _gross(positions: Sequence[ReferencePosition]) -> float:
    return sum(
        abs(float(position.quantity))
        * float(position.multiplier)
        * 200
        * _level(position.instrument)
        for position in positions
    )

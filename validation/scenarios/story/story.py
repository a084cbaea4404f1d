"""Story of a scenario: its market, books and days, ready to be played."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import msgspec

from system.client.files.portfolio_file import read_portfolio
from system.client.files.price_file import read_closes
from system.contracts.messages import (
    AssetClass,
    Instrument,
    OpeningPosition,
    Portfolio,
    ReturnType,
)
from system.errors import RiskstreamError
from system.simulate.catalogue import FX_PREFIX, us_equity
from system.simulate.datasets import load_market
from system.simulate.market import CloseSeries, Market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from system.simulate.synthetic import SyntheticSpec, Walk, synthetic_market, uniform_walks
from validation.scenarios.file.format import (
    AnyMarket,
    BookTable,
    DividendTable,
    Flip,
    PricesMarket,
    RealMarket,
    SimulatedMarket,
    SplitTable,
    TradeTable,
)
from validation.scenarios.file.parser import Scenario
from validation.scenarios.file.toml_lines import KeyPath
from validation.scenarios.story.instruments import (
    CASH,
    listed_market,
    listed_options,
    unquoted_currencies,
)

ABSOLUTE_MULTIPLIER: Final = 10.0
FX_VOLATILITY: Final = 0.005
FX_START: Final = 1.1
SATURDAY: Final = 5
DAYS_PER_WEEKDAY: Final = 7 / 5
MOST_NAMED: Final = 12


@dataclass(frozen=True)
class Story:
    """A scenario with everything that it names, found and checked.

    Parameters
    ----------
    scenario : Scenario
        The file.
    replay : Replay
        Its market and window.
    books : tuple of Portfolio
        As they are opened.
    options : tuple of Instrument
        What is held and has no price of its own.
    """

    scenario: Scenario
    replay: Replay
    books: tuple[Portfolio, ...]
    options: tuple[Instrument, ...] = ()

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The days that are played, in order."""
        return self.replay.days

    @property
    def seed(self) -> int:
        """Of every draw."""
        return self.replay.spec.seed


def read_story(
    scenario: Scenario, wheels_dir: Path, *, data: Path | None = None, seed: int | None = None
) -> Story:
    """Return what a scenario plays.

    Parameters
    ----------
    scenario : Scenario
        From ``read_scenario``.
    wheels_dir : Path
        Where real market data are (``Settings.wheels_dir``).
    data : Path, optional
        A price file that takes the place of the one that a ``prices`` market names.
    seed : int, optional
        Takes the place of the file's.

    Raises
    ------
    ScenarioError
        If it names an instrument, book or day that there is not.
    RiskstreamError
        If a file of prices or a book cannot be read.
    """
    table = scenario.file.market
    whole, first_day, last_day = _market(scenario, wheels_dir, data, seed)
    market = listed_market(scenario, whole, first_day)
    spec = ReplaySpec(
        first_day=first_day,
        last_day=last_day,
        ticks_per_day=table.ticks_per_day,
        seconds_per_day=table.seconds_per_day,
        seed=table.seed if seed is None else seed,
        history_count=table.history,
        scenario=scenario.name[:64],
    )
    try:
        replay = Replay(market, spec)
    except RiskstreamError as error:
        raise scenario.error(("market",), str(error)) from None
    books = tuple(_book(scenario, place, one, replay) for place, one in _tables(scenario))
    _check(scenario, replay, books)
    options = listed_options(scenario, replay.market.instruments, replay.days)
    return Story(scenario, replay, books, options)


def _tables(scenario: Scenario) -> Iterable[tuple[int, BookTable]]:
    return enumerate(scenario.file.portfolio)


def _market(
    scenario: Scenario, wheels_dir: Path, data: Path | None, seed: int | None
) -> tuple[Market, dt.date, dt.date]:
    table = scenario.file.market
    if data is not None and not isinstance(table, PricesMarket):
        raise scenario.error(("market", "kind"), "--data is for a market of kind 'prices'")
    if isinstance(table, SimulatedMarket):
        simulated = [f"SIM{number:03}" for number in range(1, table.instruments + 1)]
        for place, name in enumerate(table.absolute):
            _check_named(scenario, ("market", "absolute", place), name, simulated)
        return _simulated(scenario, table, table.seed if seed is None else seed)
    try:
        if isinstance(table, RealMarket):
            whole = load_market(wheels_dir)
            chosen = replayed_market(
                whole, instruments=table.instruments, currencies=table.currencies
            )
            return chosen, table.first_day, table.last_day
        return _of_prices(scenario, table, data)
    except RiskstreamError as error:
        raise scenario.error(("market",), str(error)) from None


def _simulated(
    scenario: Scenario, table: SimulatedMarket, seed: int
) -> tuple[Market, dt.date, dt.date]:
    if table.first_day.weekday() >= SATURDAY:
        problem = f"{table.first_day} is a {table.first_day:%A}: days are weekdays"
        raise scenario.error(("market", "first_day"), problem)
    shares = uniform_walks(table.instruments, drift=table.drift, volatility=table.volatility)
    rates = tuple(
        Walk(FX_PREFIX + code, start=FX_START, volatility=FX_VOLATILITY)
        for code in table.currencies
    )
    back = dt.timedelta(days=round(table.history * DAYS_PER_WEEKDAY) + 3)
    history_days = sum(
        (table.first_day - dt.timedelta(days=ago)).weekday() < 5 for ago in range(1, back.days + 1)
    )
    market = synthetic_market(
        SyntheticSpec(
            walks=(*shares, *rates),
            first_day=table.first_day - back,
            day_count=history_days + table.days,
            correlation=table.correlation,
            seed=seed,
        )
    )
    played = [day for day in market.days if day >= table.first_day]
    return _with_absolute(market, table.absolute), played[0], played[-1]


def _with_absolute(market: Market, names: Sequence[str]) -> Market:
    """Return a market in which some instruments are futures that can fall below zero."""
    changed = {
        name: msgspec.structs.replace(
            market.instruments[name],
            asset_class=AssetClass.FUTURE,
            multiplier=ABSOLUTE_MULTIPLIER,
            return_type=ReturnType.ABSOLUTE,
        )
        for name in names
    }
    return replace(market, instruments={**market.instruments, **changed})


def _of_prices(
    scenario: Scenario, table: PricesMarket, data: Path | None
) -> tuple[Market, dt.date, dt.date]:
    if data is None and not table.file:
        raise scenario.error(("market", "file"), "name a price file here, or give --data")
    path = data if data is not None else scenario.path.parent / table.file
    closes = read_closes(path, until=table.last_day)
    series = {
        close.series: CloseSeries(close.series, {point.date: point.value for point in close.closes})
        for close in closes
    }
    market = Market(
        instruments={name: us_equity(name) for name in series if not name.startswith(FX_PREFIX)},
        currencies=tuple(
            name.removeprefix(FX_PREFIX) for name in series if name.startswith(FX_PREFIX)
        ),
        series=series,
        source=path.name,
    )
    days = market.days
    if len(days) <= table.history and table.first_day is None:
        raise scenario.error(
            ("market", "history"), f"{path.name} has {len(days)} days: history takes them all"
        )
    return market, table.first_day or days[table.history], table.last_day or days[-1]


def _book(scenario: Scenario, place: int, table: BookTable, replay: Replay) -> Portfolio:
    key: KeyPath = ("portfolio", place)
    if bool(table.file) == bool(table.positions):
        raise scenario.error(key, "give either 'file' or 'positions', of one instrument at least")
    if table.file:
        return _book_of_file(scenario, key, table.file)
    positions = tuple(
        OpeningPosition(
            instrument=name,
            quantity=quantity,
            entry_price=_entry(scenario, (*key, "positions", name), name, replay),
        )
        for name, quantity in table.positions.items()
    )
    return Portfolio(
        portfolio=table.id,
        base_currency=table.base_currency,
        confidence=table.confidence,
        window=table.window,
        positions=positions,
    )


def _book_of_file(scenario: Scenario, key: KeyPath, name: str) -> Portfolio:
    try:
        return read_portfolio(scenario.path.parent / name).portfolio
    except RiskstreamError as error:
        raise scenario.error((*key, "file"), str(error)) from None


def _entry(scenario: Scenario, key: KeyPath, name: str, replay: Replay) -> float:
    if name.startswith(CASH):
        return 1.0
    options = {option.id: option.entry_price for option in scenario.file.option}
    if name in options:
        return options[name]
    _check_named(scenario, key, name, [*replay.market.instruments, *options])
    close = replay.market.last_close_before(name, replay.days[0])
    assert close is not None, "a replay has a history of every series"
    return close


def _check(scenario: Scenario, replay: Replay, books: Sequence[Portfolio]) -> None:
    """Refuse names and days that this market does not have."""
    names = [book.portfolio for book in books]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise scenario.error(("portfolio", place), f"{name!r} stands twice")
    for place, book in enumerate(books):
        _check_window(scenario, ("portfolio", place, "window"), book)
        unquoted = unquoted_currencies(book, replay.market.instruments, replay.market.currencies)
        if unquoted:
            problem = f"{book.portfolio} needs rates of {', '.join(unquoted)} as well"
            raise scenario.error(("market", "currencies"), problem)
    for key, one in _entries(scenario):
        _check_day(scenario, key, one, len(replay.days))
        _check_moments(scenario, key, one)
        for number, series in enumerate(getattr(one, "series", ())):
            _check_named(scenario, (*key, "series", number), series, replay.market.series)
        if leader := getattr(one, "leader", ""):
            _check_named(scenario, (*key, "leader"), leader, replay.market.instruments)
        if isinstance(one, TradeTable | Flip):
            _check_named(scenario, (*key, "portfolio"), one.portfolio, names)
        if isinstance(one, TradeTable) and one.quantity == 0:
            raise scenario.error((*key, "quantity"), "0: a trade buys (above 0) or sells (below)")
        if isinstance(one, TradeTable | SplitTable | DividendTable):
            _check_named(scenario, (*key, "instrument"), one.instrument, replay.market.instruments)
        if isinstance(one, SplitTable | DividendTable) and one.day == 1:
            raise scenario.error((*key, "day"), "1: there is no day before to announce it on")
    _check_expected(scenario, replay, names)


def _check_expected(scenario: Scenario, replay: Replay, books: Sequence[str]) -> None:
    """Refuse expectations that no run of this market could meet."""
    expect = scenario.file.expect
    for field in ("stale", "proxied", "refused", "suspect_ticks"):
        for name in getattr(expect, field) or ():
            _check_named(scenario, ("expect", field), name, replay.market.series)
    least, most = expect.breaches or (0, 0)
    if not 0 <= least <= most:
        problem = f"{[least, most]}: [least, most], neither below 0, least not above most"
        raise scenario.error(("expect", "breaches"), problem)
    changes = [
        edit for edit in scenario.file.timeline if isinstance(edit, SplitTable | DividendTable)
    ]
    if expect.adjusted and not changes:
        raise scenario.error(
            ("expect", "adjusted"), "there is no split or dividend on the timeline"
        )
    for place, number in enumerate(expect.numbers):
        key: KeyPath = ("expect", "numbers", place)
        _check_named(scenario, (*key, "portfolio"), number.portfolio, books)
        if number.date not in replay.days:
            first, last = replay.days[0], replay.days[-1]
            raise scenario.error(
                (*key, "date"), f"{number.date} is not played: weekdays from {first} to {last}"
            )


def _check_window(scenario: Scenario, key: KeyPath, book: Portfolio) -> None:
    """Refuse a window that has no tail, or that the history does not fill."""
    if book.window * (1 - Fraction(book.confidence)) < 1:
        raise scenario.error(key, f"{book.window} days have no tail at {book.confidence}")
    history = scenario.file.market.history
    if history <= book.window:
        raise scenario.error(key, f"{book.window} needs a history of more than {history} closes")


def _entries(scenario: Scenario) -> Iterator[tuple[KeyPath, msgspec.Struct]]:
    for section in ("timeline", "faults"):
        for place, one in enumerate(getattr(scenario.file, section)):
            yield (section, place), one


def _check_day(scenario: Scenario, key: KeyPath, one: msgspec.Struct, day_count: int) -> None:
    for field in ("day", "until_day"):
        day = getattr(one, field, None)
        if day is not None and day > day_count:
            raise scenario.error((*key, field), f"{day}: the scenario has {day_count} days")
    until_day = getattr(one, "until_day", None)
    if until_day is not None and until_day < getattr(one, "day", 0):
        raise scenario.error((*key, "until_day"), f"{until_day} is before its day")


def _check_moments(scenario: Scenario, key: KeyPath, one: msgspec.Struct) -> None:
    same_day = getattr(one, "until_day", None) in {None, getattr(one, "day", None)}
    at, until = getattr(one, "at", 0.0), getattr(one, "until", 1.0)
    if same_day and at >= until:
        raise scenario.error((*key, "until"), f"{until} does not come after at = {at}")


def _check_named(scenario: Scenario, key: KeyPath, name: str, known: Iterable[str]) -> None:
    names = sorted(known)
    if name not in names:
        shown = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
        raise scenario.error(key, f"{name!r} is not there; allowed: {shown}")


def kind_of(market: AnyMarket) -> str:
    """Return the market's kind as it is written in the file."""
    return str(type(market).__struct_config__.tag)

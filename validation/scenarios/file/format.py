"""The format of scenario files: one type per table, its bounds and defaults.

``scenarios/README.md`` documents it; ``scenarios/schema.json`` is made from these types, and
tests compare both. Days are counted from 1. A moment of a day is a fraction of its
schedule: 0 is its first tick, 1 its end-of-day mark.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from system.contracts.currencies import Currency, IsoCurrency
from system.contracts.messages import (
    MAX_CLOSES_PER_SERIES,
    OptionRight,
    Positive,
    RejectReason,
    Signed,
)
from system.contracts.text.codes import ConfidenceText
from system.contracts.text.names import Identifier
from validation.scenarios.file.fault_tables import AnyFault
from validation.scenarios.file.value_types import Begin, DayNumber, End, Names, Strict

MAX_TICKS_PER_DAY: Final = 50_000
MAX_INSTRUMENTS: Final = 200

Every: TypeAlias = Annotated[int, Meta(ge=1, le=100_000)]
Factor: TypeAlias = Annotated[float, Meta(gt=0.01, lt=100)]


class MarketTable(Strict, frozen=True, kw_only=True, tag_field="kind"):
    """Fields of every kind of market: count and rate of ticks, and the seed."""

    seed: Annotated[int, Meta(ge=0, le=2**31)] = 1
    ticks_per_day: Annotated[int, Meta(ge=1, le=MAX_TICKS_PER_DAY)] = 300
    seconds_per_day: Annotated[float, Meta(gt=0, le=3_600)] = 1.0
    history: Annotated[int, Meta(ge=3, le=MAX_CLOSES_PER_SERIES)] = 40
    currencies: tuple[Currency, ...] = ()


class SimulatedMarket(MarketTable, frozen=True, kw_only=True, tag="simulated"):
    """Correlated random walks of US shares SIM001, SIM002, ... on weekdays.

    Those named in ``absolute`` are futures whose price can be zero or negative.
    """

    first_day: dt.date = dt.date(2024, 1, 2)
    days: DayNumber = 5
    instruments: Annotated[int, Meta(ge=1, le=MAX_INSTRUMENTS)] = 4
    drift: Annotated[float, Meta(gt=-0.1, lt=0.1)] = 0.0
    volatility: Annotated[float, Meta(ge=0, le=0.5)] = 0.01
    correlation: Annotated[float, Meta(ge=0, lt=1)] = 0.3
    absolute: Names = ()


class RealMarket(MarketTable, frozen=True, kw_only=True, tag="real"):
    """Real closes with simulated paths between them: a window of the locked data sets."""

    first_day: dt.date
    last_day: dt.date
    instruments: Names = ()


class PricesMarket(MarketTable, frozen=True, kw_only=True, tag="prices"):
    """Closes of your own from a CSV file, beside the scenario or given with --data."""

    file: str = ""
    first_day: dt.date | None = None
    last_day: dt.date | None = None


AnyMarket: TypeAlias = SimulatedMarket | RealMarket | PricesMarket


class ListedTable(Strict, frozen=True, kw_only=True):
    """Exception of one instrument of the market: few closes, or a proxy."""

    id: Identifier
    closes: Annotated[int, Meta(ge=1, le=MAX_CLOSES_PER_SERIES)] | None = None
    proxy: Identifier | None = None


class OptionTable(Strict, frozen=True, kw_only=True):
    """A European option; books name it as they name a share. It expires on ``last_day``."""

    id: Identifier
    underlying: Identifier
    right: OptionRight
    strike: Positive
    last_day: DayNumber
    volatility: Annotated[float, Meta(ge=1e-4, le=10)]
    entry_price: Positive
    rate: Annotated[float, Meta(ge=-1, le=1)] = 0.0
    multiplier: Positive = 100.0


class BookTable(Strict, frozen=True, kw_only=True):
    """A book. ``positions`` maps an instrument to its quantity, negative for short.

    It is entered at the last close before the first day. ``file`` names a book file
    instead (the body of POST /v1/portfolios), relative to the scenario.
    """

    id: Identifier = "book"
    file: str = ""
    positions: dict[Identifier, Signed] = {}  # noqa: RUF012 - msgspec copies it
    base_currency: IsoCurrency = "USD"
    confidence: ConfidenceText = "0.95"
    window: Annotated[int, Meta(ge=2, lt=MAX_CLOSES_PER_SERIES)] = 30


class Edit(Strict, frozen=True, kw_only=True, tag_field="do"):
    """Something that happens on the timeline, on one day."""

    day: DayNumber


class Halt(Edit, frozen=True, kw_only=True, tag="halt"):
    """The feed of some series is silent; their ticks are never sent."""

    series: Names
    at: Begin = 0.0
    until: End = 1.0
    until_day: DayNumber | None = None


class Late(Edit, frozen=True, kw_only=True, tag="late"):
    """Every n-th tick is held back until the day's mark is through: rejected as late."""

    every: Every
    series: Names = ()


class Duplicate(Edit, frozen=True, kw_only=True, tag="duplicate"):
    """Every n-th tick is sent again: counted as a duplicate, applied once."""

    every: Every
    series: Names = ()


class OutOfOrder(Edit, frozen=True, kw_only=True, tag="out_of_order"):
    """Every n-th tick comes after ``by`` later ones of its series: superseded."""

    every: Every
    by: Annotated[int, Meta(ge=1, le=100)] = 1
    series: Names = ()


class ClockJump(Edit, frozen=True, kw_only=True, tag="clock_jump"):
    """The clock of the source is wrong between two moments: event times are ``seconds`` off."""

    seconds: Annotated[float, Meta(ge=-31_536_000, le=31_536_000)]
    at: Begin = 0.0
    until: End = 1.0
    series: Names = ()


class Renumber(Edit, frozen=True, kw_only=True, tag="renumber"):
    """Sequence numbers begin again at 1 at a moment; those of the next day go on as planned."""

    at: Begin = 0.0
    series: Names = ()


class Burst(Edit, frozen=True, kw_only=True, tag="burst"):
    """The ticks between two moments come ``factor`` times as fast, then a pause."""

    at: Begin
    until: End
    factor: Annotated[float, Meta(gt=1, le=1_000)]


class Crossed(Edit, frozen=True, kw_only=True, tag="crossed"):
    """After every n-th tick comes a copy whose bid is above its ask: rejected."""

    every: Every
    series: Names = ()


class ZeroQuotes(Edit, frozen=True, kw_only=True, tag="zero_quotes"):
    """After every n-th tick comes a copy with prices of 0: rejected."""

    every: Every
    series: Names = ()


class Garbage(Edit, frozen=True, kw_only=True, tag="garbage"):
    """Bytes that are no message, and messages of what nobody knows: rejected."""

    count: Annotated[int, Meta(ge=1, le=10_000)]


class Shock(Edit, frozen=True, kw_only=True, tag="shock"):
    """Prices or rates are multiplied from a moment on, until the end of ``until_day``."""

    series: Names
    factor: Factor
    at: Begin = 0.0
    until_day: DayNumber | None = None


class Shift(Edit, frozen=True, kw_only=True, tag="shift"):
    """``amount`` is added to prices from a moment on, until the end of ``until_day``."""

    series: Names
    amount: Signed
    at: Begin = 0.0
    until_day: DayNumber | None = None


class FlashCrash(Edit, frozen=True, kw_only=True, tag="flash_crash"):
    """Prices fall by ``depth`` in a straight line, and recover, between two moments."""

    depth: Annotated[float, Meta(gt=0, lt=0.99)]
    at: Begin
    until: End
    series: Names = ()


class CorrelationOne(Edit, frozen=True, kw_only=True, tag="correlation_one"):
    """Every instrument moves as the ``leader`` does, from this day to the end."""

    leader: Identifier
    series: Names = ()


class Volatility(Edit, frozen=True, kw_only=True, tag="volatility"):
    """Every move is ``factor`` times as large, in logs, from this day to the end."""

    factor: Annotated[float, Meta(gt=0, le=20)]
    series: Names = ()


class TradeTable(Edit, frozen=True, kw_only=True, tag="trade"):
    """A trade during the day, at the instrument's last mid unless a price is given."""

    portfolio: Identifier
    instrument: Identifier
    quantity: Signed
    at: Begin = 0.5
    price: Positive | None = None


class Flip(Edit, frozen=True, kw_only=True, tag="flip"):
    """Every position of a book turns round: long becomes short, by trades."""

    portfolio: Identifier
    at: Begin = 0.5


class FatFinger(Edit, frozen=True, kw_only=True, tag="fat_finger"):
    """The first tick of each series from a moment on is ``factor`` times its price; it alone."""

    series: Names
    factor: Factor
    at: Begin = 0.5


class SplitTable(Edit, frozen=True, kw_only=True, tag="split"):
    """Each share is ``ratio`` shares from this day on; announced the day before."""

    instrument: Identifier
    ratio: Annotated[float, Meta(ge=1e-3, le=1e3)]
    at: Begin = 0.5


class DividendTable(Edit, frozen=True, kw_only=True, tag="dividend"):
    """A share is without its dividend from this day on; announced the day before."""

    instrument: Identifier
    amount: Positive
    at: Begin = 0.5


AnyEdit: TypeAlias = (
    Halt
    | Late
    | Duplicate
    | OutOfOrder
    | ClockJump
    | Renumber
    | Burst
    | Crossed
    | ZeroQuotes
    | Garbage
    | Shock
    | Shift
    | FlashCrash
    | CorrelationOne
    | Volatility
    | TradeTable
    | Flip
    | FatFinger
    | SplitTable
    | DividendTable
)


class NumberTable(Strict, frozen=True, kw_only=True):
    """A number that is known beforehand: an end-of-day VaR in base currency."""

    portfolio: Identifier
    date: dt.date
    var: float
    relative: Annotated[float, Meta(ge=0, le=1)] = 1e-9


class Expect(Strict, frozen=True, kw_only=True):
    """Expectations of this scenario, beside those of every scenario (see scenarios/README.md).

    ``rejected`` names exactly the reasons that occur. ``superseded`` and ``duplicates``
    say whether some occur. ``stale`` names instruments that are shown as stale at some
    time and are fresh at the end. ``proxied`` names exactly what moves by a proxy at some
    end of day, ``refused`` what keeps a book without VaR at every one. ``breaches`` is the
    least and the most over all books and days. ``var_moves_with_trades``: the first
    snapshot with a trade has another VaR.
    ``suspect_ticks`` names what is shown with a suspect tick at some time, and not at the end.
    ``adjusted`` names each split and dividend that takes effect, as a snapshot does: between
    the end of day before it and the first live number behind it NAV stays as it was, and over
    splits VaR too, to 1e-9.
    Of the lists of names None is not judged, and an empty one says that there are none.
    """

    rejected: tuple[RejectReason, ...] = ()
    superseded: bool = False
    duplicates: bool = False
    stale: Names | None = None
    proxied: Names | None = None
    refused: Names | None = None
    breaches: Annotated[tuple[int, ...], Meta(min_length=2, max_length=2)] | None = None
    var_moves_with_trades: bool = False
    suspect_ticks: Names | None = None
    adjusted: Annotated[tuple[str, ...], Meta(max_length=100)] | None = None
    numbers: tuple[NumberTable, ...] = ()


class ScenarioFile(Strict, frozen=True, kw_only=True):
    """A scenario file, whole."""

    title: Annotated[str, Meta(min_length=1, max_length=100)]
    story: Annotated[str, Meta(max_length=2_000)] = ""
    market: AnyMarket
    instrument: tuple[ListedTable, ...] = ()
    option: Annotated[tuple[OptionTable, ...], Meta(max_length=MAX_INSTRUMENTS)] = ()
    portfolio: Annotated[tuple[BookTable, ...], Meta(min_length=1, max_length=20)]
    timeline: tuple[AnyEdit, ...] = ()
    faults: tuple[AnyFault, ...] = ()
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        """Refuse a title that no report can show.

        Raises
        ------
        ValueError
            If the title holds a character that cannot be printed.
        """
        super().__post_init__()
        if not self.title.isprintable():
            raise ValueError(f"title {self.title!r} holds what cannot be printed")

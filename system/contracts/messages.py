"""Every message that crosses a process boundary, once.

Each is a frozen ``msgspec.Struct`` (a dataclass with a strict decoder; decision 0002).
Prices are in the instrument's own currency, quantities are signed (long positive),
times are nanoseconds since the Unix epoch unless a name says ``monotonic``.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, TypeAlias, overload

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from system.contracts.currencies import Currency, IsoCurrency
from system.contracts.limits import MAX_LIMITS, Limit, LimitUse
from system.contracts.measures import (
    DeltaGammaVega,
    ExplainedPnl,
    OptionRisk,
    PortfolioGreeks,
    StressedRisk,
)
from system.contracts.text.checked import Checked
from system.contracts.text.codes import ConfidenceText, Exchange, WindowName
from system.contracts.text.columns import NUMBER_BYTES, Column, is_finite, numbers_of
from system.contracts.text.names import Identifier, Label, ScenarioName

MAX_POSITIONS_PER_PORTFOLIO: Final = 5_000
MAX_CLOSES_PER_SERIES: Final = 1_024
MAX_SESSIONS: Final = 10_000
MAX_CLOSED_DAYS: Final = 14
"""No market has been shut for so long since 1914."""
CARRY_SPAN_DAYS: Final = 30
"""Consecutive scenario days within which missed sessions of a series are counted."""
CARRY_MAX_SESSIONS: Final = 5
"""Sessions that a series may miss within that span, by default."""
CARRY_MAX_SHARE: Final = 0.05
"""Part of gross exposure that series which miss more may move together, by default."""

PRICE_MIN: Final = 1e-9
PRICE_BOUND: Final = 1e15
"""Prices, rates and multipliers lie in [PRICE_MIN, PRICE_BOUND): no product or ratio of
them that a snapshot is made of leaves the range of a float."""

Version = Annotated[Label, Meta(min_length=1)]
"""Which edition of some data it is."""
Positive = Annotated[float, Meta(ge=PRICE_MIN, lt=PRICE_BOUND)]
Price = Annotated[float, Meta(gt=-PRICE_BOUND, lt=PRICE_BOUND)]
"""Of anything; below PRICE_MIN only that of an instrument of absolute returns can be, which
reference data tell: others are rejected where these are known."""
NonNegative = Annotated[float, Meta(ge=0, lt=1e15)]
Signed = Annotated[float, Meta(gt=-1e15, lt=1e15)]
Count = Annotated[int, Meta(ge=0, le=2**62)]
MAX_NANOSECONDS: Final = 2**62
Nanoseconds = Annotated[int, Meta(ge=0, le=MAX_NANOSECONDS)]


class AssetClass(StrEnum):
    """Kind of an instrument; decides what counts in NAV and how a scenario moves it."""

    EQUITY = "equity"
    ETF = "etf"
    FUTURE = "future"
    FX = "fx"
    OPTION = "option"
    CASH = "cash"


class ReturnType(StrEnum):
    """Rule that applies a historical move to today's price."""

    RELATIVE = "relative"
    """price' = price * (1 + return): for prices that stay above zero."""
    ABSOLUTE = "absolute"
    """price' = price + change: for prices that can be zero or negative."""


class OptionRight(StrEnum):
    """Right that an option gives: to buy or to sell."""

    CALL = "call"
    """To buy the underlying at the strike."""
    PUT = "put"
    """To sell it."""


class VolatilityShift(StrEnum):
    """Rule that applies a historical move of implied volatility to today's."""

    RELATIVE = "relative"
    """volatility' = volatility * (1 + return of the series)."""
    ABSOLUTE = "absolute"
    """volatility' = volatility + change of the series, both per 1.0 (0.25 = 25 %)."""


class TradeAction(StrEnum):
    """Effect of a trade message on the trade of its id."""

    NEW = "new"
    AMEND = "amend"
    CANCEL = "cancel"


class RejectReason(StrEnum):
    """Why a message was kept in ``rejected`` and not applied."""

    NOT_JSON = "not_json"
    INVALID = "invalid"
    NOT_FINITE = "not_finite"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    UNKNOWN_CURRENCY = "unknown_currency"
    UNKNOWN_PORTFOLIO = "unknown_portfolio"
    UNKNOWN_TRADE = "unknown_trade"
    WRONG_VERSION = "wrong_version"
    CONFLICT = "conflict"
    LATE = "late"
    TIME_FAR_OFF = "time_far_off"
    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_VERSION = "unknown_version"
    """Its major version is not this one's: the same fields may mean something else."""
    QUARANTINED = "quarantined"
    """It ended the stream's driver again and again, and was set aside unapplied."""
    CONTRADICTED = "contradicted"
    """An isolated tick or rate, far from those before and after it: it counted until those came."""
    INCOMPLETE_MARK = "incomplete_mark"
    """An end-of-day mark that other partitions went on without for longer than the bound."""


class SnapshotKind(StrEnum):
    """Why a snapshot was taken."""

    LIVE = "live"
    END_OF_DAY = "end_of_day"


class Message(Checked, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """Base of all messages: immutable, strict, told apart by ``type``."""


class Tick(Message, frozen=True, kw_only=True, tag="tick"):
    """A quote of one instrument.

    ``mid`` is what positions are marked at; ``bid <= mid <= ask`` holds, and the bid of an
    option may be 0. ``sequence`` grows per ticker at its source; it may restart where
    ``event_time_ns`` grows. ``intended_monotonic_ns`` is the moment the schedule meant to send
    it (CLOCK_MONOTONIC of the sending host), for latency only.
    """

    ticker: Identifier
    bid: Price
    ask: Price
    mid: Price
    volume: NonNegative
    event_time_ns: Nanoseconds
    sequence: Count
    intended_monotonic_ns: Nanoseconds = 0

    def __post_init__(self) -> None:
        """Refuse a crossed quote: a mid outside its spread marks nothing.

        Raises
        ------
        ValueError
            If ``bid <= mid <= ask`` does not hold.
        """
        super().__post_init__()
        if not self.bid <= self.mid <= self.ask:
            msg = f"bid <= mid <= ask does not hold: {self.bid} / {self.mid} / {self.ask}"
            raise ValueError(msg)


class FxRate(Message, frozen=True, kw_only=True, tag="fx"):
    """A rate quoted as the ECB does: units of ``currency`` for 1 EUR.

    ``sequence`` and ``intended_monotonic_ns`` as in `Tick`.
    """

    currency: Currency
    rate: Positive
    event_time_ns: Nanoseconds
    sequence: Count
    intended_monotonic_ns: Nanoseconds = 0


class Mark(Message, frozen=True, kw_only=True, tag="mark"):
    """End of one day: sent to every partition of every input topic; a barrier."""

    date: dt.date
    event_time_ns: Nanoseconds
    scenario: ScenarioName = ""


class Trade(Message, frozen=True, kw_only=True, tag="trade"):
    """A trade, its amendment or its cancellation; counts once per (id, version).

    ``version`` is 0 for a new trade and grows by one with each amendment or
    cancellation. An amendment restates quantity and price; a cancellation repeats them.
    """

    trade_id: Identifier
    version: Count = 0
    action: TradeAction = TradeAction.NEW
    portfolio: Identifier
    instrument: Identifier
    quantity: Signed
    price: Price
    event_time_ns: Nanoseconds = 0
    intended_monotonic_ns: Nanoseconds = 0

    def __post_init__(self) -> None:
        """Refuse a trade of nothing and a version that its action cannot have.

        Raises
        ------
        ValueError
            If the quantity is 0, or the version does not fit the action.
        """
        super().__post_init__()
        if self.quantity == 0:
            msg = "quantity is 0: a trade buys (positive) or sells (negative) something"
            raise ValueError(msg)
        if (self.action is TradeAction.NEW) != (self.version == 0):
            msg = f"action {self.action} with version {self.version}: new is 0, others grow by one"
            raise ValueError(msg)


class OptionTerms(Checked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Terms of a European option, and what it is valued with.

    ``underlying`` is an instrument with a price in the same currency. ``volatility``,
    ``rate`` and ``dividend_yield`` are per year (0.25 = 25 %), the last two continuously
    compounded. Scenarios move the volatility with the closes of ``volatility_series``,
    where it is named; an option with a price of its own is marked at that price, and its
    volatility is the implied one.
    """

    underlying: Identifier
    right: OptionRight
    strike: Positive
    expiry: dt.date
    volatility: Annotated[float, Meta(ge=1e-4, le=10)]
    rate: Annotated[float, Meta(ge=-1, le=1)] = 0.0
    dividend_yield: Annotated[float, Meta(ge=-1, le=1)] = 0.0
    volatility_series: Identifier | None = None
    volatility_shift: VolatilityShift = VolatilityShift.RELATIVE


class Instrument(Message, frozen=True, kw_only=True, tag="instrument"):
    """Reference data of one instrument.

    A position in ``fx`` or ``cash`` is an amount of ``currency``; only the FX rate moves
    it, and its price (also its entry price and the price of a trade in it) is quoted in
    the portfolio's base currency for one unit. Every currency has the instrument
    ``cash:USD`` (its own code) without being declared: trades settle there, in the
    traded instrument's currency. ``option`` holds the terms of an option, and of nothing
    else. ``proxy`` names the series whose moves stand in where the instrument's own history
    is too short: for its window, or in a stressed one. ``return_type`` is absolute where the
    price can be zero or negative. ``exchange`` says whose sessions its closes are of.
    """

    instrument: Identifier
    asset_class: AssetClass
    currency: Currency
    multiplier: Positive = 1.0
    name: Label = ""
    option: OptionTerms | None = None
    proxy: Identifier | None = None
    return_type: ReturnType = ReturnType.RELATIVE
    exchange: Exchange | None = None

    def __post_init__(self) -> None:
        """Refuse an option without terms, terms without an option, scaled or proxied money.

        Raises
        ------
        ValueError
            If terms, proxy, type of return or multiplier do not fit the asset class.
        """
        super().__post_init__()
        if (self.asset_class is AssetClass.OPTION) != (self.option is not None):
            need = "missing: an option needs terms" if self.option is None else "of no option"
            msg = f"option of {self.instrument} ({self.asset_class}) is {need}"
            raise ValueError(msg)
        if self.proxy is not None and self.asset_class in (*MONEY, AssetClass.OPTION):
            msg = f"proxy of {self.instrument} ({self.asset_class}): it has no history to replace"
            raise ValueError(msg)
        if self.return_type is ReturnType.ABSOLUTE and self.asset_class in NOT_ABSOLUTE:
            msg = f"return_type of {self.instrument} ({self.asset_class}) is relative"
            raise ValueError(msg)
        if self.asset_class in MONEY and self.multiplier != 1.0:
            msg = f"multiplier of {self.instrument} must be 1: it is an amount of {self.currency}"
            raise ValueError(msg)


MONEY: Final = frozenset({AssetClass.FX, AssetClass.CASH})
"""Asset classes whose positions are amounts of money: moved by the FX rate alone."""


NOT_ABSOLUTE: Final = frozenset({*MONEY, AssetClass.OPTION})
"""Asset classes that have no return type of their own."""


class ClosePoint(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """One daily close: (date, value)."""

    date: dt.date
    value: Price


class CloseHistory(Message, frozen=True, kw_only=True, tag="history"):
    """Daily closes of one series before the stream begins, oldest first.

    ``series`` is an instrument, or ``fx:USD`` for units of USD per EUR.
    """

    series: Identifier
    closes: Annotated[tuple[ClosePoint, ...], Meta(max_length=MAX_CLOSES_PER_SERIES)]

    def __post_init__(self) -> None:
        """Refuse dates that do not grow.

        Raises
        ------
        ValueError
            If a date is not after the one before it; names the series.
        """
        super().__post_init__()
        _refuse_disorder(self.series, self.closes)


class StressedHistory(Message, frozen=True, kw_only=True, tag="stressed_history"):
    """Daily closes of one series in and shortly before a stressed window, oldest first.

    The window takes returns dated ``first`` to ``last``, both included, so that a close
    before ``first`` is needed. ``version`` names the data that the closes are taken from.
    """

    window: WindowName
    first: dt.date
    last: dt.date
    version: Version
    series: Identifier
    closes: Annotated[tuple[ClosePoint, ...], Meta(min_length=2, max_length=MAX_CLOSES_PER_SERIES)]

    def __post_init__(self) -> None:
        """Refuse a window that ends before it begins, and dates that do not grow.

        Raises
        ------
        ValueError
            If ``last`` is before ``first``, or a date is not after the one before it.
        """
        super().__post_init__()
        if self.last < self.first:
            msg = f"last of window {self.window} is {self.last}, before first, {self.first}"
            raise ValueError(msg)
        _refuse_disorder(self.series, self.closes)


class SessionClose(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """One session: (date, when it closes, nanoseconds since 1970)."""

    date: dt.date
    close_ns: Nanoseconds


class ExchangeSessions(Message, frozen=True, kw_only=True, tag="sessions"):
    """The sessions of an exchange from ``first`` to ``last``; a weekday without one is a holiday.

    ``version`` names what they are taken from. A longer table of the same exchange replaces a
    shorter one.
    """

    exchange: Exchange
    first: dt.date
    last: dt.date
    version: Version
    sessions: Annotated[tuple[SessionClose, ...], Meta(max_length=MAX_SESSIONS)]

    def __post_init__(self) -> None:
        """Refuse a table that ends before it begins, and sessions outside it or in disorder.

        Raises
        ------
        ValueError
            If sessions are not in order within ``first`` to ``last``.
        """
        super().__post_init__()
        dates = [self.first, *(session.date for session in self.sessions), self.last]
        if dates != sorted(dates) or len({*dates[1:-1]}) < len(self.sessions):
            msg = f"sessions of {self.exchange} are not in order within {self.first} to {self.last}"
            raise ValueError(msg)


class ExchangeClose(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When an exchange closed on the day of a snapshot's last closes."""

    exchange: Exchange
    close_ns: Nanoseconds


class Split(Message, frozen=True, kw_only=True, tag="split"):
    """New shares for old ones; takes effect at the barrier that closes ``last_day``.

    ``ratio`` is new shares per old share (below 1: a reverse split), ``date`` the first day in
    new shares, ``last_day`` the last one in old. One that still waits for its barrier is
    replaced by another of the same instrument and date; a ratio of 1 undoes it.
    """

    instrument: Identifier
    date: dt.date
    last_day: dt.date
    ratio: Annotated[float, Meta(ge=1e-4, le=1e4)]

    def __post_init__(self) -> None:
        """Refuse a last day that does not come shortly before the first.

        Raises
        ------
        ValueError
            If ``last_day`` is not shortly before ``date``.
        """
        super().__post_init__()
        _refuse_gap(self.instrument, self.last_day, self.date)


class Dividend(Message, frozen=True, kw_only=True, tag="dividend"):
    """Cash per share; takes effect at the barrier that closes ``last_day``.

    ``amount`` is in the instrument's currency, ``date`` the first day without it (the ex-date),
    ``last_day`` the last one with it. One that still waits for its barrier is replaced by
    another of the same instrument and date; an amount of 0 undoes it.
    """

    instrument: Identifier
    date: dt.date
    last_day: dt.date
    amount: NonNegative

    def __post_init__(self) -> None:
        """Refuse a last day that does not come shortly before the first.

        Raises
        ------
        ValueError
            If ``last_day`` is not shortly before ``date``.
        """
        super().__post_init__()
        _refuse_gap(self.instrument, self.last_day, self.date)


Adjustment = Split | Dividend
ADJUSTABLE: Final = frozenset({AssetClass.EQUITY, AssetClass.ETF})
"""Asset classes that split and pay dividends."""


def _refuse_gap(instrument: str, last_day: dt.date, date: dt.date) -> None:
    if not 0 < (date - last_day).days <= MAX_CLOSED_DAYS:
        msg = (
            f"last_day of {instrument} is {last_day}, date is {date}: it is the trading day "
            f"before, at most {MAX_CLOSED_DAYS} days"
        )
        raise ValueError(msg)


def _refuse_disorder(series: str, closes: tuple[ClosePoint, ...]) -> None:
    for earlier, later in itertools.pairwise(point.date for point in closes):
        if later <= earlier:
            msg = f"closes of {series} are not in order of date: {earlier}, then {later}"
            raise ValueError(msg)


class OpeningPosition(Checked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A position as it is stated; ``entry_price`` is its average cost."""

    instrument: Identifier
    quantity: Signed
    entry_price: Price


class Portfolio(Message, frozen=True, kw_only=True, tag="portfolio"):
    """A book: its settings, and its positions as of a moment.

    The positions contain every trade, split and dividend up to ``as_of_ns`` (event time,
    nanoseconds since 1970) or to the end of the day ``as_of_day``; what came later moves them.
    At most one of the two is given. Without either, the first definition of a book holds what
    it had before its first trade, and a later one with other positions is as of the end of day
    at which it takes effect; a later one with the same positions changes settings only.

    Positions of asset class ``cash`` are stated together: one of them states all cash of the
    book, none leaves the cash that trades and dividends have made.

    ``desk`` names what it belongs to: the books of a desk are also shown together. A series
    without a close on a scenario day is carried while it misses at most ``carry_max_sessions``
    of its own sessions within ``CARRY_SPAN_DAYS`` scenario days and since its last close; those
    that miss more may move ``carry_max_share`` of gross exposure together, and VaR is not
    available beyond that.
    """

    portfolio: Identifier
    base_currency: IsoCurrency = "USD"
    confidence: ConfidenceText = "0.95"
    window: Annotated[int, Meta(ge=2, lt=MAX_CLOSES_PER_SERIES)] = 30
    var_limit_fraction: Annotated[float, Meta(gt=0, le=1)] = 0.02
    positions: Annotated[
        tuple[OpeningPosition, ...], Meta(max_length=MAX_POSITIONS_PER_PORTFOLIO)
    ] = ()
    name: Label = ""
    desk: Identifier | None = None
    limits: Annotated[tuple[Limit, ...], Meta(max_length=MAX_LIMITS)] = ()
    as_of_ns: Nanoseconds | None = None
    as_of_day: dt.date | None = None
    carry_max_sessions: Annotated[int, Meta(ge=0, le=CARRY_SPAN_DAYS)] = CARRY_MAX_SESSIONS
    carry_max_share: Annotated[float, Meta(ge=0, le=1)] = CARRY_MAX_SHARE

    def __post_init__(self) -> None:
        """Refuse an instrument or a measure that is listed twice, and two moments at once.

        Raises
        ------
        ValueError
            If an instrument or a limited measure is listed twice, or two moments are given.
        """
        super().__post_init__()
        if self.as_of_ns is not None and self.as_of_day is not None:
            msg = f"as_of_ns {self.as_of_ns} and as_of_day {self.as_of_day}: give one of the two"
            raise ValueError(msg)
        seen: set[str] = set()
        for position in self.positions:
            if position.instrument in seen:
                msg = f"instrument {position.instrument} stands twice in {self.portfolio}"
                raise ValueError(msg)
            seen.add(position.instrument)
        measures = [limit.measure for limit in self.limits]
        for measure in measures:
            if measures.count(measure) > 1:
                msg = f"limit of {measure} stands twice in {self.portfolio}"
                raise ValueError(msg)


class Rejected(Message, frozen=True, kw_only=True, tag="rejected"):
    """A message that was not applied: where it lies, why, and the beginning of its bytes.

    ``value`` is cut where ``size_bytes`` is more than it has; ``sha256`` is of the whole value.
    Messages of earlier versions state neither (0 and empty), and are whole.
    """

    topic: str
    partition: Count
    offset: Count
    reason: RejectReason
    detail: str
    value: str
    size_bytes: Count = 0
    sha256: str = ""


class PositionRisk(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One row of a snapshot: a position, its value and its part of the risk.

    Amounts are in the portfolio's base currency; ``price`` and ``average_cost`` are in
    the instrument's own. ``component_var`` and its kin are losses, positive.
    """

    instrument: str
    asset_class: AssetClass
    currency: str
    quantity: float
    price: float
    average_cost: float
    value: float
    exposure: float
    delta: float
    unrealised_pnl: float
    realised_pnl: float
    component_var: float | None
    component_es: float | None
    smoothed_share: float | None
    stale_since_ns: int | None = None
    option: OptionRisk | None = None


class PositionColumns(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True, eq=False
):
    """Positions of a snapshot, a column for each field of `PositionRisk`, in its units.

    Also a sequence of these rows, which are made when they are first asked for. It equals every
    tuple of equal rows. ``component_var`` and its kin are None where no position has one,
    ``stale_since_ns`` where all prices are fresh; ``option`` has options only, by instrument.
    Numbers are little-endian doubles.
    """

    instrument: tuple[str, ...]
    asset_class: tuple[AssetClass, ...]
    currency: tuple[str, ...]
    quantity: Column
    price: Column
    average_cost: Column
    value: Column
    exposure: Column
    delta: Column
    unrealised_pnl: Column
    realised_pnl: Column
    component_var: Column | None
    component_es: Column | None
    smoothed_share: Column | None
    stale_since_ns: tuple[int | None, ...] | None = None
    option: dict[str, OptionRisk] = {}

    def __post_init__(self) -> None:
        """Refuse columns of different lengths.

        Raises
        ------
        ValueError
            If a column is not of as many positions as there are instruments; names it.
        """
        count = len(self.instrument)
        for name in _NAME_COLUMNS:
            if (names := getattr(self, name)) is not None and len(names) != count:
                raise ValueError(f"{name}: {len(names)} of {count} positions")
        for name in _NUMBER_COLUMNS:
            if (column := getattr(self, name)) is not None and len(column) != NUMBER_BYTES * count:
                raise ValueError(f"{name}: {len(column)} bytes, {NUMBER_BYTES} x {count} expected")

    @cached_property
    def rows(self) -> tuple[PositionRisk, ...]:
        """Return a row for each position."""
        nothing = (None,) * len(self)
        numbers = (getattr(self, name) for name in _NUMBER_COLUMNS)
        return tuple(
            map(
                PositionRisk,
                self.instrument,
                self.asset_class,
                self.currency,
                *(nothing if column is None else numbers_of(column) for column in numbers),
                self.stale_since_ns or nothing,
                map(self.option.get, self.instrument),
            )
        )

    @property
    def not_finite(self) -> str | None:
        """Return the first column that has a NaN or an infinity, None where all are numbers."""
        for name in _NUMBER_COLUMNS:
            if (column := getattr(self, name)) is not None and not is_finite(column):
                return name
        return None

    def __len__(self) -> int:
        return len(self.instrument)

    def __iter__(self) -> Iterator[PositionRisk]:
        return iter(self.rows)

    @overload
    def __getitem__(self, place: int) -> PositionRisk: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[PositionRisk, ...]: ...
    def __getitem__(self, place: int | slice) -> PositionRisk | tuple[PositionRisk, ...]:
        return self.rows[place]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PositionColumns):
            return self.rows == other.rows
        return self.rows == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.instrument)


_NAME_COLUMNS: Final = ("asset_class", "currency", "stale_since_ns")
_NUMBER_COLUMNS: Final = (
    "quantity",
    "price",
    "average_cost",
    "value",
    "exposure",
    "delta",
    "unrealised_pnl",
    "realised_pnl",
    "component_var",
    "component_es",
    "smoothed_share",
)
"""In the order of `PositionRisk`."""
PositionRows: TypeAlias = PositionColumns | tuple[PositionRisk, ...]
"""Positions by column, or as messages of version 1 have them."""
SNAPSHOT_VERSION: Final = "2.0"
"""``message_version`` of snapshots whose positions are columns."""


class AssetClassRisk(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Exposure and stand-alone risk of one asset class, base currency."""

    asset_class: AssetClass
    long: float
    short: float
    gross: float
    net: float
    var: float | None
    expected_shortfall: float | None


class TailScenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One of the worst scenario days behind the number, worst first."""

    date: dt.date
    pnl: float


class CarriedSeries(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A series without a close on some days of the window: its return is 0 there.

    ``dates`` are the newest of these days, ``day_count`` how many there are, up to the as-of
    date. ``missed_sessions`` is the most sessions of the series that it missed within
    ``CARRY_SPAN_DAYS`` consecutive days, or since ``last_close``: ``silent_sessions``.
    ``share`` is the part of gross exposure that the series moves, 0 to 1: of an FX series what
    is held in its currency, of that of the base currency what is held in all others.
    """

    series: str
    dates: tuple[dt.date, ...]
    day_count: Count
    missed_sessions: Count
    silent_sessions: Count
    last_close: dt.date
    share: float


class StageTimes(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """When each stage was done, CLOCK_MONOTONIC nanoseconds of one host (0: not known).

    ``intended`` belongs to the newest message that the snapshot covers; ``read`` is when
    Spark's job had delivered the batch.
    """

    intended_ns: int = 0
    batch_started_ns: int = 0
    read_ns: int = 0
    folded_ns: int = 0
    valued_ns: int = 0
    published_ns: int = 0


class RiskSnapshot(Message, frozen=True, kw_only=True, dict=True, tag="risk_snapshot"):
    """The risk of one portfolio at one vector of Kafka offsets.

    Beside its fields an instance keeps its JSON once it was encoded (`system.contracts.codec`).

    ``var`` and ``expected_shortfall`` are losses, positive, never floored; ``None`` with
    a sentence in ``not_available`` where the number does not exist. ``offsets`` maps
    ``topic:partition`` to the first offset that is *not* covered. The number fields are
    a pure function of (positions, prices, fx, window, settings); ``inputs_hash`` is over
    exactly those. At an end of day, ``hypothetical_pnl`` is the day's P&L of the positions
    held at the close before, ``previous_var`` the VaR stated then, and ``breach`` whether
    the loss was strictly greater. ``daily_pnl`` is the NAV's change since the last close.
    ``rates`` are the units per 1 EUR that amounts were converted with; ``missing`` names
    what is held and has no price or rate yet: it is not among ``positions``.
    ``valuation_date`` is the day from which time to expiry counts. ``greeks`` and
    ``delta_gamma_vega`` are there where the book holds options; ``proxied`` says which
    series moved by a proxy, ``series=proxy``. ``adjustment_count`` is how many splits and
    dividends had taken effect, and ``adjusted`` names those that the window's closes are
    restated for. ``suspect_ticks`` names what is marked at a tick, or converted
    at a rate (``fx:CCY``), far from the one before, or was until just now, while the ones that
    confirm or contradict it have not come; it counts.
    ``exchange_closes`` says when the book's exchanges closed on ``asof``, earliest first: its
    returns are not of the same hours. ``skipped`` names the newest weekdays and sessions from
    the first scenario day to ``asof`` on which no series of the book has a close: holidays, or
    missing. ``carried`` names the series without a close on a scenario day.
    ``outside_model`` names options with a price of their own that no volatility gives, and that
    price: they are worth it, and scenarios change it at their reference volatility.
    ``positions_unknown`` says why trades may be missing in ``positions``: Kafka has lost messages,
    and nobody has stated the positions since; empty where none is missing.
    ``waiting_trades`` names the instruments of trades that ``positions`` lack, because they wait
    for an end-of-day mark that is not in every partition.
    ``message_version`` is ``2.0`` where ``positions`` are columns, and absent where they are rows:
    in answers of the API (`by_rows`), and in what earlier versions wrote.
    """

    snapshot_id: str
    portfolio: str
    kind: SnapshotKind
    fence: Count
    epoch: Count
    offsets: dict[str, int]
    event_time_ns: int
    asof: dt.date | None
    base_currency: str
    estimator: str
    confidence: str
    window: int
    scenario_count: int
    tail_rank: int
    nav: float
    value: float
    var: float | None
    expected_shortfall: float | None
    var_fraction: float | None
    var_limit_fraction: float
    diversification: float | None
    scenario_date: dt.date | None
    tail: tuple[TailScenario, ...]
    daily_pnl: float | None
    unrealised_pnl: float
    realised_pnl: float
    positions: PositionRows
    asset_classes: tuple[AssetClassRisk, ...]
    stale: tuple[str, ...]
    carried: tuple[CarriedSeries, ...]
    suspect: tuple[str, ...]
    not_available: str
    inputs_hash: str
    previous_var: float | None
    hypothetical_pnl: float | None
    breach: bool | None
    trade_ids: tuple[str, ...] = ()
    stages: StageTimes = StageTimes()
    rates: dict[str, float] = {}  # noqa: RUF012 - msgspec copies it
    missing: tuple[str, ...] = ()
    valuation_date: dt.date | None = None
    stressed: tuple[StressedRisk, ...] = ()
    greeks: PortfolioGreeks | None = None
    delta_gamma_vega: DeltaGammaVega | None = None
    option_pnl: tuple[ExplainedPnl, ...] = ()
    proxied: tuple[str, ...] = ()
    desk: str | None = None
    limits: tuple[LimitUse, ...] = ()
    adjustment_count: Count = 0
    adjusted: tuple[str, ...] = ()
    suspect_ticks: tuple[str, ...] = ()
    exchange_closes: tuple[ExchangeClose, ...] = ()
    skipped: tuple[str, ...] = ()
    carry_max_sessions: int = CARRY_MAX_SESSIONS
    carry_max_share: float = CARRY_MAX_SHARE
    outside_model: tuple[str, ...] = ()
    positions_unknown: str = ""
    waiting_trades: tuple[str, ...] = ()
    message_version: Literal["2.0"] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """State the version that the form of the positions is of."""
        super().__post_init__()
        version = UNSET if isinstance(self.positions, tuple) else SNAPSHOT_VERSION
        if self.message_version != version:
            msgspec.structs.force_setattr(self, "message_version", version)


MarketMessage = Tick | Mark
FxMessage = FxRate | Mark
TradeMessage = Trade | Mark
ReferenceMessage = (
    Instrument
    | CloseHistory
    | StressedHistory
    | ExchangeSessions
    | Portfolio
    | Split
    | Dividend
    | Mark
)
InputMessage = Tick | FxRate | Trade | ReferenceMessage
AnyMessage = InputMessage | Rejected | RiskSnapshot


def by_rows(snapshot: RiskSnapshot) -> RiskSnapshot:
    """Return a snapshot with its positions as rows, as people and the API read it."""
    if isinstance(snapshot.positions, tuple):
        return snapshot
    return msgspec.structs.replace(snapshot, positions=snapshot.positions.rows)


def field_names(message_type: type[Struct]) -> tuple[str, ...]:
    """Return the wire names of a message's fields, in order, without its tag."""
    return tuple(field.encode_name for field in msgspec.structs.fields(message_type))

"""What the market has said so far: instruments, quotes, FX rates and daily closes."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from system.book.state.adjustments import Adjustments, at_barrier, restatements
from system.book.state.close_table import extended_table, is_cut_before, newest_table, tail_table
from system.book.state.events import QuoteRow
from system.book.state.listings import listing_of, options_on, restruck
from system.book.state.positions import cash_currency, cash_listing
from system.book.state.quotes import QuoteOutcome, held_back, quote_after
from system.book.state.rows import (
    AdjustmentState,
    ClosesState,
    DayState,
    PartitionState,
    QuoteState,
)
from system.book.state.sessions import Sessions
from system.book.state.stressed import StressedData
from system.book.state.synthetic_quotes import STATED_PARTITIONS, Price, stated_quotes
from system.contracts.currencies import EUR
from system.contracts.messages import (
    MAX_CLOSED_DAYS,
    MAX_CLOSES_PER_SERIES,
    CloseHistory,
    Instrument,
    Split,
)
from system.risk.listing import Listing
from system.risk.scenarios.adjustments import Restatement, dividend_divisor, restated_close
from system.risk.scenarios.suspect_returns import MOVE_BOUNDS
from system.risk.scenarios.window import CloseTable, fx_series

NANOSECONDS_PER_DAY: Final = 86_400_000_000_000
FUTURE_BOUND_DAYS: Final = MAX_CLOSED_DAYS
"""A quote that lies further than this beyond the last closed day is refused: a source's
clock that jumped would otherwise make every later quote look old."""

_EPOCH: Final = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Staleness:
    """When a price is stale: more than ``bound_ns`` of event time behind its partition.

    An FX rate: behind the whole market, for all rates may fall silent at once.
    """

    bound_ns: int

    def since(self, quote: QuoteState, place: PartitionState) -> int | None:
        """Return since when a quote is stale at the event times of a place, None if fresh."""
        reference = max(quote.event_time_ns, place.session_start_ns or 0)
        late = place.newest_event_ns - reference > self.bound_ns
        return quote.event_time_ns if late else None


@lru_cache(maxsize=MAX_CLOSES_PER_SERIES)
def midnight_after_ns(date: dt.date) -> int:
    """Return the end of a UTC day, nanoseconds since 1970."""
    return ((date - _EPOCH).days + 1) * NANOSECONDS_PER_DAY


def far_off_ns(closed_until_ns: int) -> int | None:
    """Return the event time beyond which a quote is refused, None where nothing is closed."""
    return closed_until_ns + FUTURE_BOUND_DAYS * NANOSECONDS_PER_DAY if closed_until_ns else None


def utc_date(time_ns: int) -> dt.date:
    """Return the UTC day of a moment, nanoseconds since 1970."""
    return _EPOCH + dt.timedelta(days=time_ns // NANOSECONDS_PER_DAY)


class Market:
    """Instruments, quotes, rates and closes; knows which rows have changed.

    Parameters
    ----------
    staleness : Staleness
        When a price counts as stale.
    """

    def __init__(self, staleness: Staleness) -> None:
        self._staleness = staleness
        self.instruments: dict[str, Instrument] = {}
        self.listings: dict[str, Listing] = {}
        self.quotes: dict[str, QuoteState] = {}
        self.rates: dict[str, QuoteState] = {}
        self.closes: dict[str, ClosesState] = {}
        self.partitions: dict[str, PartitionState] = {}
        self.day: DayState | None = None
        self.stressed = StressedData()
        self.sessions = Sessions()
        self.adjustments = Adjustments()
        self.adjustment_count = 0
        """How many adjustments are in effect, of those that ever took it."""
        self._restatements: dict[str, list[Restatement]] = {}
        self._earlier_tables: dict[int, CloseTable] = {}
        self._stated_date: dt.date | None = None
        self._volatilities: dict[str, float] = {}
        self._table: CloseTable | None = None
        self.held: frozenset[str] = frozenset()
        """Series whose newer quotes wait for an end-of-day mark elsewhere: stale, whatever the
        event times of their partition say, for these wait too."""
        self.price_rows: dict[str, int] = {}
        """Row of each instrument that a book holds, or has held: see ``valuation.prices``."""
        self.window_version = 0
        """Grows whenever a close or an instrument is added."""

    # -- reference ----------------------------------------------------------------------

    def add_instrument(self, instrument: Instrument) -> None:
        """Take an instrument into the reference data.

        Raises
        ------
        MessageError
            If it is an option on what no option can be on; nothing is taken then.
        """
        self.listings[instrument.instrument] = listing_of(instrument, self.listings)
        self.instruments[instrument.instrument] = instrument
        self.window_version += 1

    def add_history(self, history: CloseHistory) -> ClosesState:
        """Take the closes of a series from before the stream."""
        state = ClosesState(
            dates=tuple(point.date for point in history.closes),
            values=tuple(point.value for point in history.closes),
        )
        self.set_closes({history.series: state})
        return state

    def set_closes(self, closes: Mapping[str, ClosesState]) -> None:
        """Put in whole series."""
        self.closes.update(closes)
        self._forget_table()

    def _forget_table(self) -> None:
        self._table = None
        self._earlier_tables.clear()
        self.window_version += 1

    def set_adjustments(self, adjustments: Adjustments, count: int | None = None) -> None:
        """Put in splits and dividends; the first ``count`` that took effect are in effect."""
        self.adjustments = adjustments
        self.adjustment_count = len(adjustments.taken) if count is None else count
        self._restatements = restatements(self.taken)
        self.listings = restruck(self.instruments, self.taken)
        self._forget_table()

    @property
    def taken(self) -> tuple[AdjustmentState, ...]:
        """Return the adjustments that are in effect, in order."""
        return self.adjustments.taken[: self.adjustment_count]

    def adjust(self, state: AdjustmentState, day: dt.date) -> AdjustmentState:
        """Let an adjustment take effect at a day's barrier; prices of old shares are restated.

        Returns
        -------
        AdjustmentState
            With what it has moved.
        """
        one = state.adjustment
        options = options_on(one.instrument, self.listings) if isinstance(one, Split) else ()
        moved = (one.instrument, *options)
        divisor = (
            one.ratio
            if isinstance(one, Split)
            else dividend_divisor(one.amount, self.close_on(one.instrument, day))
        )
        closes = [name for name in moved if name in self.closes and self.closes[name].dates]
        effect = at_barrier(state, day, divisor=divisor, options=options, closes=closes)
        self.adjustments.put(effect)
        for name in moved:
            if name in self.quotes:
                quote = self.quotes[name]
                self.quotes[name] = msgspec.structs.replace(quote, price=quote.price / divisor)
        self.set_adjustments(self.adjustments)
        return effect

    @property
    def table(self) -> CloseTable:
        """Return the newest closes of all series; built again when whole series have come.

        At most ``MAX_TABLE_DATES`` dates: what older ones a book needs is in `table_of`.
        """
        if self._table is None:
            self._table = newest_table(self._dated_closes(sorted(self.closes)))
        return self._table

    def table_of(self, series: Iterable[str], *, scenario_count: int) -> CloseTable:
        """Return a table from which the window of a book can be taken.

        Parameters
        ----------
        series : iterable of str
            Series of the book, and their proxies.
        scenario_count : int
            Number n of returns in the window.

        Returns
        -------
        CloseTable
            That of all series, unless it lacks the first close of one of these: then one of
            their own.
        """
        names = [name for name in dict.fromkeys(series) if name in self.closes]
        firsts = (date for name in names for date in self.closes[name].dates[:1])
        if not is_cut_before(self.table, firsts):
            return self.table
        as_of, count = self.asof or dt.date.max, scenario_count + 1
        return tail_table(self._dated_closes(names), as_of=as_of, close_count=count)

    def _dated_closes(self, names: Iterable[str]) -> dict[str, dict[dt.date, float]]:
        states = {name: self.closes[name] for name in names}
        return {
            name: dict(zip(state.dates, self._restated(name, state), strict=True))
            for name, state in states.items()
        }

    def _restated(self, series: str, state: ClosesState) -> Iterable[float]:
        if series not in self._restatements:
            return state.values
        return (
            self._close(series, *point) for point in zip(state.dates, state.values, strict=True)
        )

    def _close(self, series: str, date: dt.date, quoted: float) -> float:
        return restated_close(quoted, date, self._restatements.get(series, ()))

    def listing(self, instrument: str) -> Listing:
        """Return an instrument's listing; cash of any currency is always there.

        Raises
        ------
        KeyError
            If the instrument is not known.
        """
        currency = cash_currency(instrument)
        return self.listings[instrument] if currency is None else cash_listing(currency)

    def under(
        self,
        marks: Mapping[str, Price],
        rates: Mapping[str, Price],
        day: DayState | None,
        *,
        valuation_date: dt.date | None = None,
        unquoted: frozenset[str] = frozenset(),
        volatilities: Mapping[str, float] | None = None,
        adjustment_count: int | None = None,
    ) -> Market:
        """Return the same reference data and closes under other prices.

        Parameters
        ----------
        marks, rates : mapping of str to Price
            Take the place of the quotes of these instruments, and of these currencies
            (units per 1 EUR); the quotes of all others stand.
        day : DayState or None
            The last closed day: closes beyond it are not looked at.
        valuation_date : date or None
            From which time to expiry counts; None: as the quotes say.
        unquoted : frozenset of str
            Instruments whose own quotes are left out: options that are marked by their model.
        volatilities : mapping of str to float, optional
            Of options: what their model takes instead of the volatility of reference data.
        adjustment_count : int, optional
            How many splits and dividends are in effect; None: as many as here.

        Returns
        -------
        Market
            Shares what it does not change; neither of the two may take in messages then.
        """
        other = Market(self._staleness)
        other.instruments, other.closes = self.instruments, self.closes
        self._share_adjusted(other, adjustment_count)
        other.window_version = self.window_version
        other.quotes = {**self.quotes, **stated_quotes(marks)}
        other.rates = {**self.rates, **stated_quotes(rates)}
        other.partitions = {**self.partitions, **STATED_PARTITIONS}
        other.day = day
        other.stressed, other.sessions = self.stressed, self.sessions
        other._stated_date = valuation_date
        other._volatilities = dict(volatilities or {})
        for name in sorted(unquoted):
            other.quotes.pop(name, None)
        return other

    def _share_adjusted(self, other: Market, count: int | None) -> None:
        """Give another market listings and closes as a number of adjustments leaves them."""
        if count is None or count == self.adjustment_count:
            other.adjustments, other.adjustment_count = self.adjustments, self.adjustment_count
            other._restatements, other.listings = self._restatements, self.listings
            other._table = self.table
            return
        other.set_adjustments(self.adjustments, count)
        if count not in self._earlier_tables:
            self._earlier_tables[count] = other.table
        other._table = self._earlier_tables[count]

    # -- quotes -------------------------------------------------------------------------

    def note_event_time(self, partition: str, event_time_ns: int) -> None:
        """Move a partition's event time on."""
        state = self.partitions.get(partition)
        if state is None or state.session_start_ns is None:
            start, newest = event_time_ns, event_time_ns
        else:
            start, newest = state.session_start_ns, max(state.newest_event_ns, event_time_ns)
        self.partitions[partition] = PartitionState(newest_event_ns=newest, session_start_ns=start)

    def note_mark(self, partition: str, event_time_ns: int) -> None:
        """Set a partition's event time to that of a mark: from here a new session counts."""
        state = PartitionState(newest_event_ns=event_time_ns, session_start_ns=None)
        self.partitions[partition] = state

    def add_quote(self, row: QuoteRow, partition: str) -> QuoteOutcome:
        """Take a tick of a known instrument."""
        return self._add(self.quotes, row, partition)

    def add_rate(self, row: QuoteRow, partition: str) -> QuoteOutcome:
        """Take an FX rate."""
        return self._add(self.rates, row, partition)

    def _add(self, quotes: dict[str, QuoteState], row: QuoteRow, partition: str) -> QuoteOutcome:
        state, verdict = quote_after(quotes.get(row.name), row, partition)
        quotes[row.name] = state
        if verdict is QuoteOutcome.APPLIED:
            self.note_event_time(partition, row.event_time_ns)
        return verdict

    def move_bound(self, ticker: str) -> float | None:
        """Return the move beyond which a tick is suspect, as a fraction; None: none is."""
        listing = self.listings[ticker]
        return None if listing.is_absolute else MOVE_BOUNDS.get(listing.asset_class)

    def closed_until_ns(self, series: str) -> int:
        """Return the event time up to which a series takes no more quotes."""
        closes = self.closes.get(series)
        own = midnight_after_ns(closes.dates[-1]) - 1 if closes and closes.dates else 0
        return max(own, self.day.event_time_ns) if self.day else own

    @property
    def asof(self) -> dt.date | None:
        """Return the last day of closes that scenarios may use, None before any."""
        if self.day is not None:
            return self.day.date
        return self.table.dates[-1] if self.table.dates else None

    @property
    def valuation_date(self) -> dt.date | None:
        """Return the day that time to expiry counts from, None before any.

        The UTC day of the newest event behind the last mark; before such an event, the
        last day of closes.
        """
        if self._stated_date is not None:
            return self._stated_date
        asof, newest = self.asof, self.newest_event_ns
        if newest <= (self.day.event_time_ns if self.day else 0):
            return asof
        today = utc_date(newest)
        return today if asof is None else max(today, asof)

    @property
    def newest_event_ns(self) -> int:
        """Return the newest event time of any partition, nanoseconds since 1970."""
        return max((state.newest_event_ns for state in self.partitions.values()), default=0)

    # -- prices -------------------------------------------------------------------------

    def price(self, instrument: str) -> Price | None:
        """Return what an instrument is marked at: its last quote, else its last close."""
        return self._price(self.quotes.get(instrument), instrument)

    def quoted(self, instrument: str) -> Price | None:
        """Return an instrument's last quote, None where it has none."""
        quote = self.quotes.get(instrument)
        return None if quote is None else Price(quote.price, self._stale_since(quote, instrument))

    def stated_volatility(self, option: str) -> float | None:
        """Return the volatility that is stated for an option, None where none is."""
        return self._volatilities.get(option)

    def rate(self, currency: str) -> Price | None:
        """Return units of a currency per 1 EUR: its last rate, else its last close."""
        if currency == EUR:
            return Price(1.0, None)
        quote, series = self.rates.get(currency), fx_series(currency)
        if quote is None or quote.partition in STATED_PARTITIONS:
            return self._price(quote, series)
        late_ns = self._staleness.since(quote, self._everywhere())
        return Price(quote.price, quote.event_time_ns if series in self.held else late_ns)

    def _price(self, quote: QuoteState | None, series: str) -> Price | None:
        if quote is not None:
            return Price(quote.price, self._stale_since(quote, series))
        last = self.newest_close(series)
        if last is None:
            return None
        return Price(last, midnight_after_ns(self.closes[series].dates[-1]))

    def newest_close(self, series: str) -> float | None:
        """Return a series' last close in the shares of today, None where it has none."""
        closes = self.closes.get(series)
        if closes is None or not closes.dates:
            return None
        return self._close(series, closes.dates[-1], closes.values[-1])

    def _stale_since(self, quote: QuoteState, series: str) -> int | None:
        if series in self.held:
            return quote.event_time_ns
        return self._staleness.since(quote, self.partitions[quote.partition])

    def _everywhere(self) -> PartitionState:
        """Return the event times of all partitions that are read, as if they were one."""
        read = [one for name, one in self.partitions.items() if name not in STATED_PARTITIONS]
        starts = [one.session_start_ns for one in read if one.session_start_ns is not None]
        return PartitionState(
            newest_event_ns=max(one.newest_event_ns for one in read),
            session_start_ns=min(starts, default=None),
        )

    def close_on(self, series: str, date: dt.date) -> float | None:
        """Return a series' last close up to a date, None where it has none."""
        closes = self.closes.get(series)
        count = 0 if closes is None else bisect_right(closes.dates, date)
        if closes is None or not count:
            return None
        return self._close(series, closes.dates[count - 1], closes.values[count - 1])

    # -- end of day ---------------------------------------------------------------------

    def close_day(self, day: DayState) -> tuple[str, ...]:
        """Append the day's closes and return the series that got one, sorted.

        A close is the last accepted quote since the mark before; a series without one
        has no close that day.
        """
        closed = self._day_closes(day.date)
        dropped: dict[str, dt.date] = {}
        for series, value in closed.items():
            before = self.closes.get(series, ClosesState(dates=(), values=()))
            if len(before.dates) == MAX_CLOSES_PER_SERIES:
                dropped[series] = before.dates[0]
            self.closes[series] = ClosesState(
                dates=(*before.dates, day.date)[-MAX_CLOSES_PER_SERIES:],
                values=(*before.values, value)[-MAX_CLOSES_PER_SERIES:],
            )
        if closed and self._table is not None:
            self._table = extended_table(self._table, day.date, closed, dropped)
            self._earlier_tables.clear()
        self.day = day
        self.window_version += 1
        return tuple(closed)

    def hold_back_clocks(self, until_ns: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Set quotes that claim to come from beyond a mark to its event time.

        Each did arrive before the mark. Left as it is, one from a clock that runs ahead
        would supersede the quotes of the days to come, close them, and never look stale.
        A tick or rate that is still suspect has made the day's close: it is no longer judged.

        Returns
        -------
        tuple of (tuple of str, tuple of str)
            Tickers and currencies whose quotes were changed, sorted.
        """
        return _held_back(self.quotes, until_ns), _held_back(self.rates, until_ns)

    def _day_closes(self, date: dt.date) -> dict[str, float]:
        quoted = {
            **self.quotes,
            **{fx_series(currency): rate for currency, rate in self.rates.items()},
        }
        return {
            series: quote.price
            for series, quote in sorted(quoted.items())
            if quote.event_time_ns > self.closed_until_ns(series)
            and not self._has_close(series, date)
        }

    def _has_close(self, series: str, date: dt.date) -> bool:
        closes = self.closes.get(series)
        return closes is not None and bool(closes.dates) and closes.dates[-1] >= date


def _held_back(quotes: dict[str, QuoteState], until_ns: int) -> tuple[str, ...]:
    changed = sorted(
        name
        for name, quote in quotes.items()
        if quote.event_time_ns > until_ns or quote.suspect is not None
    )
    for name in changed:
        quote = msgspec.structs.replace(quotes[name], suspect=None)
        quotes[name] = held_back(quote, until_ns) if quote.event_time_ns > until_ns else quote
    return tuple(changed)

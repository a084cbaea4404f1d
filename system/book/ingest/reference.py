"""What is known, and what therefore cannot be: checks of messages against reference data."""

from __future__ import annotations

from typing import Final

from system.book.state.events import QuoteRow
from system.book.state.listings import is_same_instrument
from system.book.state.market import (
    NANOSECONDS_PER_DAY,
    Market,
    far_off_ns,
    midnight_after_ns,
)
from system.book.state.positions import CASH_PREFIX
from system.book.state.quotes import QuoteOutcome
from system.book.state.sessions import goes_on
from system.contracts.currencies import EUR, FX_SERIES_PREFIX, MINOR_UNITS, unit_of
from system.contracts.discounting import discounting_problem
from system.contracts.messages import (
    ADJUSTABLE,
    MONEY,
    PRICE_MIN,
    Adjustment,
    CloseHistory,
    ExchangeSessions,
    Instrument,
    Mark,
    Portfolio,
    RejectReason,
    ReturnType,
    Split,
    StressedHistory,
)
from system.errors import InputError, MessageError
from system.risk.confidence import supported_confidence
from system.risk.scenarios.window import fx_series

SPLIT_BOUND: Final = 1e12
"""Most new shares that all splits of an instrument may make of one, and most old ones of one."""


class Reference:
    """Checks against, and additions to, the reference data of a market.

    Parameters
    ----------
    market : Market
        Holds what is known.
    """

    def __init__(self, market: Market) -> None:
        self._market = market

    # -- checks -------------------------------------------------------------------------

    def check_known(self, instrument: str) -> None:
        """Refuse an instrument that is not in the reference data.

        Raises
        ------
        MessageError
            With reason ``unknown_instrument``.
        """
        try:
            self._market.listing(instrument)
        except KeyError:
            raise MessageError(
                RejectReason.UNKNOWN_INSTRUMENT,
                f"instrument {instrument}: send its reference first",
            ) from None

    def check_quote(self, row: QuoteRow) -> None:
        """Refuse a tick of something unknown or of money, of a price that cannot be, or late.

        An option may have a bid of 0; the bid of anything else is a price as its mid is.

        Raises
        ------
        MessageError
            With the reason.
        """
        listing = self._market.listings.get(row.name)
        if listing is None:
            raise MessageError(RejectReason.UNKNOWN_INSTRUMENT, f"ticker {row.name}")
        if listing.is_money:
            raise MessageError(
                RejectReason.INVALID, f"ticker {row.name} is money: its rate comes by fx_rates"
            )
        self.check_price(row.name, row.price, "mid")
        if listing.option is None or row.lowest < 0.0:  # an option that nobody wants has bid 0
            self.check_price(row.name, row.lowest, "bid")
        self._check_time(row, row.name)

    def check_price(self, instrument: str, price: float, where: str) -> None:
        """Refuse a price that only an instrument of absolute returns can have.

        Raises
        ------
        MessageError
            With reason ``invalid``.
        """
        if price >= PRICE_MIN:
            return
        known = self._market.instruments.get(instrument)
        if known is not None and known.return_type is ReturnType.ABSOLUTE:
            return
        if known is not None and known.option is not None:
            rule = f"an option is worth {PRICE_MIN:g} or more (only its bid may be 0)"
        else:
            rule = f"below {PRICE_MIN:g} only an instrument with return_type absolute can be"
        raise MessageError(
            RejectReason.INVALID,
            f"{where} of {instrument} is {price:g}: {rule}",
        )

    def check_rate(self, row: QuoteRow) -> None:
        """Refuse a rate of EUR or of a minor unit, a late one, one from far off.

        Raises
        ------
        MessageError
            With the reason.
        """
        if row.name == EUR or row.name in MINOR_UNITS:
            raise MessageError(
                RejectReason.UNKNOWN_CURRENCY,
                f"currency {row.name}: rates are units of a currency per 1 EUR, of "
                f"{'any other' if row.name == EUR else unit_of(row.name).currency}",
            )
        self._check_time(row, fx_series(row.name))

    def _check_time(self, row: QuoteRow, series: str) -> None:
        closed = self._market.closed_until_ns(series)
        if row.event_time_ns <= closed:
            raise MessageError(
                RejectReason.LATE, f"event_time_ns {row.event_time_ns}, closed until {closed}"
            )
        bound = far_off_ns(closed)
        if bound is not None and row.event_time_ns > bound:
            raise MessageError(
                RejectReason.TIME_FAR_OFF, f"event_time_ns {row.event_time_ns} is beyond {bound}"
            )

    def check_mark(self, mark: Mark) -> None:
        """Refuse a mark whose event time is not within a day of its date.

        Raises
        ------
        MessageError
            With reason ``time_far_off``.
        """
        midnight = midnight_after_ns(mark.date)
        if not -2 * NANOSECONDS_PER_DAY <= mark.event_time_ns - midnight <= NANOSECONDS_PER_DAY:
            raise MessageError(
                RejectReason.TIME_FAR_OFF,
                f"event_time_ns {mark.event_time_ns} is not within a day of {mark.date}",
            )

    def check_portfolio(self, definition: Portfolio) -> None:
        """Refuse a book with an unknown instrument or a confidence that its window cannot support.

        Raises
        ------
        MessageError
            With the reason; ``time_far_off`` for positions as of a moment too far ahead, which
            would contain trades that are yet to come.
        """
        self._check_moment(definition)
        for position in definition.positions:
            self.check_known(position.instrument)
            self.check_price(position.instrument, position.entry_price, "entry_price")
        try:
            supported_confidence(definition.confidence, definition.window)
        except InputError as error:
            raise MessageError(RejectReason.INVALID, str(error)) from None

    def _check_moment(self, definition: Portfolio) -> None:
        day, moment = self._market.day, definition.as_of_ns or 0
        if definition.as_of_day is not None:
            moment = midnight_after_ns(definition.as_of_day)
        bound = None if day is None else far_off_ns(day.event_time_ns)
        if bound is not None and moment > bound:
            raise MessageError(
                RejectReason.TIME_FAR_OFF,
                f"positions of {definition.portfolio} as of {moment} are beyond {bound}",
            )

    # -- additions ----------------------------------------------------------------------

    def add_adjustment(self, adjustment: Adjustment) -> QuoteOutcome:
        """Take a split or dividend that waits for its barrier.

        Raises
        ------
        MessageError
            If its instrument is unknown, or of a class that does not split: ``invalid``; if
            its date is closed already: ``late``; if another took effect: ``conflict``; if the
            splits of its instrument multiply beyond ``SPLIT_BOUND``: ``invalid``.
        """
        instrument = self._market.instruments.get(adjustment.instrument)
        if instrument is None:
            raise MessageError(
                RejectReason.UNKNOWN_INSTRUMENT, f"instrument {adjustment.instrument}"
            )
        if instrument.asset_class not in ADJUSTABLE:
            raise MessageError(
                RejectReason.INVALID,
                f"instrument {adjustment.instrument} ({instrument.asset_class}): only "
                f"{', '.join(sorted(ADJUSTABLE))} split and pay dividends",
            )
        if self._market.adjustments.is_known(adjustment):
            return QuoteOutcome.DUPLICATE
        day = self._market.day
        if day is not None and adjustment.date <= day.date:
            raise MessageError(
                RejectReason.LATE,
                f"date {adjustment.date} of {adjustment.instrument}: closed until {day.date}",
            )
        self._check_splits(adjustment)
        return self._market.adjustments.add(adjustment)

    def _check_splits(self, adjustment: Adjustment) -> None:
        """Refuse a split that makes one share, after all splits that came, too many or too few.

        Each within its bound, one a day would leave the range of a float in three months.
        """
        if not isinstance(adjustment, Split):
            return
        total = self._market.adjustments.split_product(adjustment)
        if not 1.0 / SPLIT_BOUND <= total <= SPLIT_BOUND:
            raise MessageError(
                RejectReason.INVALID,
                f"ratio {adjustment.ratio:g} of {adjustment.instrument}: with the splits before "
                f"one share would be {total:g}, possible is {1.0 / SPLIT_BOUND:g} to "
                f"{SPLIT_BOUND:g}; undo a wrong split by its reverse",
            )

    def add_instrument(self, instrument: Instrument) -> QuoteOutcome:
        """Take a new instrument; the same once more is a duplicate.

        Raises
        ------
        MessageError
            If it contradicts what is known: reason ``conflict``; if it is an option whose
            underlying is unknown, without a price or in another currency: the reason; if its
            rates grow beyond any number until it expires: ``invalid``.
        """
        name = instrument.instrument
        known = self._market.instruments.get(name)
        if known is not None and is_same_instrument(known, instrument):
            return QuoteOutcome.DUPLICATE
        if known is not None or name.startswith(CASH_PREFIX):
            raise MessageError(RejectReason.CONFLICT, f"instrument {name} is known as another")
        if name.startswith(FX_SERIES_PREFIX) and instrument.asset_class not in MONEY:
            raise MessageError(
                RejectReason.CONFLICT, f"instrument {name} bears the name of a series of FX rates"
            )
        problem = "" if instrument.option is None else discounting_problem(instrument.option)
        if problem:
            raise MessageError(RejectReason.INVALID, f"option {name}: {problem}")
        self._market.add_instrument(instrument)
        return QuoteOutcome.APPLIED

    def add_sessions(self, table: ExchangeSessions) -> QuoteOutcome:
        """Take the sessions of an exchange; the same once more is a duplicate.

        Raises
        ------
        MessageError
            If they do not go on with those that are known: ``conflict``.
        """
        sessions = self._market.sessions
        known = sessions.table(table.exchange)
        if known == table:
            return QuoteOutcome.DUPLICATE
        if known is not None and not goes_on(known, table):
            raise MessageError(
                RejectReason.CONFLICT,
                f"sessions of {table.exchange} from {table.first} to {table.last} do not go on "
                f"with those from {known.first} to {known.last}",
            )
        sessions.add(table)
        self._market.window_version += 1
        return QuoteOutcome.APPLIED

    def add_stressed(self, history: StressedHistory) -> QuoteOutcome:
        """Take the closes of a series in a stressed window; the same once more is a duplicate.

        Raises
        ------
        MessageError
            If it contradicts what is known of the window or the series: ``conflict``; if a close
            is not above zero and its instrument has relative returns: ``invalid``.
        """
        self._check_closes(history)
        stressed = self._market.stressed
        if stressed.known(history) == history:
            return QuoteOutcome.DUPLICATE
        contradiction = stressed.contradiction(history)
        if contradiction:
            raise MessageError(RejectReason.CONFLICT, contradiction)
        stressed.add(history)
        return QuoteOutcome.APPLIED

    def add_history(self, history: CloseHistory) -> QuoteOutcome:
        """Take the closes of a new series; closes that are known already are a duplicate.

        Raises
        ------
        MessageError
            If a close contradicts a known one, or comes too late: reason ``conflict``; if
            it lies beyond the last day that was closed: ``time_far_off``; if it is not above
            zero and its instrument has relative returns: ``invalid``.
        """
        self._check_closes(history)
        known = self._market.closes.get(history.series)
        if known is None or (history.closes and not known.dates):
            self._check_no_foresight(history)
            self._market.add_history(history)
            return QuoteOutcome.APPLIED
        values = dict(zip(known.dates, known.values, strict=True))
        for point in history.closes:
            if values.get(point.date) != point.value:
                raise MessageError(
                    RejectReason.CONFLICT,
                    f"series {history.series} has {values.get(point.date)} on {point.date}, "
                    f"not {point.value}",
                )
        return QuoteOutcome.DUPLICATE

    def _check_closes(self, history: CloseHistory | StressedHistory) -> None:
        for point in history.closes:
            self.check_price(history.series, point.value, f"close on {point.date}")

    def _check_no_foresight(self, history: CloseHistory) -> None:
        day = self._market.day
        if day is not None and history.closes and history.closes[-1].date > day.date:
            raise MessageError(
                RejectReason.TIME_FAR_OFF,
                f"series {history.series} has a close on {history.closes[-1].date}, beyond the "
                f"last closed day, {day.date}",
            )

"""Required outcome of each message, read from the topics by the written rules alone.

The rules (docs of the topics, restated here because this is the second opinion):

* reference data comes first; a message is judged by all of it;
* unreadable messages are rejected with the codec's reason;
* a quote of an unknown ticker, or of money, is rejected; so is one up to the end of the
  last day that its series has a close for, or of the last mark (late), and one more than
  14 days beyond that (far off);
* which quotes are newer, superseded or repeated is in ``validation.rules.sequences``;
* a price below 1e-9 (mid, bid, trade, entry, close) is invalid but for absolute returns, and
  but for the bid of an option, which may be 0;
* a tick of a share, fund or future, or a rate, that is further from the accepted one (the first:
  from the last close of its history) than 25 % (share), 15 % or 10 % (rate) is suspect and
  counts; it is rejected after all (contradicted) if the next two accepted ones of its session
  are both nearer, as a ratio, to the price before it than to it;
* a trade counts once per (id, version), whatever time it is sent again with; versions grow by one,
  a cancelled one is over; changes of closed ones are late (``validation.rules.closing``);
* positions as of more than 14 days beyond the last mark are rejected (far off);
* cash is of a currency; a description that only spells a minor unit otherwise is a duplicate;
  an instrument with a price has no name of an FX series; closes of
  a new series lie within the days that are closed, once one is;
* an option is on an instrument that came before it, has a price of its own and is in the
  same currency; its price is one that stays above zero; rate and dividend yield, each times
  the years from 1970 to its expiry, are between -100 and 100;
* a split or dividend is of a known equity or ETF, and of a day that is not closed yet; one of
  the same instrument and day replaces it until the mark of its last day, and never after; the
  splits of an instrument multiply to 1e-12 to 1e12;
* a book's confidence lies between a half and one, and its tail holds a day of its window;
* sessions of an exchange go on with those before: none of these is another, the end is later;
* the series of a stressed window agree on its dates and on the version of their data;
* a mark whose day is closed already is a duplicate; one whose event time is not within a
  day of its date is rejected (far off); one that other partitions went on without is
  rejected (incomplete, ``validation.rules.marks``).

Each partition is walked on its own, in the order of offsets: complete marks are in all of them.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

import msgspec

from system.bus.consumer import Record
from system.contracts.codec import decode_topic
from system.contracts.currencies import EUR
from system.contracts.messages import (
    MONEY,
    Adjustment,
    AssetClass,
    CloseHistory,
    Dividend,
    ExchangeSessions,
    FxRate,
    Instrument,
    Mark,
    Message,
    Portfolio,
    RejectReason,
    ReturnType,
    Split,
    StressedHistory,
    Tick,
    Trade,
    TradeAction,
)
from system.contracts.topics import INPUT_TOPICS, REFERENCE
from system.errors import MessageError
from validation.checkers.ledger import Outcome, Ruling
from validation.references.minor_units import MINOR, in_major
from validation.rules.closing import Closing
from validation.rules.effect_dates import Waiting, divisor_of
from validation.rules.marks import incomplete_marks
from validation.rules.sequences import NumberedQuotes

FUTURE_BOUND: Final = dt.timedelta(days=14)
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ONE_DAY: Final = dt.timedelta(days=1)
CASH: Final = re.compile(f"cash:([A-Z]{{3}}|{'|'.join(MINOR)})")
TOPICS_BY_NAME: Final = {topic.name: topic for topic in INPUT_TOPICS}

LOWEST_RELATIVE_PRICE: Final = 1e-9
LARGEST_EXPONENT: Final = 100
MOST_SHARES: Final = Fraction(10**12)
SUSPECT_BEYOND: Final = {
    AssetClass.EQUITY: 0.25,
    AssetClass.ETF: 0.15,
    AssetClass.FUTURE: 0.15,
}
RATE_SUSPECT_BEYOND: Final = 0.10

OutcomeAndReason = tuple[Outcome, str]
APPLIED: Final[OutcomeAndReason] = (Outcome.APPLIED, "")
DUPLICATE: Final[OutcomeAndReason] = (Outcome.DUPLICATE, "")


@dataclass
class _Known:
    """Reference data, as far as rulings need it."""

    instruments: dict[str, Instrument] = field(default_factory=dict)
    histories: dict[str, dict[dt.date, float]] = field(default_factory=dict)
    history_days: dict[str, dt.date | None] = field(default_factory=dict)
    """The last marked day when the closes of a series came."""
    portfolios: dict[str, Portfolio] = field(default_factory=dict)
    stressed: dict[tuple[str, str], StressedHistory] = field(default_factory=dict)
    adjustments: Waiting = field(default_factory=Waiting)
    sessions: dict[str, ExchangeSessions] = field(default_factory=dict)

    def is_too_low(self, instrument: str, *prices: float) -> bool:
        """Return whether a price is one that only absolute returns allow, and they are not."""
        known = self.instruments.get(instrument)
        free = known is not None and known.return_type is ReturnType.ABSOLUTE
        return not free and min(prices, default=1.0) < LOWEST_RELATIVE_PRICE

    def has(self, instrument: str) -> bool:
        return instrument in self.instruments or CASH.fullmatch(instrument) is not None


@dataclass(frozen=True)
class _Suspect:
    """A tick far from the one before it, and whether one has gone back since."""

    offset: int
    price: float
    before: float
    went_back: bool = False

    def is_left_by(self, price: float) -> bool:
        """Return whether a price is nearer to the one before than to this one."""
        return abs(math.log(price / self.before)) < abs(math.log(price / self.price))


@dataclass
class _Series:
    """One ticker or currency while its partition is walked."""

    last_close: dt.date | None
    numbered: NumberedQuotes = field(default_factory=NumberedQuotes)
    quoted_today: bool = False
    price: float | None = None
    close: float | None = None
    suspect: _Suspect | None = None

    def restate(self, divisor: float) -> None:
        """Bring what was quoted before a mark into the shares of the day behind it."""
        self.price = None if self.price is None else self.price / divisor
        self.close = None if self.close is None else self.close / divisor


@dataclass
class _Partition:
    """One partition while it is walked."""

    known: _Known
    is_reference: bool
    is_incomplete: bool = False
    """True where the record at hand is a mark that came to some partitions only."""
    day: Mark | None = None
    closing: Closing = field(default_factory=Closing)
    series: dict[str, _Series] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    offset: int = 0
    contradicted: list[int] = field(default_factory=list)


class Rulings:
    """Rules on records one by one; each partition comes in the order of its offsets.

    What is kept is bounded by the number of tickers, currencies and trades.

    Parameters
    ----------
    incomplete : collection of (topic, partition, offset)
        Marks that came to some partitions only; looked at when a mark is ruled on.
    """

    def __init__(self, incomplete: Collection[tuple[str, int, int]] = ()) -> None:
        self._incomplete = incomplete
        self._known = _Known()
        self._partitions: dict[tuple[str, int], _Partition] = {}

    def rule(self, record: Record) -> tuple[Message | MessageError, OutcomeAndReason]:
        """Return the message in a record, or why there is none, and what becomes of it."""
        place = (record.topic, record.partition)
        at = self._partitions.setdefault(
            place, _Partition(self._known, is_reference=record.topic == REFERENCE.name)
        )
        at.offset = record.offset
        at.is_incomplete = (*place, record.offset) in self._incomplete
        message = read_message(record)
        if isinstance(message, MessageError):
            return message, (Outcome.REJECTED, message.reason)
        rule: Callable[..., OutcomeAndReason] = _RULES[type(message)]
        return message, rule(message, at)

    def contradicted(self) -> set[tuple[str, int, int]]:
        """Return the places of what was ruled to be applied and is rejected after all."""
        return {
            (*place, offset) for place, at in self._partitions.items() for offset in at.contradicted
        }


def rulings_of(
    records: Iterable[Record], incomplete: Collection[tuple[str, int, int]] | None = None
) -> list[Ruling]:
    """Return what must become of each record, in order of topic, partition and offset.

    Parameters
    ----------
    records : iterable of Record
        Everything that lies on the input topics, in any order.
    incomplete : collection of (topic, partition, offset), optional
        Marks that came to some partitions only, where records are not everything.
    """
    records = list(records)
    walked = sorted(records, key=lambda record: (record.topic != REFERENCE.name, *_place(record)))
    rulings = Rulings(incomplete_marks(records) if incomplete is None else incomplete)
    ruled = []
    for record in walked:
        _, (outcome, reason) = rulings.rule(record)
        ruled.append(
            Ruling(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                outcome=outcome,
                reason=reason,
            )
        )
    contradicted = rulings.contradicted()
    return [_after_all(ruling) if ruling.place in contradicted else ruling for ruling in ruled]


def _after_all(ruling: Ruling) -> Ruling:
    outcome, reason = _rejected(RejectReason.CONTRADICTED)
    return msgspec.structs.replace(ruling, outcome=outcome, reason=reason)


def accepted_trades(
    records: Sequence[Record], incomplete: Collection[tuple[str, int, int]] = ()
) -> list[tuple[Trade, dt.date | None]]:
    """Return the applied trades with the day whose mark came first after each.

    Parameters
    ----------
    records : sequence of Record
        Everything on the reference and trades topics.
    incomplete : collection of (topic, partition, offset), optional
        As of `rulings_of`.

    Returns
    -------
    list of (Trade, date or None)
        In order; None where no mark came after.
    """
    ruled = rulings_of(records, incomplete)
    applied = {ruling.place for ruling in ruled if ruling.outcome is Outcome.APPLIED}
    trades = sorted((record for record in records if record.topic == "trades"), key=_place)
    newest_first: list[tuple[Trade, dt.date | None]] = []
    day: dt.date | None = None
    for record in reversed(trades):
        message = read_message(record)
        if isinstance(message, Mark) and _place(record) not in incomplete:
            day = message.date
        elif isinstance(message, Trade) and _place(record) in applied:
            newest_first.append((message, day))
    return newest_first[::-1]


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def read_message(record: Record) -> Message | MessageError:
    """Return the message of a record on an input topic, or why it is none."""
    try:
        return decode_topic(record.value, TOPICS_BY_NAME[record.topic])
    except MessageError as error:
        return error


def _rejected(reason: RejectReason) -> OutcomeAndReason:
    return Outcome.REJECTED, reason.value


def _mark(mark: Mark, at: _Partition) -> OutcomeAndReason:
    if at.day is not None and mark.date <= at.day.date:
        return DUPLICATE
    midnight_ns = _nanoseconds(dt.datetime.combine(mark.date, dt.time(), dt.UTC) - EPOCH)
    if abs(mark.event_time_ns - midnight_ns - _nanoseconds(ONE_DAY) // 2) > _nanoseconds(
        ONE_DAY * 3 / 2
    ):
        return _rejected(RejectReason.TIME_FAR_OFF)
    if at.is_incomplete:
        return _rejected(RejectReason.INCOMPLETE_MARK)
    at.day = mark
    at.closing.close(mark)
    for series in at.series.values():
        if series.quoted_today:
            series.last_close, series.quoted_today = mark.date, False
            series.close = series.price
        series.numbered.hold_back(mark.event_time_ns)
    for name, series in at.series.items():
        series.suspect = None
        for effective in at.known.adjustments.taken.values():
            if (effective.day, effective.adjustment.instrument) == (mark.date, name):
                series.restate(divisor_of(effective.adjustment, series.close))
    if at.is_reference:
        at.known.adjustments.closed(mark.date)
    return Outcome.MARK, ""


def _tick(tick: Tick, at: _Partition) -> OutcomeAndReason:
    instrument = at.known.instruments.get(tick.ticker)
    if instrument is None:
        return _rejected(RejectReason.UNKNOWN_INSTRUMENT)
    if instrument.asset_class in MONEY or at.known.is_too_low(tick.ticker, tick.mid):
        return _rejected(RejectReason.INVALID)
    may_lack_a_bid = instrument.asset_class is AssetClass.OPTION and tick.bid >= 0
    if not may_lack_a_bid and at.known.is_too_low(tick.ticker, tick.bid):
        return _rejected(RejectReason.INVALID)
    ruling = _quote(tick.ticker, tick.event_time_ns, tick.sequence, at)
    bound = SUSPECT_BEYOND.get(instrument.asset_class)
    bound = None if instrument.return_type is ReturnType.ABSOLUTE else bound
    if ruling == APPLIED:
        _judge(at.series[tick.ticker], tick.mid, bound, at)
    return ruling


def _judge(series: _Series, price: float, bound: float | None, at: _Partition) -> None:
    """Let an accepted price judge the suspect one before it, or become suspect itself."""
    before, suspect = series.price, series.suspect
    series.price, series.suspect = price, None
    if bound is None:
        return
    if suspect is not None and suspect.is_left_by(price):
        if suspect.went_back:
            at.contradicted.append(suspect.offset)
        else:
            series.suspect = replace(suspect, went_back=True)
    elif before is not None and abs(price / before - 1.0) > bound:
        series.suspect = _Suspect(at.offset, price, before)


def _rate(rate: FxRate, at: _Partition) -> OutcomeAndReason:
    if rate.currency == EUR or rate.currency in MINOR:
        return _rejected(RejectReason.UNKNOWN_CURRENCY)
    name = f"fx:{rate.currency}"
    ruling = _quote(name, rate.event_time_ns, rate.sequence, at)
    if ruling == APPLIED:
        _judge(at.series[name], rate.rate, RATE_SUSPECT_BEYOND, at)
    return ruling


def _quote(name: str, event_time_ns: int, sequence: int, at: _Partition) -> OutcomeAndReason:
    if name not in at.series:
        at.series[name] = _first_seen(name, at)
    series = at.series[name]
    closed_ns = _closed_until_ns(series, at.day)
    if event_time_ns <= closed_ns:
        return _rejected(RejectReason.LATE)
    if closed_ns and event_time_ns > closed_ns + _nanoseconds(FUTURE_BOUND):
        return _rejected(RejectReason.TIME_FAR_OFF)
    outcome = series.numbered.outcome_of(event_time_ns, sequence)
    series.quoted_today = series.quoted_today or outcome is Outcome.APPLIED
    return outcome, ""


def _first_seen(name: str, at: _Partition) -> _Series:
    """Return a series before its first quote: at its last close, in the shares of today."""
    history = at.known.histories.get(name, {})
    if not history:
        return _Series(None)
    last = max(history)
    series = _Series(last, price=history[last], close=history[last])
    came = at.known.history_days[name]
    for effective in at.known.adjustments.taken.values():
        is_marked = at.day is not None and effective.day <= at.day.date
        is_old = last <= effective.day and (came is None or came < effective.day)
        if effective.adjustment.instrument == name and is_marked and is_old:
            series.restate(divisor_of(effective.adjustment, series.close))
    return series


def _closed_until_ns(series: _Series, day: Mark | None) -> int:
    own = 0
    if series.last_close is not None:
        began = dt.datetime.combine(series.last_close, dt.time(), dt.UTC)
        own = _nanoseconds(began - EPOCH) + _nanoseconds(ONE_DAY) - 1
    return max(own, day.event_time_ns if day else 0)


def _nanoseconds(span: dt.timedelta) -> int:
    return span // dt.timedelta(microseconds=1) * 1_000


def _trade(trade: Trade, at: _Partition) -> OutcomeAndReason:
    if trade.portfolio not in at.known.portfolios:
        return _rejected(RejectReason.UNKNOWN_PORTFOLIO)
    if not at.known.has(trade.instrument):
        return _rejected(RejectReason.UNKNOWN_INSTRUMENT)
    if at.known.is_too_low(trade.instrument, trade.price):
        return _rejected(RejectReason.INVALID)
    before = at.trades.get(trade.trade_id)
    is_late = at.closing.is_late(trade, before)
    ruling = _rejected(RejectReason.LATE) if is_late else _trade_version(trade, before)
    if ruling == APPLIED:
        at.trades[trade.trade_id] = trade
        at.closing.add(trade)
    return ruling


def _trade_version(trade: Trade, before: Trade | None) -> OutcomeAndReason:
    if before is None:
        return APPLIED if trade.version == 0 else _rejected(RejectReason.UNKNOWN_TRADE)
    sent_again = msgspec.structs.replace(
        trade,
        event_time_ns=before.event_time_ns,
        intended_monotonic_ns=before.intended_monotonic_ns,
    )
    if sent_again == before or trade.version < before.version:
        return DUPLICATE
    if (trade.portfolio, trade.instrument) != (before.portfolio, before.instrument):
        return _rejected(RejectReason.CONFLICT)
    if before.action is TradeAction.CANCEL or trade.version > before.version + 1:
        return _rejected(RejectReason.WRONG_VERSION)
    return APPLIED if trade.version > before.version else _rejected(RejectReason.CONFLICT)


def _instrument(instrument: Instrument, at: _Partition) -> OutcomeAndReason:
    before = at.known.instruments.setdefault(instrument.instrument, instrument)
    if instrument.instrument.startswith("cash:"):
        del at.known.instruments[instrument.instrument]
        return _rejected(RejectReason.CONFLICT)
    if before is instrument and _is_named_like_a_rate(instrument):
        del at.known.instruments[instrument.instrument]
        return _rejected(RejectReason.CONFLICT)
    if before is instrument:
        reason = _misfit(instrument, at.known)
        if reason is not None:
            del at.known.instruments[instrument.instrument]
            return _rejected(reason)
        return APPLIED
    return DUPLICATE if _says_the_same(instrument, before) else _rejected(RejectReason.CONFLICT)


def _says_the_same(instrument: Instrument, before: Instrument) -> bool:
    """Return whether nothing but the spelling of a minor unit differs."""
    fields = [name for name in instrument.__struct_fields__ if name != "currency"]
    units = in_major(instrument.currency) == in_major(before.currency)
    return units and all(getattr(instrument, name) == getattr(before, name) for name in fields)


def _misfit(instrument: Instrument, known: _Known) -> RejectReason | None:
    """Return what is wrong with what an option is on; its own id is known by now."""
    terms = instrument.option
    if terms is None:
        return None
    years = Fraction((terms.expiry - EPOCH.date()).days, 365)
    grown = (Fraction(rate) * years for rate in (terms.rate, terms.dividend_yield))
    if max(map(abs, grown)) > LARGEST_EXPONENT:
        return RejectReason.INVALID
    name = terms.underlying
    underlying = known.instruments.get(name)
    if underlying is None or name == instrument.instrument:
        return RejectReason.UNKNOWN_INSTRUMENT
    priced = underlying.asset_class not in MONEY and underlying.option is None
    priced = priced and underlying.return_type is ReturnType.RELATIVE
    fits = priced and in_major(underlying.currency) == in_major(instrument.currency)
    return None if fits else RejectReason.INVALID


def _stressed(history: StressedHistory, at: _Partition) -> OutcomeAndReason:
    if at.known.is_too_low(history.series, *(point.value for point in history.closes)):
        return _rejected(RejectReason.INVALID)
    known = at.known.stressed
    before = known.get((history.window, history.series))
    if before == history:
        return DUPLICATE
    same_window = [other for (window, _), other in known.items() if window == history.window]
    agrees = all(
        (other.first, other.last, other.version) == (history.first, history.last, history.version)
        for other in same_window
    )
    if before is not None or not agrees:
        return _rejected(RejectReason.CONFLICT)
    known[history.window, history.series] = history
    return APPLIED


def _is_named_like_a_rate(instrument: Instrument) -> bool:
    return instrument.instrument.startswith("fx:") and instrument.asset_class not in MONEY


def _history(history: CloseHistory, at: _Partition) -> OutcomeAndReason:
    closes = {point.date: point.value for point in history.closes}
    if at.known.is_too_low(history.series, *closes.values()):
        return _rejected(RejectReason.INVALID)
    before = at.known.histories.get(history.series)
    if before is None or (closes and not before):
        if at.day is not None and closes and max(closes) > at.day.date:
            return _rejected(RejectReason.TIME_FAR_OFF)
        at.known.histories[history.series] = closes
        at.known.history_days[history.series] = at.day.date if at.day else None
        return APPLIED
    same = all(before.get(date) == value for date, value in closes.items())
    return DUPLICATE if same else _rejected(RejectReason.CONFLICT)


def _sessions(table: ExchangeSessions, at: _Partition) -> OutcomeAndReason:
    before = at.known.sessions.get(table.exchange)
    if before == table:
        return DUPLICATE
    if before is not None:
        kept = [
            session for session in table.sessions if before.first <= session.date <= before.last
        ]
        covers = table.first <= before.first and before.last < table.last
        if not covers or kept != list(before.sessions):
            return _rejected(RejectReason.CONFLICT)
    at.known.sessions[table.exchange] = table
    return APPLIED


def _adjustment(adjustment: Adjustment, at: _Partition) -> OutcomeAndReason:
    instrument = at.known.instruments.get(adjustment.instrument)
    if instrument is None:
        return _rejected(RejectReason.UNKNOWN_INSTRUMENT)
    if instrument.asset_class not in {AssetClass.EQUITY, AssetClass.ETF}:
        return _rejected(RejectReason.INVALID)
    if at.known.adjustments.known(adjustment) == adjustment:
        return DUPLICATE
    is_late = at.day is not None and adjustment.date <= at.day.date
    reason = RejectReason.LATE if is_late else _contradiction(adjustment, at.known.adjustments)
    if reason is not None:
        return _rejected(reason)
    at.known.adjustments.add(adjustment)
    return APPLIED


def _contradiction(adjustment: Adjustment, known: Waiting) -> RejectReason | None:
    """Return what is wrong with an adjustment beside those that came."""
    if known.is_taken(adjustment):
        return RejectReason.CONFLICT
    return None if _leaves_shares(adjustment, known) else RejectReason.INVALID


def _leaves_shares(adjustment: Adjustment, known: Waiting) -> bool:
    """Return whether one share is, after all splits, a number of shares that can be held."""
    if not isinstance(adjustment, Split):
        return True
    ratios = (Fraction(ratio) for ratio in known.other_ratios(adjustment))
    return 1 / MOST_SHARES <= math.prod(ratios, start=Fraction(adjustment.ratio)) <= MOST_SHARES


def _portfolio(portfolio: Portfolio, at: _Partition) -> OutcomeAndReason:
    moment = portfolio.as_of_ns or 0
    if portfolio.as_of_day is not None:
        began = dt.datetime.combine(portfolio.as_of_day, dt.time(), dt.UTC)
        moment = _nanoseconds(began - EPOCH) + _nanoseconds(ONE_DAY)
    if at.day is not None and moment > at.day.event_time_ns + _nanoseconds(FUTURE_BOUND):
        return _rejected(RejectReason.TIME_FAR_OFF)
    if not all(at.known.has(position.instrument) for position in portfolio.positions):
        return _rejected(RejectReason.UNKNOWN_INSTRUMENT)
    if any(
        at.known.is_too_low(position.instrument, position.entry_price)
        for position in portfolio.positions
    ):
        return _rejected(RejectReason.INVALID)
    if not _can_have_a_var(portfolio):
        return _rejected(RejectReason.INVALID)
    before = at.known.portfolios.get(portfolio.portfolio)
    if before not in (None, portfolio) and at.closing.contains(portfolio):
        return _rejected(RejectReason.LATE)
    at.known.portfolios[portfolio.portfolio] = portfolio
    return DUPLICATE if before == portfolio else APPLIED


def _can_have_a_var(portfolio: Portfolio) -> bool:
    """Return whether the confidence lies between a half and one, and one day is in its tail."""
    tail = 1 - Fraction(portfolio.confidence)
    return 0 < tail < Fraction(1, 2) and portfolio.window * tail >= 1


_RULES: Final[dict[type[Message], Callable[..., OutcomeAndReason]]] = {
    Mark: _mark,
    Tick: _tick,
    FxRate: _rate,
    Trade: _trade,
    Instrument: _instrument,
    CloseHistory: _history,
    StressedHistory: _stressed,
    Portfolio: _portfolio,
    ExchangeSessions: _sessions,
    Split: _adjustment,
    Dividend: _adjustment,
}

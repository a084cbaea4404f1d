"""The state as it is kept: one row of JSON per key, written when it has changed.

Keys: ``instrument:ID``, ``portfolio:ID``, ``trade:ID``, ``quote:TICKER``, ``fx:CCY``,
``closes:SERIES``, ``stressed:WINDOW:SERIES``, ``adjustment:KIND:ID:DATE``,
``sessions:EXCHANGE``, ``partition:TOPIC:N``, ``closed_ids:RANK:PORTFOLIO``, ``day``, ``marks``,
``counters``, ``appended``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, MutableMapping
from typing import Final

from msgspec import Struct

from system.contracts.messages import Adjustment, Portfolio, Trade

INSTRUMENT_PREFIX: Final = "instrument:"
PORTFOLIO_PREFIX: Final = "portfolio:"
TRADE_PREFIX: Final = "trade:"
QUOTE_PREFIX: Final = "quote:"
FX_PREFIX: Final = "fx:"
CLOSES_PREFIX: Final = "closes:"
STRESSED_PREFIX: Final = "stressed:"
ADJUSTMENT_PREFIX: Final = "adjustment:"
SESSIONS_PREFIX: Final = "sessions:"
PARTITION_PREFIX: Final = "partition:"
CLOSED_IDS_PREFIX: Final = "closed_ids:"
DAY_KEY: Final = "day"
MARKS_KEY: Final = "marks"
"""The newest end-of-day marks that closed a day, oldest first, as many as closing needs."""
LOST_KEY: Final = "lost"
COUNTERS_KEY: Final = "counters"
APPENDED_KEY: Final = "appended"
"""Per partition the broker's time of the newest applied message, milliseconds since 1970."""


def prefix_of(key: str) -> str:
    """Return what kind of row a key is of: all up to its first colon, with it."""
    kind, colon, _ = key.partition(":")
    return kind + colon


def update_rows(rows: MutableMapping[str, bytes], changed: Mapping[str, bytes | None]) -> None:
    """Put changed rows into kept ones; None takes a row away."""
    for key, row in changed.items():
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row


def stressed_key(window: str, series: str) -> str:
    """Return the key of a series' closes in a stressed window."""
    return f"{STRESSED_PREFIX}{window}:{series}"


def stressed_series(key: str) -> str:
    """Return the series of a key of stressed closes: a window's name has no colon."""
    return key.removeprefix(STRESSED_PREFIX).partition(":")[2]


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is kept: immutable, so that a changed row is a new one."""


class SuspectTick(Row, frozen=True, kw_only=True):
    """An accepted tick or rate far from the one before, until the following ones have judged it.

    ``reference`` is the price before, ``returned`` how many ticks since are nearer to that;
    ``offset`` is its place in its partition; ``value``, ``size_bytes`` and ``sha256`` are its
    bytes as they are kept.
    """

    price: float
    reference: float
    event_time_ns: int
    offset: int
    value: str
    returned: int = 0
    size_bytes: int = 0
    sha256: str = ""


class EarlierNumbers(Row, frozen=True, kw_only=True):
    """Sequence numbers from before a restart; quotes up to ``until_ns`` are looked up here.

    ``newest_sequence`` and ``seen`` as in ``QuoteState``.
    """

    newest_sequence: int
    seen: int
    until_ns: int


class HeldBackQuote(Row, frozen=True, kw_only=True):
    """A quote from beyond an end-of-day mark, with the event time that its source gave it.

    ``known_until_ns`` is the event time up to which repeats of the numbers accepted with it
    are duplicates; 0 once the numbers have restarted.
    """

    sequence: int
    event_time_ns: int
    known_until_ns: int


class QuoteState(Row, frozen=True, kw_only=True):
    """The last accepted quote of a ticker or currency.

    ``seen`` remembers the sequence numbers since the last restart up to ``newest_sequence``:
    bit i stands for the number i below it.
    """

    price: float
    event_time_ns: int
    sequence: int
    newest_sequence: int
    seen: int
    partition: str
    suspect: SuspectTick | None = None
    earlier: EarlierNumbers | None = None
    held_back: HeldBackQuote | None = None


class ClosesState(Row, frozen=True, kw_only=True):
    """Daily closes of one series, oldest first, bounded."""

    dates: tuple[dt.date, ...]
    values: tuple[float, ...]


class HeldOption(Row, frozen=True, kw_only=True):
    """Where an option stood at a close: what its P&L is explained from.

    ``premium`` and ``spot`` in its currency, ``rate`` base currency per unit of that,
    ``days`` to expiry then.
    """

    premium: float
    spot: float
    volatility: float
    rate: float
    days: int


class HeldPosition(Row, frozen=True, kw_only=True):
    """A position as it stood at a close."""

    instrument: str
    quantity: float
    average_cost: float
    option: HeldOption | None = None


class DayClose(Row, frozen=True, kw_only=True):
    """What a portfolio stated at its last end of day; tomorrow's P&L is measured from it.

    ``nav`` is None where a position had no price then: no P&L can be measured from it.
    """

    date: dt.date
    nav: float | None
    var: float | None
    positions: tuple[HeldPosition, ...]


class Cutoff(Row, frozen=True, kw_only=True):
    """Up to where trades, splits and dividends are contained in a balance.

    ``as_of_ns`` decides for trades that state their time. ``day`` is the last day whose end lay
    before the moment: splits and dividends that took effect up to it are contained. ``untimed``
    decides for trades without a time by the day that was closed when they came: None contains
    none of them, ``date.min`` those from before the first mark.
    """

    as_of_ns: int = 0
    day: dt.date | None = None
    untimed: dt.date | None = None


class RealisedAmount(Row, frozen=True, kw_only=True):
    """Realised P&L in an ISO currency, gains positive."""

    currency: str
    amount: float


class CashBalance(Row, frozen=True, kw_only=True):
    """Cash brought forward, by instrument (``cash:USD``).

    ``stated`` is the moment of the last statement of cash, ``cutoff`` up to where trades and
    dividends since then are contained.
    """

    amounts: dict[str, float]
    stated: Cutoff
    cutoff: Cutoff


class RealisedBalance(Row, frozen=True, kw_only=True):
    """Realised P&L brought forward, by instrument."""

    amounts: dict[str, RealisedAmount]
    cutoff: Cutoff


class CarriedBalances(Row, frozen=True, kw_only=True):
    """Positions, cash among them, and realised P&L by instrument after trades that are closed."""

    positions: tuple[HeldPosition, ...]
    realised: dict[str, RealisedAmount]


class ClosedTrades(Row, frozen=True, kw_only=True):
    """The first trades of a portfolio, which are no longer kept one by one.

    ``count`` is how many there are: ranks below it. ``day`` is the day whose end they all came
    before; splits and dividends up to its barrier are carried with them. ``balances`` is what is
    carried; None: a statement of positions contains all of it.
    """

    day: dt.date
    count: int
    balances: CarriedBalances | None


class PortfolioState(Row, frozen=True, kw_only=True):
    """A portfolio's definition, the one that waits for the next barrier, and its last close.

    ``opened`` is the last day that was closed when it first came, None where none was.
    ``stated`` is the moment of the definition's positions; None: before every trade, in the
    shares of ``opened``. ``cash`` and ``realised`` are brought forward to it; None: the cash of
    the definition, and nothing realised. ``restated`` is the moment of the pending
    definition's positions, which are in force at once; None: only its settings are new.
    ``restated_cash`` is cash that an earlier definition of the same session stated, where the
    pending one states none. ``positions_unknown`` says why the positions may lack trades; empty:
    they lack none. ``closed`` are its closed trades, None where it has none.
    """

    definition: Portfolio
    pending: Portfolio | None = None
    close: DayClose | None = None
    opened: dt.date | None = None
    stated: Cutoff | None = None
    cash: CashBalance | None = None
    realised: RealisedBalance | None = None
    restated: Cutoff | None = None
    restated_cash: CashBalance | None = None
    positions_unknown: str = ""
    closed: ClosedTrades | None = None


class LostMessages(Row, frozen=True, kw_only=True):
    """Messages that the state lacks, because Kafka lost them before they were read.

    ``until`` is where each partition of reference data ended when a person went on without them,
    ``topic:partition`` to offset: statements below were made before. ``since_ns`` is the newest
    event time that the state had then: a statement must not be as of an earlier moment.
    """

    reason: str
    until: dict[str, int]
    since_ns: int = 0


class TradeState(Row, frozen=True, kw_only=True):
    """A trade in its newest version; ``rank`` is its place in its portfolio's order.

    ``day`` is the last day that was closed when it first came, None where none was: it is in
    the shares of that moment. ``made_ns`` is the event time of its first version; None in rows
    of earlier versions of this program, which is that of ``trade``.
    """

    trade: Trade
    rank: int
    day: dt.date | None = None
    made_ns: int | None = None


class ClosedIds(Row, frozen=True, kw_only=True):
    """Fingerprints of closed trades: enough to recognise a repeated message.

    ``day`` is the end of day at which they were closed. Each of ``trades`` is a fingerprint of
    the id, one of the newest version's content, and its number (``system.book.state.closed_ids``).
    """

    day: dt.date
    trades: tuple[str, ...]


class AdjustmentState(Row, frozen=True, kw_only=True):
    """A split or dividend, and once it has taken effect, when and on what.

    ``taken`` is the day at whose barrier it did, None while it waits. Prices from before are
    divided by ``divisor``: the closes of the series in ``closes``, and for a split the strikes
    of ``options``.
    """

    adjustment: Adjustment
    taken: dt.date | None = None
    divisor: float = 1.0
    closes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class PartitionState(Row, frozen=True, kw_only=True):
    """Event times of one partition: its newest, and the first after the last mark.

    At a mark both begin anew: its time is the newest, and nothing has come after it (None).
    """

    newest_event_ns: int
    session_start_ns: int | None


class DayState(Row, frozen=True, kw_only=True):
    """The last day that was closed."""

    date: dt.date
    event_time_ns: int


class TopicCounts(Row, frozen=True, kw_only=True):
    """What became of the messages of one topic; together they are all of them."""

    applied: int = 0
    superseded: int = 0
    duplicate: int = 0
    rejected: int = 0
    mark: int = 0

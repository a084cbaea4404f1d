"""Topics, their keys and their messages: the one home.

Order is relied on within a partition only. Market data is keyed by ticker, FX by
currency, trades by portfolio, reference data by what it describes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from system.contracts.messages import (
    CloseHistory,
    Dividend,
    ExchangeSessions,
    FxRate,
    Instrument,
    Mark,
    Message,
    Portfolio,
    Rejected,
    RiskSnapshot,
    Split,
    StressedHistory,
    Tick,
    Trade,
)


class Retention(NamedTuple):
    """Time and size that the broker keeps of a topic at least, whichever is reached first.

    Parameters
    ----------
    hours : int
        Since the broker appended a record.
    mib : int
        Per partition, in units of 2**20 bytes.
    """

    hours: int
    mib: int


WEEK: Final = Retention(7 * 24, 2_048)


@dataclass(frozen=True)
class Topic:
    """A Kafka topic.

    Parameters
    ----------
    name : str
        Name in the broker.
    messages : tuple of type
        What may stand on it.
    partition_count : int
        Default number of partitions.
    compacted : bool
        Whether the broker keeps the newest value per key for ever.
    retention : Retention
        Default of what is kept; without effect where it is compacted.
    """

    name: str
    messages: tuple[type[Message], ...]
    partition_count: int
    compacted: bool = False
    retention: Retention = WEEK


MARKET_DATA: Final = Topic(
    "market_data", (Tick, Mark), partition_count=2, retention=Retention(7 * 24, 4_096)
)
FX_RATES: Final = Topic("fx_rates", (FxRate, Mark), partition_count=1)
TRADES: Final = Topic(
    "trades", (Trade, Mark), partition_count=1, retention=Retention(30 * 24, 2_048)
)
REFERENCE: Final = Topic(
    "reference",
    (
        Instrument,
        CloseHistory,
        StressedHistory,
        ExchangeSessions,
        Portfolio,
        Split,
        Dividend,
        Mark,
    ),
    partition_count=1,
    compacted=True,
)
RISK_SNAPSHOTS: Final = Topic("risk_snapshots", (RiskSnapshot,), partition_count=1)
REJECTED: Final = Topic(
    "rejected", (Rejected,), partition_count=1, retention=Retention(7 * 24, 512)
)
_SCRATCH: Final = Retention(1, 64)
WARM_UP: Final = Topic("warm_up", (Tick,), partition_count=2, retention=_SCRATCH)
"""Private to the stream's driver: what it warms up on; nobody else reads it."""
REHEARSED_SNAPSHOTS: Final = Topic(
    "rehearsed_snapshots", (RiskSnapshot,), partition_count=1, retention=_SCRATCH
)
"""Private to it as well: what its warm-up announces; nobody reads it."""

INPUT_TOPICS: Final = (MARKET_DATA, FX_RATES, TRADES, REFERENCE)
TOPICS: Final = (*INPUT_TOPICS, RISK_SNAPSHOTS, REJECTED, WARM_UP, REHEARSED_SNAPSHOTS)


_KEYS: Final[dict[type[Message], Callable[[Any], str]]] = {
    Tick: lambda tick: tick.ticker,
    FxRate: lambda rate: rate.currency,
    Trade: lambda trade: trade.portfolio,
    RiskSnapshot: lambda snapshot: snapshot.portfolio,
    Instrument: lambda instrument: f"instrument:{instrument.instrument}",
    CloseHistory: lambda history: f"history:{history.series}",
    StressedHistory: lambda history: f"stressed:{history.window}:{history.series}",
    Portfolio: lambda portfolio: f"portfolio:{portfolio.portfolio}",
    ExchangeSessions: lambda sessions: f"sessions:{sessions.exchange}",
    Split: lambda split: f"split:{split.instrument}:{split.date.isoformat()}",
    Dividend: lambda dividend: f"dividend:{dividend.instrument}:{dividend.date.isoformat()}",
    Mark: lambda mark: f"mark:{mark.date.isoformat()}",
    Rejected: lambda rejected: f"{rejected.topic}:{rejected.partition}:{rejected.offset}",
}


def message_key(message: Message) -> str:
    """Return the Kafka key of a message; a mark has one key per day.

    Raises
    ------
    KeyError
        If the message's type has no key rule.
    """
    return _KEYS[type(message)](message)


def offset_key(topic: str, partition: int) -> str:
    """Return the name of a partition in an offset vector, ``topic:partition``."""
    return f"{topic}:{partition}"


def split_offset_key(key: str) -> tuple[str, int]:
    """Return topic and partition of a name that `offset_key` has made.

    Examples
    --------
    >>> split_offset_key("market_data:1")
    ('market_data', 1)
    """
    topic, _, partition = key.rpartition(":")
    return topic, int(partition)

"""What the fold consumes: events in offset order, one sequence per partition."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from system.contracts.kept_values import KeptValue
from system.contracts.messages import (
    CloseHistory,
    Dividend,
    ExchangeSessions,
    Instrument,
    Mark,
    Portfolio,
    RejectReason,
    Split,
    StressedHistory,
    Trade,
)


class RawValues(Protocol):
    """The bytes of a batch's messages as they are kept; read only for what is rejected."""

    def __getitem__(self, row: int, /) -> KeptValue:
        """Return the message of one row."""
        ...


class QuoteRow(NamedTuple):
    """An accepted reading of a tick or an FX rate, as far as the fold needs it.

    ``price`` is the mid in the instrument's currency, or units of currency per 1 EUR.
    ``lowest`` is the bid of a tick, in the same currency; a rate has none.
    """

    name: str
    price: float
    event_time_ns: int
    sequence: int
    intended_ns: int
    lowest: float = math.inf


class Unreadable(NamedTuple):
    """A message that the codec refused."""

    reason: RejectReason
    detail: str


Payload = (
    QuoteRow
    | Trade
    | Instrument
    | CloseHistory
    | StressedHistory
    | ExchangeSessions
    | Portfolio
    | Split
    | Dividend
    | Mark
    | Unreadable
)


class Event(NamedTuple):
    """One message of a partition, and where its bytes are.

    ``appended_at_ms`` is the broker's wall clock when it took the message, milliseconds since
    1970: part of the record, hence the same whenever it is read.
    """

    offset: int
    payload: Payload
    values: RawValues
    row: int
    appended_at_ms: int = 0

"""Records that the history stores and returns, as typed values."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, NamedTuple, Self

import msgspec

from system.contracts.limits import LimitEvent
from system.contracts.messages import Rejected, RiskSnapshot, SnapshotKind
from system.contracts.text.names import checked_label
from system.store.errors import PageTokenError

NO_EPOCH: Final = -1
MAX_PAGE_ROWS: Final = 10_000
MAX_PAGE_TOKEN_LENGTH: Final = 512


class LastRecord(NamedTuple):
    """The record below a partition's offset, the last one that the state contains.

    ``digest`` as ``system.contracts.digests`` makes it; ``appended_at_ms`` is the broker's
    append time, milliseconds since 1970-01-01 UTC.
    """

    digest: str
    appended_at_ms: int


@dataclass(frozen=True)
class BatchCommit:
    """Everything that some batches in a row change; committed whole or not at all.

    Parameters
    ----------
    fence : int
        What ``acquire_fence`` gave to this driver.
    epoch : int
        Number of the newest batch: 0 for the first under its fence, then one more each time.
    offsets : mapping of str to int
        ``topic:partition`` to the first offset that is not covered.
    state : mapping of str to bytes or None
        Book state by key, as JSON (UTF-8); None deletes the key.
    snapshots : sequence of RiskSnapshot
        In the order in which they were taken.
    rejected : sequence of Rejected
        Messages that were not applied.
    limit_events : sequence of LimitEvent
        Levels that were raised or left.
    follows : mapping of str to int
        Offsets that the batch before left, compared with those in the store; a partition that
        is not named is not compared.
    last_records : mapping of str to LastRecord
        By ``topic:partition``, the record below the offset, where it is known.
    first_epoch : int or None
        Number of the oldest batch; None: there is one batch only.
    """

    fence: int
    epoch: int
    offsets: Mapping[str, int]
    state: Mapping[str, bytes | None] = field(default_factory=dict)
    snapshots: Sequence[RiskSnapshot] = ()
    rejected: Sequence[Rejected] = ()
    limit_events: Sequence[LimitEvent] = ()
    follows: Mapping[str, int] = field(default_factory=dict)
    last_records: Mapping[str, LastRecord] = field(default_factory=dict)
    first_epoch: int | None = None

    @property
    def after_epoch(self) -> int:
        """Epoch of the batch that must have been committed last."""
        return (self.epoch if self.first_epoch is None else self.first_epoch) - 1


@dataclass(frozen=True)
class StoredState:
    """State after the last committed batch: the start of a new driver.

    Parameters
    ----------
    offsets : dict of str to int
        ``topic:partition`` to the first offset that is not covered.
    state : dict of str to bytes
        Book state by key, the very bytes that were committed.
    last_records : dict of str to LastRecord
        By ``topic:partition``, the record below the offset, where it is known.
    """

    offsets: dict[str, int]
    state: dict[str, bytes]
    last_records: dict[str, LastRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class Position:
    """A batch's place in the order of all batches: first by fence, then by epoch."""

    fence: int
    epoch: int


@dataclass(frozen=True)
class EmptiedSnapshot:
    """A pinned snapshot whose payload outgrew the budget of pinned rows.

    Parameters
    ----------
    trade_ids : tuple of str
        Trades that the snapshot named as counted.
    payload_sha256 : str
        SHA-256 of its JSON, hexadecimal: shows whether a copy kept elsewhere is the one.
    """

    trade_ids: tuple[str, ...]
    payload_sha256: str


Whole = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
"""Well within the ``bigint`` of PostgreSQL."""


class PageToken(msgspec.Struct, frozen=True, array_like=True):
    """End of a page, as a value and as an opaque token for a URL."""

    def token(self) -> str:
        """Return the word that stands for this key."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode("ascii").rstrip("=")

    @classmethod
    def from_token(cls, token: str) -> Self:
        """Return the key that a word stands for.

        Raises
        ------
        PageTokenError
            If no page ended with that word.
        """
        if len(token) > MAX_PAGE_TOKEN_LENGTH:
            raise PageTokenError(f"page token of {len(token)} letters: take `next` of an answer")
        padded = token + "=" * (-len(token) % 4)
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError):
            raise PageTokenError(f"page token {token!r}: take `next` of an answer") from None


class PageKey(PageToken, frozen=True):
    """End of a page of snapshots; the next page starts strictly after it."""

    event_time_ns: Whole
    fence: Whole
    epoch: Whole
    snapshot_id: str

    def __post_init__(self) -> None:
        """Refuse what no snapshot is called: the database could not be asked for it."""
        checked_label(self.snapshot_id)


class RejectedKey(PageToken, frozen=True):
    """End of a page of rejected messages, newest first."""

    arrival: Whole


@dataclass(frozen=True)
class SnapshotQuery:
    """Which snapshots of a portfolio to read, in order of (event time, fence, epoch).

    Parameters
    ----------
    portfolio : str
        Whose.
    kind : SnapshotKind or None
        Only those; None: all.
    from_ns, to_ns : int or None
        Event time, nanoseconds since 1970 UTC; ``from_ns`` included, ``to_ns`` excluded.
    limit : int
        At most so many rows, 1 to ``MAX_PAGE_ROWS``.
    after : PageKey or None
        Only what comes strictly after it in the order asked for.
    newest_first : bool
        Order of time reversed.
    resolution_ns : int or None
        Length of intervals of event time, nanoseconds: only the last row of each; None: all rows.
    """

    portfolio: str
    kind: SnapshotKind | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    limit: int = 1_000
    after: PageKey | None = None
    newest_first: bool = False
    resolution_ns: int | None = None

    def __post_init__(self) -> None:
        assert 1 <= self.limit <= MAX_PAGE_ROWS, f"limit {self.limit} is not in the bounds"
        assert self.resolution_ns is None or self.resolution_ns > 0, "an interval has a length"

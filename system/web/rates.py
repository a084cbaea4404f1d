"""Rate limits of requests: a token bucket each for reading and for writing.

A bucket holds as many tokens as it gets in ``BURST_S`` seconds; a request takes one, and where
there is none, it is refused with the time until there is (RFC 6585, status 429).
"""

from __future__ import annotations

from typing import Final

from system.clock import Clock, SystemClock

BURST_S: Final = 2
READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NS: Final = 1_000_000_000


class TokenBucket:
    """A rate with bursts.

    Parameters
    ----------
    per_second : int
        Tokens that come in a second; at least 1.
    clock : Clock
        Its monotonic time.
    """

    def __init__(self, per_second: int, clock: Clock) -> None:
        assert per_second >= 1, per_second
        self._per_second = per_second
        self._clock = clock
        self._tokens = float(BURST_S * per_second)
        self._filled_ns = clock.monotonic_ns()

    def take(self) -> float:
        """Take a token; return 0, or the seconds until there is one, where there is none."""
        now_ns = self._clock.monotonic_ns()
        come = (now_ns - self._filled_ns) * self._per_second / _NS
        self._tokens = min(float(BURST_S * self._per_second), self._tokens + come)
        self._filled_ns = now_ns
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self._per_second
        self._tokens -= 1.0
        return 0.0


class RequestRates:
    """The buckets of one bearer token.

    Parameters
    ----------
    reads_per_second, writes_per_second : int
        What is taken in the long run; 0: whatever comes.
    clock : Clock or None
        The system's where it is None.
    """

    def __init__(
        self,
        reads_per_second: int = 0,
        writes_per_second: int = 0,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._reads = TokenBucket(reads_per_second, clock) if reads_per_second else None
        self._writes = TokenBucket(writes_per_second, clock) if writes_per_second else None

    def wait_s(self, method: str) -> float:
        """Count a request; return 0, or the seconds after which to try again.

        Parameters
        ----------
        method : str
            Of HTTP: GET, HEAD and OPTIONS read, all others write.
        """
        bucket = self._reads if method in READING_METHODS else self._writes
        return 0.0 if bucket is None else bucket.take()

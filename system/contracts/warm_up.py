"""Progress of the stream's warm-up, as its driver says and whoever starts the stack reads."""

from __future__ import annotations

import msgspec


class WarmUpProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a warm-up.

    ``batches`` were run so far; the newest ticks took ``delay_ms`` milliseconds from their sending
    to the end of their batch (median); ``elapsed_s`` of at most ``bound_s`` seconds have passed.
    """

    batches: int = 0
    delay_ms: float = 0.0
    elapsed_s: float = 0.0
    bound_s: float = 0.0

    def sentence(self) -> str:
        """Return it for a person who waits."""
        pace = f", {self.delay_ms:.0f} ms from tick to VaR" if self.delay_ms else ""
        return (
            f"warming up: {self.batches} batches{pace}, "
            f"{self.elapsed_s:.0f} s of at most {self.bound_s:.0f}"
        )

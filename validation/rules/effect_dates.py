"""When splits and dividends take effect, by the written rules: at a mark, dividends first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from system.contracts.messages import Adjustment, Split

Key = tuple[str, str, dt.date]


@dataclass(frozen=True)
class EffectiveAdjustment:
    """An adjustment and the day at whose mark it took effect."""

    adjustment: Adjustment
    day: dt.date


class Waiting:
    """Adjustments on the reference topic, read in its order; ``taken`` holds those in effect."""

    def __init__(self) -> None:
        self._waiting: dict[Key, Adjustment] = {}
        self.taken: dict[Key, EffectiveAdjustment] = {}

    def known(self, adjustment: Adjustment) -> Adjustment | None:
        """Return what came of the same kind, instrument and day."""
        key = _key(adjustment)
        return self.taken[key].adjustment if key in self.taken else self._waiting.get(key)

    def is_taken(self, adjustment: Adjustment) -> bool:
        """Return whether one of the same kind, instrument and day has taken effect."""
        return _key(adjustment) in self.taken

    def other_ratios(self, split: Split) -> list[float]:
        """Return the ratios of all other splits of an instrument, waiting or in effect."""
        came = {key: effective.adjustment for key, effective in self.taken.items()} | self._waiting
        return [
            adjustment.ratio
            for key, adjustment in came.items()
            if isinstance(adjustment, Split)
            and adjustment.instrument == split.instrument
            and key != _key(split)
        ]

    def add(self, adjustment: Adjustment) -> None:
        """Take an applied one; in place of another of the same kind, instrument and day."""
        self._waiting[_key(adjustment)] = adjustment

    def closed(self, day: dt.date) -> list[EffectiveAdjustment]:
        """Return what takes effect at a mark, in order."""
        due = sorted(key for key, adjustment in self._waiting.items() if adjustment.last_day <= day)
        effective = {key: EffectiveAdjustment(self._waiting.pop(key), day) for key in due}
        self.taken |= effective
        return list(effective.values())


def divisor_of(adjustment: Adjustment, close: float | None) -> float:
    """Return what a price from before is divided by, given the last close before."""
    if isinstance(adjustment, Split):
        return adjustment.ratio
    if close is None or adjustment.amount >= close:
        return 1.0
    return close / (close - adjustment.amount)


def _key(adjustment: Adjustment) -> Key:
    return type(adjustment).__name__, adjustment.instrument, adjustment.date

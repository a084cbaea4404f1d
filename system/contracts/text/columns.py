"""Columns of numbers as they are sent and stored: doubles, little-endian, in JSON as base64.

A column keeps the bits of its numbers, and costs a hundredth of their decimal text to write.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from struct import Struct
from typing import Final, TypeAlias

Column: TypeAlias = bytes
"""IEEE 754 doubles, little-endian, one after the other; msgspec writes it as base64."""
NUMBER_BYTES: Final = 8


def column_of(numbers: Iterable[float]) -> Column:
    """Return numbers as a column.

    Examples
    --------
    >>> column_of([1.0, -0.5]).hex()
    '000000000000f03f000000000000e0bf'
    """
    listed = tuple(numbers)
    return Struct(f"<{len(listed)}d").pack(*listed)


def numbers_of(column: Column) -> tuple[float, ...]:
    """Return the numbers of a column, to the bit.

    Examples
    --------
    >>> numbers_of(column_of([1.0, -0.5]))
    (1.0, -0.5)
    """
    assert len(column) % NUMBER_BYTES == 0, f"{len(column)} bytes are no whole numbers"
    return Struct(f"<{len(column) // NUMBER_BYTES}d").unpack(column)


def is_finite(column: Column) -> bool:
    """Return whether a column has neither NaN nor infinities: JSON's own numbers have none."""
    return all(map(math.isfinite, numbers_of(column)))

"""Names for the array types of the core; shapes stand in the docstrings that use them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Float64Vector: TypeAlias = npt.NDArray[np.float64]
Float64Matrix: TypeAlias = npt.NDArray[np.float64]
BoolVector: TypeAlias = npt.NDArray[np.bool_]
BoolMatrix: TypeAlias = npt.NDArray[np.bool_]
IndexVector: TypeAlias = npt.NDArray[np.intp]


def read_only(array: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a C-contiguous float64 view or copy of ``array`` that cannot be written to."""
    frozen = np.ascontiguousarray(array, dtype=np.float64).view()
    frozen.flags.writeable = False
    return frozen

"""The one sum that official P&L vectors come from: rows added in order, each product rounded.

Laws:

1. ``weighted_row_sum(w, rows)`` has the bits of the loop ``acc += w[i] * rows[i]`` that
   starts at 0.0, for every shape and on every machine (decision 0021).
2. ``np.einsum`` without ``optimize`` runs exactly that loop, three times faster than a
   product matrix that is reduced; but its inner loop may fuse multiply and add where the
   compiler's base instruction set has that (ARM), which rounds once instead of twice.
   So it is used only where a probe finds that it does not.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from system.risk.arrays import Float64Matrix, Float64Vector

_PROBE_WIDTH = 67  # covers the vector loop, its unrolled form and the scalar rest


def weighted_row_sum(weights: Float64Vector, rows: Float64Matrix) -> Float64Vector:
    """Return sum of ``weights[i] * rows[i]``, added one row after the other.

    Parameters
    ----------
    weights : ndarray of float64, shape (row_count,)
        One weight per row; base currency where rows are returns. Not modified.
    rows : ndarray of float64, shape (row_count, scenario_count), C-contiguous
        Not modified.

    Returns
    -------
    ndarray of float64, shape (scenario_count,)
        In the unit of the weights times that of the rows; zeros if there is no row.

    Notes
    -----
    A single column takes the plain way: NumPy folds it into one axis, along which both
    ``einsum`` and ``add.reduce`` keep several accumulators.
    """
    assert rows.flags.c_contiguous, "another memory layout is summed in another order"
    if rows.shape[1] == 1:
        return _one_column_sum(weights, rows)
    if einsum_rounds_each_product():
        total: Float64Vector = np.einsum("i,ij->j", weights, rows)
        return total
    return plain_weighted_row_sum(weights, rows)


def plain_weighted_row_sum(weights: Float64Vector, rows: Float64Matrix) -> Float64Vector:
    """Return the same sum from separate multiplications and additions; two columns or more.

    Parameters
    ----------
    weights : ndarray of float64, shape (row_count,)
        As for `weighted_row_sum`.
    rows : ndarray of float64, shape (row_count, scenario_count >= 2), C-contiguous
        As for `weighted_row_sum`.

    Returns
    -------
    ndarray of float64, shape (scenario_count,)
        As for `weighted_row_sum`.
    """
    total: Float64Vector = np.add.reduce(rows * weights[:, None], axis=0, initial=0.0)
    return total


def _one_column_sum(weights: Float64Vector, rows: Float64Matrix) -> Float64Vector:
    terms = np.concatenate(([0.0], weights * rows[:, 0]))
    total: Float64Vector = np.add.accumulate(terms)[-1:]
    return total


@cache
def einsum_rounds_each_product() -> bool:
    """Return whether this machine's ``einsum`` rounds a product before it is added.

    (1 + 2**-30) * (1 - 2**-30) rounds to 1.0; minus 1.0 that is 0.0, and -2**-60 where
    the multiplication and the addition are one fused operation.
    """
    small = 2.0**-30
    weights = np.array([1.0, 1.0 + small])
    rows = np.array([[-1.0] * _PROBE_WIDTH, [1.0 - small] * _PROBE_WIDTH])
    return bool((np.einsum("i,ij->j", weights, rows) == 0.0).all())

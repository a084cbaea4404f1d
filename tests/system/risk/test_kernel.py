"""Bits, not closeness: every comparison here is of bytes."""

from __future__ import annotations

import numpy as np
import pytest

from system.risk import kernel
from system.risk.kernel import plain_weighted_row_sum, weighted_row_sum

ROW_COUNTS = (1, 2, 3, 7, 8, 9, 16, 17, 31, 129, 130, 257)
COLUMN_COUNTS = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 30, 31, 64, 67, 500, 501)
SHAPES = [(rows, columns) for rows in ROW_COUNTS for columns in COLUMN_COUNTS]


def looped_sum(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    totals = []
    for column in rows.T.tolist():
        total = 0.0
        for weight, entry in zip(weights.tolist(), column, strict=True):
            total += weight * entry
        totals.append(total)
    return np.array(totals)


def wild(row_count: int, column_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of very different size, so that any other order of addition shows."""
    rng = np.random.default_rng([row_count, column_count])
    scale = 10.0 ** rng.integers(-9, 9, size=(row_count, column_count))
    return rng.normal(size=row_count), rng.normal(size=(row_count, column_count)) * scale


@pytest.mark.parametrize(("row_count", "column_count"), SHAPES)
def test_the_sum_has_the_bits_of_a_plain_loop(row_count: int, column_count: int) -> None:
    weights, rows = wild(row_count, column_count)
    assert weighted_row_sum(weights, rows).tobytes() == looped_sum(weights, rows).tobytes()


@pytest.mark.parametrize(("row_count", "column_count"), [s for s in SHAPES if s[1] > 1])
def test_the_plain_way_has_the_bits_of_the_fast_one(row_count: int, column_count: int) -> None:
    weights, rows = wild(row_count, column_count)
    assert (
        plain_weighted_row_sum(weights, rows).tobytes() == weighted_row_sum(weights, rows).tobytes()
    )


def test_a_machine_that_fuses_products_takes_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, rows = wild(40, 30)
    taken = []
    monkeypatch.setattr(kernel, "einsum_rounds_each_product", lambda: False)
    monkeypatch.setattr(
        kernel,
        "plain_weighted_row_sum",
        lambda *arguments: taken.append(1) or plain_weighted_row_sum(*arguments),
    )
    assert weighted_row_sum(weights, rows).tobytes() == looped_sum(weights, rows).tobytes()
    assert taken == [1]


def test_the_probe_tells_a_fused_product_from_a_rounded_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fused = np.full(5, -(2.0**-60))
    monkeypatch.setattr(kernel.np, "einsum", lambda *_: fused)
    assert not kernel.einsum_rounds_each_product.__wrapped__()
    monkeypatch.setattr(kernel.np, "einsum", lambda *_: np.zeros(5))
    assert kernel.einsum_rounds_each_product.__wrapped__()


def test_many_columns_beyond_the_iterator_buffer_keep_their_bits() -> None:
    weights, rows = wild(11, 20_001)
    assert weighted_row_sum(weights, rows).tobytes() == looped_sum(weights, rows).tobytes()


def test_the_bits_do_not_depend_on_columns_taken_away() -> None:
    weights, rows = wild(50, 64)
    whole = weighted_row_sum(weights, rows)
    for count in (1, 2, 3, 9, 30, 63):
        part = weighted_row_sum(weights, np.ascontiguousarray(rows[:, :count]))
        assert part.tobytes() == whole[:count].tobytes()


def test_read_only_and_unaligned_offsets_keep_the_bits() -> None:
    weights, rows = wild(9, 31)
    shifted = np.empty(9 * 31 + 1)[1:].reshape(9, 31)
    shifted[:] = rows
    shifted.flags.writeable = False
    assert weighted_row_sum(weights, shifted).tobytes() == looped_sum(weights, rows).tobytes()


@pytest.mark.parametrize("column_count", [1, 2, 30])
def test_no_rows_add_up_to_zeros(column_count: int) -> None:
    total = weighted_row_sum(np.zeros(0), np.zeros((0, column_count)))
    assert total.tobytes() == np.zeros(column_count).tobytes()


def test_another_memory_layout_is_our_mistake() -> None:
    weights, rows = wild(4, 6)
    with pytest.raises(AssertionError, match="memory layout"):
        weighted_row_sum(weights, np.asfortranarray(rows))

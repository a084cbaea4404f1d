"""Arrays that the core hands out cannot be written to."""

from __future__ import annotations

import numpy as np
import pytest

from system.risk.arrays import read_only


def test_a_read_only_array_refuses_to_be_changed_and_leaves_its_source_writable():
    source = np.array([1.0, 2.0])
    frozen = read_only(source)
    with pytest.raises(ValueError, match="read-only"):
        frozen[0] = 3.0
    source[0] = 5.0
    assert frozen.tolist() == [5.0, 2.0], "a view: nothing was copied"


def test_other_layouts_and_types_become_contiguous_float64():
    frozen = read_only(np.asfortranarray(np.arange(6).reshape(2, 3)))
    assert frozen.flags.c_contiguous
    assert frozen.dtype == np.float64
    assert frozen.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]

"""Columns of numbers: little-endian doubles, the same bits on the way out and in."""

from __future__ import annotations

import math
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.text.columns import NUMBER_BYTES, column_of, is_finite, numbers_of


@given(st.lists(st.floats()))
def test_numbers_come_back_to_the_bit(numbers: list[float]) -> None:
    column = column_of(numbers)
    assert len(column) == NUMBER_BYTES * len(numbers)
    assert [struct.pack("<d", number) for number in numbers_of(column)] == [
        struct.pack("<d", number) for number in numbers
    ]
    assert is_finite(column) == all(map(math.isfinite, numbers))


def test_json_has_a_column_as_base64_of_little_endian_doubles() -> None:
    assert msgspec.json.encode(column_of([1.0, -0.0])) == b'"AAAAAAAA8D8AAAAAAAAAgA=="'


def test_part_of_a_number_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="7 bytes"):
        numbers_of(bytes(7))

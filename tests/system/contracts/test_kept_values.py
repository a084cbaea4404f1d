"""Kept part of a rejected value: its beginning, its size, its digest; never more than 4 KiB."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.kept_values import MAX_KEPT_BYTES, kept_value

LARGE = 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        bytes(LARGE),
        b"\x1f" * LARGE,
        b"\xff" * LARGE,
        b'"' * LARGE,
        b"\\" * LARGE,
        "é".encode() * LARGE,
        "😀".encode() * (LARGE // 4),
        b"a" + "😀".encode() * (LARGE // 4),
        b"\xed\xa0\x80" * LARGE,
        b" " * (MAX_KEPT_BYTES + 1),
    ],
)
def test_a_large_value_is_cut_to_4_kib_of_json_with_its_size_and_digest(value) -> None:
    kept = kept_value(value)
    assert MAX_KEPT_BYTES // 2 < len(msgspec.json.encode(kept.text)) <= MAX_KEPT_BYTES + 2
    assert kept.size_bytes == len(value)
    assert kept.sha256 == hashlib.sha256(value).hexdigest()
    assert value.decode("utf-8", "replace").startswith(kept.text)


@given(st.binary(max_size=600))
def test_a_small_value_is_kept_whole(value) -> None:
    kept = kept_value(value)
    assert kept.text == value.decode("utf-8", "replace")
    assert kept.size_bytes == len(value)


@given(st.binary(min_size=1, max_size=50), st.integers(1, 400))
def test_whatever_is_repeated_the_beginning_is_kept_and_bounded(value, times) -> None:
    kept = kept_value(value * times)
    assert len(msgspec.json.encode(kept.text)) <= MAX_KEPT_BYTES + 2
    assert (value * times).decode("utf-8", "replace").startswith(kept.text)

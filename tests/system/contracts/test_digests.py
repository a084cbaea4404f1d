"""The digest of a record tells it from every other at the same offset."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from system.contracts.digests import record_digest

RECORDS = st.tuples(st.binary(max_size=40), st.integers(-(2**63), 2**63 - 1))


@given(RECORDS, RECORDS)
def test_two_digests_agree_only_for_the_same_bytes_and_time(first, second):
    assert (record_digest(*first) == record_digest(*second)) == (first == second)


def test_a_digest_is_the_sha256_of_the_time_in_eight_bytes_and_the_value():
    written_out = hashlib.sha256(b"\x00\x00\x00\x00\x00\x00\x01\x02" + b"x").hexdigest()
    assert record_digest(b"x", 258) == written_out

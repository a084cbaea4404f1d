"""Values that readers make from Redis's replies."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.api.risk import StreamState
from system.contracts.oracle import NO_ORACLE
from system.store.redis.keyspace import ENTRIES_PER_EPOCH, HEARTBEAT_EXPIRY_MS, ORACLE_EXPIRY_MS
from system.store.redis.redis_values import covers, entry_id, entry_place, status_from, stream_state

NOTHING = (None, None, None, None)


def test_entry_ids_order_by_number_and_not_by_letters() -> None:
    assert entry_place("9-1") < entry_place("10-0") < entry_place("10-2") < entry_place("10-10")
    assert entry_place("0") == (0, 0)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "x",
        "1-x",
        "-",
        "1.5-0",
        "1_0-0",
        "+1",
        " 1-0",
        "1-",
        "٣-0",
        "18446744073709551616-0",
        "9" * 40,
    ],
)
def test_what_is_no_entry_id_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="is not the id of an entry"):
        entry_place(word)


@pytest.mark.parametrize(
    ("durable", "place", "expected"),
    [
        (NOTHING, (b"1", b"0"), False),
        ((b"1", b"4", None, None), (b"1", b"4"), True),
        ((b"1", b"4", None, None), (b"1", b"5"), False),
        ((b"2", b"0", b"1", b"4"), (b"1", b"4"), True),
        ((b"2", b"0", b"1", b"4"), (b"1", b"5"), False),
        ((b"3", b"0", b"2", b"4"), (b"1", b"9"), True),
        ((b"1", b"9", None, None), (b"2", b"0"), False),
    ],
)
def test_a_snapshot_is_durable_only_when_its_own_driver_committed_it(
    durable: tuple[bytes | None, ...], place: tuple[bytes, bytes], expected: bool
) -> None:
    assert covers(durable, place) is expected


def test_no_heartbeat_is_stale() -> None:
    assert stream_state(None, -2) is StreamState.STALE
    status = status_from(None, -2, None, NOTHING)
    assert status.state is StreamState.STALE
    assert status.heartbeat_age_ms is None


def test_a_heartbeat_s_age_is_what_its_expiry_has_lost() -> None:
    beat = b'{"fence":1,"epoch":2,"monotonic_ns":3,"state":"running"}'
    assert status_from(beat, 1_700, None, NOTHING).heartbeat_age_ms == 300


def test_a_heartbeat_that_outlives_its_time_is_stale_for_the_clock_was_set_back() -> None:
    beat = b'{"fence":1,"epoch":2,"monotonic_ns":3,"state":"running"}'
    for expires_in_ms in (HEARTBEAT_EXPIRY_MS + 1, 3_600_000, -1, -2):
        assert stream_state(beat, expires_in_ms) is StreamState.STALE
        assert status_from(beat, expires_in_ms, None, NOTHING).state is StreamState.STALE
    assert stream_state(beat, HEARTBEAT_EXPIRY_MS) is StreamState.RUNNING


def test_a_verdict_of_the_oracle_that_outlives_its_time_is_gone() -> None:
    verdict = msgspec.json.encode(NO_ORACLE)
    for left_ms, expected in ((ORACLE_EXPIRY_MS, NO_ORACLE), (ORACLE_EXPIRY_MS + 1, None)):
        status = status_from(None, -2, None, NOTHING, verdict, oracle_expires_in_ms=left_ms)
        assert status.oracle == expected


def test_ids_of_entries_grow_with_the_batch_whatever_a_clock_says() -> None:
    places = [
        (1, 0, 0),
        (1, 0, 1),
        (1, 0, ENTRIES_PER_EPOCH - 1),
        (1, 1, 0),
        (1, 2**32, 0),
        (2, 0, 0),
    ]
    ids = [entry_id(*place) for place in places]
    assert sorted(ids, key=entry_place) == ids
    assert len(set(ids)) == len(ids)

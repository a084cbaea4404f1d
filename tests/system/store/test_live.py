"""What readers make of Redis's replies."""

from __future__ import annotations

import pytest

from system.contracts.api import StreamState
from system.store.live import covers, entry_place, status_from, stream_state

NOTHING = (None, None, None, None)


def test_entry_ids_order_by_number_and_not_by_letters() -> None:
    assert entry_place("9-1") < entry_place("10-0") < entry_place("10-2") < entry_place("10-10")
    assert entry_place("0") == (0, 0)


@pytest.mark.parametrize("word", ["", "x", "1-x", "-", "1.5-0"])
def test_what_is_no_entry_id_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="int"):
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
    assert stream_state(None) is StreamState.STALE
    status = status_from(None, -2, None, NOTHING)
    assert status.state is StreamState.STALE
    assert status.heartbeat_age_ms is None


def test_a_heartbeat_s_age_is_what_its_expiry_has_lost() -> None:
    beat = b'{"fence":1,"epoch":2,"monotonic_ns":3,"state":"running"}'
    assert status_from(beat, 1_700, None, NOTHING).heartbeat_age_ms == 300

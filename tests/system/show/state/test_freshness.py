"""When numbers may be called live."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.api.risk import StreamState, StreamStatus
from system.show.state.freshness import SILENCE_BOUND_MS, Evidence, Freshness, Link, freshness

MS = 1_000_000
STATUS = StreamStatus(
    state=StreamState.RUNNING,
    heartbeat_age_ms=10,
    fence=1,
    epoch=5,
    durable_fence=1,
    durable_epoch=4,
    published_ns=1,
)


def status(state: StreamState) -> StreamStatus:
    return msgspec.structs.replace(STATUS, state=state)


def live_evidence(now_ns: int = 0) -> Evidence:
    return Evidence().opened(now_ns).with_status(STATUS, now_ns).with_snapshot(now_ns)


def test_recent_life_and_a_number_are_live() -> None:
    verdict = freshness(live_evidence(), 1_000 * MS)
    assert (verdict.state, verdict.reason, verdict.since_ms) == (Freshness.LIVE, "", 1_000.0)


def test_before_the_first_number_there_is_no_data() -> None:
    assert freshness(Evidence(), 0).state is Freshness.NO_DATA
    assert freshness(Evidence(), 0).reason == "Connecting to the API"
    assert freshness(Evidence(), 0).since_ms is None
    opened = Evidence().opened(0).with_status(STATUS, 0)
    assert freshness(opened, 0).state is Freshness.NO_DATA


def test_a_stream_that_starts_is_warming_up_and_not_stale() -> None:
    warming = Evidence().opened(0).with_status(status(StreamState.WARMING), 0)
    assert freshness(warming, 0).state is Freshness.WARMING
    assert freshness(warming.broken("refused"), 0).state is Freshness.NO_DATA


def test_numbers_of_before_a_restart_are_stale_while_it_warms_up() -> None:
    evidence = live_evidence().with_status(status(StreamState.WARMING), 500 * MS)
    assert freshness(evidence, 500 * MS).state is Freshness.STALE


def test_numbers_of_a_stream_that_falls_behind_are_stale() -> None:
    evidence = live_evidence().with_status(status(StreamState.LAGGING), 900 * MS)
    verdict = freshness(evidence, 900 * MS)
    assert (verdict.state, verdict.since_ms) == (Freshness.STALE, 900.0)
    assert "falls behind" in verdict.reason


def test_the_word_stale_counts_at_once_and_names_the_last_sign_of_life() -> None:
    evidence = live_evidence().with_status(status(StreamState.STALE), 900 * MS)
    verdict = freshness(evidence, 900 * MS)
    assert verdict.state is Freshness.STALE
    assert "heartbeat is gone" in verdict.reason
    assert verdict.since_ms == 900.0


def test_a_snapshot_alone_does_not_undo_stale() -> None:
    evidence = live_evidence().with_status(status(StreamState.STALE), 0).with_snapshot(0)
    assert freshness(evidence, 0).state is Freshness.STALE
    revived = evidence.with_status(STATUS, 0)
    assert freshness(revived, 0).state is Freshness.LIVE


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (live_evidence(), "says nothing any more"),
        (live_evidence().broken("connection refused"), "connection refused"),
    ],
)
def test_silence_is_stale_whoever_fell_silent(evidence: Evidence, words: str) -> None:
    bound_ns = SILENCE_BOUND_MS * MS
    assert freshness(evidence, bound_ns).state is Freshness.LIVE
    verdict = freshness(evidence, bound_ns + 1)
    assert verdict.state is Freshness.STALE
    assert words in verdict.reason


def test_a_quick_reconnect_does_not_flash_but_a_late_one_waits_for_a_heartbeat() -> None:
    quick = live_evidence().broken("reset").opened(1_000 * MS).with_snapshot(1_000 * MS)
    assert freshness(quick, 1_100 * MS).state is Freshness.LIVE
    late = live_evidence().broken("reset").opened(9_000 * MS).with_snapshot(9_000 * MS)
    verdict = freshness(late, 9_100 * MS)
    assert verdict.state is Freshness.STALE
    assert verdict.reason == "Waiting for the stream's heartbeat"


def test_the_link_is_shown_apart_from_the_verdict() -> None:
    assert freshness(Evidence(), 0).link is Link.CONNECTING
    assert freshness(live_evidence(), 0).link is Link.OPEN
    assert freshness(live_evidence().broken("x"), 0).link is Link.BROKEN

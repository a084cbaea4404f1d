"""Progress of a warm-up, as a sentence for whoever waits."""

from __future__ import annotations

from system.contracts.warm_up import WarmUpProgress


def test_progress_states_batches_pace_and_the_bound():
    progress = WarmUpProgress(batches=12, delay_ms=81.6, elapsed_s=3.4, bound_s=60.0)
    assert progress.sentence() == (
        "warming up: 12 batches, 82 ms from tick to VaR, 3 s of at most 60"
    )


def test_a_pace_that_is_not_known_yet_is_left_out():
    assert WarmUpProgress(bound_s=60.0).sentence() == "warming up: 0 batches, 0 s of at most 60"

"""The laws that breaches are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from system.backtest.statistics.hits import (
    ClusteredHits,
    IndependentHits,
    RollingRankHits,
    gaps,
    hit_blocks,
)


def test_gaps_start_anew_with_every_sequence() -> None:
    hits = np.array([[0, 1, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0]], dtype=np.bool_)
    breach_gaps = gaps(hits)
    assert breach_gaps.sequence.tolist() == [0, 0, 0, 2, 2]
    assert breach_gaps.days.tolist() == [2.0, 1.0, 3.0, 1.0, 4.0]


def test_gaps_of_no_breach_are_none() -> None:
    assert len(gaps(np.zeros((3, 5), dtype=np.bool_)).days) == 0


@pytest.mark.parametrize(("window", "rank"), [(30, 2), (250, 13)])
def test_a_rolling_rank_breaches_at_k_over_n_plus_one(window: int, rank: int) -> None:
    hits = RollingRankHits(window, rank).draw(np.random.default_rng(0), 200, 2_000)
    assert hits.mean() == pytest.approx(rank / (window + 1), abs=0.0008)


def test_a_rolling_rank_is_what_partitioning_every_window_gives() -> None:
    law = RollingRankHits(30, 2)
    hits = law.draw(np.random.default_rng(1), 3, 50)
    returns = np.random.default_rng(1).random((3, 80))
    for row, own in zip(returns, hits, strict=True):
        plain = [row[day + 30] < np.sort(row[day : day + 30])[1] for day in range(50)]
        assert own.tolist() == plain


# validation.md: sd 1.76 instead of 2.76, and 99 % bands of a correct 30-day product.
def test_breaches_of_a_rolling_product_are_under_dispersed() -> None:
    rng = np.random.default_rng(2)
    counts = RollingRankHits(30, 2).draw(rng, 30_000, 126).sum(axis=1)
    assert counts.std() == pytest.approx(1.76, abs=0.03)
    assert np.quantile(counts, [0.005, 0.995]).tolist() == [4.0, 13.0]


@pytest.mark.parametrize(("days", "band"), [(250, (11, 22)), (500, (24, 40)), (1000, (54, 75))])
def test_bands_of_a_rolling_product(days: int, band: tuple[int, int]) -> None:
    counts = RollingRankHits(30, 2).draw(np.random.default_rng(days), 4_000, days).sum(axis=1)
    assert np.quantile(counts, [0.005, 0.995]) == pytest.approx(band, abs=1)


def test_clusters_keep_the_rate_and_raise_the_day_after() -> None:
    hits = ClusteredHits(0.05, 0.3).draw(np.random.default_rng(3), 2_000, 500)
    assert hits.mean() == pytest.approx(0.05, abs=0.001)
    assert hits[:, 1:][hits[:, :-1]].mean() == pytest.approx(0.3, abs=0.01)


def test_blocks_add_up_to_what_was_asked_for() -> None:
    blocks = list(hit_blocks(IndependentHits(0.5), np.random.default_rng(0), 10, 1_000_000))
    assert [block.shape for block in blocks] == [(4, 1_000_000), (4, 1_000_000), (2, 1_000_000)]

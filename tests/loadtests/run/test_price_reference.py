"""The oracle of a load: a snapshot's VaR follows from its offsets, exactly."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from loadtests.run.price_reference import PriceOracle, check_oracle, sampled
from loadtests.source.plan import load_books, load_replay
from system.contracts.messages import CloseHistory, SnapshotKind
from tests.loadtests.folded import PLAN, folded_run, seen
from validation.measure.sent_ticks import sent_ticks
from validation.verdict import Verdict


@pytest.fixture(scope="module")
def run():
    return folded_run()


@pytest.fixture(scope="module")
def oracle(run) -> PriceOracle:
    histories = [
        reference_message
        for reference_message in load_replay(PLAN).reference_messages()
        if isinstance(reference_message, CloseHistory)
    ]
    return PriceOracle(sent_ticks(run.records), histories, load_books(PLAN))


def test_every_live_var_of_the_fold_is_the_exact_one(run, oracle):
    live = [seen(snapshot) for snapshot in run.snapshots if snapshot.kind is SnapshotKind.LIVE]
    assert len({tuple(snapshot.offsets.values()) for snapshot in live}) > 15
    finding, summary = check_oracle("oracle", oracle, live)
    assert finding.verdict is Verdict.PASSED, finding
    assert summary.sampled == 40
    assert summary.largest_difference < 1e-12


def test_a_var_that_is_off_by_a_millionth_is_found(run, oracle):
    live = [seen(snapshot) for snapshot in run.snapshots if snapshot.kind is SnapshotKind.LIVE]
    wrong = [msgspec.structs.replace(snapshot, var=snapshot.var * 1.000001) for snapshot in live]
    assert check_oracle("oracle", oracle, wrong)[0].verdict is Verdict.FAILED


def test_a_var_of_older_prices_is_found(run, oracle):
    live = [seen(snapshot) for snapshot in run.snapshots if snapshot.kind is SnapshotKind.LIVE]
    by_book = [snapshot for snapshot in live if snapshot.portfolio == live[0].portfolio]
    stale = [
        msgspec.structs.replace(new, var=old.var)
        for old, new in zip(by_book[:-3], by_book[3:], strict=True)
    ]
    assert check_oracle("oracle", oracle, stale)[0].verdict is Verdict.FAILED


def test_nothing_seen_is_unknown(oracle):
    finding, summary = check_oracle("oracle", oracle, [])
    assert finding.verdict is Verdict.UNKNOWN
    assert summary.sampled == 0


def test_a_sample_is_spread_over_the_whole_run(run):
    live = [seen(snapshot) for snapshot in run.snapshots if snapshot.kind is SnapshotKind.LIVE]
    chosen = sampled(live, 5)
    assert chosen[0] is live[0]
    assert chosen[-1] is live[-1]
    assert len(chosen) == 5


def test_ticks_become_arrays_in_the_order_of_the_topic(run):
    sent = sent_ticks(run.records)
    assert len(sent.inputs) == len(sent.mid) == len(run.records) - 4
    assert len(sent.marks) == 2
    assert set(sent.partitions) == {"market_data:0", "market_data:1"}
    for partition in (0, 1):
        assert (np.diff(sent.inputs.offset[sent.inputs.partition == partition]) > 0).all()

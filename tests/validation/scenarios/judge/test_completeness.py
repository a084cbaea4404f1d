"""Each accepted trade is named by one stored snapshot, and each end of day was announced."""

import msgspec
import pytest

from system.contracts.messages import SnapshotKind
from tests.validation.scenarios.folding import folded
from tests.validation.scenarios.stories import HEAD, played, story_of
from validation.scenarios.judge.completeness import check_announced, check_trades_named
from validation.verdict import Verdict

STORY = """
[[timeline]]
do = "trade"
day = 2
portfolio = "book"
instrument = "SIM003"
quantity = 50
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    topics = played(story_of(tmp_path_factory.mktemp("story"), STORY, head=HEAD), partitions=2)
    return topics.records, folded(topics, batch=40)


def without_trades(snapshot):
    return msgspec.structs.replace(snapshot, trade_ids=())


def test_a_trade_that_one_snapshot_names_passes(run):
    records, stored = run
    finding = check_trades_named(records, stored)
    assert (finding.verdict, finding.detail) == (
        Verdict.PASSED,
        f"1 trades, {len(stored)} snapshots",
    )


def test_a_trade_that_no_snapshot_names_fails(run):
    records, stored = run
    finding = check_trades_named(records, [without_trades(snapshot) for snapshot in stored])
    assert finding.verdict is Verdict.FAILED
    assert "is named by no stored snapshots" in finding.detail


def test_a_trade_that_two_snapshots_name_fails(run):
    records, stored = run
    naming = next(snapshot for snapshot in stored if snapshot.trade_ids)
    finding = check_trades_named(records, [*stored, naming])
    assert "is named by 2 stored snapshots" in finding.detail


def test_an_end_of_day_that_was_not_announced_fails(run):
    _, stored = run
    ids = {snapshot.snapshot_id for snapshot in stored}
    assert check_announced(stored, ids).verdict is Verdict.PASSED
    end = next(each.snapshot_id for each in stored if each.kind is SnapshotKind.END_OF_DAY)
    finding = check_announced(stored, ids - {end})
    assert (finding.verdict, finding.detail) == (Verdict.FAILED, f"{end} was never announced")

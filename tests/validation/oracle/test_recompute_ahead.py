"""Recomputing while a run goes on: the same verdicts as afterwards, and only for what was seen."""

from __future__ import annotations

import msgspec
import pytest

from system.bus.consumer import Record
from system.contracts.oracle import OracleVerdict
from tests.validation.oracle.recorded import MemoryReader, announced
from tests.validation.oracle.test_snapshot_check import lively
from validation.oracle import history_check
from validation.oracle.history_check import check_recorded
from validation.oracle.recompute_ahead import AheadOracle, Recomputed, digest_of, read_recomputed
from validation.verdict import Verdict


def recomputed(feed, *, records_per_poll=7, snapshots_per_poll=3) -> dict:
    """Return the verdicts of an oracle that followed a feed as it came."""
    lines: list[Recomputed] = []
    inputs = MemoryReader(feed.records, records_per_poll)
    out = MemoryReader(announced(feed.announced), snapshots_per_poll)
    oracle = AheadOracle(inputs, out, lines.append)
    for _ in range(500):
        if not oracle.compare_next():
            oracle.read(0.0)
    return {line.digest: line.check for line in lines}


def test_every_snapshot_is_compared_while_the_run_goes_on_and_none_again() -> None:
    feed = lively("USD")
    known = recomputed(feed)
    assert len(known) == len(feed.announced)
    assert {check.verdict for check in known.values()} == {OracleVerdict.AGREED}
    finding = check_recorded([], feed.announced, known)
    assert finding.verdict is Verdict.PASSED
    assert finding.figures["while_it_ran"] == finding.figures["compared"] == len(feed.announced)
    assert f"{len(feed.announced)} of {len(feed.announced)} agree" in finding.detail


def test_verdicts_are_those_of_a_judgement_afterwards() -> None:
    feed = lively("USD")
    wrong = msgspec.structs.replace(feed.announced[-1], nav=feed.announced[-1].nav + 0.01)
    feed.announced[-1] = wrong
    ahead = check_recorded(feed.records, feed.announced, recomputed(feed))
    after = check_recorded(feed.records, feed.announced)
    assert ahead.verdict is after.verdict is Verdict.FAILED
    assert ahead.detail == after.detail


def test_a_stored_snapshot_that_was_not_announced_so_is_recomputed() -> None:
    feed = lively("USD")
    known = recomputed(feed)
    *rest, last = feed.announced
    stored = msgspec.structs.replace(last, var=last.var * (1 + 1e-7))
    finding = check_recorded(feed.records, [*rest, stored], known)
    assert finding.verdict is Verdict.FAILED
    assert last.snapshot_id in finding.detail
    assert finding.figures["while_it_ran"] == len(rest)


def test_what_the_oracle_did_not_come_to_is_recomputed() -> None:
    feed = lively("USD")
    first = dict(list(recomputed(feed).items())[:3])
    finding = check_recorded(feed.records, feed.announced, first)
    assert finding.verdict is Verdict.PASSED
    assert (finding.figures["while_it_ran"], finding.figures["compared"]) == (
        3,
        len(feed.announced),
    )


def test_the_bound_on_recomputing_leaves_out_none_that_was_recomputed_during_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = lively("USD")
    monkeypatch.setattr(history_check, "MAX_RECOMPUTED", 2)
    first = dict(list(recomputed(feed).items())[:3])
    finding = check_recorded(feed.records, feed.announced, first)
    assert (finding.figures["while_it_ran"], finding.figures["compared"]) == (3, 5)
    assert f"{len(feed.announced) - 5} not looked at" in finding.detail


def test_it_waits_for_the_inputs_of_a_snapshot() -> None:
    feed = lively("USD")
    late = MemoryReader([], 1_000)
    oracle = AheadOracle(late, MemoryReader(announced(feed.announced), 1_000), lambda _: None)
    oracle.read(0.0)
    assert not oracle.compare_next()
    late.add(feed.records)
    oracle.read(0.0)
    assert oracle.compare_next()


def test_a_file_is_read_to_its_last_whole_line(tmp_path) -> None:
    feed = lively("USD")
    [(digest, check), *_] = recomputed(feed).items()
    line = msgspec.json.encode(Recomputed(digest=digest, check=check))
    path = tmp_path / "recomputed.jsonl"
    assert read_recomputed(path) == {}
    path.write_bytes(line + b"\n" + line[:20])
    assert read_recomputed(path) == {digest_of(feed.announced[0]): check}


def test_a_record_that_is_no_snapshot_is_passed_over() -> None:
    feed = lively("USD")
    garbage = [
        Record("risk_snapshots", 0, at, b"", value, 0) for at, value in enumerate([b"", b"{"])
    ]
    reader = MemoryReader([*garbage, *announced(feed.announced)], 1_000)
    oracle = AheadOracle(MemoryReader(feed.records, 1_000), reader, lambda _: None)
    oracle.read(0.0)
    assert oracle.compare_next()

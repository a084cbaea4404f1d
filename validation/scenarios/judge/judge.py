"""Judge of a run: its recording becomes findings; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from system.contracts.topics import REFERENCE, TRADES
from validation.checkers.latency import Schedule
from validation.checkers.ledger import Acknowledged, Ruling
from validation.checkers.order import MONOTONIC, UNIQUE
from validation.checkers.unknown_books import check_unknown, without_risk
from validation.measure.machine_speed import AS_FAST
from validation.measure.record import SeenSnapshot
from validation.report.timings import with_timings_reported
from validation.rules.rulings import rulings_of
from validation.rules.second_reader import Closes
from validation.rules.topic_closes import TopicCloses, topic_closes
from validation.run.judge import Evidence, Judgement, judge
from validation.run.read_back import expected_of
from validation.scenarios.file.format import RealMarket
from validation.scenarios.judge.adjustments import CHECK as ADJUSTED
from validation.scenarios.judge.completeness import check_announced, check_trades_named
from validation.scenarios.judge.exact_numbers import check_live
from validation.scenarios.judge.expectations import check_expectations, check_faults
from validation.scenarios.judge.freshness import check_shown, check_told
from validation.scenarios.judge.real_closes import check_real_closes
from validation.scenarios.play.play import Recording
from validation.scenarios.story.story import Story
from validation.verdict import Finding, Verdict

KEEPS_NOTHING: Final = frozenset({"redis"})
"""Components whose death empties Redis: the next number may be older by a batch."""
EMPTIES_REDIS: Final = frozenset({"lose_database"})
"""A new database starts with an empty Redis, and computes everything from Kafka once more."""


@dataclass(frozen=True)
class ScenarioJudgement:
    """Findings of a run, and its judgement for charts."""

    findings: tuple[Finding, ...]
    judgement: Judgement


def judge_run(story: Story, left: Recording, real: Closes | None) -> ScenarioJudgement:
    """Return what a run has shown.

    Parameters
    ----------
    story : Story
        What was played.
    left : Recording
        What it left.
    real : mapping or None
        Real closes by the second reader, for a market of kind ``real``.
    """
    ruled = rulings_of(left.records)
    closes = topic_closes(left.records, ruled)
    evidence = _evidence(story, left, closes)
    judgement = judge(evidence, ())
    findings = (
        *_common(judgement.findings, left),
        *_own(story, left, ruled),
        *_real(story, closes, real),
    )
    return ScenarioJudgement(with_timings_reported(findings), judgement)


def _evidence(story: Story, left: Recording, closes: TopicCloses) -> Evidence:
    summary = left.summary
    expected = expected_of(
        left.records,
        closes.closes,
        calendar=closes.calendar,
        days=closes.days,
        refused=story.scenario.file.expect.refused or (),
    )
    if left.unknown_behind is not None:
        stored = left.stated.snapshots
        expected = without_risk(expected, stored, behind_fence=left.unknown_behind)
    return Evidence(
        record=left.record,
        records=left.records,
        stated=left.stated.days,
        expected=expected,
        rejected=left.stated.rejected,
        counters=left.stated.counters,
        covered=left.stated.covered,
        acknowledged=[
            Acknowledged(topics=(topic,), count=count) for topic, count in sorted(left.sent.items())
        ],
        schedule=Schedule(
            messages_per_s=summary.ticks_per_second,
            achieved_fraction=summary.achieved_ratio or 1.0,
            slip_ms_p99=summary.slip.ms_p99,
        ),
        portfolios=story.books,
    )


def _common(findings: Sequence[Finding], left: Recording) -> Iterator[Finding]:
    """Yield what every run is judged by.

    Where Redis was emptied, what readers had seen is gone: order is then judged by nobody.
    """
    emptied = any(
        fault.bit and (fault.what in KEEPS_NOTHING or fault.do in EMPTIES_REDIS)
        for fault in left.faults
    )
    for finding in findings:
        if not (emptied and finding.check in {UNIQUE, MONOTONIC}):
            yield finding


def _own(story: Story, left: Recording, ruled: Sequence[Ruling]) -> Iterator[Finding]:
    snapshots = [line for line in left.record if isinstance(line, SeenSnapshot)]
    # Numbers after a loss have no VaR, and are judged by that.
    records = left.records if left.unknown_behind is None else left.records_before
    moments = [at for fault in left.faults for at in (fault.began_ns, fault.ended_ns)]
    yield check_live(snapshots, records, left.stated.snapshots, after_ns=moments)
    yield check_shown(left.shown, left.record, left.records, ruled, stretch=left.stretch)
    yield from check_told(left.shown, left.faults)
    expect = story.scenario.file.expect
    stated = left.stated
    for finding in check_expectations(expect, ruled, snapshots, stated.days, stated.snapshots):
        yield unseen_for_slowness(finding, left.stretch)
    slow = [record for record in left.records if record.topic in {REFERENCE.name, TRADES.name}]
    yield check_trades_named(slow, stated.snapshots)
    yield check_announced(stated.snapshots, left.announced)
    if left.unknown_behind is not None:
        yield check_unknown(stated.snapshots, behind_fence=left.unknown_behind)
    if story.scenario.file.faults:
        yield check_faults(left.faults)


def unseen_for_slowness(finding: Finding, stretch: float) -> Finding:
    """Return an adjustment that no batch fell behind as a timing, if the machine is slow.

    Between a barrier and the first tick behind it there is room for a few batches on a machine as
    fast as the reference, and there it stays *unknown*.
    """
    unseen = finding.check == ADJUSTED and finding.verdict is Verdict.UNKNOWN
    return msgspec.structs.replace(
        finding, timing_only=finding.timing_only or (unseen and stretch > AS_FAST)
    )


def _real(story: Story, closes: TopicCloses, real: Closes | None) -> Iterator[Finding]:
    file = story.scenario.file
    if isinstance(file.market, RealMarket) and real is not None and not file.timeline:
        yield check_real_closes(closes, real)

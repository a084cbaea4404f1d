"""A load folded by the product's own book, without servers: records and snapshots of a run."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from loadtests.run.judge import LoadEvidence, LoadJudgement
from loadtests.run.report import LoadReport
from loadtests.source.plan import load_books, load_plan, load_replay, scheduled_days
from system.book.book import Book
from system.book.state.events import Event, QuoteRow
from system.bus.consumer import Record
from system.bus.routing import partition_of
from system.contracts.codec import encode
from system.contracts.kept_values import KeptValue
from system.contracts.messages import Mark, StageTimes
from system.contracts.topics import INPUT_TOPICS, offset_key
from validation.checkers.latency import Schedule
from validation.measure.coverage import Inputs
from validation.measure.jitter import Hiccups
from validation.measure.jvm_pauses import JvmPauses
from validation.measure.latency import latency_over_time
from validation.measure.record import Holding, SeenSnapshot
from validation.measure.sent_ticks import sent_ticks
from validation.measure.usage import ProcessUsage
from validation.verdict import overall

TICK_NS = 50_000_000
LATENCY_NS = 80_000_000
IN_TIME = Schedule(messages_per_s=40.0, achieved_fraction=1.0, slip_ms_p99=0.5)
PLAN = load_plan(
    rate=40, seconds=4, warm_up_seconds=0, instruments=6, portfolios=2, seconds_per_day=2
)
BATCH = 7


class NoBytes:
    """A load has nothing to reject, so nobody asks for a message's bytes."""

    def bytes_of(self, row: int) -> bytes:
        raise AssertionError(row)

    def __getitem__(self, row: int) -> KeptValue:
        raise AssertionError(row)


class Feed:
    """Hands messages to the product's own fold, and keeps them as the topic would."""

    def __init__(self) -> None:
        places = [offset_key(t.name, p) for t in INPUT_TOPICS for p in range(t.partition_count)]
        self.book = Book(dict.fromkeys(places, 0), {}, stale_after_ns=10**15)
        self.next = dict.fromkeys(places, 0)
        self.records: list[Record] = []
        self.snapshots: list = []
        self.waiting: dict[str, list[Event]] = {}

    def put(self, place: str, payload, message) -> None:
        offset = self.next[place]
        self.next[place] += 1
        self.waiting.setdefault(place, []).append(Event(offset, payload, NoBytes(), 0))
        topic, _, partition = place.partition(":")
        if topic == "market_data":
            key, value = b"", encode(message)
            self.records.append(Record(topic, int(partition), offset, key, value, 0))

    def fold(self) -> None:
        fold = self.book.fold(self.waiting, fence=1, epoch=len(self.snapshots))
        self.waiting = {}
        self.snapshots += fold.snapshots


def folded_run() -> Feed:
    """Return a plan's whole load, folded in batches of ``BATCH`` ticks."""
    feed, replay = Feed(), load_replay(PLAN)
    for message in (*replay.reference_messages(), *load_books(PLAN)):
        feed.put("reference:0", message, message)
    feed.fold()
    feed.snapshots.clear()
    count = 0
    for day in scheduled_days(PLAN, replay):
        for _, message in day.slots():
            if isinstance(message, Mark):
                for place in feed.next:
                    feed.put(place, message, message)
            else:
                row = QuoteRow(
                    message.ticker, message.mid, message.event_time_ns, message.sequence, 0
                )
                partition = partition_of(message.ticker.encode(), 2)
                feed.put(f"market_data:{partition}", row, message)
            count += 1
            if count % BATCH == 0:
                feed.fold()
    feed.fold()
    return feed


def seen(snapshot) -> SeenSnapshot:
    return SeenSnapshot(
        received_ns=1,
        entry_id="1-0",
        snapshot_id=snapshot.snapshot_id,
        portfolio=snapshot.portfolio,
        kind=snapshot.kind,
        fence=1,
        epoch=snapshot.epoch,
        offsets=snapshot.offsets,
        holding=0,
        stages=StageTimes(),
        event_time_ns=0,
        asof=snapshot.asof,
        var=snapshot.var,
    )


def folded_evidence() -> LoadEvidence:
    """Return what a load leaves whose every tick is covered ``LATENCY_NS`` after it was due."""
    run = folded_run()
    sent = sent_ticks(run.records)
    due_ns = np.arange(1, len(sent.inputs) + 1) * TICK_NS
    inputs = Inputs(sent.inputs.partition, sent.inputs.offset, sent.inputs.key, due_ns)
    last_due_ns = {}
    for row, (partition, offset) in enumerate(zip(inputs.partition, inputs.offset, strict=True)):
        last_due_ns[sent.partitions[int(partition)], int(offset)] = int(due_ns[row])
    snapshots = []
    for snapshot in run.snapshots:
        at_ns = LATENCY_NS + max(
            (
                due
                for (place, offset), due in last_due_ns.items()
                if offset < snapshot.offsets[place]
            ),
            default=0,
        )
        stages = StageTimes(
            batch_started_ns=at_ns - 50_000_000,
            read_ns=at_ns - 30_000_000,
            folded_ns=at_ns - 20_000_000,
            valued_ns=at_ns - 10_000_000,
            published_ns=at_ns - 1_000_000,
        )
        snapshots.append(msgspec.structs.replace(seen(snapshot), received_ns=at_ns, stages=stages))
    return LoadEvidence(
        plan=PLAN,
        books=load_books(PLAN),
        sent=replace(sent, inputs=inputs),
        record=[Holding(index=0, keys=sent.keys), *snapshots],
        schedule=IN_TIME,
        acknowledged=len(inputs),
        applied=len(inputs),
        drained=True,
    )


USAGE = (
    ProcessUsage(
        name="stream (JVM)",
        cpu_s=12.34,
        cores=1.23,
        waiting=0.76,
        memory_mb_first=801.0,
        memory_mb_last=902.0,
        memory_mb_max=1003.0,
    ),
    ProcessUsage(
        name="pump",
        cpu_s=5.67,
        cores=0.45,
        memory_mb_first=61.0,
        memory_mb_last=62.0,
        memory_mb_max=63.0,
    ),
)
PAUSES = (
    JvmPauses(process="driver-17", count=21, full_count=2, total_ms=345.6, longest_ms=78.9),
    JvmPauses(process="executor-18", count=43, full_count=0, total_ms=567.8, longest_ms=90.1),
)
HICCUPS = (
    Hiccups(place="core 0", count=0, total_ms=0.0, longest_ms=0.0, points=()),
    Hiccups(
        place="disk", count=2, total_ms=101.9, longest_ms=98.7, points=((2.5, 3.2), (3.75, 98.7))
    ),
)


def report_of(judgement: LoadJudgement) -> LoadReport:
    """Return the report of a judged load, with what its processes used."""
    return LoadReport(
        verdict=overall(finding.verdict for finding in judgement.findings),
        plan=PLAN,
        mode="standalone cluster",
        machine="2 cores",
        load_average=0.1,
        schedule=IN_TIME,
        slip_ms_max=1.0,
        latencies=judgement.latencies,
        latency_over_time=tuple(latency_over_time(judgement.ticks)),
        lag=judgement.lag,
        oracle=judgement.oracle,
        usage=USAGE,
        pauses=PAUSES,
        hiccups=HICCUPS,
        findings=judgement.findings,
        repeat_with="riskstream load",
    )

"""Evidence of a small run: two prices, one rate, one book, one end of day; all of it right."""

from __future__ import annotations

import datetime as dt

from system.bus.consumer import Record
from system.contracts.codec import encode
from system.contracts.messages import (
    AssetClass,
    FxRate,
    Instrument,
    Mark,
    Message,
    OpeningPosition,
    Portfolio,
    SnapshotKind,
    StageTimes,
    Tick,
)
from validation.checkers.end_of_day import EndOfDay
from validation.checkers.latency import Schedule
from validation.checkers.ledger import Acknowledged, Outcome, Ruling
from validation.measure.record import Holding, RecordLine, SeenSnapshot, SeenWatermark
from validation.run.judge import Evidence

DAY = dt.date(2020, 2, 3)
NOON_NS = int(dt.datetime(2020, 2, 3, 17, tzinfo=dt.UTC).timestamp()) * 10**9
MS = 1_000_000
APPLE = Instrument(instrument="AAPL", asset_class=AssetClass.EQUITY, currency="USD")
EXXON = Instrument(instrument="XOM", asset_class=AssetClass.EQUITY, currency="USD")
BOOK = Portfolio(
    portfolio="euro",
    base_currency="EUR",
    positions=(OpeningPosition(instrument="AAPL", quantity=1.0, entry_price=1.0),),
)
MARK = Mark(date=DAY, event_time_ns=NOON_NS + 10**13)


def tick(ticker: str, sequence: int, intended_ms: int) -> Tick:
    return Tick(
        ticker=ticker,
        bid=1,
        ask=1,
        mid=1,
        volume=0,
        event_time_ns=NOON_NS + sequence,
        sequence=sequence,
        intended_monotonic_ns=intended_ms * MS,
    )


RATE = FxRate(
    currency="USD", rate=1.1, event_time_ns=NOON_NS, sequence=1, intended_monotonic_ns=1010 * MS
)
TICKS = [tick("AAPL", 1, 1000), tick("XOM", 1, 1005), tick("AAPL", 2, 1010), tick("NOPE", 1, 1011)]


def on_topic(topic: str, *messages: Message | bytes) -> list[Record]:
    return [
        Record(topic, 0, offset, b"", message if isinstance(message, bytes) else encode(message), 0)
        for offset, message in enumerate(messages)
    ]


RECORDS = [
    *on_topic("reference", APPLE, EXXON, BOOK, MARK),
    *on_topic("market_data", *TICKS, b"garbage", MARK),
    *on_topic("fx_rates", RATE, MARK),
    *on_topic("trades", MARK),
]
COVERED = {"reference:0": 4, "market_data:0": 6, "fx_rates:0": 2, "trades:0": 1}


def snapshot(
    received_ms: int, epoch: int, offsets: dict[str, int], kind: SnapshotKind = SnapshotKind.LIVE
) -> SeenSnapshot:
    stages = [round((received_ms - back) * MS) for back in (20, 15, 10, 5)]
    return SeenSnapshot(
        received_ns=received_ms * MS,
        entry_id=f"{received_ms}-0",
        snapshot_id=f"euro-{kind}-{epoch}",
        portfolio="euro",
        kind=kind,
        fence=1,
        epoch=epoch,
        offsets=offsets,
        holding=0,
        stages=StageTimes(
            batch_started_ns=stages[0],
            folded_ns=stages[1],
            valued_ns=stages[2],
            published_ns=stages[3],
        ),
        event_time_ns=0,
        asof=DAY,
        var=1.0,
    )


RECORD: list[RecordLine] = [
    Holding(index=0, keys=("AAPL", "fx:USD")),
    snapshot(500, 1, {"reference:0": 3}),
    snapshot(1080, 2, {"reference:0": 3, "market_data:0": 2, "fx_rates:0": 1}),
    SeenWatermark(received_ns=1081 * MS, fence=1, epoch=2, offsets={"market_data:0": 2}),
    snapshot(1200, 3, COVERED, SnapshotKind.END_OF_DAY),
    SeenWatermark(received_ns=1201 * MS, fence=1, epoch=3, offsets=COVERED),
]
DAYS = {("euro", DAY): EndOfDay(var=28_000.0, nav=1e6, breach=True, hypothetical_pnl=-30_000.0)}
EVIDENCE = Evidence(
    record=RECORD,
    records=RECORDS,
    stated=DAYS,
    expected=DAYS,
    rejected=[
        Ruling(
            topic="market_data",
            partition=0,
            offset=offset,
            outcome=Outcome.REJECTED,
            reason=reason,
        )
        for offset, reason in ((3, "unknown_instrument"), (4, "not_json"))
    ],
    counters={
        "reference": {"applied": 3, "mark": 1},
        "market_data": {"applied": 3, "rejected": 2, "mark": 1},
        "fx_rates": {"applied": 1, "mark": 1},
        "trades": {"mark": 1},
    },
    covered=COVERED,
    acknowledged=[Acknowledged(topics=("market_data", "fx_rates"), count=6)],
    schedule=Schedule(messages_per_s=1000, achieved_fraction=1.0, slip_ms_p99=0.5),
    portfolios=[BOOK],
)

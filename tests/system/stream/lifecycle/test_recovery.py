"""Recovery where messages are lost: offsets, recorded ranges, unknown books."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from system.book.book import Book
from system.book.state.rows import LOST_KEY, LostMessages, PortfolioState
from system.bus.extents import TopicExtents
from system.store.postgres.identity import LostRange, Recovery, StateIdentity
from system.store.records import LastRecord, StoredState
from system.stream.lifecycle.continuity import breaks
from system.stream.lifecycle.recovery import broken_places, recovery_of, unknown_books
from tests.system.book.feed import MARKET, Feed, holding, portfolio, rate, tick

PLACES = ("fx_rates:0", "market_data:0", "reference:0", "trades:0")
IDENTITY = StateIdentity(
    "a", 1, 1, cluster_id="c", topic_ids={place.partition(":")[0]: "id" for place in PLACES}
)
TOPICS = TopicExtents(
    "c", IDENTITY.topic_ids, dict.fromkeys(PLACES, 0), dict.fromkeys(PLACES, 100), {}
)
LAST = LastRecord("5e" * 32, 1_000)


def state() -> StoredState:
    """Return the state of two books, at offset 40 of every partition."""
    feed = Feed(market_partitions=1)
    feed.send(*MARKET, portfolio("P", holding("A", 10.0)), portfolio("Q", holding("A", 1.0)))
    feed.send(tick("A", 101.0), rate("USD", 1.1))
    return StoredState(dict.fromkeys(PLACES, 40), dict(feed.rows), dict.fromkeys(PLACES, LAST))


def recovery(
    stored: StoredState, topics: TopicExtents, since: dict[str, int | None] | None = None
) -> Recovery:
    broken = broken_places(stored, breaks(stored, IDENTITY, topics), topics)
    return recovery_of(stored, topics, broken, since or {})


def beginnings(**at: int) -> TopicExtents:
    return replace(
        TOPICS, beginnings={p: at.get(p.partition(":")[0], 0) for p in TOPICS.beginnings}
    )


def test_a_gap_of_trades_goes_on_at_the_beginning_and_leaves_every_book_unknown():
    plan = recovery(state(), beginnings(trades=43))
    assert plan.offsets == {**dict.fromkeys(PLACES, 40), "trades:0": 43}
    assert plan.lost == (LostRange("trades:0", 40, 43),)
    assert plan.books == ("P", "Q")
    assert plan.reason.startswith("3 messages of trades:0 (offsets 40 to 42) are lost: state the")
    assert plan.replaced == ()
    after = StoredState(plan.offsets, {**state().state, **plan.rows})
    assert unknown_books(after) == {"P": plan.reason, "Q": plan.reason}
    snapshots = Book(after.offsets, after.state).revalue(fence=1, epoch=1).snapshots
    assert {snapshot.not_available for snapshot in snapshots} == {plan.reason}


def test_a_gap_of_prices_is_recorded_and_leaves_positions_known():
    plan = recovery(state(), beginnings(market_data=41))
    assert plan.lost == (LostRange("market_data:0", 40, 41),)
    assert plan.reason.startswith("the message of market_data:0 at offset 40 is lost")
    assert (plan.books, plan.rows) == ((), {})


def test_statements_that_wait_in_the_topic_were_made_before_the_recovery():
    plan = recovery(state(), beginnings(reference=50))
    lost = msgspec.json.decode(plan.rows[LOST_KEY], type=LostMessages)
    assert lost.until == {"reference:0": 100}
    assert lost.since_ns == max(
        msgspec.json.decode(row)["event_time_ns"]
        for key, row in state().state.items()
        if key.startswith(("quote:", "fx:"))
    )


def test_a_topic_that_was_made_again_is_read_from_its_beginning():
    again = replace(
        TOPICS, topic_ids={**IDENTITY.topic_ids, "trades": "another"}, ends={**TOPICS.ends}
    )
    plan = recovery(state(), again, {"trades:0": 0})
    assert plan.offsets["trades:0"] == 0
    assert plan.offsets["reference:0"] == 40
    assert plan.lost == (LostRange("trades:0", 40),)
    assert plan.replaced == ("trades",)
    assert plan.topic_ids["trades"] == "another"
    assert "messages of trades:0 from offset 40 on are lost" in plan.reason


def test_a_lost_tail_is_read_from_the_time_of_the_last_record():
    short = replace(TOPICS, ends={**TOPICS.ends, "trades:0": 35})
    assert recovery(state(), short, {"trades:0": 33}).offsets["trades:0"] == 33
    assert recovery(state(), short, {"trades:0": None}).offsets["trades:0"] == 35


def test_another_cluster_is_read_as_a_whole():
    plan = recovery(state(), replace(TOPICS, cluster_id="d"), dict.fromkeys(PLACES, 7))
    assert plan.offsets == dict.fromkeys(PLACES, 7)
    assert {each.place for each in plan.lost} == set(PLACES)
    assert plan.cluster_id == "d"
    assert "messages of fx_rates:0 from offset 40 on" in plan.reason


def test_partitions_that_are_gone_are_lost_and_others_go_on():
    stored = state()
    wide = replace(stored, offsets={**stored.offsets, "trades:1": 5})
    plan = recovery(wide, TOPICS)
    assert plan.offsets == dict.fromkeys(PLACES, 40)
    assert plan.lost == (LostRange("trades:1", 5),)
    assert plan.books == ("P", "Q")


def test_an_empty_database_starts_at_the_beginnings_and_opens_no_book_as_known():
    plan = recovery(StoredState({}, {}), beginnings(trades=3, reference=0))
    assert plan.offsets == {**dict.fromkeys(PLACES, 0), "trades:0": 3}
    assert plan.lost == (LostRange("trades:0", 0, 3),)
    assert list(plan.rows) == [LOST_KEY]
    feed = Feed(market_partitions=1)
    feed.rows.update(plan.rows)
    feed.restart(feed.next_offsets)
    feed.send(*MARKET, portfolio("P", holding("A", 10.0)))
    opened = msgspec.json.decode(feed.rows["portfolio:P"], type=PortfolioState)
    assert opened.positions_unknown == plan.reason


def test_a_second_recovery_replaces_the_reason_of_the_first():
    stored = state()
    first = recovery(stored, beginnings(trades=43))
    again = replace(stored, offsets=first.offsets, state={**stored.state, **first.rows})
    second = recovery(again, beginnings(trades=60))
    assert "(offsets 43 to 59)" in second.reason
    after = replace(again, state={**again.state, **second.rows})
    assert set(unknown_books(after).values()) == {second.reason}

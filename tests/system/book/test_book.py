"""The fold: each message applied, superseded, a duplicate, a mark, or rejected; and counted."""

from __future__ import annotations

import datetime as dt
from itertools import combinations

import msgspec
import pytest

from system.book.book import Book
from system.book.ingest import partitions
from system.book.ingest.batch_effects import MAX_DETAIL_LENGTH
from system.book.ingest.partitions import DEFAULT_MARK_WAIT_MS, NAMED_AFTER_MS
from system.book.state.errors import BarrierOverflowError
from system.book.state.events import Unreadable
from system.contracts.api.risk import current_risk
from system.contracts.messages import (
    AssetClass,
    Mark,
    RejectReason,
    RiskSnapshot,
    SnapshotKind,
    TradeAction,
)
from tests.system.book.feed import (
    DAY,
    HOUR_NS,
    WINDOW,
    Feed,
    at_ns,
    date_of,
    end_of_day,
    event,
    history,
    holding,
    home_of,
    instrument,
    live,
    mark,
    numbers,
    opened,
    partition_names,
    portfolio,
    rate,
    reasons,
    tick,
    trade,
    unreadable,
    walk,
)

# -- the fold ---------------------------------------------------------------------------------


def test_a_batch_of_nothing_does_nothing() -> None:
    feed = opened(holding("A", 1.0))
    fold = feed.fold({})
    assert (fold.snapshots, fold.rejected, fold.state, fold.intended_ns) == ((), (), {}, 0)
    assert fold.offsets == feed.next_offsets


def test_a_new_portfolio_is_valued_at_once() -> None:
    feed = Feed()
    fold = feed.send(instrument("A"), history("A", walk(1)), portfolio("P", holding("A", 2.0)))
    snapshot = live(fold)
    assert snapshot.nav == 2.0 * walk(1)[-1]
    assert snapshot.var is not None
    assert snapshot.asof == DAY - dt.timedelta(1)


def test_only_those_who_hold_it_are_valued_anew_by_a_tick() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(portfolio("Q", holding("B", 1.0)), portfolio("R", holding("cash:USD", 1.0)))
    fold = feed.send(tick("A", 101.0))
    assert [snapshot.portfolio for snapshot in fold.snapshots] == ["P"]
    fold = feed.send(rate("USD", 1.2))
    assert [snapshot.portfolio for snapshot in fold.snapshots] == ["Q"]


def test_a_portfolio_is_valued_once_per_batch_in_order_of_name() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(portfolio("O", holding("A", 1.0)))
    fold = feed.send(tick("A", 101.0), tick("A", 102.0, hour=16.0))
    assert [(snapshot.portfolio, snapshot.nav) for snapshot in fold.snapshots] == [
        ("O", 102.0),
        ("P", 102.0),
    ]


def test_a_snapshot_carries_its_place() -> None:
    feed = opened(holding("A", 1.0))
    fold = feed.book.fold({}, fence=3, epoch=7)
    fold = feed.book.revalue(fence=3, epoch=8)
    snapshot = live(fold)
    assert snapshot.snapshot_id == "P-3.8"
    assert (snapshot.fence, snapshot.epoch) == (3, 8)
    assert snapshot.offsets == feed.next_offsets == fold.offsets


def test_events_below_the_offsets_are_dropped() -> None:
    feed = opened(holding("A", 1.0))
    first = feed.send(tick("A", 101.0))
    counts = feed.book.ledger.topics()
    feed.next_offsets = dict.fromkeys(feed.names, 0)
    again = feed.fold({"reference:0": [instrument("Z")], "market_data:1": [tick("A", 5.0)]})
    assert again.snapshots == ()
    assert again.offsets == first.offsets
    assert feed.book.ledger.topics() == counts


def test_the_newest_intended_time_of_what_was_applied_is_told_once() -> None:
    feed = opened(holding("A", 1.0))
    late = msgspec.structs.replace(tick("A", 1.0, day=-3), intended_monotonic_ns=99)
    good = msgspec.structs.replace(tick("A", 101.0), intended_monotonic_ns=50)
    sold = trade("t", "A", -1.0, 5.0, intended_monotonic_ns=60)
    assert feed.send(good, late).intended_ns == 50
    assert feed.send(sold).intended_ns == 60
    assert feed.send(rate("USD", 1.1)).intended_ns == 0


def test_revaluing_tells_the_same_numbers_and_changes_nothing() -> None:
    feed = opened(holding("A", 1.0), holding("B", 2.0))
    before = live(feed.send(tick("A", 101.0)))
    fold = feed.book.revalue(fence=1, epoch=9)
    assert numbers(live(fold)) == numbers(before)
    assert fold.state == {}


# -- rejected -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (tick("Z", 1.0), RejectReason.UNKNOWN_INSTRUMENT),
        (tick("E", 1.0), RejectReason.INVALID),
        (tick("A", 1.0, day=-1), RejectReason.LATE),
        (tick("A", 1.0, day=30), RejectReason.TIME_FAR_OFF),
        (rate("EUR", 1.0), RejectReason.UNKNOWN_CURRENCY),
        (rate("GBp", 1.0), RejectReason.UNKNOWN_CURRENCY),
        (rate("USD", 1.0, day=-1), RejectReason.LATE),
        (rate("USD", 1.0, day=30), RejectReason.TIME_FAR_OFF),
        (trade("t", "Z", 1.0, 1.0), RejectReason.UNKNOWN_INSTRUMENT),
        (trade("t", "cash:nothing", 1.0, 1.0), RejectReason.UNKNOWN_INSTRUMENT),
        (trade("t", "A", 1.0, 1.0, "Q"), RejectReason.UNKNOWN_PORTFOLIO),
        (
            trade("t", "A", 1.0, 1.0, version=1, action="cancel"),
            RejectReason.UNKNOWN_TRADE,
        ),
        (instrument("A", AssetClass.ETF), RejectReason.CONFLICT),
        (instrument("fx:USD"), RejectReason.CONFLICT),
        (history("A", [1.0]), RejectReason.CONFLICT),
        (portfolio("P", holding("Z", 1.0)), RejectReason.UNKNOWN_INSTRUMENT),
        (portfolio("P", confidence="0.1"), RejectReason.INVALID),
        (Mark(date=dt.date(9999, 12, 31), event_time_ns=at_ns()), RejectReason.TIME_FAR_OFF),
        (unreadable(), RejectReason.NOT_JSON),
    ],
)
def test_what_is_rejected_is_kept_with_its_place_its_reason_and_its_bytes(message, reason) -> None:
    feed = opened(holding("A", 1.0))
    before = numbers(live(feed.book.revalue(fence=1, epoch=1)))
    fold = feed.send(message)
    (rejected,) = fold.rejected
    place = f"{rejected.topic}:{rejected.partition}"
    assert rejected.reason is reason
    assert rejected.detail
    assert rejected.offset == feed.next_offsets[place] - 1
    assert msgspec.json.decode(rejected.value) if reason is not RejectReason.NOT_JSON else True
    assert feed.counts(rejected.topic)["rejected"] == 1
    assert fold.offsets == feed.next_offsets
    assert [key for key in fold.state if key != "counters"] == []
    assert numbers(live(feed.book.revalue(fence=1, epoch=2))) == before


def test_a_conflicting_and_a_skipped_version_are_rejected() -> None:
    feed = opened(holding("A", 1.0))
    new = trade("t", "A", 1.0, 1.0)
    feed.send(new)
    other = msgspec.structs.replace(new, quantity=2.0)
    far = trade("t", "A", 1.0, 1.0, version=2, action="amend")
    assert reasons(feed.send(other, far)) == [RejectReason.CONFLICT, RejectReason.WRONG_VERSION]


def test_a_detail_is_bounded_and_the_message_is_not() -> None:
    feed = opened()
    fold = feed.send(Unreadable(RejectReason.INVALID, "unknown field " + "z" * 900_000))
    assert len(fold.rejected[0].detail) == MAX_DETAIL_LENGTH
    assert fold.rejected[0].value == "garbage"


def test_rejected_messages_come_in_the_order_of_partitions_and_offsets() -> None:
    feed = opened()
    fold = feed.fold(
        {
            "trades:0": [unreadable()],
            "market_data:1": [unreadable(), unreadable()],
            "reference:0": [unreadable()],
        }
    )
    places = [
        (rejection.topic, rejection.partition, rejection.offset) for rejection in fold.rejected
    ]
    assert places == [
        ("reference", 0, feed.next_offsets["reference:0"] - 1),
        ("market_data", 1, 0),
        ("market_data", 1, 1),
        ("trades", 0, 0),
    ]


def test_the_counts_add_up_to_the_messages() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(
        0,
        tick("A", 1.0),
        tick("A", 1.0),
        tick("A", 1.0, hour=10.0),
        tick("Z", 1.0),
        unreadable(),
        rate("USD", 1.0),
        rate("EUR", 1.0),
        trade("t", "A", 1.0, 1.0),
        trade("t", "A", 1.0, 1.0),
    )
    feed.close(0)
    assert feed.counts("market_data") == {
        "applied": 1,
        "duplicate": 1 + 2,
        "superseded": 1,
        "rejected": 2,
        "mark": 2,
    }
    assert feed.counts("fx_rates") == {"applied": 1, "rejected": 1, "mark": 1, "duplicate": 1}
    assert feed.counts("trades") == {"applied": 1, "duplicate": 1 + 1, "mark": 1}
    total = sum(sum(feed.counts(topic).values()) for topic in feed.book.ledger.topics())
    assert total == sum(feed.next_offsets.values())


# -- the barrier --------------------------------------------------------------------------------


def test_what_stands_behind_a_mark_waits_until_the_mark_is_everywhere() -> None:
    feed = opened(holding("A", 1.0))
    home = next(name for name in feed.names if name.startswith("market"))
    fold = feed.fold({home: [mark(), tick("A", 500.0, day=1)]})
    assert fold.snapshots == ()
    assert fold.offsets[home] == 0
    assert fold.waiting_for == tuple(name for name in feed.names if name != home)
    rest = {name: [mark()] for name in feed.names if name != home}
    fold = feed.fold(rest)
    assert fold.waiting_for == ()
    assert end_of_day(fold).nav == walk(1)[-1]
    assert live(fold).nav == 500.0
    assert fold.offsets == feed.next_offsets


def test_an_end_of_day_is_taken_exactly_at_its_mark() -> None:
    """The offsets of the snapshot are those behind the marks, whatever else the batch held."""
    feed = opened(holding("A", 1.0))
    behind = {name: [mark()] for name in feed.names}
    behind["market_data:0"].append(tick("A", 500.0, day=1))
    at_mark = {name: feed.next_offsets[name] + 1 for name in feed.names}
    snapshot = end_of_day(feed.fold(behind))
    assert snapshot.offsets == at_mark
    assert snapshot.event_time_ns == at_ns(0, 21.0)
    assert (snapshot.asof, snapshot.snapshot_id) == (DAY, "P-eod-2020-02-03")


def test_two_days_in_one_batch_are_two_ends_of_day() -> None:
    feed = opened(holding("A", 1.0))
    both = [tick("A", 101.0), mark(0), tick("A", 102.0, day=1), mark(1)]
    other = [mark(0), mark(1)]
    rows = dict.fromkeys(feed.names, other) | {"market_data:0": both}
    fold = feed.fold(rows)
    assert [(snapshot.kind, snapshot.asof, snapshot.nav) for snapshot in fold.snapshots] == [
        (SnapshotKind.END_OF_DAY, date_of(0), 101.0),
        (SnapshotKind.END_OF_DAY, date_of(1), 102.0),
    ]


def test_the_mark_of_a_closed_day_is_a_duplicate() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(1)
    fold = feed.close(0)
    assert fold.snapshots == ()
    assert feed.counts("trades") == {"mark": 1, "duplicate": 1}
    assert feed.book.market.day is not None
    assert feed.book.market.day.date == date_of(1)


def test_a_partition_that_missed_a_mark_is_overtaken_by_its_next() -> None:
    """Day 0 never came to trades:0: it is closed when everybody has some later mark."""
    feed = opened(holding("A", 1.0))
    fold = feed.fold({name: [mark(0)] for name in feed.names if name != "trades:0"})
    assert fold.snapshots == ()
    fold = feed.fold({"trades:0": [mark(1)]})
    assert end_of_day(fold).asof == date_of(0)
    assert fold.waiting_for == tuple(name for name in feed.names if name != "trades:0")
    fold = feed.fold({name: [mark(1)] for name in feed.names if name != "trades:0"})
    assert end_of_day(fold).asof == date_of(1)


def test_a_stray_mark_far_ahead_in_one_partition_blocks_nobody() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(0)
    feed.fold({"trades:0": [mark(400), trade("t", "A", 1.0, 1.0)]})
    fold = feed.close(1)
    assert [(rejection.topic, rejection.reason) for rejection in fold.rejected] == [
        ("trades", RejectReason.TIME_FAR_OFF)
    ]
    assert str(date_of(1)) in fold.rejected[0].detail
    assert end_of_day(fold).asof == date_of(1)
    assert fold.offsets == feed.next_offsets
    assert feed.counts("trades") == {"applied": 1, "rejected": 1, "mark": 2}


def test_all_partitions_may_move_on_by_more_than_any_holiday() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(0)
    fold = feed.close(400)
    assert fold.rejected == ()
    assert end_of_day(fold).asof == date_of(400)


def test_more_than_is_kept_behind_a_mark_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The state ends where the first one is that was not kept; what was kept is applied."""
    monkeypatch.setattr(partitions, "MAX_HELD_EVENTS", 5)
    feed = opened(holding("A", 1.0))
    behind = [rate("USD", 1.0 + index / 100, day=1, hour=index) for index in range(1, 9)]
    fold = feed.fold({"fx_rates:0": [mark()]})
    fold = feed.fold({"fx_rates:0": behind})
    assert fold.held == ("fx_rates:0",)
    feed.book.check_kept()
    at_mark = fold.offsets["fx_rates:0"]
    fold = feed.fold({name: [mark()] for name in feed.names if name != "fx_rates:0"})
    assert end_of_day(fold).asof == DAY
    assert fold.offsets["fx_rates:0"] == at_mark + 5
    with pytest.raises(BarrierOverflowError, match="fx_rates:0"):
        feed.book.check_kept()
    feed.restart(fold.offsets)
    again = [event(at_mark + 5 + index, one) for index, one in enumerate(behind[4:])]
    fold = feed.fold_events({"fx_rates:0": again})
    feed.book.check_kept()
    assert fold.offsets == feed.next_offsets
    assert feed.book.market.rates["USD"].price == 1.08


# -- a mark that came to some partitions only -----------------------------------------------------


def stray_feed() -> tuple[Feed, str, str]:
    """Return a feed whose A and B lie in two partitions, and these."""
    feed = opened(holding("A", 1.0), holding("D", 1.0))
    home, other = (home_of(tick(name, 1.0), feed.names) for name in ("A", "D"))
    assert home != other
    feed.now_ms = 1_000
    return feed, home, other


def test_a_mark_in_one_partition_times_out_and_what_waits_is_applied() -> None:
    feed, home, other = stray_feed()
    feed.send(tick("A", 100.0), tick("D", 3_000.0))
    feed.fold({home: [mark(0, hour=15.5), tick("A", 101.0, hour=16.0)]})
    feed.now_ms += DEFAULT_MARK_WAIT_MS
    fold = feed.fold({other: [tick("D", 3_001.0, hour=16.0)]})
    assert fold.rejected == ()
    assert price_of(live(fold), "A") == 100.0
    feed.now_ms += 1
    fold = feed.fold({other: [tick("D", 3_002.0, hour=16.1)]})
    assert reasons(fold) == [RejectReason.INCOMPLETE_MARK]
    assert "2020-02-03" in fold.rejected[0].detail
    assert price_of(live(fold), "A") == 101.0
    assert fold.offsets == feed.next_offsets
    fold = feed.close(0)
    assert end_of_day(fold).asof == DAY, "the day's own mark closes it"
    assert price_of(end_of_day(fold), "A") == 101.0


SOME_PARTITIONS = [
    names
    for count in range(1, len(partition_names()))
    for names in combinations(partition_names(), count)
]


@pytest.mark.parametrize("marked", SOME_PARTITIONS, ids="+".join)
def test_a_mark_in_some_partitions_holds_none_of_them_for_ever(marked: tuple[str, ...]) -> None:
    """Whichever they are, and whichever of the others goes on."""
    for other in set(partition_names()) - set(marked):
        feed = opened(holding("A", 1.0))
        feed.now_ms = 1_000
        feed.fold({name: [mark(0), unreadable()] for name in marked})
        feed.now_ms += DEFAULT_MARK_WAIT_MS + 1
        fold = feed.fold({other: [unreadable()]})
        assert reasons(fold).count(RejectReason.INCOMPLETE_MARK) == len(marked)
        assert (fold.offsets, fold.held) == (feed.next_offsets, ())
        assert end_of_day(feed.close(0)).asof == DAY


def test_a_mark_that_lacks_one_partition_is_rejected_in_all_others() -> None:
    feed, _, other = stray_feed()
    feed.fold({name: [mark(0)] for name in feed.names if name != other})
    feed.now_ms += DEFAULT_MARK_WAIT_MS + 1
    fold = feed.fold({other: [tick("D", 3_001.0, hour=16.0)]})
    assert reasons(fold) == [RejectReason.INCOMPLETE_MARK] * (len(feed.names) - 1)
    assert fold.held == ()
    assert end_of_day(feed.close(0)).asof == DAY


def test_quotes_behind_a_waiting_mark_are_named_stale_until_they_count() -> None:
    """Also in a snapshot of their own: no tick of the partition would touch the book."""
    feed, home, other = stray_feed()
    feed.send(tick("A", 100.0), tick("D", 3_000.0))
    fold = feed.fold({home: [mark(0, hour=15.5), tick("A", 101.0, hour=16.0)]})
    assert fold.snapshots == (), "marks come within milliseconds of one another"
    feed.now_ms += NAMED_AFTER_MS + 1
    fold = feed.fold({home: [tick("A", 102.0, hour=16.1)]})
    snapshot = live(fold)
    assert snapshot.stale == ("A",)
    (row,) = (row for row in snapshot.positions if row.instrument == "A")
    assert (row.price, row.stale_since_ns) == (100.0, at_ns(0, 15.0))
    feed.now_ms += DEFAULT_MARK_WAIT_MS
    snapshot = live(feed.fold({other: [tick("D", 3_001.0, hour=16.2)]}))
    assert snapshot.stale == ()
    assert price_of(snapshot, "A") == 102.0


def test_trades_behind_a_waiting_mark_are_named_in_the_snapshots_of_their_book() -> None:
    feed, _, other = stray_feed()
    feed.send(tick("A", 100.0), portfolio("Q", holding("A", 1.0)))
    feed.fold({"trades:0": [mark(0), trade("t", "A", 5.0, 100.0), trade("u", "A", 1.0, 1.0, "Z")]})
    feed.now_ms += NAMED_AFTER_MS + 1
    fold = feed.send(tick("A", 101.0, hour=16.0))
    assert live(fold).waiting_trades == ("A",)
    assert not current_risk(live(fold)).complete
    assert live(fold, "Q").waiting_trades == ()
    assert "A" not in live(fold).stale, "its price is current"
    feed.now_ms += DEFAULT_MARK_WAIT_MS
    fold = feed.fold({other: [tick("D", 3_001.0, hour=16.2)]})
    assert live(fold).waiting_trades == ()
    assert live(fold).trade_ids == ("t",)


def test_an_end_of_day_names_nothing_that_waits_behind_its_mark() -> None:
    feed, home, _ = stray_feed()
    feed.send(tick("A", 100.0, hour=20.5), tick("D", 3_000.0, hour=20.5))
    feed.fold({home: [mark(0), tick("A", 101.0, day=1)]})
    feed.now_ms += NAMED_AFTER_MS + 1
    assert live(feed.fold({home: [tick("A", 102.0, day=1, hour=16.0)]})).stale == ("A",)
    fold = feed.fold({name: [mark(0)] for name in feed.names if name != home})
    assert end_of_day(fold).stale == ()
    assert live(fold).stale == ()


def test_how_far_a_partition_has_come_survives_a_restart() -> None:
    """Else a mark that is incomplete would be waited for once more by the next driver."""
    feed, home, _other = stray_feed()
    feed.now_ms = 10 * DEFAULT_MARK_WAIT_MS
    fold = feed.send(tick("D", 3_000.0))
    feed.restart(fold.offsets)
    early = event(feed.next_offsets[home], mark(0))._replace(appended_at_ms=1_000)
    fold = feed.fold_events({home: [early]})
    assert reasons(fold) == [RejectReason.INCOMPLETE_MARK]


def price_of(snapshot: RiskSnapshot, name: str) -> float:
    (row,) = (row for row in snapshot.positions if row.instrument == name)
    return row.price


# -- closes ---------------------------------------------------------------------------------------


def test_the_window_rolls_at_the_mark_and_not_before() -> None:
    feed = opened(holding("A", 1.0))
    before = live(feed.send(tick("A", 50.0)))
    assert before.scenario_date is not None
    assert before.scenario_date < DAY
    after = end_of_day(feed.close(0))
    assert after.tail[0].date == DAY
    assert after.scenario_count == WINDOW
    assert after.tail[0].pnl == pytest.approx(50.0 * (50.0 / walk(1)[-1] - 1.0))


def test_a_day_without_a_tick_is_no_scenario_day_of_its_holders() -> None:
    feed = opened(holding("A", 1.0), holding("D", 1.0))
    snapshot = end_of_day(feed.close(0, tick("A", 50.0)))
    assert DAY not in {point.date for point in snapshot.tail}
    assert "D" in snapshot.stale
    assert snapshot.asof == DAY


# -- settings -------------------------------------------------------------------------------------


def test_settings_wait_for_the_barrier() -> None:
    feed = opened(holding("A", 1.0))
    asked = portfolio("P", holding("A", 1.0), window=4, confidence="0.75")
    fold = feed.send(asked)
    assert (fold.snapshots, fold.rejected) == ((), ())
    before = live(feed.send(tick("A", 100.0)))
    assert (before.window, before.confidence, before.nav) == (WINDOW, "0.8", 100.0)
    fold = feed.close(0)
    assert end_of_day(fold).window == WINDOW
    assert (live(fold).window, live(fold).confidence, live(fold).nav) == (4, "0.75", 100.0)


def test_stated_positions_are_held_at_once_and_their_settings_wait() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(tick("A", 100.0))
    stated = live(feed.send(portfolio("P", holding("A", 3.0), window=6)))
    assert (stated.window, stated.nav) == (WINDOW, 300.0)
    fold = feed.close(0)
    assert (end_of_day(fold).window, end_of_day(fold).nav) == (WINDOW, 300.0)
    assert (live(fold).window, live(fold).nav) == (6, 300.0)


def test_settings_that_are_asked_for_again_are_a_duplicate() -> None:
    feed = opened(holding("A", 1.0))
    asked = portfolio("P", holding("A", 3.0))
    feed.send(asked, asked)
    feed.send(portfolio("P", holding("A", 1.0)))
    fold = feed.close(0)
    assert feed.counts("reference")["duplicate"] == 1
    assert end_of_day(fold).nav == live(fold).nav


def test_the_last_settings_before_the_barrier_are_those_in_force() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(portfolio("P", holding("A", 3.0)), portfolio("P", holding("A", 4.0)))
    feed.close(0)
    assert feed.book.portfolios["P"].definition.positions == (holding("A", 4.0),)


def test_trades_survive_new_settings() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(trade("t", "A", 5.0, 100.0), portfolio("P", holding("A", 1.0), window=6))
    fold = feed.close(0, tick("A", 100.0))
    assert live(fold).positions[0].quantity == 6.0
    assert live(fold).window == 6


def test_another_base_currency_compares_nothing_with_the_day_before() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(0, tick("A", 100.0), rate("USD", 1.25))
    feed.send(portfolio("P", holding("A", 1.0), base_currency="EUR"))
    fold = feed.close(1, tick("A", 100.0, day=1), rate("USD", 1.25, day=1))
    assert (end_of_day(fold).base_currency, live(fold).base_currency) == ("USD", "EUR")
    assert live(fold).nav == 80.0
    snapshot = end_of_day(feed.close(2))
    assert (snapshot.daily_pnl, snapshot.hypothetical_pnl) == (None, None)
    assert (snapshot.previous_var, snapshot.breach) == (None, None)
    assert end_of_day(feed.close(3)).daily_pnl == 0.0


def test_a_history_that_comes_later_gives_the_number_that_was_missing() -> None:
    feed = opened()
    feed.send(instrument("N"), portfolio("Q", holding("N", 1.0)))
    first = live(feed.book.revalue(fence=1, epoch=50), "Q")
    assert (first.var, first.not_available) == (None, "no price or rate yet for N")
    second = live(feed.send(history("N", walk(9))), "Q")
    assert second.var is not None
    assert second.stale == ("N",)


def test_stale_prices_are_named_with_their_time() -> None:
    feed = opened(holding("A", 1.0), holding("D", 1.0), market_partitions=1, stale_after_ns=HOUR_NS)
    feed.send(tick("A", 100.0, hour=10.0), tick("D", 3000.0, hour=10.0))
    snapshot = live(feed.send(tick("A", 100.0, hour=12.0)))
    assert snapshot.stale == ("D",)
    since = {position.instrument: position.stale_since_ns for position in snapshot.positions}
    assert since == {"A": None, "D": at_ns(0, 10.0)}


def test_an_unreadable_state_is_refused_by_the_name_of_its_row() -> None:
    with pytest.raises(Exception, match="quote:A"):
        Book({"trades:0": 0}, {"quote:A": b'{"price":1}'})


# -- trades ------------------------------------------------------------------------------------


def test_a_trade_is_in_the_next_snapshot_and_names_itself() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(tick("A", 100.0))
    snapshot = live(feed.send(trade("t-1", "A", 2.0, 100.0), trade("t-2", "A", 1.0, 100.0)))
    assert snapshot.trade_ids == ("t-1", "t-2")
    assert snapshot.positions[0].quantity == 4.0
    assert snapshot.nav == 100.0
    assert live(feed.send(tick("A", 101.0, hour=16.0))).trade_ids == ()


def test_a_trade_that_comes_twice_moves_the_book_once() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(tick("A", 100.0))
    bought = trade("t-1", "A", 2.0, 100.0)
    once = live(feed.send(bought))
    assert feed.send(bought).snapshots == ()
    again = live(feed.send(tick("A", 100.0, hour=16.0)))
    assert again.positions[0].quantity == once.positions[0].quantity == 3.0
    assert again.var == once.var


def test_a_trade_right_before_a_mark_is_named_by_the_end_of_day() -> None:
    feed = opened(holding("A", 1.0))
    fold = feed.close(0, trade("t-1", "A", 2.0, 100.0))
    assert end_of_day(fold).trade_ids == ("t-1",)


@pytest.mark.parametrize("action", [TradeAction.AMEND, TradeAction.CANCEL])
def test_a_change_of_a_trade_is_a_recomputation_from_scratch(action: TradeAction) -> None:
    opening = (holding("A", 1.0), holding("cash:USD", 10.0))
    changed = opened(*opening)
    first, later = trade("t-1", "A", 2.5, 90.0), trade("t-2", "A", -3.0, 103.0)
    new = msgspec.structs.replace(first, version=1, action=action, quantity=0.7, price=91.0)
    changed.send(first, later)
    result = live(changed.send(new))
    plain = opened(*opening)
    if action is TradeAction.AMEND:
        plain.send(msgspec.structs.replace(new, version=0, action=TradeAction.NEW))
    expected = live(plain.send(later))
    assert numbers(result) == numbers(expected)

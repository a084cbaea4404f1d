"""The oracle's number: from the topics alone, at any offsets, and never a rubber stamp."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from system.contracts.messages import RiskSnapshot, SnapshotKind, TradeAction
from system.contracts.oracle import OracleVerdict
from tests.system.book.feed import (
    history,
    holding,
    instrument,
    live,
    mark,
    portfolio,
    rate,
    tick,
    trade,
    walk,
)
from tests.system.book.folded import DATA, folds
from tests.system.book.state.test_sessions import sessions
from tests.validation.oracle.recorded import (
    HELD,
    RecordedFeed,
    foreign_and_optional,
    opened_and_recorded,
)
from validation.oracle.inputs_at import OffsetCursor
from validation.oracle.snapshot_check import checked


def lively(base_currency: str) -> RecordedFeed:
    """Days with ticks, rates, trades, a repeated and a late tick, other settings, two closes."""
    feed = opened_and_recorded(base_currency)
    feed.send(tick("A", 101.0), rate("USD", 1.12), tick("C", 905.0))
    feed.send(tick("A", 101.0), tick("A", 55.0, hour=14.0), tick("B", 97.0, hour=16.0))
    bought = trade("t-1", "A", 5.0, 100.5)
    feed.send(bought, trade("t-2", "D", -1.0, 3_010.0))
    feed.send(msgspec.structs.replace(bought, version=1, action=TradeAction.AMEND, quantity=7.0))
    feed.send(portfolio("P", *HELD, base_currency=base_currency, window=6))
    behind = {name: [mark(0)] for name in feed.names}
    behind["market_data:0"].append(tick("A", 99.0, day=1))
    feed.fold(behind)
    feed.send(rate("GBP", 0.83, day=1), tick("D", 2_950.0, day=1), trade("t-3", "C", -60.0, 890.0))
    feed.close(1, tick("B", 96.0, day=1))
    feed.send(tick("A", 98.0, day=2))
    return feed


def check_all(feed: RecordedFeed, snapshots: list[RiskSnapshot]) -> list[OracleVerdict]:
    walk, verdicts = OffsetCursor(), []
    walk.add(feed.records)
    for snapshot in snapshots:
        walk.go_to(snapshot.offsets, snapshot.kind)
        verdicts.append(checked(snapshot, walk.inputs, now_ms=0).verdict)
    return verdicts


@pytest.mark.parametrize("base_currency", ["USD", "EUR"])
def test_every_snapshot_of_a_lively_day_is_recomputed_from_the_topics(base_currency: str) -> None:
    feed = lively(base_currency)
    verdicts = check_all(feed, feed.announced)
    assert verdicts == [OracleVerdict.AGREED] * len(feed.announced)
    assert len(verdicts) > 8


@pytest.mark.parametrize("base_currency", ["USD", "EUR", "JPY"])
def test_options_a_yen_and_pence_among_them_are_recomputed_from_the_topics(
    base_currency: str,
) -> None:
    feed = foreign_and_optional(base_currency)
    assert check_all(feed, feed.announced) == [OracleVerdict.AGREED] * len(feed.announced)
    [*_, last] = feed.announced
    options = [row.option for row in last.positions if row.option is not None]
    assert {option.is_implied for option in options} == {True, False}
    assert {option.moves_volatility for option in options} == {True, False}
    assert min(option.days_to_expiry for option in options) < 0
    assert last.proxied == ("N=C",)
    assert [stressed.var is not None for stressed in last.stressed] == [True]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda snapshot: with_option(snapshot, "B.PUT", "unit", "vega"),
        lambda snapshot: with_option(snapshot, "Y.CALL", "position", "gamma"),
        lambda snapshot: msgspec.structs.replace(snapshot, greeks=off(snapshot.greeks, "theta")),
        lambda snapshot: msgspec.structs.replace(
            snapshot, stressed=(off(snapshot.stressed[0], "var"),)
        ),
        lambda snapshot: msgspec.structs.replace(snapshot, stressed=()),
        lambda snapshot: msgspec.structs.replace(
            snapshot,
            positions=tuple(off(row, "price") if row.option else row for row in snapshot.positions),
        ),
    ],
    ids=["vega", "gamma", "theta of the book", "stressed", "no stressed", "premium"],
)
def test_a_number_beside_var_that_is_off_by_a_millionth_differs(
    wrong: Callable[[RiskSnapshot], RiskSnapshot],
) -> None:
    feed = foreign_and_optional()
    [*_, last] = feed.announced
    assert last.kind is SnapshotKind.END_OF_DAY
    assert check_all(feed, [wrong(last)]) == [OracleVerdict.DIFFERS]


def with_option(snapshot: RiskSnapshot, name: str, greeks: str, field: str) -> RiskSnapshot:
    rows = tuple(
        msgspec.structs.replace(
            row,
            option=msgspec.structs.replace(
                row.option, **{greeks: off(getattr(row.option, greeks), field)}
            ),
        )
        if row.instrument == name
        else row
        for row in snapshot.positions
    )
    return msgspec.structs.replace(snapshot, positions=rows)


def off(part: msgspec.Struct, field: str) -> msgspec.Struct:
    """Return a struct with one number off by a millionth."""
    return msgspec.structs.replace(part, **{field: getattr(part, field) * (1.0 + 1e-6)})


def test_looking_at_some_snapshots_only_gives_the_same_answers() -> None:
    feed = lively("USD")
    assert set(check_all(feed, feed.announced[2::3])) == {OracleVerdict.AGREED}


@pytest.mark.parametrize("field", ["var", "nav", "expected_shortfall"])
def test_a_number_that_is_off_by_a_millionth_differs(field: str) -> None:
    feed = lively("USD")
    wrong = [
        msgspec.structs.replace(snapshot, **{field: getattr(snapshot, field) * (1.0 + 1e-6)})
        for snapshot in feed.announced
    ]
    assert set(check_all(feed, wrong)) == {OracleVerdict.DIFFERS}


def test_a_component_in_the_wrong_place_differs_and_is_named() -> None:
    feed = lively("USD")
    snapshot = feed.announced[-1]
    first, second, *rest = snapshot.positions
    swapped = (
        msgspec.structs.replace(first, component_var=second.component_var),
        msgspec.structs.replace(second, component_var=first.component_var),
        *rest,
    )
    walk = OffsetCursor()
    walk.add(feed.records)
    walk.go_to(snapshot.offsets, snapshot.kind)
    wrong = msgspec.structs.replace(snapshot, positions=swapped)
    verdict = checked(wrong, walk.inputs, now_ms=7)
    assert verdict.verdict is OracleVerdict.DIFFERS
    assert "component A" in verdict.detail
    assert verdict.checked_at_ms == 7


def test_numbers_of_the_batch_before_differ() -> None:
    feed = opened_and_recorded()
    before = live(feed.send(tick("A", 101.0)))
    after = live(feed.send(tick("A", 90.0, hour=16.0)))
    late = msgspec.structs.replace(before, offsets=after.offsets)
    assert check_all(feed, [late]) == [OracleVerdict.DIFFERS]


def test_other_settings_than_those_on_the_topics_differ() -> None:
    feed = opened_and_recorded()
    snapshot = live(feed.send(tick("A", 101.0)))
    other = msgspec.structs.replace(snapshot, confidence="0.9")
    assert check_all(feed, [other]) == [OracleVerdict.DIFFERS]
    assert check_all(feed, [msgspec.structs.replace(snapshot, portfolio="Q")]) == [
        OracleVerdict.DIFFERS
    ]


def test_what_cannot_be_recomputed_is_not_yet_checked() -> None:
    feed = RecordedFeed()
    fold = feed.send(portfolio("P", holding("cash:USD", 5.0)))
    assert check_all(feed, [live(fold)]) == [OracleVerdict.UNCHECKED]
    unpriced = msgspec.structs.replace(live(fold), missing=("A",))
    assert check_all(feed, [unpriced]) == [OracleVerdict.UNCHECKED]


def test_a_book_whose_scenarios_all_tie_is_judged_by_its_values() -> None:
    feed = opened_and_recorded()
    fold = feed.send(portfolio("Q", holding("cash:USD", 5.0)))
    assert check_all(feed, [live(fold, "Q")]) == [OracleVerdict.AGREED]


def test_a_halted_share_and_what_follows_are_recomputed_from_the_topics() -> None:
    feed = RecordedFeed()
    for fold in folds(feed, DATA / "windows" / "halted-share.jsonl"):
        assert fold.rejected == ()
    carried = [snapshot for snapshot in feed.announced if snapshot.carried]
    assert {snapshot.portfolio for snapshot in carried} == {"N"}
    assert check_all(feed, feed.announced) == [OracleVerdict.AGREED] * len(feed.announced)


def test_a_var_of_a_book_that_lacks_too_many_closes_differs() -> None:
    """A goes on for two weeks, B falls silent, and C, which is not in session, may."""
    feed = RecordedFeed()
    closed = [day for day in range(-10, 20) if not 0 <= day <= 11]
    table = sessions("XTKS", 6.0, closed, last=19)
    feed.send(
        instrument("A"),
        instrument("B"),
        msgspec.structs.replace(instrument("C"), exchange="XTKS"),
        table,
        *(history(name, walk(seed)) for seed, name in enumerate("ABC")),
        portfolio("P", holding("A", 1.0), holding("B", 1.0)),
        portfolio("Q", holding("A", 1.0), holding("C", 1.0)),
    )
    for day in range(12):
        feed.close(day, tick("A", 100.0 + day, day=day))
    without_var = [snapshot for snapshot in feed.announced if snapshot.var is None]
    refused = [snapshot for snapshot in without_var if snapshot.portfolio == "P"]
    assert len(refused) == 5
    assert set(check_all(feed, refused)) == {OracleVerdict.UNCHECKED}
    stated = [msgspec.structs.replace(snapshot, var=1.0) for snapshot in refused]
    assert set(check_all(feed, stated)) == {OracleVerdict.DIFFERS}
    others = [snapshot for snapshot in feed.announced if snapshot not in refused]
    assert {snapshot.var is None for snapshot in others} == {False}
    assert check_all(feed, others) == [OracleVerdict.AGREED] * len(others)

"""With and without closing of trades a book states the same, to the bit, over random histories."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from system.book import closing
from system.contracts.messages import Portfolio, RejectReason, Trade, TradeAction
from tests.system.book.feed import (
    Feed,
    Sent,
    at_ns,
    date_of,
    holding,
    numbers,
    opened,
    portfolio,
    reasons,
    tick,
    trade,
)
from tests.system.book.state.test_adjustments import dividend, option, split
from tests.system.book.test_closing import OPEN, QUOTES, now

DAYS = 7
TRADED = ("A", "A", "B", "C", "D", "D", "E", "cash:GBP", "CALL")
EXACT = ("A", "A", "B", "D", "E", "cash:GBP")
hours = st.integers(1, 20).map(float)


@st.composite
def orders(draw: st.DrawFn, day: int, *, exact: bool) -> Trade:
    """A trade of its session, or one that comes late where all sums are exact."""
    name = draw(st.sampled_from(EXACT if exact else TRADED))
    action = draw(st.sampled_from([TradeAction.NEW, TradeAction.NEW, *TradeAction]))
    quantity = draw(st.integers(-12, 12).filter(bool))
    earliest = 0 if exact else day
    made = st.builds(at_ns, st.integers(earliest, day), hours)
    return trade(
        f"{draw(st.integers(1, 9))}-{name}",
        name,
        quantity / (4 if exact else 7),
        draw(st.integers(60, 160)) / (2 if exact else 3),
        version=0 if action is TradeAction.NEW else draw(st.integers(1, 2)),
        action=action,
        event_time_ns=draw(st.just(0) | made),
    )


@st.composite
def imports(draw: st.DrawFn, day: int, *, exact: bool) -> Portfolio:
    names = EXACT if exact else TRADED
    pool = st.sampled_from([*names, "cash:USD"])
    sizes = st.integers(-12, 12).filter(bool).map(lambda n: n / 4)
    book = portfolio(
        "P", *(holding(name, size) for name, size in draw(st.dictionaries(pool, sizes)).items())
    )
    kind = draw(st.sampled_from(["none", "as_of_ns", "as_of_day"]))
    if kind == "none":
        return book
    earliest = day - OPEN - 2
    if kind == "as_of_day":
        return msgspec.structs.replace(book, as_of_day=date_of(draw(st.integers(earliest, day))))
    moment = at_ns(draw(st.integers(earliest, day)), draw(hours))
    return msgspec.structs.replace(book, as_of_ns=moment)


@st.composite
def histories(draw: st.DrawFn, *, exact: bool) -> list[list[Sent]]:
    days: list[list[Sent]] = []
    for day in range(DAYS):
        kinds = orders(day, exact=exact)
        messages = draw(st.lists(st.one_of(kinds, kinds, imports(day, exact=exact)), max_size=5))
        acts = [
            split("A", 2.0, day=day + 1, last=day),
            dividend("A", 0.25, day=day + 1, last=day),
            split("B", 0.5, day=day + 1, last=day),
        ]
        days.append([*draw(st.lists(st.sampled_from(acts), unique=True, max_size=1)), *messages])
    return days


def run(
    days: list[list[Sent]], *, sessions: int, restarts: frozenset[int] = frozenset(), left_out=()
) -> tuple[list[object], list[Sent]]:
    """Return all that a book states, and the messages that closing rejects."""
    stated: list[object] = []
    refused: list[Sent] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "OPEN_SESSIONS", sessions)
        feed = opened(holding("A", 10.0), holding("D", 1.0, 2990.0))
        feed.send(option("CALL", 100.0), *QUOTES, tick("B", 52.0), tick("C", 905.0))
        for day, messages in enumerate(days):
            for message in messages:
                if any(message is other for other in left_out):
                    continue
                fold = feed.send(message)
                if RejectReason.LATE in reasons(fold):
                    refused.append(message)
                stated.append([reason for reason in reasons(fold) if reason != "late"])
                stated.append(facts(feed))
            ends = feed.close(day).snapshots
            stated.append([numbers(snapshot) for snapshot in ends])
            if day in restarts:
                feed.restart(feed.next_offsets)
            stated += [facts(feed), numbers(now(feed))]
    return stated, refused


def facts(feed: Feed) -> object:
    """Return what a portfolio holds, has cost and has realised, to the bit."""
    book = feed.book.portfolios["P"]
    basis = {
        name: (each.quantity.hex(), each.average_cost.hex())
        for name, each in book.positions.basis.items()
    }
    realised = {
        name: (each.currency, each.amount.hex()) for name, each in book.positions.realised.items()
    }
    return (basis, realised, book.definition)


def assert_same(days: list[list[Sent]], restarts: frozenset[int]) -> None:
    rolled, refused = run(days, sessions=OPEN, restarts=restarts)
    rolled = rolled if not refused else run(days, sessions=OPEN, left_out=refused)[0]
    plain, late = run(days, sessions=1_000, left_out=refused)
    assert late == []
    assert rolled == plain


slow = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@given(histories(exact=False), st.frozensets(st.integers(0, DAYS), max_size=3))
@slow
def test_with_and_without_closing_a_book_states_the_same_to_the_bit(days, restarts) -> None:
    assert_same(days, restarts)


@given(histories(exact=True), st.frozensets(st.integers(0, DAYS), max_size=3))
@slow
def test_trades_that_come_late_settle_the_same_with_and_without_closing(days, restarts) -> None:
    """All sums are exact here, so that the order in which cash is added up does not show."""
    assert_same(days, restarts)

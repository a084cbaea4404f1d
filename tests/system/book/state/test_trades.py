"""Each trade counts once per (id, version), in the order in which ids first came."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.state import trades as module
from system.book.state.quotes import QuoteOutcome
from system.book.state.rows import TradeState
from system.book.state.trades import TradeLedger
from system.contracts.messages import RejectReason, Trade, TradeAction
from system.errors import MessageError
from tests.system.book.feed import trade

NEW = trade("t", "A", 1.0, 10.0)


def amended(before: Trade, **changes: object) -> Trade:
    fields = {"version": before.version + 1, "action": TradeAction.AMEND, **changes}
    return msgspec.structs.replace(before, **fields)


def cancelled(before: Trade) -> Trade:
    return amended(before, action=TradeAction.CANCEL)


def refusal(ledger: TradeLedger, message: Trade) -> RejectReason:
    before = ledger.counting(message.portfolio)
    with pytest.raises(MessageError) as caught:
        ledger.book(message)
    assert message.trade_id in caught.value.detail or message.portfolio in caught.value.detail
    assert ledger.counting(message.portfolio) == before
    return RejectReason(caught.value.reason)


@pytest.fixture
def ledger() -> TradeLedger:
    empty = TradeLedger()
    empty.book(NEW)
    return empty


def test_a_new_trade_counts(ledger: TradeLedger) -> None:
    assert ledger.counting("P") == (NEW,)
    assert ledger.counting("Q") == ()


def test_the_same_message_again_is_a_duplicate(ledger: TradeLedger) -> None:
    assert ledger.book(NEW) == (None, QuoteOutcome.DUPLICATE)
    assert ledger.counting("P") == (NEW,)


def test_a_message_that_is_sent_again_with_another_time_is_a_duplicate(
    ledger: TradeLedger,
) -> None:
    later = msgspec.structs.replace(NEW, event_time_ns=7, intended_monotonic_ns=8)
    assert ledger.book(later) == (None, QuoteOutcome.DUPLICATE)
    assert ledger.counting("P") == (NEW,)


def test_a_trade_was_made_when_its_first_version_says(ledger: TradeLedger) -> None:
    first = msgspec.structs.replace(NEW, trade_id="u", event_time_ns=5)
    ledger.book(first)
    state, _ = ledger.book(amended(msgspec.structs.replace(first, event_time_ns=9)))
    assert state is not None
    assert (state.made_ns, state.trade.event_time_ns) == (5, 9)


def test_an_amendment_takes_the_place_of_its_trade(ledger: TradeLedger) -> None:
    ledger.book(trade("u", "A", 5.0, 11.0))
    other = amended(NEW, quantity=3.0)
    assert ledger.book(other) == (TradeState(trade=other, rank=0, made_ns=0), QuoteOutcome.APPLIED)
    assert [fill.quantity for fill in ledger.counting("P")] == [3.0, 5.0]


def test_an_older_version_is_a_duplicate_whatever_it_says(ledger: TradeLedger) -> None:
    ledger.book(amended(NEW))
    assert ledger.book(msgspec.structs.replace(NEW, quantity=9.0)) == (None, QuoteOutcome.DUPLICATE)


def test_a_cancelled_trade_counts_no_more(ledger: TradeLedger) -> None:
    ledger.book(cancelled(NEW))
    assert ledger.counting("P") == ()


def test_a_cancelled_trade_stays_cancelled(ledger: TradeLedger) -> None:
    gone = cancelled(NEW)
    ledger.book(gone)
    assert refusal(ledger, amended(gone)) is RejectReason.WRONG_VERSION
    assert ledger.book(gone) == (None, QuoteOutcome.DUPLICATE)


def test_another_message_of_the_same_version_is_a_conflict(ledger: TradeLedger) -> None:
    other = msgspec.structs.replace(NEW, quantity=2.0)
    assert refusal(ledger, other) is RejectReason.CONFLICT


@pytest.mark.parametrize("field", ["portfolio", "instrument"])
def test_an_amendment_cannot_move_a_trade(ledger: TradeLedger, field: str) -> None:
    assert refusal(ledger, amended(NEW, **{field: "Z"})) is RejectReason.CONFLICT


def test_a_version_cannot_be_left_out(ledger: TradeLedger) -> None:
    assert refusal(ledger, amended(NEW, version=2)) is RejectReason.WRONG_VERSION


@pytest.mark.parametrize("action", [TradeAction.AMEND, TradeAction.CANCEL])
def test_what_is_not_known_cannot_be_changed(ledger: TradeLedger, action: TradeAction) -> None:
    other = amended(trade("u", "A", 1.0, 1.0), action=action)
    assert refusal(ledger, other) is RejectReason.UNKNOWN_TRADE


def test_trades_of_a_portfolio_are_bounded(
    ledger: TradeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TRADES_PER_PORTFOLIO", 1)
    assert refusal(ledger, trade("u", "A", 1.0, 1.0)) is RejectReason.CONFLICT
    ledger.book(trade("u", "A", 1.0, 1.0, book="Q"))
    ledger.book(amended(NEW))


messages = st.builds(
    lambda name, book, version, action, quantity: trade(
        name,
        "A",
        quantity,
        10.0,
        book,
        version=0 if action == "new" else version,
        action=action,
    ),
    st.sampled_from("tuv"),
    st.sampled_from("PQ"),
    st.integers(1, 4),
    st.sampled_from(["new", "new", "amend", "cancel"]),
    st.sampled_from([1.0, 2.0]),
)


@given(st.lists(messages, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_kept_states_in_any_order_make_the_same_ledger(found: list[Trade], random) -> None:
    living = TradeLedger()
    kept: dict[str, TradeState] = {}
    for message in found:
        try:
            state, verdict = living.book(message)
        except MessageError:
            continue
        assert (state is None) == (verdict is QuoteOutcome.DUPLICATE)
        if state is not None:
            kept[message.trade_id] = state
    states = list(kept.values())
    random.shuffle(states)
    restored = TradeLedger(states)
    for book in "PQ":
        assert restored.counting(book) == living.counting(book)


@given(st.lists(messages, max_size=30))
@settings(max_examples=100, deadline=None)
def test_sending_everything_twice_changes_nothing(found: list[Trade]) -> None:
    once, twice = TradeLedger(), TradeLedger()
    for message in found:
        for ledger, times in ((once, 1), (twice, 2)):
            for _ in range(times):
                with contextlib.suppress(MessageError):
                    ledger.book(message)
    for book in "PQ":
        assert once.counting(book) == twice.counting(book)

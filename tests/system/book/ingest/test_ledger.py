"""The ledger counts what became of every message, by topic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from system.book.ingest.ledger import Ledger
from system.book.state.rows import TopicCounts

OUTCOMES = ("applied", "superseded", "duplicate", "rejected", "mark")


def test_a_new_ledger_is_empty_and_unchanged() -> None:
    ledger = Ledger({})
    assert ledger.topics() == {}
    assert not ledger.changed


def test_topics_are_told_apart_and_sorted() -> None:
    ledger = Ledger({})
    ledger.count("trades", "applied")
    ledger.count("fx_rates", "mark")
    ledger.count("trades", "applied")
    assert list(ledger.topics().items()) == [
        ("fx_rates", TopicCounts(mark=1)),
        ("trades", TopicCounts(applied=2)),
    ]


def test_a_row_is_handed_over_once() -> None:
    ledger = Ledger({})
    ledger.count("trades", "applied")
    assert ledger.changed
    assert ledger.row() == {"trades": TopicCounts(applied=1)}
    assert not ledger.changed


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(OUTCOMES))),
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(OUTCOMES))),
)
def test_counting_goes_on_where_a_kept_row_ended(first, second) -> None:
    whole, before = Ledger({}), Ledger({})
    for topic, outcome in (*first, *second):
        whole.count(topic, outcome)
    for topic, outcome in first:
        before.count(topic, outcome)
    after = Ledger(before.row())
    for topic, outcome in second:
        after.count(topic, outcome)
    assert after.topics() == whole.topics()

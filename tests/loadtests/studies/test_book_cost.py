"""Cost of a book: the product's own values, and every part of it above zero."""

from __future__ import annotations

from loadtests.studies.book_cost import BookCost, handed_over, measured_cost
from system.contracts.codec import encode
from system.store.sample_snapshots import sample_snapshot


def test_each_part_of_a_books_cost_is_measured():
    cost = measured_cost(3, rounds=2, positions=10)
    assert min(cost.valued, cost.encoded, cost.handed) > 0.0
    assert cost.handed >= cost.encoded
    assert cost.bytes > 1_000


def test_the_total_counts_encoding_once():
    cost = BookCost(books=1, valued=3.0, encoded=1.0, handed=2.0, bytes=10, fixed=1_000.0)
    assert (cost.total, cost.units) == (5.0, 5.0)


def test_each_store_is_handed_the_json_of_the_snapshot():
    snapshot = sample_snapshot()
    redis, key, kafka, postgres = handed_over(snapshot)
    body = encode(snapshot)
    assert (redis[2], kafka) == (body, body)
    assert postgres[-1].encode() == body
    assert key == snapshot.portfolio.encode()

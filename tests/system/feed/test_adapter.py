"""Adapter kit: what is sent, what the contract check finds, and the example of the documents."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from typing import Any

import pytest

from system.contracts.messages import FxRate, Message, Tick
from system.feed.adapter import (
    MAX_KEPT_PROBLEMS,
    FeedCounts,
    contract_problems,
    send_quotes,
)
from system.feed.field_map import FieldMap
from system.feed.prices import PriceMaker, Quote
from system.places import PROJECT_DIR

NOW_NS = 1_583_422_200_000_000_000
EXAMPLE = PROJECT_DIR / "docs" / "examples" / "adapter.py"


class Listed:
    """Adapter of given quotes."""

    def __init__(self, *quotes: Quote) -> None:
        self._quotes = quotes

    def quotes(self) -> Iterator[Quote]:
        yield from self._quotes


class Sink:
    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)


def sent_by(*quotes: Quote, **options: Any) -> tuple[list[Message], FeedCounts]:
    sink, counts = Sink(), FeedCounts()
    send_quotes(Listed(*quotes), sink, PriceMaker(FieldMap()), counts, **options)
    return sink.sent, counts


def test_every_price_is_sent_and_what_is_none_is_counted_with_its_sentence() -> None:
    sent, counts = sent_by(
        Quote("A", NOW_NS, mid=2.0),
        Quote("B", NOW_NS, bid=3.0, ask=2.0, mid=2.5),
        Quote("fx:USD", NOW_NS, mid=1.1),
    )
    assert [type(message) for message in sent] == [Tick, FxRate]
    assert (counts.sent, counts.refused) == (2, 1)
    assert counts.problems[0].startswith("B: invalid: ")


def test_it_ends_where_it_is_told_to() -> None:
    quotes = [Quote("A", NOW_NS + step, mid=2.0) for step in range(5)]
    sent, _ = sent_by(*quotes, after_each=lambda counts: counts.sent < 3)
    assert len(sent) == 3


def test_sentences_are_bounded_and_the_newest_are_kept() -> None:
    counts = FeedCounts()
    for number in range(MAX_KEPT_PROBLEMS + 5):
        counts.refuse(str(number))
    assert (counts.refused, len(counts.problems)) == (MAX_KEPT_PROBLEMS + 5, MAX_KEPT_PROBLEMS)
    assert counts.problems[-1] == str(MAX_KEPT_PROBLEMS + 4)


def problems(*quotes: Quote) -> list[str]:
    return contract_problems(Listed(*quotes), PriceMaker(FieldMap()))


def test_an_adapter_that_keeps_the_laws_has_no_problem() -> None:
    assert (
        problems(
            Quote("A", NOW_NS, mid=2.0),
            Quote("fx:USD", NOW_NS, mid=1.1),
            Quote("A", NOW_NS, mid=2.1),
            Quote("A", NOW_NS + 1, mid=2.2),
        )
        == []
    )


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (Quote("A", NOW_NS - 1, mid=2.0), "price 2, A: superseded"),
        (Quote("A", NOW_NS, mid=2.0, sequence=1), "price 2, A: duplicate"),
        (Quote("A", NOW_NS, mid=0.0), "price 2, A: invalid mid of A is 0"),
        (Quote("A", NOW_NS), "price 2, A: invalid"),
        (Quote("fx:EUR", NOW_NS, mid=1.0), "price 2, fx:EUR: unknown_currency"),
    ],
)
def test_a_price_that_the_stream_would_not_apply_is_named(second: Quote, problem: str) -> None:
    (told,) = problems(Quote("A", NOW_NS, mid=1.0, sequence=1), second)
    assert told.startswith(problem)


def test_no_more_prices_are_looked_at_than_asked_for() -> None:
    def endless() -> Iterator[Quote]:
        step = 0
        while True:
            yield Quote("A", NOW_NS + (step := step + 1), mid=2.0)

    adapter = Listed()
    adapter.quotes = endless  # type: ignore[method-assign]
    assert contract_problems(adapter, PriceMaker(FieldMap()), limit=50) == []


def test_the_example_keeps_the_contract_and_leaves_out_what_is_no_quote(capsys) -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 60
    example = runpy.run_path(str(EXAMPLE))
    lines = ["VOD.L 1583422200123 122.34 122.38\n", "garbage\n", "BP.L 1583422200124 4 5\n"]
    adapter, maker = example["LineAdapter"](lines), PriceMaker(example["MAP"])
    assert contract_problems(adapter, maker) == []
    sink, counts = Sink(), FeedCounts()
    send_quotes(adapter, sink, PriceMaker(example["MAP"]), counts)
    assert [(tick.ticker, tick.mid, tick.event_time_ns) for tick in sink.sent] == [  # type: ignore[attr-defined]
        ("VOD", (122.34 + 122.38) / 2, 1_583_422_200_123_000_000),
        ("BP", 4.5, 1_583_422_200_124_000_000),
    ]
    assert "left out 'garbage'" in capsys.readouterr().err

"""Prices in JSON: paths, lists, filters, numbers as text, and fields that are refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.feed.field_map import FieldMap, FieldNames
from system.feed.json_quotes import NoPrice, quotes_in
from system.feed.prices import Quote

NOW_MS = 1_583_422_200_123
NOW_NS = NOW_MS * 10**6
NESTED = FieldMap(
    fields=FieldNames(time="d.T", ticker="d.s", bid="d.q.0", ask="d.q.1", sequence="d.n"),
    only={"channel": "quotes"},
    time_unit="ms",
)


def told(message: Any, field_map: FieldMap = NESTED) -> list[Quote | NoPrice]:
    text = message if isinstance(message, str | bytes) else json.dumps(message)
    return list(quotes_in(text, field_map))


def nested(**changes: Any) -> dict[str, Any]:
    price = {"T": NOW_MS, "s": "A", "q": ["9.5", 10.5], "n": 7}
    return {"channel": "quotes", "d": {**price, **changes}}


def test_fields_are_found_by_their_paths_numbers_also_as_text() -> None:
    assert told(nested()) == [Quote("A", NOW_NS, bid=9.5, ask=10.5, sequence=7)]


def test_messages_of_other_kinds_are_passed_over() -> None:
    assert told({"channel": "heartbeat"}) == []
    assert told({"status": "ok"}) == []


def test_a_list_of_messages_and_a_list_in_a_message_have_a_price_each() -> None:
    assert len(told([nested(), nested(s="B"), {"channel": "x"}])) == 2
    listed = FieldMap(
        fields=FieldNames(time="t", ticker="s", mid="p"), items="data", time_unit="ms"
    )
    message = {"data": [{"t": NOW_MS, "s": name, "p": 1.5} for name in ("A", "B")]}
    assert told(message, listed) == [Quote(name, NOW_NS, mid=1.5) for name in ("A", "B")]


def test_without_a_map_of_fields_they_have_their_own_names() -> None:
    message = {"time": "2020-03-05T15:30:00.123Z", "ticker": "A", "mid": 2}
    assert told(message, FieldMap()) == [Quote("A", NOW_NS, mid=2.0)]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("garbage", "not JSON"),
        (b"\xff", "not JSON"),
        (nested(q=["x", 1]), "bid at 'd.q.0' is 'x': not a number"),
        (nested(q=[True, 1]), "bid at 'd.q.0' is True: not a number"),
        (nested(q=["nan", 1]), "bid at 'd.q.0' is 'nan': not a number"),
        (nested(q=[1]), "A has no mid, nor bid and ask"),
        (nested(s=5), "ticker at 'd.s' is 5: not a name"),
        (nested(T=None), "time at 'd.T' is None: not a time"),
        (nested(T="soon"), "'soon' is not a time"),
        (nested(n=1.5), "sequence at 'd.n' is 1.5: not a whole number"),
    ],
)
def test_what_is_no_price_is_refused_with_its_path_and_value(message: Any, problem: str) -> None:
    (refused,) = told(message)
    assert isinstance(refused, NoPrice)
    assert problem in refused.problem
    assert len(refused.problem) < 250


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, JSON, JSON)
def test_no_json_whatever_ends_the_feed(time: Any, ticker: Any, quote: Any) -> None:
    for message in (time, nested(T=time), nested(s=ticker), nested(q=quote)):
        for price in told(json.dumps(message)):
            assert isinstance(price, Quote | NoPrice)

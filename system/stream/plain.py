"""Which hot messages the JVM has read exactly; the codec decides on all others.

The JVM's parser is more lenient than the codec: it passes over unknown fields and over
what follows the object, and knows no bounds. So a row counts as *plain* only if every
field is there, the object is flat and has exactly these fields, and every bound of the
contract holds. A row that is not plain is not wrong: the strict codec looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from system.contracts.messages import (
    MAX_ID_LENGTH,
    PRICE_BOUND,
    PRICE_MIN,
    FxRate,
    Message,
    Tick,
)
from system.contracts.topics import FX_RATES, MARKET_DATA
from system.stream.schema import CORRUPT, TAG_FIELD, columns_of, tag_of

INTEGER_BOUND: Final = 2**62
_TICKER_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.]*$"
"""Narrower than the contract's, which Arrow's expressions cannot say: others are looked at."""
_CURRENCY_PATTERN: Final = "^([A-Z]{3}|GBp)$"
_INTEGERS: Final = ("event_time_ns", "sequence", "intended_monotonic_ns")


def plain_rows(table: pa.Table) -> pa.ChunkedArray:
    """Return for each row whether the JVM's reading is exact, as booleans without nulls.

    Parameters
    ----------
    table : pyarrow.Table
        As `system.stream.query.parsed` selects.
    """
    ticks = _all([_stands_on(table, Tick, MARKET_DATA.name), *_tick_rules(table)])
    rates = _all([_stands_on(table, FxRate, FX_RATES.name), *_rate_rules(table)])
    return pc.fill_null(pc.or_(_known(ticks), _known(rates)), fill_value=False)


def quote_columns(table: pa.Table) -> tuple[pa.ChunkedArray, ...]:
    """Return name, price, event time, sequence and intended time of each row.

    Parameters
    ----------
    table : pyarrow.Table
        As `system.stream.query.parsed` selects; meaningful where `plain_rows` is true.
    """
    name = pc.coalesce(table["ticker"], table["currency"])
    price = pc.coalesce(table["mid"], table["rate"])
    return (name, price, *(table[column] for column in _INTEGERS))


def _tick_rules(table: pa.Table) -> Iterable[pa.ChunkedArray]:
    bid, mid, ask, volume = (table[name] for name in ("bid", "mid", "ask", "volume"))
    yield pc.greater_equal(bid, PRICE_MIN)
    yield pc.less_equal(bid, mid)
    yield pc.less_equal(mid, ask)
    yield pc.less(ask, PRICE_BOUND)
    yield pc.greater_equal(volume, 0.0)
    yield pc.less(volume, PRICE_BOUND)
    yield pc.match_substring_regex(table["ticker"], _TICKER_PATTERN)
    yield pc.less_equal(pc.utf8_length(table["ticker"]), MAX_ID_LENGTH)


def _rate_rules(table: pa.Table) -> Iterable[pa.ChunkedArray]:
    yield pc.greater_equal(table["rate"], PRICE_MIN)
    yield pc.less(table["rate"], PRICE_BOUND)
    yield pc.match_substring_regex(table["currency"], _CURRENCY_PATTERN)


def _stands_on(table: pa.Table, message: type[Message], topic: str) -> pa.ChunkedArray:
    """Return whether the row is one flat object with exactly the message's fields.

    With as many ``":`` as fields and none of them null, each field is there once; more
    than one closing brace, or anything after it, is for the codec.
    """
    value, fields = table["value"], columns_of(message)
    bounds = (
        pc.and_(pc.greater_equal(table[name], 0), pc.less_equal(table[name], INTEGER_BOUND))
        for name in _INTEGERS
    )
    rules = [
        pc.equal(table["topic"], topic),
        pc.equal(table[TAG_FIELD], tag_of(message)),
        pc.is_null(table[CORRUPT]),
        pc.equal(pc.count_substring(value, '":'), len(fields) + 1),
        pc.equal(pc.count_substring(value, "}"), 1),
        pc.ends_with(value, "}"),
        *(pc.is_valid(table[name]) for name in fields),
        *bounds,
    ]
    return _all(rules)


def _all(rules: Iterable[pa.ChunkedArray]) -> pa.ChunkedArray:
    return reduce(pc.and_, rules)


def _known(rule: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(rule, fill_value=False)

"""Examples of fields, for the description of the API: plausible, and of the field's own type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
_DAY: Final = "2020-03-05"
_MOMENT_NS: Final = 1_583_425_800_000_000_000
_MOMENT_MS: Final = 1_583_425_800_000
_AMOUNT: Final = 12_500.5
_COUNT: Final = 30
_ONE_DOUBLE: Final = "AAAAAAAA8D8="
"""1.0, little-endian, in base 64."""

TEXTS: Final[Mapping[str, str]] = {
    "actor": "R. Desk",
    "adjusted": "split AAPL 2020-08-31",
    "after": "WzEsMSwxLCJhIl0",
    "base": "the beginning of the topics",
    "base_currency": "USD",
    "confidence": "0.95",
    "constant_volatility": "SPX-C-3000",
    "currency": "USD",
    "desk": "equities",
    "detail": "price: Expected `float` > 0.0 (got -1)",
    "do": "kill",
    "estimator": "hs/ceil/simple",
    "exchange": "XNYS",
    "field": "portfolio.positions[3].quantity",
    "from_id": "long-eod-2020-03-04",
    "group": "technology",
    "groups": "AAPL",
    "inputs_hash": "5e1f0c2a9b7d4e3f8a6b1c0d2e4f6a8b",
    "instance": "/v1/trades",
    "instrument": "AAPL",
    "instruments": "AAPL",
    "known": "long",
    "missing": "AAPL",
    "name": "Apple Inc.",
    "next": "WzEsMSwxLCJhIl0",
    "not_available": "30 scenarios are needed, 12 are known",
    "note": "hedged at 15:30",
    "oldest_kept": "4-1048576",
    "others": "others",
    "outside_model": "SPX-C-3000 at 0.01",
    "portfolio": "long",
    "positions_unknown": "Kafka lost 12 messages of trades:0",
    "problem": "PostgreSQL does not answer",
    "proxied": "NEWCO=SPY",
    "proxy": "SPY",
    "resumed_from": "4-524288",
    "scenario": "crash-2020",
    "series": "AAPL",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "skipped": "2020-02-17",
    "snapshot_id": "long-4.1093",
    "speed": "20x",
    "stale": "AAPL",
    "suspect": "AAPL 2020-03-02: +36 %",
    "suspect_ticks": "AAPL",
    "title": "The request is not valid",
    "to_id": "long-4.1093",
    "topic": "trades",
    "trade_id": "6f1c2d0e-1f5b-4a3e-9b0e-3f2b5a7c9d11",
    "trade_ids": "6f1c2d0e-1f5b-4a3e-9b0e-3f2b5a7c9d11",
    "type": "about:blank",
    "underlying": "AAPL",
    "unheld": "MSFT",
    "unmoved": "volatility of all: the book holds no options",
    "unvalued": "new-book",
    "value": '{"type":"tick","ticker":"AAPL"}',
    "version": "0.1.0",
    "volatility_series": "VIX",
    "waiting_trades": "AAPL",
    "watch": "/v1/stream?portfolio=long",
    "what": "kafka",
    "window": "2020-02-03..2020-04-30",
}
"""By the name of the field; of a list of texts, one of them."""

NUMBERS: Final[Mapping[str, float]] = {
    "amount": 0.82,
    "breach": 0.02,
    "carry_max_share": 0.05,
    "days_to_expiry": 43,
    "delta": 0.55,
    "dividend_yield": 0.01,
    "entry_price": 251.5,
    "es_share": 0.21,
    "gamma": 0.012,
    "heartbeat_age_ms": 420,
    "highest": 0.5,
    "largest_difference": 3.1e-15,
    "latency_ms": 1.4,
    "limit_used": 0.62,
    "lowest": -0.5,
    "move": -0.1,
    "multiplier": 50.0,
    "offset": 48_213,
    "partition": 0,
    "pnl_fraction": -0.031,
    "price": 75.2,
    "quantity": -100.0,
    "rate": 0.02,
    "rates": 1.1187,
    "ratio": 4.0,
    "samples_per_s": 2.0,
    "share": 0.087,
    "smoothed_share": 0.079,
    "spot": 75.2,
    "status": 422,
    "strike": 80.0,
    "tail_rank": 2,
    "used": 0.62,
    "value": 0.0124,
    "var_fraction": 0.0124,
    "var_limit_fraction": 0.02,
    "var_multiple": 2.4,
    "version": 1,
    "volatility": 0.25,
    "warning": 0.016,
    "worst_difference": 3.1e-15,
    "worst_move": -0.21,
}
"""By the name of the field; other numbers are amounts, other whole numbers are counts."""

_KEYS: Final[Mapping[str, str]] = {
    "component_var": "AAPL",
    "counts": "late",
    "groups": "technology",
    "lag": "trades:0",
    "level_counts": "breach",
    "newest": "long",
    "offsets": "trades:0",
    "option": "SPX-C-3000",
    "rates": "USD",
}


def field_example(name: str, schema: Schema, schemas: Mapping[str, Schema]) -> object:
    """Return an example of a field; None where another type describes its values, or none is known.

    Parameters
    ----------
    name : str
        Name of the field.
    schema : mapping
        JSON schema of its values.
    schemas : mapping of str to mapping
        Schemas that it may refer to, by name.
    """
    chosen = _first(schema, schemas)
    kind = chosen.get("type")
    if "enum" in chosen:
        return chosen["enum"][0]
    if kind == "array":
        inner = field_example(name, chosen.get("items") or {}, schemas)
        return None if inner is None else [inner]
    if kind == "object":
        values = chosen.get("additionalProperties")
        inner = field_example(name, values if isinstance(values, dict) else {}, schemas)
        return None if inner is None else {_KEYS.get(name, name): inner}
    return _scalar(name, chosen)


def _scalar(name: str, schema: Schema) -> object:
    kind = schema.get("type")
    if kind == "boolean":
        return True
    if kind in {"number", "integer"}:
        return _number(name, is_whole=kind == "integer")
    if "contentEncoding" in schema:
        return _ONE_DOUBLE
    if kind == "string":
        return _DAY if schema.get("format") == "date" else TEXTS.get(name)
    return None


def _number(name: str, *, is_whole: bool) -> float:
    if name.endswith("_ns"):
        return _MOMENT_NS
    if name in {"since_ms", "checked_at_ms"}:
        return _MOMENT_MS
    number = NUMBERS.get(name)
    if number is not None and (not is_whole or number == int(number)):
        return number
    return _COUNT if is_whole else _AMOUNT


def _first(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """Return the first alternative that is not null, references to enumerations followed."""
    alternatives = schema.get("anyOf") or schema.get("allOf") or [schema]
    chosen = next((each for each in alternatives if each.get("type") != "null"), schema)
    reference = chosen.get("$ref")
    if reference is None:
        return chosen
    return schemas.get(str(reference).rpartition("/")[2], {})

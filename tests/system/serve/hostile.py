"""Requests that somebody with the token could send to break the API, and none may: no HTTP 500."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from hypothesis import strategies as st

HUGE_NESTING: Final = 60_000
FAR_DATES: Final = ("0001-01-01", "0001-01-02", "9999-12-31", "9999-01-01", "1969-12-31")
NUMBERS: Final = (
    *("0", "-0", "-1", str(2**31), str(2**53), str(2**63 - 1), str(2**63), str(-(2**63) - 1)),
    *(str(2**64), "9" * 39, "9" * 400, "1e30", "-1e30", "1e308", "1e309", "1e-400", "1E+999999"),
    *("NaN", "Infinity", "-Infinity", "nan", "0x10", "٣", "1_000", "1.5", "+5", " 5", "true"),
)
TEXTS: Final = (
    *("\0", "a\0b", "\x1b[2J", "\x9b2J", "\x7f", "\u202ex", "\u2066x", "\ud800", "\udfff", ""),
    *(
        "[/x]",
        "[red]",
        "<b>",
        "' OR 1=1--",
        "%s",
        "{}",
        "../..",
        "//evil.example/x",
        "\\",
        "é" * 70,
    ),
    *("A" * 65, "A" * 5_000, "\n", "\r\nX: y", "ﷺ" * 30),
)
MOMENTS: Final = (
    *FAR_DATES,
    *NUMBERS,
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-13-01", "2020-01-01T25:00"),
    *("2020-01-01T00:00:00+99:99", "-0001-01-01", "2020-W01", "20200101", "2020-01-01T00:00:60"),
)


def page_token(*values: object) -> str:
    """Return a page token that holds any values."""
    return page_token_of(json.dumps(values))


def page_token_of(text: str) -> str:
    """Return a page token of any text."""
    raw = text.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


PAGE_TOKENS: Final = (
    page_token(1, 1, 1, "\0"),
    page_token(1, 1, 1, "a\x1bb"),
    page_token(1, 1, 1, "A" * 300),
    page_token(1, 1, 1, "\ud800"),
    *(page_token_of(f'[{number},1,1,"a"]') for number in NUMBERS),
    *(page_token_of(f'[1,{number},1,"a"]') for number in NUMBERS),
    *(page_token_of(f"[{number}]") for number in NUMBERS),
    page_token(),
    page_token_of("[" * 300),
    page_token_of("null"),
    *("!", "=", "é", "\0", "A" * 600, "WzE"),
)


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path[:90]} {(self.body or b'')[:60]!r}"


def _posted(path: str, value: object) -> Asked:
    return Asked("POST", path, json.dumps(value).encode())


def _split(date: str) -> Asked:
    return _posted("/v1/adjustments/splits", {"instrument": "S", "date": date, "ratio": 2.0})


def _dividend(date: str) -> Asked:
    return _posted("/v1/adjustments/dividends", {"instrument": "S", "date": date, "amount": 0.1})


def exchange_book(*days: dt.date) -> Asked:
    """Return the import of a book whose exchange's sessions are looked up, with far closes."""
    listed = {"instrument": "FAR", "asset_class": "equity", "currency": "USD", "exchange": "XNYS"}
    definition = {
        "portfolio": "far",
        "positions": [{"instrument": "FAR", "quantity": 1.0, "entry_price": 1.0}],
    }
    closes = [[day.isoformat(), 100.0 + index] for index, day in enumerate(days)]
    history = {"type": "history", "series": "FAR", "closes": closes}
    return _posted(
        "/v1/portfolios",
        {
            "portfolio": {"type": "portfolio", **definition},
            "instruments": [{"type": "instrument", **listed}],
            "histories": [history],
        },
    )


def month_to(last: dt.date) -> list[dt.date]:
    """Return as many days as a window needs."""
    return [last - dt.timedelta(days=back) for back in reversed(range(31))]


SEEN: Final = (
    Asked("GET", "/v1/snapshots/%00"),
    Asked("GET", "/v1/portfolios/%00/snapshots"),
    Asked("GET", "/v1/portfolios/%00/limits/events"),
    Asked("PUT", "/v1/trades/%00", b'{"quantity":1,"price":1}'),
    Asked("DELETE", "/v1/trades/%00"),
    Asked("GET", "/v1/portfolios/P/var/change?from=%00"),
    Asked("GET", f"/v1/portfolios/P/snapshots?after={PAGE_TOKENS[0]}"),
    *(
        Asked("GET", f"/v1/portfolios/P/limits/events?before={quote(before)}")
        for before in ("1e30", "-1e30", str(10**30), str(-(10**30)), str(2**63))
    ),
    *(
        Asked("GET", f"/v1/rejected?after={page_token_of(f'[{number}]')}")
        for number in ("1e30", str(10**30), str(-(10**30)))
    ),
    Asked("POST", "/v1/portfolios", b"[" * 63 * 1024**2),
    Asked("POST", "/v1/portfolios/P/scenarios", b"[" * HUGE_NESTING),
    *(send(date) for send in (_split, _dividend) for date in FAR_DATES),
    exchange_book(dt.date.min, *month_to(dt.date.max)),
    exchange_book(*month_to(dt.date.max)),
    exchange_book(*month_to(dt.date.min + dt.timedelta(days=30))),
    *(
        Asked("GET", "/v1/stream", headers={"Last-Event-ID": quote(entry_id)})
        for entry_id in (
            "99999999999999999999999-0",
            f"0-{2**64}",
            "-1-0",
            "+1-0",
            "1_0-0",
            "x",
            "-",
        )
    ),
)
"""Each ended in an HTTP 500, or broke the stream off, of a version before."""


def bodies() -> st.SearchStrategy[bytes]:
    """Return request bodies: of no type, of the wrong type, deep, repeated, and not even JSON."""
    scalars = st.one_of(
        st.sampled_from([*NUMBERS, "null", "true"]).map(str),
        st.sampled_from(TEXTS).map(json.dumps),
        st.sampled_from(MOMENTS).map(json.dumps),
    )
    names = st.sampled_from(
        [
            *("portfolio", "instrument", "quantity", "price", "trade_id", "version", "positions"),
            *("trades", "shocks", "move", "day", "date", "last_day", "ratio", "amount", "actor"),
            *(
                "note",
                "event_time_ns",
                "as_of_ns",
                "as_of_day",
                "histories",
                "instruments",
                "window",
            ),
        ]
    )

    def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.lists(st.tuples(names, inner), max_size=5)
        return st.one_of(
            st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
            pairs.map(lambda items: "{%s}" % ",".join(f'"{k}":{v}' for k, v in items)),  # noqa: UP031
        )

    texts = st.recursive(scalars, nested, max_leaves=12)
    return st.one_of(
        texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.binary(max_size=40),
        st.sampled_from([b"", b"[" * 5_000, b'{"a":' * 5_000, b"\xff\xfe", b"\xed\xa0\x80"]),
    )


def query_values() -> st.SearchStrategy[str]:
    """Return values of query parameters that readers of numbers, moments and names dislike."""
    return st.one_of(
        st.sampled_from([*NUMBERS, *TEXTS, *MOMENTS, *PAGE_TOKENS]),
        st.text(max_size=20),
    )


def percent_encoded(text: str) -> str:
    """Return a text percent-encoded, also one that is no text of Unicode."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def addresses(path: str, names: list[str]) -> Iterator[str]:
    """Yield the addresses of a described path with each of its names hostile in turn."""
    for text in TEXTS:
        address = path
        for name in names:
            address = address.replace("{%s}" % name, percent_encoded(text))  # noqa: UP031
        yield address


def query_names(operation: dict[str, Any]) -> list[str]:
    """Return the names of the query parameters of a described operation."""
    parameters = operation.get("parameters", ())
    return [parameter["name"] for parameter in parameters if parameter["in"] == "query"]

"""The history's statements and rows; every value goes in as a parameter.

A column of ``risk_snapshot`` that is named like a field of ``RiskSnapshot`` holds that
field; the list is derived from the contract, and a test compares it with the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from system.contracts.api.risk import RejectedRow, SnapshotPoint
from system.contracts.codec import decode, encode
from system.contracts.messages import (
    PositionRows,
    Rejected,
    RiskSnapshot,
    SnapshotKind,
    field_names,
)
from system.contracts.text.columns import numbers_of
from system.store.records import LastRecord, SnapshotQuery

Row = tuple[Any, ...]
KEPT_LITERALS: Final = 256
"""Lists of instruments whose literal is kept: books seldom change what they hold."""

ONLY_IN_PAYLOAD: Final = frozenset(
    {
        "tail",
        "positions",
        "asset_classes",
        "stale",
        "carried",
        "carry_max_sessions",
        "carry_max_share",
        "suspect",
        "stages",
        "rates",
        "missing",
        "valuation_date",
        "stressed",
        "greeks",
        "delta_gamma_vega",
        "option_pnl",
        "proxied",
        "adjusted",
        "adjustment_count",
        "suspect_ticks",
        "exchange_closes",
        "skipped",
        "outside_model",
        "positions_unknown",
        "waiting_trades",
        "desk",
        "limits",
        "message_version",
    }
)
_OWN_TYPE: Final = frozenset({"offsets", "trade_ids"})
SCALAR_COLUMNS: Final = tuple(
    name for name in field_names(RiskSnapshot) if name not in ONLY_IN_PAYLOAD | _OWN_TYPE
)
_scalars: Final = attrgetter(*SCALAR_COLUMNS)
SNAPSHOT_COLUMNS: Final = (
    *SCALAR_COLUMNS,
    "offsets",
    "trade_ids",
    "instruments",
    "component_var",
    "pinned",
    "payload_bytes",
    "payload",
)
_PAGE_ORDER: Final = ("event_time_ns", "fence", "epoch", "snapshot_id")
_INTERVAL: Final = "event_time_ns / %(resolution_ns)s::bigint"
POINT_COLUMNS: Final = tuple(name for name in field_names(SnapshotPoint) if name != "component_var")


def _quoted(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


ADVANCE_EPOCH: Final = """
    UPDATE stream_fence
    SET epoch = %(epoch)s, committed_fence = fence, committed_epoch = %(epoch)s,
        committed_at = clock_timestamp()
    WHERE fence = %(fence)s AND epoch = %(after)s AND NOT EXISTS (
        SELECT FROM unnest(%(places)s::text[], %(offsets)s::bigint[]) AS held (place, next_offset)
        LEFT JOIN stream_offset ON partition_key = place
        WHERE coalesce(stream_offset.next_offset, 0) <> held.next_offset)
    RETURNING fence"""
"""Neither a batch nor the offsets of one may be missing between the last commit and this one."""
TAKE_FENCE: Final = """
    UPDATE stream_fence
    SET fence = greatest(fence, %(above)s) + 1, epoch = -1, format = %(format)s
    WHERE format <= %(format)s RETURNING fence"""
SELECT_FORMAT: Final = "SELECT format FROM stream_fence"
SELECT_FENCE: Final = "SELECT fence, epoch FROM stream_fence"
SELECT_COMMITTED: Final = "SELECT committed_fence, committed_epoch FROM stream_fence"

UPSERT_OFFSETS: Final = """
    INSERT INTO stream_offset (partition_key, next_offset, digest, appended_at_ms)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (partition_key) DO UPDATE SET next_offset = EXCLUDED.next_offset,
        digest = EXCLUDED.digest, appended_at_ms = EXCLUDED.appended_at_ms
    WHERE stream_offset.next_offset <> EXCLUDED.next_offset"""
"""The digest of the last record stays where nothing came."""
SELECT_OFFSETS: Final = (
    "SELECT partition_key, next_offset, digest, appended_at_ms FROM stream_offset"
)

UPSERT_STATE: Final = """
    INSERT INTO book_state (key, value) VALUES (%s, %s)
    ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value"""
DELETE_STATE: Final = "DELETE FROM book_state WHERE key = ANY(%s)"
SELECT_STATE: Final = "SELECT key, value FROM book_state"
SELECT_STATE_VALUES: Final = "SELECT key, value FROM book_state WHERE key = ANY(%s)"
SELECT_TRADES: Final = """
    SELECT value FROM book_state
    WHERE key >= 'trade:' AND starts_with(key, 'trade:')
      AND value::json -> 'trade' ->> 'portfolio' = %s"""
SELECT_STATE_CONTAINING: Final = """
    SELECT value FROM book_state
    WHERE key >= %(prefix)s AND starts_with(key, %(prefix)s) AND strpos(value, %(text)s) > 0"""
SELECT_STATE_KEYS: Final = """
    SELECT key FROM book_state WHERE key >= %(prefix)s AND starts_with(key, %(prefix)s)
    ORDER BY key LIMIT %(limit)s"""

INSERT_SNAPSHOTS: Final = (
    f"INSERT INTO risk_snapshot ({_quoted(SNAPSHOT_COLUMNS)})"  # noqa: S608 - our names
    f" VALUES ({', '.join(['%s'] * len(SCALAR_COLUMNS))},"
    " %s::jsonb, %s::text[], %s::text[], %s::float8[], %s, %s, %s)"
)
"""An id that is there already is an error: each snapshot is committed once, with its epoch."""
SELECT_PAYLOAD: Final = (
    "SELECT payload FROM risk_snapshot WHERE snapshot_id = %s AND payload_bytes > 0"
)
SELECT_EMPTIED: Final = """
    SELECT trade_ids, payload_sha256 FROM risk_snapshot
    WHERE snapshot_id = %s AND payload_bytes = 0"""

INSERT_REJECTED: Final = """
    INSERT INTO rejected_message
        (topic, partition, "offset", reason, size_bytes, sha256, payload)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (topic, partition, "offset") DO NOTHING"""
SELECT_REJECTED: Final = """
    SELECT arrival, payload FROM rejected_message
    WHERE (%(before)s::bigint IS NULL OR arrival < %(before)s)
      AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    ORDER BY arrival DESC LIMIT %(limit)s"""
COUNT_REJECTED: Final = "SELECT reason, count(*) FROM rejected_message GROUP BY reason ORDER BY 1"


def snapshot_row(snapshot: RiskSnapshot, *, pinned: bool) -> Row:
    """Return the row of a snapshot, in the order of ``SNAPSHOT_COLUMNS``.

    Parameters
    ----------
    snapshot : RiskSnapshot
        Its JSON goes into ``payload`` as it is.
    pinned : bool
        Whether the row is kept for ever.
    """
    payload = encode(snapshot).decode("utf-8")
    return (
        *_scalars(snapshot),
        msgspec.json.encode(snapshot.offsets).decode("ascii"),
        _text_array(snapshot.trade_ids),
        *_component_arrays(snapshot.positions),
        pinned,
        len(payload),
        payload,
    )


def offset_row(place: str, offset: int, last: LastRecord | None) -> Row:
    """Return the row of a partition, in the order of ``UPSERT_OFFSETS``.

    Parameters
    ----------
    place : str
        ``topic:partition``.
    offset : int
        First offset that is not covered.
    last : LastRecord or None
        The record below it, where it is known.
    """
    if last is None:
        return (place, offset, None, None)
    return (place, offset, last.digest, last.appended_at_ms)


def rejected_row(rejected: Rejected) -> Row:
    """Return the row of a rejected message; its bytes stand escaped in the payload."""
    payload = encode(rejected).decode("utf-8")
    return (
        rejected.topic,
        rejected.partition,
        rejected.offset,
        str(rejected.reason),
        rejected.size_bytes,
        rejected.sha256,
        payload,
    )


def rejected_view(payload: str) -> RejectedRow:
    """Return what the API says of a rejected message, from its row's payload."""
    message = decode(payload, Rejected)
    return RejectedRow(**{name: getattr(message, name) for name in field_names(RejectedRow)})


def snapshot_select(
    query: SnapshotQuery, columns: Sequence[str], *, with_payload: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return the statement and the parameters that read a page of snapshots.

    Parameters
    ----------
    query : SnapshotQuery
        Which rows.
    columns : sequence of str
        Names of our own columns, never a caller's text.
    with_payload : bool
        Leave out rows whose payload outgrew the budget of pinned rows.
    """
    order, beyond = ("DESC", "<") if query.newest_first else ("ASC", ">")
    conditions = ["portfolio = %(portfolio)s"]
    if with_payload:
        conditions.append("payload_bytes > 0")
    if query.kind is not None:
        conditions.append(f"kind = '{query.kind.value}'")  # a literal: the partial index needs it
    if query.from_ns is not None:
        conditions.append("event_time_ns >= %(from_ns)s")
    if query.to_ns is not None:
        conditions.append("event_time_ns < %(to_ns)s")
    if query.after is not None and query.resolution_ns is not None:
        # The last point of a page was the last of its interval: no other of it may follow.
        conditions.append(f"{_INTERVAL} {beyond} %(time)s::bigint / %(resolution_ns)s::bigint")
    elif query.after is not None:
        place = ", ".join(_PAGE_ORDER)
        conditions.append(f"({place}) {beyond} (%(time)s, %(fence)s, %(epoch)s, %(id)s)")
    ordering = ", ".join(f"{name} {order}" for name in _PAGE_ORDER)
    rows = f"risk_snapshot WHERE {' AND '.join(conditions)}"
    if query.resolution_ns is not None:
        rows = _last_of_each_interval(rows, columns)
    statement = (
        f"SELECT {_quoted(columns)} FROM {rows}"  # noqa: S608 - our own names only
        f" ORDER BY {ordering} LIMIT %(limit)s"
    )
    return statement, _page_parameters(query)


def _last_of_each_interval(rows: str, columns: Sequence[str]) -> str:
    """Return a query of the last row of each interval of event time, as a source of rows."""
    kept = _quoted(dict.fromkeys([*columns, *_PAGE_ORDER]))
    newest = ", ".join(f"{name} DESC" for name in _PAGE_ORDER)
    return (
        f"(SELECT DISTINCT ON ({_INTERVAL}) {kept} FROM {rows}"  # noqa: S608 - our own names only
        f" ORDER BY {_INTERVAL}, {newest}) AS last_of_each"
    )


def snapshot_point(row: Row, *, with_components: bool) -> SnapshotPoint:
    """Return the point of a row of ``POINT_COLUMNS`` (then instruments, component_var)."""
    fields = dict(zip(POINT_COLUMNS, row, strict=False))
    fields["kind"] = SnapshotKind(fields["kind"])
    if with_components:
        instruments, components = row[-2:]
        fields["component_var"] = dict(zip(instruments, components, strict=True))
    return SnapshotPoint(**fields)


def _page_parameters(query: SnapshotQuery) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "portfolio": query.portfolio,
        "from_ns": query.from_ns,
        "to_ns": query.to_ns,
        "limit": query.limit,
        "resolution_ns": query.resolution_ns,
    }
    if query.after is not None:
        time_ns, fence, epoch, snapshot_id = msgspec.structs.astuple(query.after)
        parameters |= {"time": time_ns, "fence": fence, "epoch": epoch, "id": snapshot_id}
    return parameters


def _component_arrays(positions: PositionRows) -> tuple[str, str]:
    """Return array literals of the instruments, and of their component VaR."""
    if isinstance(positions, tuple):
        names = tuple(position.instrument for position in positions)
        return _text_array(names), _float_array([position.component_var for position in positions])
    column, names = positions.component_var, positions.instrument
    components = (None,) * len(names) if column is None else numbers_of(column)
    return _kept_text_array(names), _float_array(components)


def _float_array(values: Sequence[float | None]) -> str:
    """Return an array literal; JSON has the shortest text that reads back to the bit."""
    return "{" + msgspec.json.encode(values)[1:-1].decode("ascii").replace("null", "NULL") + "}"


@lru_cache(maxsize=KEPT_LITERALS)
def _kept_text_array(values: tuple[str, ...]) -> str:
    return _text_array(values)


def _text_array(values: Sequence[str]) -> str:
    """Return an array literal, each text in quotes; far cheaper to parse than ``ARRAY[...]``."""
    literal = '","'.join(values)
    if "\\" in literal or literal.count('"') > 2 * (len(values) - 1):  # one of a text itself
        escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
        literal = '","'.join(escaped)
    return f'{{"{literal}"}}' if values else "{}"

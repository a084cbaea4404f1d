"""Statements of alerts: reading what is new, keeping alerts and the state of their deliveries."""

from __future__ import annotations

from typing import Final

MAX_NEW_ROWS: Final = 500
"""Of each trail in one round; what is more comes in the next."""
MAX_DUE: Final = 8
MAX_SHOWN: Final = 1_000
ALERTS_LOCK: Final = 0x616C6572
"""Advisory lock of the process that sends: another one waits until it has ended."""

_NS: Final = "(extract(epoch FROM {}) * 1000000)::bigint * 1000"
TAKE_LOCK: Final = f"SELECT pg_try_advisory_lock({ALERTS_LOCK})"
IS_LOCKED: Final = f"""
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0
        AND objid = {ALERTS_LOCK} AND objsubid = 1 AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database()))"""  # noqa: S608
SELECT_CURSOR: Final = """
    SELECT is_begun, limit_event_id, oracle_event_id, rejected_arrival, snapshot_fence,
        snapshot_epoch, snapshot_id FROM alert_cursor FOR UPDATE"""
UPDATE_CURSOR: Final = """
    UPDATE alert_cursor SET is_begun = true, limit_event_id = %s, oracle_event_id = %s,
        rejected_arrival = %s, snapshot_fence = %s, snapshot_epoch = %s, snapshot_id = %s"""
SELECT_OPEN: Final = "SELECT key FROM alert WHERE cleared_at IS NULL"

_LEVEL: Final = f"""event_id, kind, portfolio, measure, level_before, level_after, value, warning,
    breach, snapshot_id, event_time_ns, {_NS.format("recorded_at")}, acknowledges, actor, note"""
FIRST_LEVELS: Final = f"""
    SELECT DISTINCT ON (portfolio, measure) {_LEVEL} FROM limit_event WHERE kind = 'level'
    ORDER BY portfolio, measure, event_id DESC"""  # noqa: S608 - our own names
NEW_LEVELS: Final = f"""
    SELECT {_LEVEL} FROM limit_event WHERE kind = 'level' AND event_id > %s
    ORDER BY event_id LIMIT {MAX_NEW_ROWS}"""  # noqa: S608

_END_OF_DAY: Final = f"""fence, epoch, snapshot_id, portfolio, base_currency, asof, event_time_ns,
    breach, previous_var, hypothetical_pnl, {_NS.format("recorded_at")}"""
FIRST_ENDS_OF_DAY: Final = f"""
    SELECT DISTINCT ON (portfolio) {_END_OF_DAY} FROM risk_snapshot WHERE kind = 'end_of_day'
    ORDER BY portfolio, event_time_ns DESC, fence DESC, epoch DESC"""  # noqa: S608
NEW_ENDS_OF_DAY: Final = f"""
    SELECT {_END_OF_DAY} FROM risk_snapshot
    WHERE kind = 'end_of_day' AND (fence, epoch, snapshot_id) > (%s, %s, %s)
    ORDER BY fence, epoch, snapshot_id LIMIT {MAX_NEW_ROWS}"""  # noqa: S608

_ORACLE: Final = f"event_id, acknowledges, finding, {_NS.format('recorded_at')}"
FIRST_ORACLE: Final = f"""
    SELECT {_ORACLE} FROM oracle_event ORDER BY event_id DESC LIMIT 1"""  # noqa: S608
NEW_ORACLE: Final = f"""
    SELECT {_ORACLE} FROM oracle_event WHERE event_id > %s
    ORDER BY event_id LIMIT {MAX_NEW_ROWS}"""  # noqa: S608

NEWEST_REJECTED: Final = "SELECT coalesce(max(arrival), 0) FROM rejected_message"
NEW_MARKS: Final = f"""
    SELECT arrival, topic, partition, "offset", payload, {_NS.format("recorded_at")}
    FROM rejected_message WHERE arrival > %s AND arrival <= %s AND reason = 'incomplete_mark'
    ORDER BY arrival LIMIT {MAX_NEW_ROWS}"""  # noqa: S608

RAISE: Final = """
    INSERT INTO alert (key) VALUES (%s) ON CONFLICT (key) WHERE cleared_at IS NULL DO NOTHING
    RETURNING alert_id, notice_id::text, (extract(epoch FROM raised_at) * 1000)::bigint"""
CLEAR: Final = """
    UPDATE alert SET cleared_at = clock_timestamp() WHERE key = %s AND cleared_at IS NULL
    RETURNING alert_id, notice_id::text, (extract(epoch FROM cleared_at) * 1000)::bigint"""
ADD_DELIVERY: Final = "INSERT INTO alert_delivery (alert_id, action, notice) VALUES (%s, %s, %s)"

_DELIVERY: Final = "delivery_id, notice, state, attempts, last_error"
# A cleared notice waits until its raised one has arrived: a receiver never hears the end first.
_IN_ORDER: Final = """(action = 'raised' OR EXISTS (
        SELECT FROM alert_delivery AS before WHERE before.alert_id = alert_delivery.alert_id
            AND before.action = 'raised' AND before.state = 'delivered'))"""
SELECT_DUE: Final = f"""
    SELECT {_DELIVERY} FROM alert_delivery
    WHERE state = 'pending' AND due_at <= clock_timestamp() AND {_IN_ORDER}
    ORDER BY delivery_id LIMIT {MAX_DUE}"""  # noqa: S608
SET_DELIVERED: Final = """
    UPDATE alert_delivery SET state = 'delivered', attempts = attempts + 1, last_error = '',
        delivered_at = clock_timestamp() WHERE delivery_id = %s AND state = 'pending'"""
SET_FAILED: Final = """
    UPDATE alert_delivery SET attempts = attempts + 1, last_error = %(reason)s,
        state = CASE WHEN %(wait)s::float8 IS NULL THEN 'dead' ELSE 'pending' END,
        due_at = clock_timestamp() + make_interval(secs => coalesce(%(wait)s, 0))
    WHERE delivery_id = %(id)s AND state = 'pending'"""
SELECT_DELIVERIES: Final = f"""
    SELECT {_DELIVERY} FROM alert_delivery WHERE (%(state)s::text IS NULL OR state = %(state)s)
    ORDER BY delivery_id DESC LIMIT %(limit)s"""  # noqa: S608
RESEND: Final = f"""
    UPDATE alert_delivery SET state = 'pending', attempts = 0, due_at = clock_timestamp()
    WHERE state = 'dead' AND (%(id)s::bigint IS NULL OR delivery_id = %(id)s)
    RETURNING {_DELIVERY}"""  # noqa: S608

-- Sums of sizes are read once a minute: by an index alone, never by the rows.
ALTER TABLE rejected_message
    ADD COLUMN payload_bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(payload)) STORED;
CREATE INDEX rejected_message_sizes ON rejected_message (arrival) INCLUDE (payload_bytes);

ALTER TABLE risk_snapshot ADD COLUMN payload_sha256 text NOT NULL DEFAULT '';
CREATE INDEX risk_snapshot_pinned_bodies
    ON risk_snapshot (recorded_at, snapshot_id) INCLUDE (payload_bytes)
    WHERE pinned AND kind = 'live' AND payload_bytes > 0;
COMMENT ON COLUMN risk_snapshot.payload_sha256 IS
    'SHA-256 of the payload that the budget of pinned snapshots has taken; empty while it is there';
COMMENT ON TABLE risk_snapshot IS
    'One row per snapshot. Bounded by system.store.postgres.retention: above the byte budget, rows that are '
    'not pinned are thinned to one per portfolio and minute, then dropped oldest first. Pinned: end '
    'of day, trades, a limit crossed either way; the row stays, and above the budget of pinned rows '
    'the oldest of trades and crossings lose payload and components';

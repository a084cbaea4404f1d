-- The fence: which driver may write, and the last batch that it committed. One row.
CREATE TABLE stream_fence (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    fence bigint NOT NULL CHECK (fence >= 0),
    epoch bigint NOT NULL CHECK (epoch >= -1),
    committed_fence bigint NOT NULL,
    committed_epoch bigint NOT NULL
);
INSERT INTO stream_fence (fence, epoch, committed_fence, committed_epoch) VALUES (0, -1, -1, -1);
COMMENT ON TABLE stream_fence IS
    'The driver that may write (fence), its last batch (epoch, -1 none yet) and the last batch ever';

CREATE TABLE stream_offset (
    partition_key text PRIMARY KEY,
    next_offset bigint NOT NULL CHECK (next_offset >= 0)
);
COMMENT ON TABLE stream_offset IS
    'topic:partition, and its first offset that is not covered by book_state';

-- text and not jsonb: what was committed comes back byte for byte (jsonb has no -0.0).
-- Rewritten many times a second: room for in-page updates, early clean-up.
CREATE TABLE book_state (
    key text PRIMARY KEY,
    value text NOT NULL
) WITH (
    fillfactor = 60,
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_analyze_scale_factor = 0.0,
    autovacuum_analyze_threshold = 100000
);
COMMENT ON TABLE book_state IS
    'The fold of every message below stream_offset: JSON per key, owned by system.book';

CREATE TABLE risk_snapshot (
    snapshot_id text PRIMARY KEY,
    portfolio text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('live', 'end_of_day')),
    fence bigint NOT NULL,
    epoch bigint NOT NULL,
    event_time_ns bigint NOT NULL,
    asof date,
    base_currency text NOT NULL,
    estimator text NOT NULL,
    confidence text NOT NULL,
    "window" integer NOT NULL,
    scenario_count integer NOT NULL,
    tail_rank integer NOT NULL,
    nav double precision NOT NULL,
    value double precision NOT NULL,
    var double precision,
    expected_shortfall double precision,
    var_fraction double precision,
    var_limit_fraction double precision NOT NULL,
    diversification double precision,
    scenario_date date,
    daily_pnl double precision,
    unrealised_pnl double precision NOT NULL,
    realised_pnl double precision NOT NULL,
    not_available text NOT NULL,
    inputs_hash text NOT NULL,
    previous_var double precision,
    hypothetical_pnl double precision,
    breach boolean,
    offsets jsonb NOT NULL,
    trade_ids text[] NOT NULL,
    instruments text[] NOT NULL,
    component_var double precision[] NOT NULL,
    pinned boolean NOT NULL,
    payload_bytes integer NOT NULL,
    payload text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Not compressed: pglz takes 7 ms of a batch of 10 snapshots of 43 kB, and saves half the disk.
ALTER TABLE risk_snapshot ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX risk_snapshot_by_time
    ON risk_snapshot (portfolio, event_time_ns, fence, epoch, snapshot_id);
CREATE INDEX risk_snapshot_end_of_day
    ON risk_snapshot (portfolio, event_time_ns, fence, epoch, snapshot_id)
    WHERE kind = 'end_of_day';
CREATE INDEX risk_snapshot_to_thin
    ON risk_snapshot (recorded_at) INCLUDE (payload_bytes) WHERE NOT pinned;
COMMENT ON TABLE risk_snapshot IS
    'One row per snapshot, never changed. Bounded: above the byte budget of system.store.postgres.retention, '
    'rows that are not pinned are thinned to one per portfolio and minute, then dropped oldest '
    'first. Pinned for ever: end of day, trades, a limit crossed either way';
COMMENT ON COLUMN risk_snapshot.payload IS
    'The snapshot itself as JSON text, byte for byte; the other columns are taken from it';
COMMENT ON COLUMN risk_snapshot.component_var IS
    'Per entry of instruments; a loss, positive; NULL where it does not exist';

CREATE TABLE rejected_message (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    arrival bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    payload text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition, "offset")
);
COMMENT ON TABLE rejected_message IS
    'Messages that were not applied, once per place in Kafka; payload is the whole record as JSON';

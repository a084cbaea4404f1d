CREATE TABLE alert (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    key text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cleared_at timestamptz
);
CREATE UNIQUE INDEX alert_open ON alert (key) WHERE cleared_at IS NULL;
COMMENT ON TABLE alert IS
    'What was raised, and when it was cleared: at most one open alert per key. Written by riskstream alerts';

CREATE TABLE alert_delivery (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alert,
    action text NOT NULL CHECK (action IN ('raised', 'cleared')),
    notice text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error text NOT NULL DEFAULT '',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz,
    UNIQUE (alert_id, action)
);
CREATE INDEX alert_delivery_open ON alert_delivery (state, due_at) WHERE state <> 'delivered';
COMMENT ON TABLE alert_delivery IS
    'Notices to be posted: one raised and one cleared per alert, in the transaction that raises or clears it';
COMMENT ON COLUMN alert_delivery.notice IS 'JSON of system.contracts.api.alerts.AlertNotice';

CREATE TABLE alert_cursor (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    is_begun boolean NOT NULL DEFAULT false,
    limit_event_id bigint NOT NULL DEFAULT 0,
    oracle_event_id bigint NOT NULL DEFAULT 0,
    rejected_arrival bigint NOT NULL DEFAULT 0,
    snapshot_fence bigint NOT NULL DEFAULT -1,
    snapshot_epoch bigint NOT NULL DEFAULT -1,
    snapshot_id text NOT NULL DEFAULT ''
);
INSERT INTO alert_cursor (only_row) VALUES (true);
COMMENT ON TABLE alert_cursor IS
    'Newest rows of limit_event, oracle_event, rejected_message and end-of-day snapshots that alerts have seen';

-- The ends of day that came since: in the order in which they were committed.
CREATE INDEX risk_snapshot_ends_in_order
    ON risk_snapshot (fence, epoch, snapshot_id) WHERE kind = 'end_of_day';

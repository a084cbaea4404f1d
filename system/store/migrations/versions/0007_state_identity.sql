-- The identity of this database. The random id goes with a dump; the system identifier tells the
-- server that holds the data, so that a copy on another server is another database. One row.
CREATE TABLE state_identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    database_id uuid NOT NULL DEFAULT gen_random_uuid(),
    system_identifier bigint NOT NULL,
    generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
    cluster_id text,
    topic_ids jsonb NOT NULL DEFAULT '{}'
);
INSERT INTO state_identity (system_identifier) SELECT system_identifier FROM pg_control_system();
COMMENT ON TABLE state_identity IS
    'Which database this is (database_id, system_identifier), and which Kafka cluster and topics '
    'its state was made from (null and empty before the first driver). generation counts the '
    'recoveries that went on without messages that Kafka had lost';

ALTER TABLE stream_offset ADD COLUMN digest text, ADD COLUMN appended_at_ms bigint;
COMMENT ON COLUMN stream_offset.digest IS
    'SHA-256 of the record at next_offset - 1 (append time and value); null where it is unknown';

ALTER TABLE stream_fence ADD COLUMN committed_at timestamptz;
COMMENT ON COLUMN stream_fence.committed_at IS 'When the last batch was committed';

CREATE TABLE state_recovery (
    recovery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    reason text NOT NULL,
    lost jsonb NOT NULL
);
COMMENT ON TABLE state_recovery IS
    'Messages that the state will never contain: when a person went on without them, who, why, '
    'and which offsets of which partition. Never changed';
CREATE TRIGGER state_recovery_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON state_recovery
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE rejected_message
    ADD COLUMN size_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN sha256 text NOT NULL DEFAULT '';
COMMENT ON COLUMN rejected_message.size_bytes IS
    'Bytes of the whole value; the payload holds some 4 KiB of it at most. 0: of an earlier version';
COMMENT ON COLUMN rejected_message.sha256 IS
    'SHA-256 of the whole value, hexadecimal; empty: of an earlier version';
COMMENT ON TABLE rejected_message IS
    'Messages that were not applied, once per place in Kafka; payload is the record as JSON, its '
    'value cut';

CREATE TABLE stream_attempt (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    attempt text NOT NULL
);
COMMENT ON TABLE stream_attempt IS
    'How many drivers have ended at the same offsets without a commit, and what the last one had '
    'in hand: JSON, owned by system.stream.batch.quarantine';

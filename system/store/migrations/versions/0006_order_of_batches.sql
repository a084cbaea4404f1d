-- The oldest rows are those of the lowest (fence, epoch): recorded_at is a wall clock, and where
-- that is set back, what has just been written would look oldest.
DROP INDEX risk_snapshot_to_thin;
CREATE INDEX risk_snapshot_to_thin
    ON risk_snapshot (fence, epoch, snapshot_id) INCLUDE (payload_bytes) WHERE NOT pinned;
DROP INDEX risk_snapshot_pinned_bodies;
CREATE INDEX risk_snapshot_pinned_bodies
    ON risk_snapshot (fence, epoch, snapshot_id) INCLUDE (payload_bytes)
    WHERE pinned AND kind = 'live' AND payload_bytes > 0;

CREATE TABLE limit_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('level', 'acknowledged')),
    portfolio text NOT NULL,
    measure text NOT NULL,
    level_before text NOT NULL,
    level_after text NOT NULL,
    value double precision NOT NULL,
    warning double precision NOT NULL,
    breach double precision NOT NULL,
    snapshot_id text NOT NULL,
    event_time_ns bigint NOT NULL,
    acknowledges bigint REFERENCES limit_event,
    actor text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((kind = 'acknowledged') = (acknowledges IS NOT NULL))
);
CREATE UNIQUE INDEX limit_event_once ON limit_event (snapshot_id, measure) WHERE kind = 'level';
CREATE INDEX limit_event_newest ON limit_event (portfolio, measure, kind, event_id);
COMMENT ON TABLE limit_event IS
    'The audit trail of limits: levels that the stream raised or left, in the transaction of their '
    'batch, and who has acknowledged them. Fractions of NAV. Never changed, never pruned';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is never changed';
END
$$;
CREATE TRIGGER limit_event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON limit_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE oracle_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('difference', 'acknowledged')),
    finding text NOT NULL,
    acknowledges bigint REFERENCES oracle_event,
    actor text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((kind = 'acknowledged') = (acknowledges IS NOT NULL))
);
CREATE UNIQUE INDEX oracle_event_acknowledged_once ON oracle_event (acknowledges);
COMMENT ON TABLE oracle_event IS
    'First difference that the live oracle found (JSON of OracleCheck), and who acknowledged it: '
    'another one is kept only after that. Never changed';
CREATE TRIGGER oracle_event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON oracle_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

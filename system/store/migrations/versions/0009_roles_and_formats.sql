-- Who may only read acknowledges by this: one row, of what is raised, and nothing else.
CREATE FUNCTION acknowledge_limit(
    its_portfolio text, its_measure text, its_actor text, its_note text
) RETURNS SETOF limit_event LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO limit_event (kind, portfolio, measure, level_before, level_after, value, warning,
        breach, snapshot_id, event_time_ns, acknowledges, actor, note)
    SELECT 'acknowledged', portfolio, measure, level_after, level_after, value, warning,
        breach, snapshot_id, event_time_ns, event_id, its_actor, its_note
    FROM (
        SELECT * FROM limit_event
        WHERE portfolio = its_portfolio AND measure = its_measure AND kind = 'level'
        ORDER BY event_id DESC LIMIT 1
    ) AS newest WHERE level_after <> 'ok'
    RETURNING *
$$;
REVOKE ALL ON FUNCTION acknowledge_limit FROM PUBLIC;

ALTER TABLE stream_fence ADD COLUMN format integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN stream_fence.format IS
    'Format of the rows of book_state and of payloads, system.store.postgres.formats: a program that knows '
    'a lower one only reads and writes nothing';

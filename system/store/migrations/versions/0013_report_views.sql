-- What reports, Grafana and notebooks may rely on: columns are added here, and never renamed.
CREATE VIEW report_snapshot AS
SELECT snapshot_id, portfolio, kind, to_timestamp(event_time_ns / 1e9) AS event_time, event_time_ns,
    asof AS day, base_currency, nav, value, var, expected_shortfall, var_fraction,
    var_limit_fraction, diversification, scenario_date, daily_pnl, unrealised_pnl, realised_pnl,
    previous_var, hypothetical_pnl, breach, estimator, confidence, "window" AS window_size,
    scenario_count, tail_rank, not_available, inputs_hash, recorded_at
FROM risk_snapshot;
COMMENT ON VIEW report_snapshot IS
    'One row per snapshot that is kept. Amounts in base_currency; var, expected_shortfall are losses, positive';

CREATE VIEW report_attribution AS
SELECT snapshot_id, portfolio, kind, to_timestamp(event_time_ns / 1e9) AS event_time, event_time_ns,
    asof AS day, base_currency, var, position_number, instrument, part AS component_var,
    part / nullif(var, 0) AS share
FROM risk_snapshot
CROSS JOIN LATERAL unnest(instruments, component_var)
    WITH ORDINALITY AS parts (instrument, part, position_number);
COMMENT ON VIEW report_attribution IS
    'One row per position of a snapshot: its part of VaR, a loss, positive; the parts add up to var';

CREATE VIEW report_breach AS
SELECT snapshot_id, portfolio, to_timestamp(event_time_ns / 1e9) AS event_time, event_time_ns,
    asof AS day, base_currency, -hypothetical_pnl AS loss, previous_var,
    -hypothetical_pnl - previous_var AS excess
FROM risk_snapshot WHERE kind = 'end_of_day' AND breach;
COMMENT ON VIEW report_breach IS
    'Days whose loss was larger than the VaR of the day before, base_currency';

CREATE VIEW report_limit_event AS
SELECT event_id, kind, portfolio, measure, level_before, level_after, value, warning, breach,
    snapshot_id, to_timestamp(event_time_ns / 1e9) AS event_time, event_time_ns, recorded_at,
    acknowledges, actor, note
FROM limit_event;
COMMENT ON VIEW report_limit_event IS
    'Audit trail of limits: levels raised and left, and who acknowledged them. Fractions of NAV';

CREATE VIEW report_rejected AS
SELECT arrival, topic, partition, "offset", reason, payload, size_bytes, sha256, recorded_at
FROM rejected_message;
COMMENT ON VIEW report_rejected IS
    'Messages that were not applied; payload is the record as JSON, its value cut to some 4 KiB';

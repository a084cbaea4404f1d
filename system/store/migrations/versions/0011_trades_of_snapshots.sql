-- Rows that name no trade are most of them, and not in the index.
CREATE INDEX risk_snapshot_trades ON risk_snapshot USING gin (trade_ids) WHERE trade_ids <> '{}';

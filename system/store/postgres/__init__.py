"""PostgreSQL: the history of risk, the state and its identity, exactly once."""

"""Where risk is kept: PostgreSQL for the history, Redis for the newest."""

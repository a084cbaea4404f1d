"""Stores of risk: PostgreSQL for the history, Redis for the newest."""

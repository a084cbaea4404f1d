"""Alerts in PostgreSQL: what the trails say that is new, open alerts, deliveries."""

"""Alerts: signed webhooks, once when raised and once when cleared."""

"""Scenarios: from daily closes to the returns and factors of a window, historical or stressed."""

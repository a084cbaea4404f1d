"""Reads of the history for the API, a mixin for each kind."""

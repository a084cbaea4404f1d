"""Instruments that observe a running pipeline from outside: coverage, latency, resources."""

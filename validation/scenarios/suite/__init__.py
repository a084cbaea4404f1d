"""Suites of stories on one stack: grid, repeats, reports and commands."""

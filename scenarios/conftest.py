"""Scenario files are tests: ``pytest scenarios/``."""

from validation.scenarios.suite.plugin import pytest_collect_file, pytest_sessionfinish

collect_ignore = ["long"]
"""Scenarios of hours: `make soak`."""

__all__ = ["pytest_collect_file", "pytest_sessionfinish"]

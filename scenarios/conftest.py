"""Scenario files are tests: ``pytest scenarios/``."""

from validation.scenarios.plugin import pytest_collect_file, pytest_sessionfinish

__all__ = ["pytest_collect_file", "pytest_sessionfinish"]

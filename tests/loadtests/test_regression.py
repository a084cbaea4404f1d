"""The hot path has not become slower than its baseline: run by ``make bench``."""

from __future__ import annotations

import pytest

from loadtests.guard import TOLERANCE, WORKS, finding, measured, read_baseline
from validation.checkers.verdict import Verdict

pytestmark = pytest.mark.benchmark_suite


@pytest.mark.parametrize("name", WORKS)
def test_the_hot_path_is_not_slower_than_its_baseline(name):
    found = finding(measured(name), read_baseline(), TOLERANCE)
    assert found.verdict is Verdict.PASSED, found.detail

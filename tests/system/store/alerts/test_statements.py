"""Statements of alerts: every list has a bound, and only one process sends."""

from __future__ import annotations

import pytest

from system.store.alerts import statements

READS = {
    name: text
    for name, text in vars(statements).items()
    if isinstance(text, str) and name.startswith(("NEW_", "SELECT_D"))
}


@pytest.mark.parametrize("name", READS)
def test_every_list_that_grows_has_a_bound(name):
    assert "LIMIT" in READS[name]


def test_the_lock_is_never_waited_for():
    assert "pg_try_advisory_lock" in statements.TAKE_LOCK

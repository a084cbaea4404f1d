"""Errors of the stack: drawn in full; a failed component shows the end of its log."""

from __future__ import annotations

from pathlib import Path

from system.runtime import errors
from system.runtime.errors import ComponentFailedError
from tests.error_trees import own_errors, undrawn


def test_every_error_is_drawn() -> None:
    assert own_errors(errors)
    assert undrawn(errors) == set()


def test_a_component_that_failed_shows_its_log_and_the_remedy() -> None:
    error = ComponentFailedError("redis", "ended by 1", Path("/logs/redis"), ["a", "b"], "free it")
    shown = str(error).splitlines()
    assert shown[0] == "redis ended by 1"
    assert "  what to do: free it" in shown
    assert shown[-2:] == ["  | a", "  | b"]


def test_an_empty_log_is_called_empty() -> None:
    error = ComponentFailedError("redis", "ended by 1", Path("/logs/redis"), [])
    assert "(the log is empty)" in str(error)
    assert "what to do" not in str(error)

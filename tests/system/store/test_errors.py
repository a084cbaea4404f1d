"""Errors of the stores: each says whose fault it is, and what to do."""

from __future__ import annotations

from system.errors import InputError, UnavailableError
from system.store import errors
from system.store.errors import FencedError, StoreUnavailableError, ValueRefusedError
from tests.error_trees import own_errors, undrawn


def test_every_error_is_drawn() -> None:
    assert own_errors(errors)
    assert undrawn(errors) == set()


def test_a_silent_server_is_unavailable_and_a_wrong_value_is_input() -> None:
    assert issubclass(StoreUnavailableError, UnavailableError)
    assert issubclass(ValueRefusedError, InputError)


def test_a_driver_that_is_superseded_names_both_fences() -> None:
    error = FencedError(3, 5)
    assert (error.held, error.newer) == (3, 5)
    assert "fence 3 is superseded by 5" in str(error)

"""Errors of the client: drawn in full, and each says what to do."""

from __future__ import annotations

from pathlib import Path

from system.client import errors
from system.client.errors import ApiRefusedError, PortfolioFileError
from system.contracts.api.risk import Problem
from tests.error_trees import own_errors, undrawn


def test_every_error_is_drawn() -> None:
    assert own_errors(errors)
    assert undrawn(errors) == set()


def test_a_refusal_is_told_with_its_status_and_keeps_the_problem() -> None:
    problem = Problem(title="Unknown desk", status=404, detail="no such desk", known=("rates",))
    error = ApiRefusedError(problem)
    assert str(error) == "Unknown desk (404): no such desk"
    assert error.problem.known == ("rates",)


def test_a_wrong_line_of_a_file_is_named_and_the_file_alone_where_no_line_is_to_blame() -> None:
    path = Path("book.csv")
    assert "book.csv" in str(PortfolioFileError(path, 3, "quantity: 'x'"))
    assert "line 3" in str(PortfolioFileError(path, 3, "quantity: 'x'"))
    assert "line" not in str(PortfolioFileError(path, None, "no header"))

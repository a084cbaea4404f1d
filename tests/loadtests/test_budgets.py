"""Budgets of a locust run: what ends it with a failing exit code."""

from __future__ import annotations

from loadtests.budgets import ACCEPTED_TO_VAR, BUDGETS, NameBudget, NameFigures, broken_budgets


def test_a_run_within_its_budgets_breaks_none():
    assert broken_budgets([NameFigures(one.name, 10, 0, one.p99_ms) for one in BUDGETS]) == ()


def test_a_p99_above_its_budget_is_named_with_both_figures():
    (broken,) = broken_budgets([NameFigures("x", 5, 0, 700.0)], [NameBudget("x", 500.0)])
    assert broken == "x: p99 700 ms, budget 500 ms"


def test_failures_are_named_also_where_there_is_no_budget():
    assert broken_budgets([NameFigures("/y", 100, 1, 1.0)]) == ("/y: 1 of 100 failed",)
    assert broken_budgets([NameFigures("/y", 10_000, 10, 1.0)]) == ()


def test_what_was_never_asked_for_is_not_judged():
    assert broken_budgets([NameFigures(ACCEPTED_TO_VAR, 0, 0, 0.0)]) == ()

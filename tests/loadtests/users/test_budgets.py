"""Budgets of a locust run: what ends it with a failing exit code."""

from __future__ import annotations

from loadtests.users.budgets import (
    ACCEPTED_TO_VAR,
    BUDGETS,
    PUSHED,
    NameBudget,
    NameFigures,
    broken_budgets,
)

EVERYBODY = {"ApiReader", "SseUser", "TickUser", "TradeUser", "WhatIfUser"}
KEPT = [NameFigures(budget.name, 10, 0, budget.p99_ms) for budget in BUDGETS]


def test_a_run_within_its_budgets_breaks_none():
    assert broken_budgets(KEPT, ran=EVERYBODY) == ()


def test_a_p99_above_its_budget_is_named_with_both_figures():
    (broken,) = broken_budgets([NameFigures("x", 5, 0, 700.0)], [NameBudget("x", 500.0)])
    assert broken == "x: p99 700 ms, budget 500 ms"


def test_failures_are_named_also_where_there_is_no_budget():
    assert broken_budgets([NameFigures("/y", 100, 1, 1.0)]) == ("/y: 1 of 100 failed",)
    assert broken_budgets([NameFigures("/y", 10_000, 10, 1.0)]) == ()


def test_what_users_that_ran_never_asked_for_is_not_shown():
    lacking = [figures for figures in KEPT if figures.name != ACCEPTED_TO_VAR]
    (broken,) = broken_budgets(lacking, ran=EVERYBODY)
    assert broken == "accepted -> VaR pushed: not shown, TradeUser ran without a sample"
    without = [*lacking, NameFigures(ACCEPTED_TO_VAR, 0, 0, 0.0)]
    assert broken_budgets(without, ran=EVERYBODY) == (broken,)


def test_pushes_are_owed_by_whoever_listens():
    lacking = [figures for figures in KEPT if figures.name != PUSHED]
    for ran in ({"SseUser"}, {"TradeUser"}, {"SseUser", "TradeUser"}):
        (broken,) = broken_budgets(lacking, ran=ran)
        assert broken.startswith("valued -> received: not shown, ")
        assert all(name in broken for name in ran)


def test_nothing_is_owed_by_users_that_did_not_run():
    assert broken_budgets([], ran={"TickUser"}) == ()


def test_every_budget_names_users_that_make_its_name():
    assert {name for budget in BUDGETS for name in budget.users} == EVERYBODY - {"TickUser"}
    assert all(budget.users for budget in BUDGETS)

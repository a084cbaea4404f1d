"""Table of `riskstream measure`: one command per study, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import typer

from system.cli import CommandPlace, LazyGroup

MEASUREMENTS: Final[dict[str, CommandPlace]] = {
    "rates": CommandPlace(
        "loadtests.studies.rates",
        "measure_rates",
        "Measure latency at several rates, with repeats in rotated order.",
        (
            "riskstream measure rates  # 1,000, 5,000 and 20,000 ticks/s, five times: 80 minutes",
            "riskstream measure rates --rates 1000 --duration 30 --warm-up 30 --repeats 1",
        ),
    ),
    "goals": CommandPlace(
        "loadtests.studies.goals",
        "goals",
        "Measure the API under load: pushes, reads, what-if, trades, a restart.",
        (
            "riskstream measure goals  # under 1,000 ticks/s, 30 s per question",
            "riskstream measure goals --duration 3 --warm-up 8",
        ),
    ),
    "growth": CommandPlace(
        "loadtests.studies.batch_growth",
        "growth",
        "Measure how the driver's CPU grows with instruments, books and scenarios.",
        ("riskstream measure growth  # without servers",),
    ),
    "book-cost": CommandPlace(
        "loadtests.studies.book_cost",
        "book_cost",
        "Measure the driver's CPU per book: valued, encoded, handed to three stores.",
        ("riskstream measure book-cost  # without servers, 20 seconds",),
    ),
    "latency-growth": CommandPlace(
        "loadtests.studies.latency_growth",
        "latency_growth",
        "Measure how latency of the whole pipeline grows, one quantity at a time.",
        (
            "riskstream measure latency-growth  # the whole grid: 23 minutes",
            "riskstream measure latency-growth --only portfolios --largest 100",
        ),
    ),
    "guard": CommandPlace(
        "loadtests.studies.guard",
        "guard",
        "Compare the hot path's CPU time with the stored baseline.",
        (
            "riskstream measure guard  # exit code 1 from 1.3 times the baseline on",
            "riskstream measure guard --rounds 3 --report-timings  # report, and fail for none",
        ),
    ),
    "crossover": CommandPlace(
        "loadtests.studies.crossover",
        "crossover",
        "Measure from how many portfolios on valuing on the executors pays.",
        ("riskstream measure crossover --portfolios 300,1000",),
    ),
    "commits": CommandPlace(
        "loadtests.studies.commits",
        "compare",
        "Compare the time of a commit to PostgreSQL with psycopg2's.",
        ("riskstream measure commits --rounds 20",),
    ),
    "peers": CommandPlace(
        "loadtests.peers.compare",
        "compare",
        "Compare this pipeline with other ways to the same number.",
        (
            "make peers  # installs the other libraries, then runs this command",
            "riskstream measure peers --parts  # each part of the tuning left out",
        ),
    ),
    "users": CommandPlace(
        "loadtests.users.command",
        "users",
        "Send ticks, trades, questions and listeners with locust, and judge budgets.",
        (
            "riskstream measure users --users 20 --duration 60",
            "riskstream measure users --ui  # locust's console on loopback",
        ),
    ),
}


class MeasureGroup(LazyGroup):
    """Group of the measurements; `riskstream measure --help` imports none of them."""

    table: ClassVar[Mapping[str, CommandPlace]] = MEASUREMENTS


measure_app = typer.Typer(
    cls=MeasureGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Measure rates, goals, growth and more on this machine; each writes a JSON report.",
)


@measure_app.callback()
def _measure() -> None:
    """Measure rates, goals, growth and more on this machine; each writes a JSON report."""

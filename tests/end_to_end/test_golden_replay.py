"""Three spans of real history through Kafka, Spark and PostgreSQL equal golden files and batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from system.settings import Connections, Settings
from validation.checkers.end_of_day import check_end_of_day
from validation.published.golden import ABSOLUTE_TOLERANCE, CASES, golden_case
from validation.published.replay_backtest import (
    batch_backtest,
    compared,
    real_equities,
    replay_span,
)
from validation.run.read_back import read_stated
from validation.verdict import Verdict

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(400)]


@pytest.fixture
def connections(
    fresh_pipeline: Callable[[], AbstractContextManager[Connections]],
) -> Iterator[Connections]:
    """A pipeline per span: a stream goes forward in market time only."""
    with fresh_pipeline() as connections:
        yield connections


@pytest.mark.parametrize("name", CASES)
def test_every_day_in_postgresql_equals_the_golden_file_and_the_batch_backtest(
    name: str, connections: Connections, stack_settings: Settings
) -> None:
    closes = real_equities(stack_settings)
    case = golden_case(name, closes)
    replay_span(case, stack_settings, connections)
    stated = read_stated(connections.database_url).days
    golden_days = {key: stated[key] for key in stated if key in case.expected}
    live_finding = check_end_of_day(name, golden_days, case.expected, absolute=ABSOLUTE_TOLERANCE)
    assert (live_finding.verdict, live_finding.figures["days"]) == (
        Verdict.PASSED,
        len(case.days),
    ), live_finding.detail
    replayed = compared(name, stated, batch_backtest(case, closes))
    assert [
        finding.detail for finding in replayed.findings if finding.verdict is not Verdict.PASSED
    ] == []
    assert replayed.day_count == len(case.days)
    assert replayed.stored_breaches == replayed.batch_breaches == case.breach_count

"""Requests that the API's own description allows, and ones that it does not: answered as described.

Schemathesis draws them from the description that the running API serves: no answer is a 500, and
each has a status, a type and fields that its operation describes. Drawn the same in every run.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from system.bus.producer import MessageProducer
from system.contracts.messages import OpeningPosition, Portfolio
from system.settings import Connections, Settings
from system.simulate.datasets import load_market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from tests.end_to_end.test_trades import DAYS, DRAIN_BOUND_S
from validation.run.read_back import await_committed

schemathesis = pytest.importorskip("schemathesis", reason="installed with the libraries of verify")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")
not_a_server_error = pytest.importorskip("schemathesis.checks").not_a_server_error

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(600),
    pytest.mark.pipeline("api", own_driver=True),
]

EXAMPLES = 30
"""Requests per operation."""
ENDLESS = "/v1/stream"
CLOSING = ("post", "/v1/days")
"""Closes the day of the books that others of these requests ask about."""
JUDGED = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)
BOOK = Portfolio(
    portfolio="long",
    positions=(
        OpeningPosition(instrument="AAPL", quantity=1_000.0, entry_price=63.5),
        OpeningPosition(instrument="cash:USD", quantity=100_000.0, entry_price=1.0),
    ),
)
"""Named as the examples of the description name a book and an instrument."""


@pytest.fixture(scope="module")
def running(
    connections: Connections, stack_settings: Settings, producer: MessageProducer
) -> Connections:
    """The API over a book that is valued and closed once."""
    market = replayed_market(
        load_market(stack_settings.wheels_dir), instruments=("AAPL",), currencies=("USD",)
    )
    replay = Replay(market, ReplaySpec(first_day=DAYS[0], last_day=DAYS[1], ticks_per_day=1))
    for message in (*replay.reference_messages(), BOOK):
        producer.send(message)
    producer.flush()
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    return connections


@pytest.fixture(scope="module")
def operations(running: Connections) -> list[Any]:
    """Operations of the description that the API serves; streams have no end."""
    document = httpx.get(f"{running.api_url}/openapi.json", timeout=30).json()
    described = schemathesis.openapi.from_dict(document).get_all_operations()
    return [
        operation
        for operation in (result.ok() for result in described)
        if operation.path != ENDLESS and (operation.method, operation.path) != CLOSING
    ]


def ask(operation: Any, running: Connections) -> Counter[int]:
    """Return how often each status was answered; a wrong answer raises."""
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        headers = {"Authorization": f"Bearer {running.api_token}"}
        answer = case.call(base_url=running.api_url, headers=headers, timeout=60)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=list(JUDGED))

    asked()
    return statuses


def test_answers_are_as_the_description_says(operations: list[Any], running: Connections) -> None:
    statuses: Counter[int] = Counter()
    for operation in operations:
        statuses += ask(operation, running)
    assert len(operations) >= 30
    assert max(statuses) < 500
    assert statuses[200] > len(operations), "most reads find what they ask for"

"""The page of health."""

from __future__ import annotations

from typing import Any

from system.show.screens.health import REJECTED_SHOWN, ask_state
from system.show.server import runtime
from tests.system.show import answers
from tests.system.show.panels.page_forms import Api
from tests.system.show.test_page import page_run


def test_an_api_that_is_not_there_is_said_and_the_rest_is_drawn(
    running: runtime.Dashboard,
) -> None:
    page = page_run("health")
    assert not page.exception
    assert len(page.error) == 1


def test_health_and_the_newest_rejected_messages_are_asked_for() -> None:
    client: Any = Api()
    client.answer = answers.REJECTED
    assert ask_state(client) == (answers.REJECTED, answers.REJECTED)
    assert [call[0] for call in client.asked] == ["health", "rejected"]
    assert REJECTED_SHOWN == 50

"""Stored ends of day are fetched once."""

from __future__ import annotations

from typing import Any

import pytest

from system.contracts.messages import RiskSnapshot
from system.show.screens import attribution
from system.show.server import runtime


def test_an_end_of_day_is_fetched_once_and_again_in_another_history(
    running: runtime.Dashboard,
    ends_of_day_asked: list[str],
    ends_of_day: tuple[RiskSnapshot, ...],
    client: Any,
) -> None:
    dates = [snapshot.asof for snapshot in ends_of_day[:2]]
    assert attribution.ends_of_day(client, "long-short", dates) == ends_of_day[:2]
    attribution.ends_of_day(client, "long-short", dates)
    assert ends_of_day_asked == [f"long-short-eod-{date}" for date in dates]
    running.desk._forget()
    attribution.ends_of_day(client, "long-short", dates[:1])
    assert ends_of_day_asked[2:] == ends_of_day_asked[:1]


@pytest.fixture
def ends_of_day_asked() -> list[str]:
    return []


@pytest.fixture
def client(ends_of_day_asked: list[str], ends_of_day: tuple[RiskSnapshot, ...]) -> Any:
    attribution._kept().clear()
    stored = {snapshot.snapshot_id: snapshot for snapshot in ends_of_day}

    class Client:
        def snapshot(self, snapshot_id: str) -> RiskSnapshot:
            ends_of_day_asked.append(snapshot_id)
            return stored[snapshot_id]

    return Client()

"""The API that the forms of a page ask, with two portfolios on the page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse
from system.contracts.messages import RiskSnapshot
from system.show.panels import answers
from system.show.server import runtime
from system.show.server.fanout import Fanout
from system.show.state.dashboard import DashboardState
from tests.system.show.panels.page_forms import TOKEN, Api


@pytest.fixture
def api(
    long_short: RiskSnapshot, long_equities: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    def where() -> Any:
        return SimpleNamespace(api_url="http://api", api_token=TOKEN)

    api = Api()
    made = runtime.Dashboard(DashboardState(), Fanout(), asyncio.new_event_loop(), where)
    runtime.start(made)
    limited = msgspec.structs.replace(
        long_short,
        desk="rates",
        limits=tuple(
            LimitUse(
                measure=measure,
                value=1.5,
                warning=0.8,
                breach=1.0,
                used=1.5,
                level=level,
                raised=level,
            )
            for measure, level in (
                (LimitMeasure.GROSS, LimitLevel.BREACH),
                (LimitMeasure.NET, LimitLevel.BREACH),
            )
        ),
    )
    made.desk.take_snapshot(long_equities, 0)
    made.desk.take_snapshot(limited, 0)
    monkeypatch.setattr(answers, "RiskClient", api)
    yield api
    runtime.stop()
    made.loop.close()

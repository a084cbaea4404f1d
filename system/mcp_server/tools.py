"""The tools: each asks the API, changes nothing, and names the snapshot that it speaks of."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

import msgspec

from system.client.call import SeriesQuestion
from system.client.commands.scenarios import scenario_request
from system.client.commands.what_if import proposed_trade
from system.client.sync_client import RiskClient
from system.contracts.api.questions import WhatIfRequest
from system.contracts.messages import SnapshotKind
from system.mcp_server.answers import tool_answer

ROWS_MAX: Final = 100
DAYS_MAX: Final = 1_000
_IN_SHORT: Final = (
    "estimator",
    "confidence",
    "window",
    "scenario_count",
    "tail_rank",
    "var",
    "expected_shortfall",
    "scenario_date",
    "tail",
    "not_available",
    "stale",
    "missing",
    "inputs_hash",
)
"""Fields that describe a VaR, without the positions."""


class RiskTools:
    """Read-only questions to the API.

    Parameters
    ----------
    client : RiskClient
        Asks; its token can write, but no tool does.

    Raises
    ------
    ApiRefusedError, ApiUnavailableError, QuestionError
        From every tool, with a sentence for whoever asked.
    """

    def __init__(self, client: RiskClient) -> None:
        self._client = client

    def all(self) -> tuple[Callable[..., dict[str, Any]], ...]:
        """Return every tool, in the order in which they are listed."""
        return (
            self.list_portfolios,
            self.current_var,
            self.attribution,
            self.explain_var,
            self.what_changed_var,
            self.what_if,
            self.scenario,
            self.breaches,
            self.limits,
            self.profit_and_loss,
            self.system_status,
        )

    def list_portfolios(self, rows: int = 50) -> dict[str, Any]:
        """List portfolios by name with NAV, VaR, and the limit that is used most.

        Amounts are in each portfolio's base currency; VaR is a one-day loss, positive.
        """
        answer = self._client.portfolios()
        shown = answer.portfolios[: _bounded(rows)]
        hidden = len(answer.portfolios) - len(shown)
        return self._answer({"portfolios": shown, "not_shown": hidden})

    def current_var(self, portfolio: str) -> dict[str, Any]:
        """Return a portfolio's current VaR, expected shortfall, NAV, limits and what is stale."""
        risk = self._client.current_var(portfolio)
        return self._answer(risk, risk.snapshot_id)

    def attribution(self, portfolio: str, rows: int = 20) -> dict[str, Any]:
        """Return the positions that make VaR, largest part first; the parts add up to VaR."""
        answer = self._client.attribution(portfolio)
        shown = msgspec.structs.replace(answer, rows=answer.rows[: _bounded(rows)])
        return self._answer(shown, answer.snapshot_id)

    def explain_var(self, portfolio: str) -> dict[str, Any]:
        """Explain how the current VaR was computed: method, window, scenario, tail, positions.

        `riskstream explain SNAPSHOT` rebuilds the number itself to the bit.
        """
        risk = self._client.current_var(portfolio)
        contributions = self._client.contributions(portfolio)
        method = {name: getattr(risk, name) for name in _IN_SHORT}
        rows = contributions.rows[:10] if contributions.snapshot_id == risk.snapshot_id else ()
        command = f"riskstream explain {risk.snapshot_id}"
        answer = {"method": method, "largest_contributions": rows, "rebuild_with": command}
        return self._answer(answer, risk.snapshot_id)

    def what_changed_var(
        self, portfolio: str, from_snapshot: str = "", to_snapshot: str = ""
    ) -> dict[str, Any]:
        """Return what changed VaR between two snapshots, input by input.

        Without snapshot ids: from the last end of day to now.
        """
        answer = self._client.var_change(portfolio, from_snapshot or None, to_snapshot or None)
        return self._answer(answer, answer.to_id)

    def what_if(self, portfolio: str, trades: list[str]) -> dict[str, Any]:
        """Return the risk before and after proposed trades; nothing is sent.

        A trade is INSTRUMENT=QUANTITY or INSTRUMENT=QUANTITY@PRICE, signed: "AAPL=-100@251.5".
        """
        question = WhatIfRequest(trades=tuple(map(proposed_trade, trades)))
        answer = self._client.what_if(portfolio, question)
        return self._answer(msgspec.structs.replace(answer, positions=()), answer.snapshot_id)

    def scenario(
        self, portfolio: str, shocks: list[str] | None = None, day: str = ""
    ) -> dict[str, Any]:
        """Return the P&L under shocks, or under the moves of a day of history.

        Shocks are like "all=-10%", "class:equity=-10%", "fx:USD=+3%", "AAPL=-5", "vol=+5pts"; a
        day is like "2020-03-16". Give one of the two.
        """
        answer = self._client.scenario(portfolio, scenario_request(shocks or [], day))
        shown = msgspec.structs.replace(answer, rows=answer.rows[:ROWS_MAX])
        return self._answer(shown, answer.snapshot_id)

    def breaches(self, portfolio: str, days: int = 250) -> dict[str, Any]:
        """Return the days, of the last so many, whose loss was larger than the VaR before.

        A correct 95 % VaR is breached on some 5 % of days: a breach alone is no error.
        """
        count = max(1, min(days, DAYS_MAX))
        question = SeriesQuestion(kind=SnapshotKind.END_OF_DAY, newest_first=True, page_rows=count)
        points = list(islice(self._client.series(portfolio, question), count))
        judged = [point for point in points if point.breach is not None]
        answer = {
            "days_judged": len(judged),
            "breaches": [point for point in judged if point.breach],
        }
        return self._answer(answer, points[0].snapshot_id if points else "")

    def limits(self, portfolio: str, events: int = 20) -> dict[str, Any]:
        """Return every limit, its use, what is raised and who has seen it; the newest events."""
        answer = self._client.limits(portfolio)
        trail = self._client.limit_events(portfolio, limit=_bounded(events))
        return self._answer({"limits": answer, "events": trail.rows}, answer.snapshot_id)

    def profit_and_loss(self, portfolio: str) -> dict[str, Any]:
        """Return a portfolio's P&L, part by part; gains positive, base currency."""
        answer = self._client.pnl(portfolio)
        return self._answer(answer, answer.snapshot_id)

    def system_status(self) -> dict[str, Any]:
        """Return the health of each server, the state of the stream, and the oracle's tally."""
        return self._answer(self._client.health())

    def _answer(self, answer: object, snapshot_id: str = "") -> dict[str, Any]:
        return tool_answer(answer, self._client.health().stream, snapshot_id)


def _bounded(rows: int) -> int:
    return max(1, min(rows, ROWS_MAX))


def tool_names() -> tuple[tuple[str, str], ...]:
    """Return the name of each tool and the sentence that describes it."""
    named = RiskTools.__dict__
    return tuple(
        (name, (method.__doc__ or "").strip().partition("\n")[0])
        for name, method in named.items()
        if not name.startswith("_") and name != "all"
    )

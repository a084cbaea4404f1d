"""Board of `riskstream watch`: the newest line of each portfolio, the closest to a limit first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from system.clock import Clock
from system.console import styled
from system.contracts.api.portfolios import PortfolioSummary
from system.contracts.api.risk import CurrentRisk, StreamState, StreamStatus
from system.contracts.limits import LimitLevel, LimitUse

SILENCE_S: Final = 3.0
"""Without a word of the API what is shown is stale: it tells its heartbeat every second."""
_STYLES: Final = {LimitLevel.WARNING: "yellow", LimitLevel.BREACH: "bold red"}


@dataclass(frozen=True)
class Line:
    """One portfolio on the board.

    Parameters
    ----------
    portfolio, base_currency, snapshot_id : str
        Of its newest snapshot.
    event_time_ns : int
        Nanoseconds since 1970-01-01 UTC.
    nav, var, daily_pnl : float or None
        Base currency; VaR is a loss, positive.
    var_fraction, limit_used : float or None
        VaR / NAV; value / breach level of the limit that is used most.
    raised : LimitLevel or None
        The highest level that is raised; None: not known.
    is_complete : bool
        Whether no price is stale and no number is missing.
    """

    portfolio: str
    base_currency: str
    snapshot_id: str
    event_time_ns: int
    nav: float
    var: float | None
    var_fraction: float | None
    daily_pnl: float | None
    limit_used: float | None
    raised: LimitLevel | None
    is_complete: bool


def line_of(risk: CurrentRisk) -> Line:
    """Return the line of a snapshot."""
    uses = [use.used for use in risk.limits if use.used is not None]
    levels = [use.raised for use in risk.limits if use.raised is not None]
    return Line(
        portfolio=risk.portfolio,
        base_currency=risk.base_currency,
        snapshot_id=risk.snapshot_id,
        event_time_ns=risk.event_time_ns,
        nav=risk.nav,
        var=risk.var,
        var_fraction=risk.var_fraction,
        daily_pnl=risk.daily_pnl,
        limit_used=max(uses, default=risk.limit_used),
        raised=max(levels, key=list(LimitLevel)[:3].index, default=None),
        is_complete=risk.complete,
    )


def line_of_summary(summary: PortfolioSummary) -> Line:
    """Return the line of a portfolio as the API lists it."""
    return Line(
        portfolio=summary.portfolio,
        base_currency=summary.base_currency,
        snapshot_id=summary.snapshot_id,
        event_time_ns=summary.event_time_ns,
        nav=summary.nav,
        var=summary.var,
        var_fraction=summary.var_fraction,
        daily_pnl=summary.daily_pnl,
        limit_used=summary.limit_used,
        raised=summary.raised,
        is_complete=summary.complete,
    )


class Board:
    """The newest line of each portfolio, and the state of the stream.

    Written by one thread, read by the one that draws.

    Parameters
    ----------
    clock : Clock
        Measures the silence of the API.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._status: StreamStatus | None = None
        self._heard_ns = clock.monotonic_ns()
        self.newest: CurrentRisk | None = None

    def put(self, risk: CurrentRisk) -> None:
        """Show a snapshot in place of the portfolio's one before."""
        self._heard_ns = self._clock.monotonic_ns()
        self._lines[risk.portfolio] = line_of(risk)
        self.newest = risk

    def put_status(self, status: StreamStatus) -> None:
        """Show the state of the stream."""
        self._heard_ns = self._clock.monotonic_ns()
        self._status = status

    def clear(self) -> None:
        """Forget the lines: snapshots were missed, and the newest of each portfolio follows."""
        self._heard_ns = self._clock.monotonic_ns()
        self._lines = {}

    def lines(self, count: int) -> list[Line]:
        """Return at most ``count`` lines, the highest use of a limit first, then by name."""
        lines = tuple(self._lines.values())  # at once: another thread writes
        return sorted(lines, key=_urgency)[:count]

    def title(self, count: int) -> str:
        """Return the head: state of the stream, the oracle's verdict, lines that do not fit."""
        silence_s = (self._clock.monotonic_ns() - self._heard_ns) / 1e9
        status = self._status
        if silence_s > SILENCE_S:
            state = f"{StreamState.STALE}: no word of the API for {silence_s:.0f} s"
        else:
            state = "connecting" if status is None else status.state.value
        oracle = "not running" if status is None or status.oracle is None else status.oracle.verdict
        hidden = len(self._lines) - count
        more = f", {hidden:,} more below" if hidden > 0 else ""
        return f"stream {state}, oracle {oracle}{more}"


def _urgency(line: Line) -> tuple[bool, float, str]:
    used = line.limit_used
    return used is None, 0.0 if used is None else -used, line.portfolio


def line_table(lines: Sequence[Line], *, title: str) -> Table:
    """Return the table of portfolios."""
    table = Table(title=styled(title), title_justify="left")
    for name in ("portfolio", "as of (UTC)"):
        table.add_column(name)
    for name in ("VaR", "of NAV", "NAV", "P&L today", "limit used"):
        table.add_column(name, justify="right")
    for name in ("", "raised", "snapshot"):
        table.add_column(name)
    for line in lines:
        style = _STYLES.get(line.raised) if line.raised is not None else None
        table.add_row(*_cells(line), style=style)
    return table


def limit_table(risk: CurrentRisk) -> Table:
    """Return the table of a portfolio's limits, fractions of NAV."""
    table = Table("limit", "of NAV", "warning", "breach", "used", "raised")
    for use in risk.limits:
        style = _STYLES.get(use.raised) if use.raised is not None else None
        table.add_row(*_limit_cells(use), style=style)
    return table


def _cells(line: Line) -> tuple[str, ...]:
    moment = dt.datetime.fromtimestamp(line.event_time_ns // 10**9, dt.UTC)
    return (
        line.portfolio,
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        f"{_amount(line.var)} {line.base_currency}",
        _fraction(line.var_fraction),
        _amount(line.nav),
        "-" if line.daily_pnl is None else f"{line.daily_pnl:+,.0f}",
        "-" if line.limit_used is None else f"{line.limit_used:.0%}",
        "" if line.is_complete else "incomplete",
        "" if line.raised in {None, LimitLevel.OK} else str(line.raised),
        line.snapshot_id,
    )


def _limit_cells(use: LimitUse) -> tuple[str, ...]:
    return (
        use.measure.value,
        _fraction(use.value),
        _fraction(use.warning),
        _fraction(use.breach),
        "-" if use.used is None else f"{use.used:.0%}",
        "-" if use.raised is None else use.raised.value,
    )


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _fraction(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"

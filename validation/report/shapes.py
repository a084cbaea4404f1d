"""Types of the JSON reports that the harness writes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from validation.checkers.latency import Schedule
from validation.measure.latency import LatencyPoint, LatencySummary
from validation.measure.machine_speed import MachineSpeed
from validation.report.junit import CaseCounts
from validation.verdict import Finding, Verdict


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a step; ``command`` repeats it, ``log_tail`` is kept when it did not pass.

    ``failures`` has a line for each case that failed, with its reason.
    """

    name: str
    title: str
    verdict: Verdict
    detail: str
    seconds: float
    command: str
    log: str
    cases: CaseCounts
    findings: tuple[Finding, ...] = ()
    failures: tuple[str, ...] = ()
    log_tail: str = ""


class ModelEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Performance of the official estimator on one span of real history; evidence, no verdict.

    ``power``: if the alternative were the truth, how often each test would reject at 5 %.
    """

    span: str
    days: int
    breaches: int
    sentences: tuple[str, ...]
    power: dict[str, dict[str, float]]


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``report.json``: ``verdict`` is on the implementation, ``model`` has none.

    ``left_open`` names the steps that could not ask a service outside this machine: they are
    unknown, they are not part of ``verdict``, and nothing about them has passed.
    ``timing`` states what was over its budget, beside the speed of the machine; it changes no
    verdict.
    """

    verdict: Verdict
    seconds: float
    cases: CaseCounts
    steps: tuple[StepOutcome, ...]
    model: tuple[ModelEvidence, ...] = ()
    left_open: tuple[str, ...] = ()
    machine: MachineSpeed | None = None
    timing: str = ""


class _FindingsOnly(msgspec.Struct):
    findings: tuple[Finding, ...]


def write_json(path: Path, report: msgspec.Struct) -> None:
    """Write a report as indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def read_findings(path: Path) -> tuple[Finding, ...]:
    """Return the findings of a report; none where it is missing or cut off."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_FindingsOnly).findings
    except (FileNotFoundError, msgspec.DecodeError):
        return ()


class _EvidenceOnly(msgspec.Struct):
    evidence: tuple[ModelEvidence, ...]


def read_evidence(path: Path) -> tuple[ModelEvidence, ...]:
    """Return the evidence on the model; none where it was not gathered."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_EvidenceOnly).evidence
    except (FileNotFoundError, msgspec.DecodeError):
        return ()


class PortfolioRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the demo's last table; amounts in ``base_currency``.

    ``messages`` counts the ticks and rates that moved the portfolio, ``covered`` those of
    them that its snapshots came to contain. ``largest_difference`` is the largest relative
    difference of an end-of-day VaR in PostgreSQL to its reference.
    """

    portfolio: str
    base_currency: str
    nav: float | None
    var: float | None
    expected_shortfall: float | None
    breach_count: int
    day_count: int
    messages: int
    covered: int
    rejected: int
    p50_ms: float
    p99_ms: float
    largest_difference: float


class TradeOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """An intraday trade and what it did; VaR in the portfolio's base currency.

    ``accepted_to_pushed_ms`` runs from the API's answer to the receipt of the first pushed
    snapshot that contains the trade, ``sent_to_pushed_ms`` from the request.
    """

    portfolio: str
    instrument: str
    quantity: float
    price: float
    var_before: float | None
    var_after: float | None
    accepted_to_pushed_ms: float
    sent_to_pushed_ms: float


class DayPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One end of day of a portfolio: VaR stated then, and the day's P&L against the VaR before."""

    date: dt.date
    var: float | None
    pnl: float | None
    breach: bool | None


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the demo's ``report.json``; ``timing`` is a sentence and changes no verdict."""

    verdict: Verdict
    first_day: dt.date
    last_day: dt.date
    seconds: float
    first_var_s: float | None
    schedule: Schedule | None
    portfolios: tuple[PortfolioRow, ...]
    trade: TradeOutcome | None
    latencies: tuple[LatencySummary, ...]
    latency_over_time: tuple[LatencyPoint, ...]
    days: dict[str, tuple[DayPoint, ...]]
    findings: tuple[Finding, ...]
    repeat_with: str
    machine: MachineSpeed | None = None
    timing: str = ""

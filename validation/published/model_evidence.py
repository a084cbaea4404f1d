"""``python -m validation.published.model_evidence``: real history's evidence on the model.

Two questions that are never mixed. *Implementation*: does the product state the number that its
conventions define? That passes or fails, and is what every other step of verify is about. *Model*:
is 95 % really 95 % on real markets? To that there is only evidence: how the official estimator did
on four spans of history, and how much each test could have seen. The step fails only where the
published numbers of breaches are not met, which is a matter of the implementation.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
import typer

from system.backtest.battery import SimulationPlan
from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket, DayBounds
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.backtest.engine.specification import BacktestSettings
from system.contracts.messages import AssetClass
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from system.risk.listing import Listing
from system.risk.scenarios.window import CloseTable
from validation.backtest.findings import Kind, findings
from validation.backtest.summary import judged
from validation.published.golden import VALUE_PER_NAME
from validation.report.shapes import ModelEvidence, write_json
from validation.rules.second_reader import EQUITIES, Closes, read_closes
from validation.run.console import open_console
from validation.verdict import Finding, Verdict, overall

REPORT: Final = Path("build") / "verify" / "model.json"
PLAN: Final = SimulationPlan(count=1_000, slow_count=250)
SPANS: Final = {
    "2008H2": (dt.date(2008, 6, 30), dt.date(2008, 12, 31), 9, 128),
    "2020H1": (dt.date(2019, 12, 31), dt.date(2020, 6, 30), 15, 125),
    "2022H1": (dt.date(2021, 12, 31), dt.date(2022, 6, 30), 11, 124),
    "2006-2022": (dt.date(2006, 1, 3), dt.date(2022, 12, 28), 288, 4246),
}
"""First close, last P&L date, and the published number of breaches and days."""
WITHOUT_HISTORY: Final = frozenset({"2006-2022"})
"""Spans whose first window is made of their own first days: the data before are not used."""


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``model.json``; ``findings`` are about the published counts alone."""

    verdict: Verdict
    evidence: tuple[ModelEvidence, ...]
    findings: tuple[Finding, ...]


def model_report(closes: Closes) -> ModelReport:
    """Return the evidence of every span, and whether its published counts are met.

    Parameters
    ----------
    closes : mapping
        Of the 20 equities.
    """
    evidence, findings = [], []
    for span, (first, last, breaches, days) in SPANS.items():
        backtest = backtested(span_closes(span, closes), first, last)
        counted = (backtest.breach_count, backtest.day_count)
        findings.append(_published(span, counted, (breaches, days)))
        evidence.append(_evidence(span, backtest))
    return ModelReport(
        verdict=overall(finding.verdict for finding in findings),
        evidence=tuple(evidence),
        findings=tuple(findings),
    )


def span_closes(span: str, closes: Closes) -> Closes:
    """Return the closes that a span may use."""
    if span not in WITHOUT_HISTORY:
        return closes
    first = SPANS[span][0]
    return {
        name: {day: close for day, close in series.items() if day >= first}
        for name, series in closes.items()
    }


def backtested(closes: Closes, first: dt.date, last: dt.date) -> DailyBacktest:
    """Return the backtest of equal weights at a first close, held until the last P&L date."""
    book = BacktestBook(
        "us20",
        "USD",
        {name: Listing(name, AssetClass.EQUITY, "USD") for name in closes},
        tuple(
            DatedQuantity(name, VALUE_PER_NAME / series[first]) for name, series in closes.items()
        ),
    )
    nothing = CloseTable((), (), np.zeros((0, 0)))
    begins = min(day for day in next(iter(closes.values())) if day > first)
    return daily_backtest(
        book,
        BacktestMarket(CloseTable.of(closes), nothing),
        BacktestSettings(bounds=DayBounds(begins, last)),
    )


def _published(span: str, counted: tuple[int, int], published: tuple[int, int]) -> Finding:
    return Finding(
        check=f"published breaches of {span}",
        verdict=Verdict.PASSED if counted == published else Verdict.FAILED,
        detail=f"{counted[0]} of {counted[1]} days, published {published[0]} of {published[1]}",
        figures={"breaches": counted[0], "days": counted[1]},
    )


def _evidence(span: str, backtest: DailyBacktest) -> ModelEvidence:
    entry = judged(backtest, PLAN).entry
    return ModelEvidence(
        span=span,
        days=entry.days,
        breaches=entry.breaches,
        sentences=tuple(finding.text for finding in findings(entry) if finding.kind is Kind.MODEL),
        power={row.alternative: row.rejection_rates for row in entry.power},
    )


def main(
    report: Annotated[Path, typer.Option(callback=OUTPUT_FILE, help="Where to write it.")] = REPORT,
) -> None:
    """Gather the evidence on four spans of real history, print it and write it."""
    model = model_report(read_closes(EQUITIES))
    report.parent.mkdir(parents=True, exist_ok=True)
    write_json(report, model)
    console = open_console()
    for evidence in model.evidence:
        console.print(
            f"{evidence.span}: {evidence.breaches} of {evidence.days}",
            style="bold",
            highlight=False,
        )
        for sentence in evidence.sentences:
            console.print(f"  {sentence}", markup=False, highlight=False)
    raise typer.Exit(ExitCode.of_check(passed=model.verdict is Verdict.PASSED))


if __name__ == "__main__":
    typer.run(main)

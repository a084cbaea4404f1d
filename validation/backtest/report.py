"""The report of a backtest: one HTML page that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from validation.backtest.charts import cluster_chart, coverage_chart, evidence_chart, pnl_chart
from validation.backtest.entries import Summary
from validation.backtest.findings import Finding, findings
from validation.backtest.summary import Judged
from validation.report.pages import TEMPLATES
from validation.report.plots import script_element

OWN_TEMPLATES: Final = Path(__file__).parent / "templates"
TEMPLATE: Final = "backtest.html.j2"


@dataclass(frozen=True, slots=True)
class Section:
    """One portfolio under one method, ready to be shown."""

    one: Judged
    findings: tuple[Finding, ...]
    pnl: Markup
    clusters: Markup
    coverage: Markup
    evidence: Markup


def write_report(path: Path, summary: Summary, entries: Sequence[Judged]) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        Where to.
    summary : Summary
        Settings and inputs.
    entries : sequence of Judged
        What is shown, in order.
    """
    environment = Environment(
        loader=FileSystemLoader([OWN_TEMPLATES, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(TEMPLATE).render(
        summary=summary,
        sections=[_section(entry, summary.base_currency) for entry in entries],
        charts_script=script_element(path.parent),
    )
    path.write_text(page, encoding="utf-8")


def _section(entry: Judged, base_currency: str) -> Section:
    return Section(
        one=entry,
        findings=findings(entry.entry),
        pnl=pnl_chart(entry.backtest, base_currency),
        clusters=cluster_chart(entry.backtest),
        coverage=coverage_chart(entry),
        evidence=evidence_chart(entry),
    )

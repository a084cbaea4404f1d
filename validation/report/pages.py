"""HTML pages of the reports; nothing is loaded from outside their folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from validation.measure.coverage import STAGES
from validation.report.charts import latency_chart, stages_chart, var_chart
from validation.report.plots import script_element
from validation.report.shapes import DemoReport, VerifyReport

TEMPLATES: Final = Path(__file__).parent / "templates"


def write_verify_page(path: Path, report: VerifyReport) -> None:
    """Write the page of a verification."""
    path.write_text(rendered("verify.html.j2", report=report), encoding="utf-8")


def write_demo_page(path: Path, report: DemoReport) -> None:
    """Write the page of a demo, its charts included."""
    currencies = {row.portfolio: row.base_currency for row in report.portfolios}
    page = rendered(
        "demo.html.j2",
        report=report,
        stages=STAGES,
        charts_script=script_element(path.parent),
        latency=latency_chart(report.latency_over_time),
        stage_means=stages_chart(report.latencies),
        var_charts={
            name: var_chart(points, base_currency=currencies[name])
            for name, points in report.days.items()
        },
    )
    path.write_text(page, encoding="utf-8")


def rendered(template: str, *folders: Path, **values: Any) -> str:  # noqa: ANN401
    """Return a page from a template of this package, or of further folders before it."""
    environment = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)

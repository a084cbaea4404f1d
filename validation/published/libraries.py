"""``python -m validation.published.libraries``: other libraries beside this product, one row each.

Each library is asked at the convention that is its own. Where that is ours, the numbers must
be the same; where it is another on purpose, the number must be what that other convention says,
and must not be ours: the difference is understood, not tolerated.
"""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from math import isclose
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import typer
from rich.table import Table

from system.backtest.statistics.coverage import (
    Alternative,
    exact_binomial,
    kupiec_pof,
    mid_p_binomial,
)
from system.backtest.statistics.duration import weibull_duration
from system.console import styled
from system.contracts.messages import OptionRight
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from system.risk.confidence import Confidence
from system.risk.historical import expected_shortfall, historical_var
from system.risk.options.black_scholes import (
    EuropeanOption,
    OptionArrays,
    option_greeks,
    option_value,
)
from validation.report.shapes import write_json
from validation.run.console import STYLES, open_console
from validation.verdict import Finding, Verdict, overall, unknown

REPORT: Final = Path("build") / "verify" / "libraries.json"
TOLERANCE: Final = 1e-9
ORE_PACKAGE, ORE_MODULE = "open-source-risk-engine", "ORE"
LEVEL: Final = Confidence.parse("0.95")
WORKED: Final = (
    *(-0.050, -0.040, -0.031, -0.025, -0.021, -0.018, -0.015, -0.012, -0.010, -0.008),
    *(-0.006, -0.004, -0.002, -0.001, 0.0, 0.001, 0.003, 0.004, 0.006, 0.007),
    *(0.009, 0.010, 0.012, 0.014, 0.016, 0.018, 0.021, 0.024, 0.027, 0.030),
)
"""The worked vector of the conventions: thirty P&Ls, VaR 0.0400, ES 0.046667."""
SIXTY: Final = tuple(np.random.default_rng(60).normal(size=60).tolist())
"""Twenty divides its length: in floating point ceil(60 * (1 - 0.95)) is 4 and not 3."""
HITS: Final = tuple(day in {3, 4, 30, 58, 61, 90, 117} for day in range(126))
CALL: Final = EuropeanOption(OptionRight.CALL, 50.0, 0.5, 0.05)
SPOT, VOLATILITY = 49.0, 0.2


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One number of one library.

    ``ours`` is the product's number of the same name; ``wanted`` what the library's
    convention says, worked out apart from the library: ``ours`` where they are the same.
    ``within`` is relative.
    """

    library: str
    measure: str
    convention: str
    theirs: float
    ours: float
    wanted: float
    is_same: bool
    within: float = TOLERANCE

    @property
    def holds(self) -> bool:
        """Return whether the library states what is expected of it, and differs only on purpose."""
        as_expected = isclose(self.theirs, self.wanted, rel_tol=self.within, abs_tol=1e-12)
        equal = isclose(self.theirs, self.ours, rel_tol=self.within, abs_tol=1e-12)
        return as_expected and equal == self.is_same


class LibrariesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``libraries.json``."""

    verdict: Verdict
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


def compared() -> tuple[Row, ...]:
    """Return every row; the libraries take half a minute to import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sources: tuple[Callable[[], Iterator[Row]], ...] = (
            _riskfolio,
            _skfolio,
            _quantlib,
            _ore,
            _empyrical,
            _vartests,
        )
        return tuple(row for source in sources for row in source())


def finding(row: Row) -> Finding:
    """Return a row as a finding of the report."""
    relation = "the same" if row.is_same else f"another on purpose, ours is {row.ours:.9g}"
    return Finding(
        check=f"{row.library}: {row.measure}",
        verdict=Verdict.PASSED if row.holds else Verdict.FAILED,
        detail=f"{row.convention}: {row.theirs:.9g}, {relation}",
        figures={"theirs": row.theirs, "ours": row.ours, "wanted": row.wanted},
    )


def _row(
    package: str,
    measure: str,
    convention: str,
    *,
    theirs: float,
    ours: float,
    wanted: float | None = None,
    within: float = TOLERANCE,
) -> Row:
    """Return a row; without ``wanted`` the library must have our number."""
    return Row(
        library=f"{package} {version(package)}",
        measure=measure,
        convention=convention,
        theirs=float(theirs),
        ours=ours,
        wanted=ours if wanted is None else float(wanted),
        is_same=wanted is None,
        within=within,
    )


def _var(pnl: tuple[float, ...]) -> float:
    return historical_var(np.array(pnl), confidence=LEVEL)


def _shortfall(pnl: tuple[float, ...]) -> float:
    return expected_shortfall(np.array(pnl), confidence=LEVEL)


def _worst(pnl: tuple[float, ...], rank: int) -> float:
    return -sorted(pnl)[rank - 1]


def _riskfolio() -> Iterator[Row]:
    from riskfolio.src import RiskFunctions as theirs  # noqa: N813, PLC0415

    pnl = np.array(WORKED)
    name = "riskfolio-lib"
    yield _row(name, "VaR", "rank ceil(na)", theirs=theirs.VaR_Hist(pnl, 0.05), ours=_var(WORKED))
    yield _row(
        name,
        "ES",
        "exact tail mean",
        theirs=theirs.CVaR_Hist(pnl, 0.05),
        ours=_shortfall(WORKED),
    )


def _skfolio() -> Iterator[Row]:
    from skfolio import measures as theirs  # noqa: PLC0415

    pnl, sixty = np.array(WORKED), np.array(SIXTY)
    yield _row(
        "skfolio",
        "VaR",
        "rank ceil(na)",
        theirs=theirs.value_at_risk(pnl, beta=0.95),
        ours=_var(WORKED),
    )
    yield _row(
        "skfolio",
        "ES",
        "exact tail mean",
        theirs=theirs.cvar(pnl, beta=0.95),
        ours=_shortfall(WORKED),
    )
    yield _row(
        "skfolio",
        "VaR, n = 60",
        "rank k + 1 where 20 divides n",
        theirs=theirs.value_at_risk(sixty, beta=0.95),
        ours=_var(SIXTY),
        wanted=_worst(SIXTY, 4),
    )


def _quantlib() -> Iterator[Row]:
    import QuantLib as ql  # noqa: N813, PLC0415

    worked, sixty = (_statistics(ql, pnl) for pnl in (WORKED, SIXTY))
    name = "QuantLib"
    yield _row(name, "VaR", "rank ceil(na)", theirs=worked.valueAtRisk(0.95), ours=_var(WORKED))
    yield _row(
        name,
        "VaR, n = 60",
        "rank k + 1 where 20 divides n",
        theirs=sixty.valueAtRisk(0.95),
        ours=_var(SIXTY),
        wanted=_worst(SIXTY, 4),
    )
    yield _row(
        name,
        "ES",
        "mean of losses strictly beyond VaR",
        theirs=worked.expectedShortfall(0.95),
        ours=_shortfall(WORKED),
        wanted=_worst(WORKED, 1),
    )
    yield from _quantlib_option(ql)


def _statistics(ql: Any, pnl: tuple[float, ...]) -> Any:  # noqa: ANN401 - no types
    collected = ql.RiskStatistics()
    for outcome in pnl:
        collected.add(outcome)
    return collected


def _quantlib_option(ql: Any) -> Iterator[Row]:  # noqa: ANN401 - no types
    """Yield value and Greeks of a European call of half a year, ACT/365."""
    today, engine_option = _european(ql)
    arrays = OptionArrays.of(
        [EuropeanOption(OptionRight.CALL, CALL.strike, _years(ql, today), CALL.rate)]
    )
    spot, volatility = np.array([SPOT]), np.array([VOLATILITY])
    greeks = option_greeks(arrays, spot=spot, volatility=volatility)
    value = float(option_value(arrays, spot=spot, volatility=volatility)[0])
    convention = "AnalyticEuropeanEngine, in our units"
    for measure, theirs, ours in (
        ("option value", engine_option.NPV(), value),
        ("delta", engine_option.delta(), float(greeks.delta[0])),
        ("gamma", engine_option.gamma(), float(greeks.gamma[0])),
        ("vega per point", engine_option.vega() / 100.0, float(greeks.vega[0])),
        ("theta per day", engine_option.theta() / 365.0, float(greeks.theta[0])),
        ("rho per 1 %", engine_option.rho() / 100.0, float(greeks.rho[0])),
    ):
        yield _row("QuantLib", measure, convention, theirs=theirs, ours=ours)


def _european(ql: Any) -> tuple[Any, Any]:  # noqa: ANN401 - no types
    today = ql.Date(2, 1, 2020)
    ql.Settings.instance().evaluationDate = today
    days = ql.Actual365Fixed()
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(SPOT)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, days)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, CALL.rate, days)),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, ql.NullCalendar(), VOLATILITY, days)
        ),
    )
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, CALL.strike)
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(_expiry(ql)))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    return today, option


def _expiry(ql: Any) -> Any:  # noqa: ANN401 - no types
    return ql.Date(2, 7, 2020)


def _years(ql: Any, today: Any) -> float:  # noqa: ANN401 - no types
    return float(_expiry(ql) - today) / 365.0


def not_installed() -> Iterator[Finding]:
    """Yield an unknown for a library that has no wheel for this Python or processor."""
    if find_spec(ORE_MODULE) is None:
        why = f"no wheel for Python {platform.python_version()} on {platform.machine()}"
        yield unknown(f"{ORE_PACKAGE}: VaR, ES", f"not installed: {why}")


def _ore() -> Iterator[Row]:
    if find_spec(ORE_MODULE) is None:
        return
    import ORE  # noqa: PLC0415

    worked, sixty = (
        ORE.HistoricalSimulationVarCalculator(ORE.DoubleVector(list(pnl)))
        for pnl in (WORKED, SIXTY)
    )
    name = ORE_PACKAGE
    yield _row(name, "VaR", "rank ceil(na), as a P&L", theirs=-worked.var(0.05), ours=_var(WORKED))
    yield _row(
        name,
        "VaR, n = 60",
        "rank k + 1 where 20 divides n",
        theirs=-sixty.var(0.05),
        ours=_var(SIXTY),
        wanted=_worst(SIXTY, 4),
    )
    yield _row(
        name,
        "ES",
        "mean of the worst k, as a P&L",
        theirs=-worked.expectedShortfall(0.05),
        ours=_shortfall(WORKED),
        wanted=(_worst(WORKED, 1) + _worst(WORKED, 2)) / 2,
    )


def _empyrical() -> Iterator[Row]:
    import empyrical as theirs  # noqa: PLC0415

    pnl = np.array(WORKED)
    name = "empyrical-reloaded"
    yield _row(
        name,
        "VaR",
        "interpolated (type 7), as a return",
        theirs=-theirs.value_at_risk(pnl, cutoff=0.05),
        ours=_var(WORKED),
        wanted=0.03595,
    )
    yield _row(
        name,
        "ES",
        "mean of the worst floor((n - 1)a) + 1, as a return",
        theirs=-theirs.conditional_value_at_risk(pnl, cutoff=0.05),
        ours=_shortfall(WORKED),
        wanted=0.0450,
    )


def _vartests() -> Iterator[Row]:
    import vartests as theirs  # noqa: PLC0415

    kupiec = theirs.kupiec_test(x=57, n=1043, risk_conf_level=0.95)["statistic"]
    ours = kupiec_pof(57, 1043, 0.05).statistic
    assert ours is not None, "57 of 1043 have a ratio"
    yield _row("vartests", "Kupiec, 57 of 1043", "likelihood ratio", theirs=kupiec, ours=ours)
    counts = {"x": 15, "n": 125, "risk_conf_level": 0.95, "alternative": "greater"}
    for measure, test, mine in (
        ("exact binomial, 15 of 125", theirs.binomial_test, exact_binomial),
        ("mid-p, 15 of 125", theirs.mid_p_test, mid_p_binomial),
    ):
        p_value = mine(15, 125, 0.05, alternative=Alternative.MORE).p_value
        assert p_value is not None, "a count has a p-value"
        yield _row(
            "vartests", measure, "one-sided p", theirs=test(**counts)["p-value"], ours=p_value
        )
    duration = theirs.duration_test(np.array(HITS).astype(int))["statistic"]
    statistic = weibull_duration(np.array(HITS)).statistic
    assert statistic is not None, "seven breaches have durations"
    yield _row(
        "vartests",
        "Weibull durations",
        "likelihood ratio by another search, to five digits",
        theirs=duration,
        ours=statistic,
        within=1e-5,
    )


def main(
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FILE, help="Where to write the table.")
    ] = REPORT,
) -> None:
    """Compare with every library, print the table and write it."""
    rows = compared()
    findings = (*map(finding, rows), *not_installed())
    comparison = LibrariesReport(
        verdict=overall(finding.verdict for finding in findings), rows=rows, findings=findings
    )
    report.parent.mkdir(parents=True, exist_ok=True)
    write_json(report, comparison)
    _show(findings)
    raise typer.Exit(ExitCode.of_check(passed=comparison.verdict is not Verdict.FAILED))


def _show(findings: tuple[Finding, ...]) -> None:
    table = Table(title="other libraries, each at its own convention", title_justify="left")
    for heading in ("library: measure", "verdict", "convention and number"):
        table.add_column(heading)
    for finding in findings:
        style = STYLES[finding.verdict]
        table.add_row(finding.check, styled((finding.verdict, style)), finding.detail)
    open_console().print(table)


if __name__ == "__main__":
    typer.run(main)

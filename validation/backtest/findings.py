"""Findings of a backtest, as sentences.

Two kinds that are never mixed. *Implementation*: whether the product computed what it
says; passed or failed. *Model*: how the stated VaR did on these days; evidence, never a
pass, with how much the test could have seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from validation.backtest.entries import MethodEntry

REJECTED_BELOW: Final = 0.05
DAYS_PER_YEAR: Final = 252
POWERFUL_FROM: Final = 0.8


class Kind(StrEnum):
    """Subject of a finding."""

    IMPLEMENTATION = "implementation"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and what it is about."""

    kind: Kind
    text: str


def findings(entry: MethodEntry) -> tuple[Finding, ...]:
    """Return the findings on one portfolio under one method.

    Parameters
    ----------
    entry : MethodEntry
        Its numbers.
    """
    implementation = (_kernel(entry), _attribution(entry))
    model = (
        _rate(entry),
        _untested(entry),
        _promise(entry),
        _estimator(entry),
        _clusters(entry),
        _live(entry),
    )
    return (
        *(Finding(Kind.IMPLEMENTATION, text) for text in implementation if text),
        *(Finding(Kind.MODEL, text) for text in model if text),
    )


def _kernel(entry: MethodEntry) -> str:
    if not entry.kernel_checked:
        return (
            f"{entry.method} is a challenger, not the official estimator: it is not compared "
            "with the risk core."
        )
    return (
        f"Passed: VaR, expected shortfall, scenario and components of {len(entry.kernel_checked)} "
        "closes of this run, computed a second time by the function that the live stream calls, "
        "are equal to the last bit; components add up to VaR on every close."
    )


def _attribution(entry: MethodEntry) -> str:
    test = entry.pnl_attribution
    if test is None or test.zone is None:
        return ""
    verdict = "Passed" if test.zone == "green" else "Look into it"
    return (
        f"{verdict}: P&L by the scenario formula explains the revalued P&L in zone {test.zone} "
        f"(rank correlation {test.spearman:.6f}, Kolmogorov-Smirnov distance "
        f"{test.kolmogorov_smirnov:.4f}, largest gap {test.largest_gap:.3g})."
    )


def _rate(entry: MethodEntry) -> str:
    sentence = (
        f"{entry.breaches} breaches in {entry.days} days are {entry.rate:.2%}; "
        f"{entry.promised_rate:.2%} is promised."
    )
    if entry.expected_rate is None:
        return sentence + " What this method brings about by itself is not known in closed form."
    away = entry.expected_rate - entry.promised_rate
    return sentence + (
        f" A faultless computation of this estimator brings about {entry.expected_rate:.2%} on "
        f"independent returns, {away:+.2%} from the promise, because its window is short."
    )


def _untested(entry: MethodEntry) -> str:
    if not entry.untested:
        return ""
    return (
        f"{entry.untested_days} of {entry.held_days} P&L dates on which the book was held have no "
        "VaR; no test takes the days at both ends of such a hole for neighbours."
    )


def _promise(entry: MethodEntry) -> str:
    p_value = entry.tests["kupiec_pof"].p_value_simulated
    if p_value is None:
        return ""
    power = {row.alternative: row.rejection_rates["kupiec_pof"] for row in entry.power}
    words, seen = max(power.items(), key=lambda item: "1.5 times" in item[0])
    verdict = "rejected" if p_value < REJECTED_BELOW else "not rejected"
    weak = "" if seen >= POWERFUL_FROM else ": not rejected would say little"
    return (
        f"The promised rate is {verdict} on these days (Kupiec, simulated p-value {p_value:.4f}). "
        f'If the truth were "{words}", the test would find it in {seen:.0%} of samples this '
        f"long{weak}."
    )


def _estimator(entry: MethodEntry) -> str:
    band, p_value = entry.breach_band_99.rolling, entry.tests["kupiec_pof"].p_value_rolling
    if band is None or p_value is None:
        return ""
    inside = band[0] <= entry.breaches <= band[1]
    return (
        f"A correct estimator of this kind has between {band[0]} and {band[1]} breaches in 99 % "
        f"of samples this long if returns are independent; {entry.breaches} is "
        f"{'inside' if inside else 'outside'}. What is outside is the market's doing "
        "(volatility that comes in clusters), not the computation's."
    )


def _clusters(entry: MethodEntry) -> str:
    p_values = {
        words: entry.tests[name].p_value_simulated
        for name, words in (
            ("christoffersen_independence", "day after day (Christoffersen)"),
            ("weibull_duration", "over longer waits (Weibull durations)"),
            ("dynamic_quantile", "from VaR, past breaches and past P&L (dynamic quantile)"),
        )
    }
    seen = [f"{words}: p = {p:.4f}" for words, p in p_values.items() if p is not None]
    if not seen:
        return ""
    clustered = any(p is not None and p < REJECTED_BELOW for p in p_values.values())
    verdict = (
        "Breaches could be foretold" if clustered else "No sign that breaches come in clusters"
    )
    return f"{verdict}; {'; '.join(seen)}."


def _live(entry: MethodEntry) -> str:
    process = entry.e_process
    when = (
        f"reached {1 / process.level:.0f} on {process.first_rejection}: the promise is rejected, "
        "whenever one had looked"
        if process.first_rejection
        else f"has not reached {1 / process.level:.0f}: the promise is not rejected"
    )
    sentence = (
        f"The e-process (may be looked at every day) stands at {process.e_value:.3g} and {when}."
    )
    if process.expected_days_to_rejection is None:
        return sentence
    years = process.expected_days_to_rejection / DAYS_PER_YEAR
    return sentence + (
        f" A correct {entry.n}-day estimator is expected to be rejected after about {years:.1f} "
        "years: that is a finding about the window, not about the computation."
    )

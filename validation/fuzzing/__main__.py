"""``python -m validation.fuzzing``: fuzz codec, fold and valuation, for a time, by a seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

import msgspec
import typer

from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from validation.fuzzing.rounds import Counts, LawBrokenError, fuzz_codec, fuzz_world
from validation.report.shapes import write_json
from validation.run.console import open_console
from validation.verdict import Finding, Verdict, judged

REPORT: Final = Path("build/fuzzing/report.json")
SEED: Final = 20_200_203
CODEC_SHARE: Final = 0.25
MAX_PROBLEMS: Final = 20
CODEC: Final = "codec: any bytes are a message or refused with a reason"
FOLD: Final = "fold and valuation: every number finite, nothing raised, from any valid messages"


class FuzzReport(msgspec.Struct, frozen=True, kw_only=True):
    """Content of the report: ``seed`` is the first world's, each following one has the next."""

    verdict: Verdict
    seed: int
    seconds: float
    counts: Counts
    findings: tuple[Finding, ...]


def fuzzed(seed: int, seconds: float) -> FuzzReport:
    """Fuzz for a number of seconds, and at least one round of each kind."""
    counts = Counts()
    began = monotonic()
    codec = _rounds(seed, seconds * CODEC_SHARE, lambda each: fuzz_codec(each, counts))
    codec_s, cases = monotonic() - began, counts.codec_cases
    fold = _rounds(seed, seconds - codec_s, lambda each: fuzz_world(each, counts))
    fold_s = monotonic() - began - codec_s
    findings = (
        judged(
            CODEC,
            codec,
            passed=f"{cases:,} cases, {cases / codec_s:,.0f} a second; "
            f"{counts.codec_accepted:,} are messages; seeds from {seed}",
            figures={"cases": cases, "accepted": counts.codec_accepted},
        ),
        judged(
            FOLD,
            fold,
            passed=f"{counts.worlds} worlds (seeds {seed} to {seed + counts.worlds - 1}), "
            f"{counts.messages:,} messages, {counts.messages / fold_s:,.0f} a second; "
            f"{counts.snapshots:,} snapshots, {counts.valued:,} with a VaR, {counts.numbers:,} "
            "numbers",
            figures={"worlds": counts.worlds, "messages": counts.messages},
        ),
    )
    verdict = Verdict.FAILED if codec or fold else Verdict.PASSED
    return FuzzReport(
        verdict=verdict, seed=seed, seconds=codec_s + fold_s, counts=counts, findings=findings
    )


def _rounds(seed: int, seconds: float, work: Callable[[int], None]) -> list[str]:
    """Run rounds with growing seeds until the time is over; return what was wrong."""
    problems: list[str] = []
    ends = monotonic() + seconds
    while True:
        try:
            work(seed)
        except LawBrokenError as error:
            problems.append(f"{error}: repeat it by `--seed {seed} --seconds 0`")
        seed += 1
        if monotonic() >= ends or len(problems) >= MAX_PROBLEMS:
            return problems


def main(
    seconds: Annotated[float, typer.Option(min=0.0, help="How long; 0: one round of each.")] = 30.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the first round.")] = SEED,
    report: Annotated[Path, typer.Option(callback=OUTPUT_FILE, help="Where to write it.")] = REPORT,
) -> None:
    """Fuzz the codec, and the fold and valuation behind it."""
    made = fuzzed(seed, seconds)
    report.parent.mkdir(parents=True, exist_ok=True)
    write_json(report, made)
    console = open_console()
    for finding in made.findings:
        console.print(f"{finding.verdict}: {finding.check}", markup=False, highlight=False)
        console.print(f"  {finding.detail}", markup=False, highlight=False)
    raise typer.Exit(ExitCode.of_check(passed=made.verdict is Verdict.PASSED))


if __name__ == "__main__":
    typer.run(main)

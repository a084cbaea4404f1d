"""Expectations of a scenario's ``[expect]``, judged from the recording of its run."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.simulate.timeline import session_ns
from validation.checkers.end_of_day import Days
from validation.checkers.ledger import Outcome, Ruling
from validation.measure.record import SeenSnapshot
from validation.scenarios.faults.injector import WAITED_FOR, FaultOutcome
from validation.scenarios.file.format import Expect, NumberTable
from validation.scenarios.judge.adjustments import check_adjusted
from validation.verdict import Figure, Finding, judged, unknown

REJECTED: Final = "expected: rejected for exactly these reasons"
OUTCOMES: Final = "expected: superseded and duplicate messages"
STALE: Final = "expected: shown as stale, and fresh at the end"
SUSPECT: Final = "expected: shown with a suspect tick, and judged at the end"
PROXIED: Final = "expected: moved by a proxy, and said so"
REFUSED: Final = "expected: no VaR without a history, and the name said"
BREACHES: Final = "expected: breaches"
TRADES: Final = "expected: VaR moves with each trade"
NUMBERS: Final = "expected: numbers known beforehand"
PAST_THE_OPEN_NS: Final = 3_600_000_000_000
NONE: Final = "none, as expected"
FAULTS: Final = "faults: each did bite, and the stream recovered"


def check_expectations(
    expect: Expect,
    ruled: Sequence[Ruling],
    snapshots: Sequence[SeenSnapshot],
    stated: Days,
    stored: Sequence[RiskSnapshot] = (),
) -> Iterator[Finding]:
    """Yield one finding per expectation of a scenario.

    Parameters
    ----------
    expect : Expect
        The section of the file.
    ruled : sequence of Ruling
        What must become, and by the ledger did become, of each message.
    snapshots : sequence of SeenSnapshot
        As observed.
    stated : mapping
        Ends of day in PostgreSQL.
    stored : sequence of RiskSnapshot
        Every snapshot in PostgreSQL.
    """
    yield _rejected(expect, ruled)
    yield _outcomes(expect, ruled)
    if expect.stale is not None:
        yield _stale(expect.stale, snapshots)
    yield from _without_history(expect, stored)
    if expect.breaches is not None:
        yield _breaches(expect.breaches, stated)
    if expect.var_moves_with_trades:
        yield _trades(snapshots)
    if expect.suspect_ticks is not None:
        yield _suspect_ticks(expect.suspect_ticks, stored)
    if expect.adjusted is not None:
        yield check_adjusted(expect.adjusted, stored)
    if expect.numbers:
        yield judged(NUMBERS, _wrong_numbers(expect.numbers, stated), passed="as stated")


def check_faults(faults: Sequence[FaultOutcome]) -> Finding:
    """Return whether every fault had a witness and was recovered from.

    Recovery after its bound is recovery: only time speaks against it.
    """
    problems = [
        problem for number, fault in enumerate(faults, 1) for problem in _fault(number, fault)
    ]
    late = [
        f"fault {number}, {fault.do} {fault.what}: recovered after {fault.recovered_s:.1f} s, "
        f"its bound is {fault.bound_s:.0f} s"
        for number, fault in enumerate(faults, 1)
        if fault.recovered_s is not None and fault.recovered_s > fault.bound_s
    ]
    figures: dict[str, Figure] = {
        f"{number} {fault.do} {fault.what} recovered_s": round(fault.recovered_s, 2)
        for number, fault in enumerate(faults, 1)
        if fault.recovered_s is not None
    }
    told = "; ".join(
        f"{outcome.do} {outcome.what}: {outcome.witness}, "
        f"recovered in {outcome.recovered_s or 0:.1f} s"
        for outcome in faults
    )
    finding = judged(FAULTS, [*problems, *late], passed=told, figures=figures)
    return msgspec.structs.replace(finding, timing_only=bool(late) and not problems)


def _fault(number: int, fault: FaultOutcome) -> Iterator[str]:
    name = f"fault {number}, {fault.do} {fault.what}"
    if not fault.bit:
        yield f"{name}: no witness that it did anything: {fault.witness}"
    elif fault.recovered_s is None:
        bound_s = WAITED_FOR * fault.bound_s
        yield f"{name}: {_not_recovered(fault)} within {bound_s:.0f} s ({fault.witness})"


def _not_recovered(fault: FaultOutcome) -> str:
    if fault.relapses:
        last = fault.relapses[-1]
        told = f"{last.held_s:.1f} s, and fell back {last.after_s:.1f} s after its beginning"
        return f"looked recovered for {told} ({last.why}); not recovered"
    if fault.looked_s is not None:
        return f"looked recovered for {fault.held_s:.1f} of {fault.wanted_s:.0f} s; not recovered"
    return "not recovered"


def _rejected(expect: Expect, ruled: Sequence[Ruling]) -> Finding:
    counts = Counter(ruling.reason for ruling in ruled if ruling.outcome is Outcome.REJECTED)
    wanted = {reason.value for reason in expect.rejected}
    problems = [f"none was rejected as {reason}" for reason in sorted(wanted - set(counts))]
    problems += [
        f"{counts[reason]} were rejected as {reason}" for reason in sorted(set(counts) - wanted)
    ]
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())) or "none"
    return judged(REJECTED, problems, passed=told, figures=dict(counts))


def _outcomes(expect: Expect, ruled: Sequence[Ruling]) -> Finding:
    counts = Counter(ruling.outcome for ruling in ruled)
    problems = [
        f"{counts[outcome]} were {outcome.value}, {'some' if wanted else 'none'} expected"
        for outcome, wanted in (
            (Outcome.SUPERSEDED, expect.superseded),
            (Outcome.DUPLICATE, expect.duplicates),
        )
        if bool(counts[outcome]) is not wanted
    ]
    told = f"{counts[Outcome.SUPERSEDED]} superseded, {counts[Outcome.DUPLICATE]} duplicate"
    return judged(OUTCOMES, problems, passed=told)


def _stale(names: Sequence[str], snapshots: Sequence[SeenSnapshot]) -> Finding:
    if not snapshots:
        return unknown(STALE, "no snapshot was observed")
    ever = {
        name for snapshot in snapshots if _is_past_the_open(snapshot) for name in snapshot.stale
    }
    last: Mapping[str, SeenSnapshot] = {snapshot.portfolio: snapshot for snapshot in snapshots}
    still = {name for newest in last.values() for name in newest.stale}
    problems = [f"{name} was never stale" for name in names if name not in ever]
    problems += [f"{name} is stale at the end" for name in sorted(still)]
    problems += [f"{name} was stale too" for name in sorted(ever - set(names))]
    return judged(STALE, problems, passed=", ".join(sorted(ever)) or NONE)


def _without_history(expect: Expect, stored: Sequence[RiskSnapshot]) -> Iterator[Finding]:
    ends = [snapshot for snapshot in stored if snapshot.kind is SnapshotKind.END_OF_DAY]
    moved = {each.partition("=")[0] for end in ends for each in end.proxied}
    if expect.proxied is not None or moved:
        named = {*(expect.proxied or ())}
        problems = [f"{name} never moved by a proxy" for name in sorted(named - moved)]
        problems += [f"{name} moved by a proxy" for name in sorted(moved - named)]
        yield judged(PROXIED, problems, passed=", ".join(sorted(moved)) or NONE)
    if expect.refused is not None:
        problems = list(_refused(expect.refused, ends))
        yield judged(REFUSED, problems, passed=", ".join(sorted(expect.refused)) or NONE)


def _refused(names: Sequence[str], ends: Sequence[RiskSnapshot]) -> Iterator[str]:
    """Yield books that hold what must be refused and have a number, or do not say why.

    Where nothing is to be refused, every book must have one.
    """
    if not names:
        yield from (f"{end.portfolio} {end.asof}: no VaR" for end in ends if end.var is None)
    for name in names:
        holding = [
            end
            for end in ends
            if name in end.missing or any(row.instrument == name for row in end.positions)
        ]
        if not holding:
            yield f"no book holds {name} at an end of day"
        for end in holding:
            if end.var is not None:
                yield f"{end.portfolio} {end.asof}: VaR {end.var} although it holds {name}"
            elif name not in end.not_available:
                yield f"{end.portfolio} {end.asof}: no VaR, and {name} is not named"


def _is_past_the_open(snapshot: SeenSnapshot) -> bool:
    """Return whether a snapshot lies ``PAST_THE_OPEN_NS`` behind its session's first moment.

    Before, what has not ticked yet on a day is rightly stale since the day before.
    """
    day = dt.datetime.fromtimestamp(snapshot.event_time_ns / 1e9, dt.UTC).date()
    return snapshot.event_time_ns - session_ns(day)[0] > PAST_THE_OPEN_NS


def _suspect_ticks(names: Sequence[str], stored: Sequence[RiskSnapshot]) -> Finding:
    if not stored:
        return unknown(SUSPECT, "no snapshot was stored")
    ever = {text.split(" ")[0] for snapshot in stored for text in snapshot.suspect_ticks}
    by_age = sorted(stored, key=lambda snapshot: (snapshot.fence, snapshot.epoch))
    last = {snapshot.portfolio: snapshot for snapshot in by_age}
    still = {text for newest in last.values() for text in newest.suspect_ticks}
    problems = [f"{name} never had a suspect tick" for name in names if name not in ever]
    problems += [f"{name} had one too" for name in sorted(ever - set(names))]
    problems += [f"{text} is suspect at the end" for text in sorted(still)]
    return judged(SUSPECT, problems, passed=", ".join(sorted(ever)) or NONE)


def _breaches(bounds: Sequence[int], stated: Days) -> Finding:
    least, most = bounds
    count = sum(bool(snapshot.breach) for snapshot in stated.values())
    problems = [] if least <= count <= most else [f"{count}, expected {least} to {most}"]
    passed = f"{count} of {len(stated)} days, {least} to {most} expected"
    return judged(BREACHES, problems, passed=passed, figures={"breaches": count})


def _trades(snapshots: Sequence[SeenSnapshot]) -> Finding:
    before: dict[str, float | None] = {}
    problems, count = [], 0
    for snapshot in snapshots:
        if snapshot.trade_ids:
            count += 1
            if before.get(snapshot.portfolio) == snapshot.var:
                problems.append(
                    f"{snapshot.snapshot_id}: VaR is {snapshot.var} with and without the trade"
                )
        before[snapshot.portfolio] = snapshot.var
    if not count:
        return unknown(TRADES, "no snapshot with a trade was observed")
    return judged(TRADES, problems, passed=f"{count} snapshots with trades")


def _wrong_numbers(numbers: Sequence[NumberTable], stated: Days) -> Iterator[str]:
    for number in numbers:
        end = stated.get((number.portfolio, number.date))
        if end is None or end.var is None:
            yield f"{number.portfolio} {number.date}: no VaR is stated"
        elif abs(end.var - number.var) > number.relative * abs(number.var):
            yield f"{number.portfolio} {number.date}: VaR {end.var}, expected {number.var}"

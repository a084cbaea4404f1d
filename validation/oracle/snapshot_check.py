"""One snapshot against the oracle's own number."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.contracts.oracle import OracleCheck, OracleVerdict
from validation.checkers.end_of_day import RELATIVE_TOLERANCE, EndOfDay, check_end_of_day
from validation.oracle.inputs_at import InputsAt
from validation.oracle.other_measures import numbers_beside, problems
from validation.references.carrying import NoVarError
from validation.references.exact import ReferenceInputError
from validation.references.snapshot import ReferenceSnapshot
from validation.verdict import Verdict

TIE: Final = Fraction(1, 10**9)
LARGEST_DETAIL: Final = 300


def checked(snapshot: RiskSnapshot, inputs: InputsAt, *, now_ms: int) -> OracleCheck:
    """Return what the oracle says of a snapshot.

    Parameters
    ----------
    snapshot : RiskSnapshot
        As it was announced.
    inputs : InputsAt
        At its offsets.
    now_ms : int
        The oracle's wall clock.
    """
    verdict, difference, detail = _verdict(snapshot, inputs)
    return OracleCheck(
        snapshot_id=snapshot.snapshot_id,
        portfolio=snapshot.portfolio,
        verdict=verdict,
        largest_difference=difference,
        detail=detail[:LARGEST_DETAIL],
        checked_at_ms=now_ms,
    )


def failed(snapshot: RiskSnapshot, error: Exception, *, now_ms: int) -> OracleCheck:
    """Return the check of a snapshot that the references break down on: unknown, not agreed."""
    detail = f"the recomputation failed: {type(error).__name__}: {error}"
    return OracleCheck(
        snapshot_id=snapshot.snapshot_id,
        portfolio=snapshot.portfolio,
        verdict=OracleVerdict.UNCHECKED,
        largest_difference=None,
        detail=detail[:LARGEST_DETAIL],
        checked_at_ms=now_ms,
    )


def _verdict(snapshot: RiskSnapshot, inputs: InputsAt) -> tuple[OracleVerdict, float | None, str]:
    book = inputs.book(snapshot.portfolio)
    if book is None:
        return OracleVerdict.DIFFERS, None, "no such portfolio was defined on the topics"
    settings = (book.base_currency, book.confidence, book.window)
    if settings != (snapshot.base_currency, snapshot.confidence, snapshot.window):
        return OracleVerdict.DIFFERS, None, f"settings are {settings} on the topics"
    if snapshot.missing:
        return OracleVerdict.UNCHECKED, None, f"no price yet of {', '.join(snapshot.missing)}"
    try:
        risk = inputs.risk(book)
        crises = inputs.stressed(book) if snapshot.kind is SnapshotKind.END_OF_DAY else None
    except NoVarError as error:
        return without_var(snapshot, error)
    except ReferenceInputError as error:
        return OracleVerdict.UNCHECKED, None, str(error)
    return compared(snapshot, risk, crises)


def without_var(
    snapshot: RiskSnapshot, error: NoVarError
) -> tuple[OracleVerdict, float | None, str]:
    """Return the verdict on a snapshot for which the references allow no VaR."""
    if snapshot.var is None:
        return OracleVerdict.UNCHECKED, None, str(error)
    return OracleVerdict.DIFFERS, None, f"VaR {snapshot.var}, expected none: {error}"


def compared(
    snapshot: RiskSnapshot,
    risk: ReferenceSnapshot,
    crises: Mapping[str, ReferenceSnapshot | None] | None = None,
) -> tuple[OracleVerdict, float | None, str]:
    """Return the verdict on a snapshot, its largest relative difference, and what differs.

    Parameters
    ----------
    snapshot : RiskSnapshot
        What is stated.
    risk : ReferenceSnapshot
        What must be.
    crises : mapping of str to ReferenceSnapshot or None, optional
        Of each stressed window; left out: stressed VaR is not compared.
    """
    key = (snapshot.portfolio, snapshot.asof or risk.scenario_dates[-1])
    tied = is_tied(risk)
    finding = check_end_of_day(
        "oracle", {key: stated(snapshot)}, {key: expected(risk, with_scenario=not tied)}
    )
    beside = numbers_beside(snapshot, risk, crises)
    main = finding.figures["largest_relative"]
    assert isinstance(main, float), "a difference is a number"
    difference = max([main, *(measure.relative for measure in beside)])
    off = list(problems(beside, RELATIVE_TOLERANCE))
    if finding.verdict is Verdict.PASSED and not off:
        return OracleVerdict.AGREED, difference, "the VaR scenario has ties" if tied else ""
    said = [] if finding.verdict is Verdict.PASSED else [finding.detail]
    return OracleVerdict.DIFFERS, difference, "; ".join([*said, *off])


def stated(snapshot: RiskSnapshot) -> EndOfDay:
    """Return the numbers that a snapshot states."""
    return EndOfDay(
        var=snapshot.var,
        nav=snapshot.nav,
        expected_shortfall=snapshot.expected_shortfall,
        scenario_date=snapshot.scenario_date,
        components={position.instrument: position.component_var for position in snapshot.positions},
    )


def expected(risk: ReferenceSnapshot, *, with_scenario: bool = True) -> EndOfDay:
    """Return the numbers that a snapshot must state.

    Parameters
    ----------
    risk : ReferenceSnapshot
        Exact.
    with_scenario : bool
        Whether the scenario of the VaR is known: not where two are all but equal.
    """
    return EndOfDay(
        var=float(risk.var),
        nav=float(risk.nav),
        expected_shortfall=float(risk.expected_shortfall),
        scenario_date=risk.scenario_date if with_scenario else None,
        components=(
            {name: float(part) for name, part in risk.components.items()} if with_scenario else None
        ),
    )


def is_tied(risk: ReferenceSnapshot) -> bool:
    """Return whether another scenario's P&L is within rounding of the VaR scenario's."""
    bound = abs(risk.var) * TIE
    return sum(abs(pnl + risk.var) <= bound for pnl in risk.pnl) > 1

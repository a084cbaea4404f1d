"""Greeks of a book with options: by underlying, by option, and what they explain."""

from __future__ import annotations

from system.contracts.measures import Greeks, PortfolioGreeks
from system.contracts.messages import PositionRisk, RiskSnapshot
from system.show import format as text
from system.show.sheets.contents import Column, Row, Sheet, share, signed


def underlyings_sheet(snapshot: RiskSnapshot) -> Sheet:
    """Return the Greeks by underlying, base currency, and their sum."""
    greeks = snapshot.greeks
    rows = () if greeks is None else greeks.underlyings
    widest = max((abs(row.delta_cash) for row in rows), default=0.0)
    lines = [
        Row(
            cells=(
                row.underlying,
                text.price(row.spot),
                signed(row.delta_cash),
                share(row.delta_cash, widest),
                signed(row.gamma_cash),
                signed(row.vega),
                signed(row.theta),
                signed(row.rho),
            )
        )
        for row in rows
    ]
    if greeks is not None:
        lines.append(_total_row(greeks))
    return Sheet(
        title=f"Greeks by underlying, {snapshot.base_currency}",
        note=_approximation(snapshot),
        columns=(
            Column(name="Underlying"),
            Column(name="Spot"),
            Column(name="Delta", hint="cash, per 100 % of the underlying"),
            Column(name="", kind="bar"),
            Column(name="Gamma", hint="change of cash delta per 1 % of the underlying"),
            Column(name="Vega", hint="per volatility point"),
            Column(name="Theta", hint="per calendar day"),
            Column(name="Rho", hint="per 1 % of interest"),
        ),
        rows=tuple(lines),
        empty="The book holds no options.",
    )


def options_sheet(snapshot: RiskSnapshot) -> Sheet:
    """Return each option with its inputs and Greeks, base currency, the nearest expiry first."""
    held = [row for row in snapshot.positions if row.option is not None]
    held.sort(key=lambda row: (_days(row), row.instrument))
    return Sheet(
        title=f"Options, {snapshot.base_currency}",
        note=f"{len(held)} held",
        columns=(
            Column(name="Option"),
            Column(name="Quantity"),
            Column(name="Price"),
            Column(name="Days"),
            Column(name="Volatility"),
            Column(name="", kind="text"),
            Column(name="Delta", hint="per 1.0 of the spot"),
            Column(name="Gamma", hint="per 1.0 of the spot, squared"),
            Column(name="Vega"),
            Column(name="Theta"),
            Column(name="Rho"),
        ),
        rows=tuple(_option_row(row) for row in held),
        empty="The book holds no options.",
    )


def explained_sheet(snapshot: RiskSnapshot) -> Sheet:
    """Return what each option gained since the close, by its causes."""
    names = ("actual", "delta", "gamma", "vega", "theta", "fx", "unexplained")
    return Sheet(
        title=f"P&L of options since the close, {snapshot.base_currency}",
        note="each part is the Greek at the close times the move since",
        columns=(
            Column(name="Option"),
            *(Column(name="FX" if name == "fx" else name.capitalize()) for name in names),
        ),
        rows=tuple(
            Row(cells=(row.instrument, *(signed(getattr(row, name)) for name in names)))
            for row in sorted(snapshot.option_pnl, key=lambda row: -abs(row.actual))
        ),
        empty="No option was held at the last close.",
    )


def _total_row(greeks: PortfolioGreeks) -> Row:
    return Row(
        cells=(
            "Total",
            "",
            signed(greeks.delta_cash),
            share(0.0, 1.0),
            signed(greeks.gamma_cash),
            signed(greeks.vega),
            signed(greeks.theta),
            signed(greeks.rho),
        ),
        kind="total",
    )


def _option_row(row: PositionRisk) -> Row:
    option = row.option
    assert option is not None, "only options have a row here"
    volatility = text.NOTHING if option.volatility is None else text.percent(option.volatility)
    source = "implied" if option.is_implied else "of its reference data"
    return Row(
        cells=(
            row.instrument,
            text.quantity(row.quantity),
            text.price(row.price),
            str(option.days_to_expiry),
            volatility,
            "price that no volatility gives" if option.is_outside_model else source,
            *_greeks(option.position),
        ),
        kind="warn" if option.is_outside_model else "",
    )


def _greeks(greeks: Greeks | None) -> tuple[str, ...]:
    if greeks is None:
        return (text.NOTHING,) * 5
    parts = (greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho)
    return tuple(text.amount(part, digits=2) for part in parts)


def _days(row: PositionRisk) -> int:
    assert row.option is not None, "only options are sorted"
    return row.option.days_to_expiry


def _approximation(snapshot: RiskSnapshot) -> str:
    near = snapshot.delta_gamma_vega
    if near is None:
        return ""
    gap = text.amount(near.gap, signed=True)
    return f"VaR by delta, gamma and vega alone {text.amount(near.var)}: {gap} to full revaluation"

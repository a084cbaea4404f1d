"""``riskstream scenario``: what shocks, a day of history or a loss would mean for a book."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.table import Table

from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.client.commands.what_if import PortfolioArgument
from system.client.errors import QuestionError
from system.console import PlainConsole
from system.contracts.api.questions import (
    ReverseStress,
    Scenario,
    ScenarioRequest,
    ScenarioRow,
    Shock,
)

ROWS_SHOWN: Final = 15
_SHOCK: Final = re.compile(r"(?P<target>.+)=(?P<move>[^=%]+?)(?P<unit>%|pts?)?")
_EXAMPLES: Final = (
    "all=-10%, class:equity=-10%, fx:USD=+3%, AAPL=-5, vol:AAPL=+20%, vol:class:etf=+20%, "
    "vol=+5pts, instrument:all=-5%"
)
_VOLATILITY: Final = "vol"
_INSTRUMENT: Final = "instrument"
"""Before the name of an instrument that would be read otherwise: all, vol, fx:..., class:..."""
_POINTS_PER_ONE: Final = 100.0


def scenario(
    portfolio: PortfolioArgument,
    shock: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{_EXAMPLES}: in percent, as an amount of price, or volatility in points. One "
            "after another."
        ),
    ] = None,
    day: Annotated[
        str, typer.Option(help="A day of history whose moves are put on today: 2020-03-16.")
    ] = "",
    loses: Annotated[
        float | None, typer.Option(help="Find the smallest uniform move that loses so much.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the P&L under shocks, under a day of history, or how far it is to a loss."""
    given = [
        name for name, value in (("--shock", shock), ("--day", day), ("--loses", loses)) if value
    ]
    if len(given) != 1:
        raise QuestionError(
            f"give one of --shock, --day and --loses, not {' and '.join(given) or 'none'}"
        )
    with connected_client() as client:
        if loses is not None:
            reverse = client.reverse_stress(portfolio, loses)
            print_answer(reverse, _show_reverse, as_json=as_json)
        else:
            answer = client.scenario(portfolio, scenario_request(shock or [], day))
            print_answer(answer, _show, as_json=as_json)


def parsed_shock(text: str) -> Shock:
    """Return the shock that ``class:equity=-10%`` stands for.

    Raises
    ------
    QuestionError
        If it does not look so; names the word.

    Examples
    --------
    >>> parsed_shock("fx:USD=+3%").move
    0.03
    """
    parts = _SHOCK.fullmatch(text)
    try:
        if parts is None:
            raise ValueError(text)
        return msgspec.convert(_plain_shock(parts), Shock)
    except ValueError as error:  # a ValidationError of msgspec is one
        detail = "" if parts is None else f" ({error})"
        raise QuestionError(f"--shock {text!r} is not like {_EXAMPLES}{detail}") from None


def _plain_shock(parts: re.Match[str]) -> dict[str, Any]:
    kind, _, name = parts["target"].partition(":")
    is_volatility = kind == _VOLATILITY
    move = _move(parts, in_points=is_volatility)
    if kind == "fx":  # an instrument of such a name is written instrument:fx:...
        return {"currency": name, **move}
    target = (name or "all") if is_volatility else parts["target"]
    return {"volatility": is_volatility, **_prices_of(target), **move}


def _prices_of(target: str) -> dict[str, Any]:
    kind, _, name = target.partition(":")
    if kind == "class":
        return {"asset_class": name}
    if kind == _INSTRUMENT:
        return {"instrument": name}
    return {} if target == "all" else {"instrument": target}


def _move(parts: re.Match[str], *, in_points: bool) -> dict[str, Any]:
    """Return a relative move, or an amount: of price without a unit, of volatility in points."""
    move, unit = float(parts["move"]), parts["unit"] or ""
    if unit == "%":
        return {"move": move / 100.0}
    if bool(unit) != in_points:
        wanted = "points (pts)" if in_points else "an amount without a unit"
        raise ValueError(f"the move is in % or {wanted}")
    return {"move": move / _POINTS_PER_ONE if in_points else move, "absolute": True}


def scenario_request(shocks: list[str], day: str) -> ScenarioRequest:
    """Return the question about shocks, or about a day of history.

    Raises
    ------
    QuestionError
        If a shock or the day cannot be read.
    """
    plain = {"day": day} if day else {"shocks": [parsed_shock(shock) for shock in shocks]}
    try:
        return msgspec.convert(plain, ScenarioRequest)
    except msgspec.ValidationError as error:
        raise QuestionError(f"--day {day!r} is not like 2020-03-16 ({error})") from None


def _show(scenario: Scenario) -> None:
    console = PlainConsole()
    share = "" if scenario.pnl_fraction is None else f", {scenario.pnl_fraction:+.2%} of NAV"
    multiple = (
        "" if scenario.var_multiple is None else f", {scenario.var_multiple:.1f} times VaR lost"
    )
    console.print(
        f"{scenario.portfolio}: {scenario.pnl:+,.2f} {scenario.base_currency}{share}{multiple}",
        highlight=False,
    )
    if scenario.day is not None:
        console.print(f"moves from {scenario.day_before} to {scenario.day}", highlight=False)
    for sentence in scenario.unmoved:
        console.print(sentence, highlight=False)
    console.print(_table(scenario.rows))


def _show_reverse(scenario: ReverseStress) -> None:
    console = PlainConsole()
    if scenario.move is None or scenario.pnl is None:
        console.print(
            f"{scenario.portfolio}: no uniform move between {scenario.lowest:+.0%} and "
            f"{scenario.highest:+.0%} loses {scenario.loss:,.2f} {scenario.base_currency}; "
            f"the worst is {scenario.worst_pnl:+,.2f} at {scenario.worst_move:+.1%}",
            highlight=False,
        )
        return
    console.print(
        f"{scenario.portfolio}: a move of all prices by {scenario.move:+.4%} loses "
        f"{-scenario.pnl:,.2f} {scenario.base_currency}",
        highlight=False,
    )
    console.print(_table(scenario.rows))


def _table(rows: tuple[ScenarioRow, ...]) -> Table:
    table = Table("position", "asset class", "value", "P&L")
    for row in rows[:ROWS_SHOWN]:
        table.add_row(row.instrument, row.asset_class, f"{row.value:,.2f}", f"{row.pnl:+,.2f}")
    if len(rows) > ROWS_SHOWN:
        rest = sum(row.pnl for row in rows[ROWS_SHOWN:])
        table.add_row(f"{len(rows) - ROWS_SHOWN} more", "", "", f"{rest:+,.2f}")
    return table

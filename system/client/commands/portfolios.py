"""``riskstream portfolio import | list`` and ``riskstream trade send | amend | cancel``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from system.client.commands.printing import AsJson, print_answer
from system.client.commands.push_watch import (
    WatchedImport,
    WatchedTrade,
    send_and_watch,
    watch_import,
)
from system.client.commands.reconciliation import show_import
from system.client.errors import PortfolioFileError
from system.client.files.portfolio_file import read_portfolio
from system.client.files.portfolio_settings import AS_OF, LIMITS_EXAMPLE, SETTINGS
from system.client.moments import DAY_EXAMPLE, MOMENT_EXAMPLE, MomentError, moment_ns
from system.client.sync_client import RiskClient
from system.console import PlainConsole, styled
from system.contracts.api.portfolios import (
    PortfolioQuestion,
    Portfolios,
    PortfolioSort,
    PortfolioSummary,
)
from system.contracts.api.risk import (
    AmendRequest,
    CurrentRisk,
    RejectedRow,
    TradeAccepted,
    TradeRequest,
)
from system.contracts.limits import LimitLevel
from system.errors import InputError
from system.exits import ExitCode
from system.settings import load_settings
from system.tables.dialect import Dialect
from system.tables.options import Decimal, Separator

portfolio_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Import a book, list the books."
)
trade_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Send, amend and cancel trades."
)
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the VaR that it makes.")]
TradeId = Annotated[str, typer.Argument(help="The id that `trade send` printed.")]
Quantity = Annotated[float, typer.Option(help="Signed: long positive, short negative.")]
Price = Annotated[
    float, typer.Option(help="Per unit, in the instrument's currency (fx: in the base currency).")
]
Version = Annotated[int | None, typer.Option(help="The version this makes; default: the next.")]


@portfolio_app.command("import")
def import_portfolio(  # noqa: PLR0913, PLR0917 - one argument per option
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON; see docs/api.md.")],
    prices: Annotated[Path | None, typer.Option(help="CSV or Parquet of daily closes.")] = None,
    until: Annotated[str, typer.Option(help="Last day of closes to take, ISO date.")] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Setting above the file's: window=250.")
    ] = None,
    limits: Annotated[
        str,
        typer.Option(help=f"Limits above the file's, warning/breach of NAV: {LIMITS_EXAMPLE}."),
    ] = "",
    as_of: Annotated[
        str,
        typer.Option(
            help=f"Moment of the positions: {MOMENT_EXAMPLE}, or {DAY_EXAMPLE} for the end of that "
            "day. Default: the file's, or now."
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and send nothing.")
    ] = False,
    wait: Wait = True,
    separator: Separator = None,
    decimal: Decimal = None,
    as_json: AsJson = False,
) -> None:
    """Load a book into the running system, show what it changes and its first VaR.

    Positions replace the effect of every trade, split and dividend up to their moment.
    """
    chosen = _settings(file, settings or [])
    if limits:
        chosen["limits"] = limits
    if as_of:
        chosen[AS_OF] = as_of
    dialect = Dialect.named(separator, decimal)
    book = read_portfolio(file, chosen, dialect)
    if prices is not None:
        from system.client.files.price_file import with_histories  # noqa: PLC0415 - NumPy loads slowly

        book = with_histories(book, prices, _day(file, until), dialect)
    with connected_client() as client:
        told = client.import_portfolio(book, dry_run=dry_run)
        print_answer(told, lambda answer: show_import(PlainConsole(), answer), as_json=as_json)
        if wait and not (dry_run or as_json):
            _show_first(told.portfolio, watch_import(client, told))


@portfolio_app.command("list")
def list_portfolios(
    level: Annotated[
        list[LimitLevel] | None,
        typer.Option(help="Only portfolios whose worst limit has this level; may be repeated."),
    ] = None,
    sort: Annotated[
        PortfolioSort, typer.Option(help="Order of the lines.")
    ] = PortfolioSort.PORTFOLIO,
    descending: Annotated[bool, typer.Option("--descending", help="Largest first.")] = False,
    desk: Annotated[str | None, typer.Option(help="Only portfolios of this desk.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show portfolios with their VaR; which of them are over a limit by --level breach."""
    question = PortfolioQuestion(
        level=tuple(level or ()), sort=sort, descending=descending, desk=desk
    )
    with connected_client() as client:
        portfolios = client.portfolios(question)
    print_answer(portfolios, _show_all, as_json=as_json)


def _show_all(portfolios: Portfolios) -> None:
    table = Table(
        "portfolio", "VaR", "of NAV", "limit", "NAV", "", title=f"stream {portfolios.stream}"
    )
    for line in portfolios.portfolios:
        table.add_row(*_summary_cells(line))
    for name in portfolios.unvalued:
        table.add_row(name, "no snapshot yet")
    PlainConsole().print(table)


@trade_app.command("send")
def send(
    portfolio: Annotated[str, typer.Argument(help="Of which portfolio.")],
    instrument: Annotated[str, typer.Argument(help="What is traded.")],
    quantity: Quantity,
    price: Price,
    trade_id: Annotated[str, typer.Option("--id", help="Default: made up.")] = "",
    at: Annotated[
        str, typer.Option(help=f"When it was made: {MOMENT_EXAMPLE}. Default: now.")
    ] = "",
    wait: Wait = True,
) -> None:
    """Send a trade and show the VaR before and after it."""
    trade = TradeRequest(
        portfolio=portfolio,
        instrument=instrument,
        quantity=quantity,
        price=price,
        trade_id=trade_id or None,
        event_time_ns=_moment_ns("--at", at),
    )
    with connected_client() as client:
        _carry_out(client, lambda: client.send_trade(trade), wait=wait)


@trade_app.command("amend")
def amend(
    trade_id: TradeId,
    quantity: Quantity,
    price: Price,
    version: Version = None,
    wait: Wait = True,
) -> None:
    """Restate a trade's quantity and price."""
    amendment = AmendRequest(quantity=quantity, price=price, version=version)
    with connected_client() as client:
        _carry_out(client, lambda: client.amend_trade(trade_id, amendment), wait=wait)


@trade_app.command("cancel")
def cancel(
    trade_id: TradeId,
    version: Version = None,
    wait: Wait = True,
) -> None:
    """Cancel a trade; cancelling it again changes nothing."""
    with connected_client() as client:
        _carry_out(client, lambda: client.cancel_trade(trade_id, version), wait=wait)


def connected_client() -> RiskClient:
    """Return a client of the running stack's API.

    Raises
    ------
    SettingsError, NotConnectedError
        If no stack runs and no API is named.
    """
    connections = load_settings().connections()
    return RiskClient(connections.api_url, connections.api_token)


def _settings(file: Path, words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for (name, equals, value), word in zip(pairs, words, strict=True):
        if name not in SETTINGS or not equals or not value:
            detail = f"--set {word!r} is not like window=250; there are {', '.join(SETTINGS)}"
            raise PortfolioFileError(file, None, detail)
    return {name: value for name, _, value in pairs}


def _day(file: Path, text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise PortfolioFileError(file, None, f"--until {text!r} is not like 2020-02-03") from None


def _moment_ns(option: str, text: str) -> int:
    try:
        return moment_ns(text) if text else 0
    except MomentError as error:
        raise InputError(f"{option} {error}") from None


def _carry_out(client: RiskClient, action: Callable[[], TradeAccepted], *, wait: bool) -> None:
    console = PlainConsole()
    if not wait:
        _show_accepted(console, action())
        return
    outcome = send_and_watch(client, action)
    _show_accepted(console, outcome.trade)
    _show_outcome(console, outcome)
    if outcome.rejected is not None:
        raise typer.Exit(ExitCode.FAILED)


def _show_accepted(console: PlainConsole, trade: TradeAccepted) -> None:
    console.print(
        f"{trade.action} {trade.trade_id} (version {trade.version}): {trade.quantity:g} "
        f"{trade.instrument} at {trade.price:g} in {trade.portfolio}, kept as "
        f"{trade.topic}:{trade.partition} offset {trade.offset}",
        highlight=False,
    )


def _show_outcome(console: PlainConsole, outcome: WatchedTrade) -> None:
    if outcome.rejected is not None:
        _show_rejected(console, outcome.rejected)
    elif outcome.after is None or outcome.milliseconds is None:
        read = "It was there already: nothing changes."
        console.print(read if outcome.is_read else "No snapshot covers it yet; see /v1/stream.")
    else:
        change = f"{_told(outcome.before)} -> {_told(outcome.after)}"
        console.print(f"VaR {change} after {outcome.milliseconds:.0f} ms", highlight=False)


def _show_rejected(console: PlainConsole, row: RejectedRow) -> None:
    console.print(styled(("rejected", "bold red"), f" by the stream: {row.reason}: {row.detail}"))
    if row.size_bytes > len(row.value.encode()):
        console.print(f"  its {row.size_bytes} bytes are kept cut; SHA-256 {row.sha256}")


def _show_first(portfolio: str, outcome: WatchedImport) -> None:
    risk = outcome.risk
    if outcome.rejected is not None:
        _show_rejected(PlainConsole(), outcome.rejected)
        raise typer.Exit(ExitCode.FAILED)
    if risk is None:
        PlainConsole().print(f"{portfolio}: no snapshot yet; see `riskstream portfolio list`.")
    else:
        missing = f" ({risk.not_available})" if risk.not_available else ""
        PlainConsole().print(f"{portfolio}: VaR {_told(risk)}{missing}", highlight=False)


def _told(risk: CurrentRisk | None) -> str:
    if risk is None or risk.var is None:
        return "not available"
    share = "not meaningful" if risk.var_fraction is None else f"{risk.var_fraction:.3%} of NAV"
    return f"{risk.var:,.2f} {risk.base_currency} ({share})"


def _summary_cells(line: PortfolioSummary) -> tuple[str | Text, ...]:
    var = "not available" if line.var is None else f"{line.var:,.2f} {line.base_currency}"
    share = "" if line.var_fraction is None else f"{line.var_fraction:.3%}"
    incomplete = "" if line.complete else "incomplete"
    between = ", " if incomplete and line.over_limit else ""
    over = "over its limit" if line.over_limit else ""
    limit = f"{line.var_limit_fraction:.2%}"
    return (
        line.portfolio,
        var,
        share,
        limit,
        f"{line.nav:,.2f}",
        styled(incomplete + between, (over, "bold red")),
    )

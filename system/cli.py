"""``riskstream``: one word per task.

Each command lives with the code that it drives and is loaded only when it is asked for, so
that `riskstream status` does not wait for Spark, and `validation` and `loadtests` are never
part of the running product. To add a command, write a function with typer's annotations
and add a line to ``COMMANDS``; ``loadtests/commands.py`` has the table of `riskstream measure`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, ClassVar, Final

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command as built_command

from system.errors import InputError, RiskstreamError
from system.exits import ExitCode, print_error


@dataclass(frozen=True)
class CommandPlace:
    """Module and attribute of a command's function.

    Parameters
    ----------
    module : str
        Imported when the command is asked for.
    attribute : str
        A function, or a ``typer.Typer`` with sub-commands of its own.
    summary : str
        Its line in `riskstream --help`.
    examples : tuple of str
        Command lines for the end of its own help, each with a comment after ``#``.
    """

    module: str
    attribute: str
    summary: str
    examples: tuple[str, ...] = ()


COMMANDS: Final[dict[str, CommandPlace]] = {
    "up": CommandPlace("system.runtime.commands", "up", "Start the stack."),
    "setup": CommandPlace(
        "system.runtime.setup", "setup", "Fetch the Java archives and market data it needs."
    ),
    "status": CommandPlace("system.runtime.commands", "status", "Show what runs where."),
    "down": CommandPlace("system.runtime.commands", "down", "Stop the stack."),
    "recover": CommandPlace(
        "system.runtime.recover", "recover", "Say what keeps the stream from starting; mend it."
    ),
    "demo": CommandPlace(
        "validation.demo.command", "demo", "Replay early 2020 live and judge every number."
    ),
    "verify": CommandPlace(
        "validation.verify.command", "verify", "Run every check and write one report."
    ),
    "replay": CommandPlace(
        "validation.scenarios.suite.command", "replay", "Replay scenarios and judge every number."
    ),
    "scenarios": CommandPlace(
        "validation.scenarios.suite.file_commands",
        "scenarios_app",
        "Check, list and begin scenario files.",
    ),
    "load": CommandPlace(
        "loadtests.run.command", "load", "Send a rate of ticks and judge every one."
    ),
    "capacity": CommandPlace(
        "loadtests.studies.capacity",
        "capacity",
        "Search the highest rate at which everything holds.",
    ),
    "measure": CommandPlace(
        "loadtests.commands", "measure_app", "Measure rates, goals, growth, peers and more."
    ),
    "portfolio": CommandPlace(
        "system.client.commands.portfolios", "portfolio_app", "Import a book, list the books."
    ),
    "trade": CommandPlace(
        "system.client.commands.portfolios", "trade_app", "Send, amend and cancel trades."
    ),
    "feed": CommandPlace(
        "system.feed.commands", "feed_app", "Connect your market: check messages, send prices."
    ),
    "close-day": CommandPlace(
        "system.feed.close_day",
        "close_day",
        "Close a session date: its end-of-day risk.",
        (
            "riskstream close-day 2020-03-05",
            "riskstream close-day --at 16:20 --calendar XNYS  # every session, until Ctrl-C",
        ),
    ),
    "adjust": CommandPlace(
        "system.client.commands.adjustments",
        "adjust_app",
        "Announce splits and dividends, list them.",
    ),
    "what-if": CommandPlace(
        "system.client.commands.what_if",
        "what_if",
        "Show the risk with trades before they are sent.",
    ),
    "scenario": CommandPlace(
        "system.client.commands.scenarios",
        "scenario",
        "Revalue a portfolio under shocks or a day of history.",
    ),
    "explain": CommandPlace(
        "validation.explain.command", "explain", "Make a stored number anew, step by step."
    ),
    "explain-change": CommandPlace(
        "system.client.commands.change", "explain_change", "Show what changed VaR, input by input."
    ),
    "desk": CommandPlace(
        "system.client.commands.decomposition", "desk", "Show the books of a desk together."
    ),
    "contributions": CommandPlace(
        "system.client.commands.decomposition",
        "contributions",
        "Show what each position adds to VaR.",
    ),
    "pnl": CommandPlace(
        "system.client.commands.pnl",
        "show_pnl",
        "Show P&L, and what options gained by which Greek.",
    ),
    "worst-window": CommandPlace(
        "system.simulate.worst_window", "show_worst_window", "Search the worst window since 1990."
    ),
    "limits": CommandPlace(
        "system.client.commands.limits",
        "limits_app",
        "Show limits and their trail; acknowledge alerts.",
    ),
    "watch": CommandPlace(
        "system.client.commands.watch",
        "watch",
        "Show VaR, limits and P&L live.",
        (
            "riskstream watch",
            "riskstream watch long-equities --once --json",
            "riskstream watch --json  # a line per event",
        ),
    ),
    "mcp": CommandPlace(
        "system.mcp_server.commands",
        "mcp",
        "Answer an assistant's questions, read-only.",
        ("riskstream mcp --list", "riskstream mcp"),
    ),
    "export": CommandPlace(
        "system.export.commands",
        "export",
        "Write the history to a CSV or Parquet file.",
        (
            "riskstream export snapshots --out snapshots.parquet",
            "riskstream export attribution --portfolio long-equities --from 2020-03-01"
            " --to 2020-04-01 --out march.csv",
            "riskstream export rejected --from 2026-11-30T09:00:00Z --out rejected.csv --json",
        ),
    ),
    "alerts": CommandPlace(
        "system.alerts.commands",
        "alerts_app",
        "Send alerts as signed webhooks; show and re-send them.",
    ),
    "oracle": CommandPlace(
        "validation.oracle.commands",
        "oracle_app",
        "Show what the independent check found; acknowledge a difference.",
    ),
    "backtest": CommandPlace(
        "validation.backtest.command", "backtest", "Test VaR on prices and positions of your own."
    ),
    "replay-backtest": CommandPlace(
        "validation.published.replay_backtest",
        "replay_backtest",
        "Replay six months and compare with the batch.",
    ),
}


OUR_PACKAGES: Final = ("system", "validation", "loadtests")
"""A module of these that is missing is a defect of ours, not a library to install."""


class LazyGroup(TyperGroup):
    """Group whose commands are listed from ``table`` and imported one at a time."""

    table: ClassVar[Mapping[str, CommandPlace]] = COMMANDS

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer keeps the type private
        """Return every command's name, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ANN401
        """Return a command to list; its summary is known without importing it."""
        place = self.table.get(cmd_name)
        return TyperCommand(cmd_name, help=place.summary) if place else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Return the name, the command to run, imported now, and its arguments.

        Raises
        ------
        InputError
            If the command needs a library that is not installed; names it.
        """
        name, _, rest = super().resolve_command(ctx, args)
        return name, _imported(str(name), self.table[str(name)]), rest


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Real-time portfolio risk, with the harness that proves it.",
)


def _print_version(asked: bool) -> None:
    if asked:
        from system.version import product_version  # noqa: PLC0415 - few starts need it

        typer.echo(f"riskstream {product_version()}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Real-time portfolio risk, with the harness that proves it."""


def _imported(name: str, place: CommandPlace) -> Any:  # noqa: ANN401
    try:
        command = getattr(import_module(place.module), place.attribute)
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library in OUR_PACKAGES:
            raise
        raise InputError(
            f"`{name}` needs the library {library}, which is not installed; "
            "`make setup-verify` installs all, `pip install 'riskstream[load]'` those of load tests"
        ) from None
    if isinstance(command, typer.Typer):
        return built_command(command)
    alone = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )
    alone.command(name, epilog=_epilog(place.examples))(command)
    return built_command(alone)


def _epilog(examples: tuple[str, ...]) -> str | None:
    """Return examples as the end of a help text: a paragraph each, with brackets as they are."""
    return "\n\n".join(["Examples:", *map(escape, examples)]) if examples else None


def main() -> None:
    """Run the command line; an expected failure prints its message.

    Exits with 2 where the input is wrong, 1 where something else failed, 130 on an interrupt.
    """
    try:
        app()
    except InputError as error:
        print_error(str(error))
        sys.exit(ExitCode.WRONG_INPUT)
    except RiskstreamError as error:
        print_error(str(error))
        sys.exit(ExitCode.FAILED)
    except OSError as error:  # a disk that is full, a file that cannot be written
        if error.filename is None:
            raise
        print_error(f"{error.filename}: {error.strerror}")
        sys.exit(ExitCode.FAILED)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()

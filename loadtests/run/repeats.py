"""Repeats: their order, what they found together, and the command of each. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TypeVar

import msgspec

from loadtests.source.plan import LoadPlan
from validation.run.console import format_number

OptionValue = str | float | bool
Named = TypeVar("Named")


def rotated(names: Sequence[Named], repeat: int) -> list[Named]:
    """Return what is compared in the order of a repeat: each begins once in a while.

    Examples
    --------
    >>> rotated(["a", "b", "c"], 4)
    ['b', 'c', 'a']
    """
    start = repeat % len(names)
    return [*names[start:], *names[:start]]


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of several repeats: median, least and largest."""

    middle: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread | None:
    """Return the spread of a figure; None of no repeats."""
    if not values:
        return None
    return Spread(middle=float(median(values)), low=min(values), high=max(values))


def spread_shown(spread: Spread | None, digits: int) -> str:
    """Return a spread as tables show it: the median, and the ends in brackets."""
    if spread is None:
        return format_number(None)
    ends = f"{format_number(spread.low, digits)} to {format_number(spread.high, digits)}"
    return f"{format_number(spread.middle, digits)} ({ends})"


def command_line(program: str, options: Mapping[str, OptionValue]) -> str:
    """Return a command for a shell.

    Parameters
    ----------
    program : str
        With its arguments, as a shell reads them.
    options : mapping of str to str, float or bool
        By name without dashes; True is a flag, False is left out. Numbers keep every digit.

    Examples
    --------
    >>> command_line("riskstream load", {"rate": 1000.0, "only": "5 s trigger", "local": True})
    "riskstream load --rate 1000 --only '5 s trigger' --local"
    """
    words = [program]
    for name, value in options.items():
        if isinstance(value, bool):
            words += [f"--{name}"] if value else []
        else:
            words += [f"--{name}", shlex.quote(_shown(value))]
    return " ".join(words)


def load_command(plan: LoadPlan, *, p99_ms: float = 0.0, **flags: bool) -> str:
    """Return the `riskstream load` that sends a plan to a fresh stack.

    Parameters
    ----------
    plan : LoadPlan
        Its ``skipped_days`` are the stack's history, and no option.
    p99_ms : float
        The budget of the measured part, milliseconds; 0 for the floor.
    **flags
        ``local``, ``running``.
    """
    options: dict[str, OptionValue] = {
        "rate": plan.rate,
        "duration": plan.seconds,
        "warm-up": plan.warm_up_seconds,
        "shape": plan.shape,
        "instruments": plan.instruments,
        "portfolios": plan.portfolios,
        "positions": plan.positions,
        "window": plan.window,
        "client": plan.client,
        "seconds-per-day": plan.seconds_per_day,
        "p99-ms": p99_ms,
        "seed": plan.seed,
    }
    return command_line("riskstream load", {**options, **flags})


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else repr(value).removesuffix(".0")

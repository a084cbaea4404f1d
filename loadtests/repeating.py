"""Commands that repeat a run, as reports state them: every option that decided it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from loadtests.plan import LoadPlan

OptionValue = str | float | bool


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

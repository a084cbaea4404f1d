"""``python -m tests.habits``: count what breaks the house rules; ``--store`` shrinks the list."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import typer

from tests.habits.raising import error_bases, raising_functions
from tests.habits.ratchet import GrownError, grown, measured, read_exceptions, shrunk, store
from tests.habits.rules import RULES, too_full, too_long
from tests.habits.sources import PACKAGES, TESTS, has_twin, is_numbered, modules

ROOT = Path(__file__).resolve().parents[2]


def shares() -> list[str]:
    """Return, for each top-level folder, the shares that the rules are about."""
    bases = error_bases(ROOT)
    lines = []
    for package in (*PACKAGES, TESTS):
        names = [module for module in modules(ROOT, package) if not is_numbered(module)]
        figures = [f"{len(names)} modules", f"{len(too_long(ROOT, package))} too long"]
        figures.append(f"{len(too_full(ROOT, package))} folders too full")
        if package in PACKAGES:
            twins = sum(has_twin(ROOT, module) for module in names)
            raising = [each for name in names for each in raising_functions(ROOT, name, bases)]
            complete = sum(not function.undocumented for function in raising)
            figures.append(f"{twins} with a twin test ({twins / len(names):.1%})")
            figures.append(
                f"{complete} of {len(raising)} functions that raise say so"
                f" ({complete / len(raising):.1%})"
            )
        lines.append(f"{package}: {', '.join(figures)}")
    return lines


def main() -> int:
    """Print the counts, and what is new and what is gone; return 1 where something is new."""
    parser = argparse.ArgumentParser(prog="python -m tests.habits", description=__doc__)
    parser.add_argument("--store", action="store_true", help="write the list, if it shrinks")
    options = parser.parse_args()
    now, stored = measured(ROOT), read_exceptions()
    typer.echo("\n".join(shares()))
    for rule in RULES:
        breaches, before = now[rule.name], stored.get(rule.name, {})
        total = sum(breaches.values())
        typer.echo(f"{rule.name}: {rule.sentence}: {len(breaches)} places break it ({total})")
        for place in grown(breaches, before):
            typer.echo(f"  new: {place}")
        for place in shrunk(breaches, before):
            typer.echo(f"  no longer: {place}")
    if options.store:
        try:
            store(now, stored)
        except GrownError as error:
            typer.echo(f"not stored, it would grow: {error}")
            return 1
        return 0
    return int(any(grown(now[rule.name], stored.get(rule.name, {})) for rule in RULES))


if __name__ == "__main__":
    sys.exit(main())

"""Exceptions to the house rules, stored: the list may only shrink."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.habits.rules import RULES, Breaches

EXCEPTIONS: Final = Path(__file__).with_name("exceptions.toml")
COMMAND: Final = "python -m tests.habits --store"
HEAD: Final = f"# Places that break a house rule today; may only shrink. Made by `{COMMAND}`.\n"


class GrownError(Exception):
    """The list would grow; names the rules and places."""


def read_exceptions(path: Path = EXCEPTIONS) -> dict[str, Breaches]:
    """Return the stored figure of each place, by rule."""
    return tomllib.loads(path.read_text("utf-8"))


def measured(root: Path) -> dict[str, Breaches]:
    """Return the figure of each place that breaks a rule now, by rule."""
    return {rule.name: rule.breaches(root) for rule in RULES}


def grown(now: Breaches, stored: Breaches) -> dict[str, int]:
    """Return the places that break a rule more than the list allows."""
    return {place: figure for place, figure in now.items() if figure > stored.get(place, 0)}


def shrunk(now: Breaches, stored: Breaches) -> dict[str, int]:
    """Return the places of the list that break the rule less, or no longer."""
    return {place: figure for place, figure in stored.items() if figure > now.get(place, 0)}


def store(
    now: Mapping[str, Breaches], stored: Mapping[str, Breaches], path: Path = EXCEPTIONS
) -> None:
    """Write the list, if no rule's total grows: a moved place may take over its figure.

    Raises
    ------
    GrownError
        If a total grows; names the places.
    """
    for name, breaches in now.items():
        before = stored.get(name, {})
        if sum(breaches.values()) > sum(before.values()):
            raise GrownError(f"{name}: {', '.join(grown(breaches, before))}")
    path.write_text(HEAD + "".join(_table(name, now[name]) for name in now), "utf-8")


def _table(name: str, breaches: Breaches) -> str:
    lines = [f'"{place}" = {figure}\n' for place, figure in sorted(breaches.items())]
    return f"\n[{name}]\n{''.join(lines)}"

"""A page that was opened before the first number: redrawn when it comes, and not again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from system.contracts.messages import RiskSnapshot
from system.show.panels import first_number
from system.show.server import runtime


def test_a_chosen_portfolio_waits_for_its_own_number(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    assert not first_number.has_number("")
    running.desk.take_snapshot(long_short, 0)
    assert first_number.has_number("")
    assert first_number.has_number("long-short")
    assert not first_number.has_number("another")


def test_the_page_is_redrawn_once_the_number_has_come(
    running: runtime.Dashboard, long_short: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    redrawn: list[str] = []
    monkeypatch.setattr(first_number.st, "rerun", lambda: redrawn.append("page"))
    first_number.look_again("")
    assert redrawn == []
    running.desk.take_snapshot(long_short, 0)
    first_number.look_again("another")
    assert redrawn == []
    first_number.look_again("")
    assert redrawn == ["page"]


def test_a_page_with_a_number_looks_no_more(
    running: runtime.Dashboard, long_short: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[tuple[float, str]] = []

    def fragment(look: Callable[[str], None], *, run_every: float) -> Callable[[str], None]:
        return lambda portfolio: looks.append((run_every, portfolio))

    monkeypatch.setattr(first_number.st, "fragment", fragment)
    first_number.redraw_at_first_number("")
    assert looks == [(first_number.LOOK_EVERY_S, "")]
    running.desk.take_snapshot(long_short, 0)
    first_number.redraw_at_first_number("")
    assert len(looks) == 1

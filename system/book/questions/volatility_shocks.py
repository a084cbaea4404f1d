"""Shocks of the volatility that options are revalued with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from system.book.questions.shock_reach import means_option, moved_level
from system.book.state.errors import ImpossibleShockError
from system.contracts.api.questions import Shock
from system.risk.options.moves import OptionMoves
from system.risk.options.revaluation import OptionMarks, shifted


def with_volatility_shocks(
    moves: OptionMoves | None, marks: OptionMarks, shocks: Sequence[Shock]
) -> OptionMoves | None:
    """Return the moves of a scenario with shocks of volatility put on top.

    Parameters
    ----------
    moves : OptionMoves or None
        Of the scenario without them; None without options.
    marks : OptionMarks
        Where the options stand.
    shocks : sequence of Shock
        Those of volatility count, in their order; each moves what the one before left.

    Returns
    -------
    OptionMoves
        ``moves`` itself where no shock is of volatility; else each option's volatility
        changes by an amount, the same in every scenario of the window.

    Raises
    ------
    ImpossibleShockError
        If a volatility would not stay above zero; names the option.
    """
    meant = [shock for shock in shocks if shock.volatility]
    if moves is None or not meant:
        return moves
    unshocked = shifted(marks.volatility, moves.volatility_move, moves.volatility_is_absolute)
    after = np.array(
        [
            [_shocked(listing.instrument_id, level, [s for s in meant if means_option(listing, s)])]
            for listing, level in zip(marks.listings, unshocked[:, 0].tolist(), strict=True)
        ]
    )
    change = after - marks.volatility[:, None]
    return replace(
        moves,
        volatility_move=np.broadcast_to(change, moves.volatility_move.shape),
        volatility_is_absolute=np.ones_like(moves.volatility_is_absolute),
    )


def _shocked(name: str, level: float, shocks: Sequence[Shock]) -> float:
    after = level
    for shock in shocks:
        after = moved_level(after, shock)
    if after <= 0.0:
        raise ImpossibleShockError(f"volatility of {name}", level, after)
    return after

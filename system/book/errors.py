"""What can go wrong in the fold that is not one message's fault."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from system.errors import InputError


class BarrierOverflowError(InputError):
    """A day's mark stays away from some partitions while others pile up behind theirs.

    Parameters
    ----------
    missing : sequence of str
        Partitions, ``topic:partition``, in which the mark has not arrived.
    held_count : int
        Events that wait behind the mark in the fullest partition.
    bound : int
        How many may.
    """

    def __init__(self, missing: Sequence[str], held_count: int, bound: int) -> None:
        names = ", ".join(missing)
        super().__init__(
            f"the end-of-day mark has not arrived in {names}, while {held_count} messages wait "
            f"behind it elsewhere (bound {bound}); send the mark to every partition of every "
            "input topic. Nothing is lost: the offsets stay where they are"
        )
        self.missing = tuple(missing)


class NotRecalledError(InputError):
    """The inputs of a stored snapshot cannot be made anew; the message says which."""


class OtherInputsError(NotRecalledError):
    """What is at hand is not what a snapshot was computed from: of another moment."""


class ImpossibleShockError(InputError):
    """A price or rate would not stay above zero.

    Parameters
    ----------
    what : str
        The price or the currency.
    before, after : float
        Its level, and what the shocks would make of it.
    """

    def __init__(self, what: str, before: float, after: float) -> None:
        super().__init__(
            f"{what} is {before:g} and would become {after:g}: it has to stay above zero; "
            "give a smaller move"
        )


class NoSuchDayError(InputError):
    """No return of every series of the book is dated on a day.

    Parameters
    ----------
    day : date
        That was asked for.
    detail : str
        What there is instead.
    """

    def __init__(self, day: dt.date, detail: str) -> None:
        super().__init__(f"no moves of the whole book on {day}: {detail}")
        self.day = day

"""What can go wrong in the fold that is not one message's fault."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from system.errors import InputError, UnavailableError


class BarrierOverflowError(UnavailableError):
    """More messages waited for a day's mark than are kept in memory; it is settled now.

    Parameters
    ----------
    partitions : sequence of str
        ``topic:partition`` whose messages were not kept.
    bound : int
        How many are.
    """

    def __init__(self, partitions: Sequence[str], bound: int) -> None:
        super().__init__(
            f"more than {bound} messages of {', '.join(partitions)} waited behind an end-of-day "
            "mark that was not in every partition; the rest has to be read again from the last "
            "commit, by the next driver. Nothing is lost"
        )
        self.partitions = tuple(partitions)


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

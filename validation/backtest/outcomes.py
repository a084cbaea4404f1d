"""Backtests of a run that were made, and those that were not, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from system.backtest.daily import DailyBacktest
from system.backtest.errors import FlatBookError, NoFitError, NoOptionVolatilityError
from system.errors import InputError
from system.risk.errors import MissingCloseError
from system.risk.scenarios.window import Missing
from validation.backtest.entries import NotTestedEntry


class NotTested(StrEnum):
    """Kind of reason for which a book has no backtest."""

    REFUSED = "not tested"
    """Its input does not suffice, or is wrong."""
    FLAT = "flat"
    """There is nothing to test."""
    NO_FIT = "no fit"
    """The method has no law for its scenario P&Ls."""


class NothingTestedError(InputError):
    """No book of a run could be tested by any method."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        lines = [
            f"{failure.portfolio}, {failure.method or 'every method'}: {failure}"
            for failure in failures
        ]
        super().__init__("\n".join(["no book could be tested", *lines]))


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A book, under one method or (None) under all, that could not be tested.

    Parameters
    ----------
    portfolio : str
        Book.
    method : str or None
        Method.
    error : InputError
        Reason.
    missing : Missing
        What was asked to be done with gaps.
    """

    portfolio: str
    method: str | None
    error: InputError
    missing: Missing

    @property
    def kind(self) -> NotTested:
        """Return the kind of reason."""
        if isinstance(self.error, FlatBookError):
            return NotTested.FLAT
        return NotTested.NO_FIT if isinstance(self.error, NoFitError) else NotTested.REFUSED

    def __str__(self) -> str:
        """Return the reason; of a gap, also the way to leave its days out."""
        text = str(self.error)
        if self.missing is Missing.SKIP:
            return text
        if isinstance(self.error, MissingCloseError):
            text += "; --missing skip leaves such days out and names them"
        elif isinstance(self.error, NoOptionVolatilityError):
            text += "; --missing carry takes the last volatility, --missing skip leaves the day out"
        return text

    def entry(self) -> NotTestedEntry:
        """Return what the summary has of it."""
        return NotTestedEntry(
            portfolio=self.portfolio, method=self.method, kind=self.kind.value, reason=str(self)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """All books of a run under all its methods.

    Parameters
    ----------
    tested : tuple of DailyBacktest
        The portfolios of a method together, in the order of methods.
    failures : tuple of Failure
        A flat book once, any other once per method.
    """

    tested: tuple[DailyBacktest, ...]
    failures: tuple[Failure, ...]

    @property
    def refused(self) -> tuple[Failure, ...]:
        """Return what should have been tested and was not."""
        return tuple(failure for failure in self.failures if failure.kind is NotTested.REFUSED)

    def without_law(self) -> tuple[tuple[str, str], ...]:
        """Return portfolio and method of what has no fit."""
        return tuple(
            (failure.portfolio, failure.method)
            for failure in self.failures
            if failure.kind is NotTested.NO_FIT and failure.method is not None
        )

    def entries(self) -> tuple[NotTestedEntry, ...]:
        """Return what the summary has of the failures, by portfolio."""
        return tuple(
            failure.entry()
            for failure in sorted(self.failures, key=lambda failure: failure.portfolio)
        )

    def check_any(self) -> None:
        """Raise what stopped every book.

        Raises
        ------
        InputError
            If nothing was tested; the one reason where there is one only.
        """
        if self.tested:
            return
        if len({str(failure) for failure in self.failures}) == 1:
            raise _with_remedy(self.failures[0])
        raise NothingTestedError(self.failures)


def _with_remedy(failure: Failure) -> InputError:
    """Return the one reason of a run as its error, with the way out where there is one."""
    if str(failure) == str(failure.error):
        return failure.error
    return InputError(str(failure))

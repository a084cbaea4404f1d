"""Confidence as an exact number, and the ranks that follow from it in integer arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

from system.risk.errors import InvalidConfidenceError, TooFewScenariosError

_LOWEST = Fraction(1, 2)
_HIGHEST = Fraction(1)


@dataclass(frozen=True, slots=True)
class Confidence:
    """An exact confidence level, such as 19/20; binary floats are refused.

    Parameters
    ----------
    value : Fraction
        Probability in (1/2, 1), dimensionless.

    Raises
    ------
    InvalidConfidenceError
        If ``value`` is not a Fraction in (1/2, 1).

    Examples
    --------
    >>> Confidence.parse("0.95").tail_probability
    Fraction(1, 20)
    """

    value: Fraction
    tail_probability: Fraction = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.value, Fraction) or not _LOWEST < self.value < _HIGHEST:
            raise InvalidConfidenceError(self.value)
        object.__setattr__(self, "tail_probability", 1 - self.value)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the confidence written as ``"0.95"`` or ``"19/20"``.

        Raises
        ------
        InvalidConfidenceError
            If the text is not a number in (1/2, 1), or not text at all.
        """
        if not isinstance(text, str):
            raise InvalidConfidenceError(text)
        try:
            return cls(Fraction(text))
        except (ValueError, ZeroDivisionError, InvalidConfidenceError):
            raise InvalidConfidenceError(text) from None

    def __str__(self) -> str:
        """Return the decimal text if it is exact, else numerator/denominator."""
        text = f"{float(self.value):.12g}"
        return text if Fraction(text) == self.value else str(self.value)


@dataclass(frozen=True, slots=True)
class Tail:
    """How many scenarios the tail of n scenarios holds, whole and in part.

    Parameters
    ----------
    rank : int
        k = ceil(n*a): 1-based rank of the VaR scenario, worst first.
    mass : float
        n*a, in scenarios.
    last_weight : float
        Weight of the k-th worst scenario in the exact tail mean, in (0, 1].
    """

    rank: int
    mass: float
    last_weight: float


def tail_of(scenario_count: int, confidence: Confidence) -> Tail:
    """Return the tail of ``scenario_count`` equally likely scenarios.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.

    Notes
    -----
    All counts come from integers. In binary floats ``ceil(n * (1 - 0.95))`` is one too
    many whenever 20 divides n.
    """
    numerator = scenario_count * confidence.tail_probability.numerator
    denominator = confidence.tail_probability.denominator
    if numerator < denominator:
        raise TooFewScenariosError(scenario_count, confidence.tail_probability)
    rank = -(-numerator // denominator)
    left_over = numerator - (rank - 1) * denominator
    return Tail(rank=rank, mass=numerator / denominator, last_weight=left_over / denominator)


def supported_confidence(text: str, window: int) -> Confidence:
    """Return a confidence that a window of returns can support.

    Parameters
    ----------
    text : str
        ``"0.95"`` or ``"19/20"``.
    window : int
        Number of returns, which is the number of scenarios.

    Raises
    ------
    InvalidConfidenceError
        If the text is not a number in (1/2, 1).
    TooFewScenariosError
        If ``window * (1 - confidence) < 1``: there would never be a VaR.
    """
    confidence = Confidence.parse(text)
    tail_of(window, confidence)
    return confidence


def tail_rank(scenario_count: int, confidence: Confidence) -> int:
    """Return k = ceil(n * (1 - confidence)), the 1-based rank of the VaR scenario.

    Parameters
    ----------
    scenario_count : int
        Number n of equally likely scenarios.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Returns
    -------
    int
        Rank, 1 = the worst scenario.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.

    Examples
    --------
    >>> tail_rank(30, Confidence.parse("0.95")), tail_rank(60, Confidence.parse("0.95"))
    (2, 3)
    """
    return tail_of(scenario_count, confidence).rank

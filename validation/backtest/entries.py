"""Entries of ``summary.json``, as they are written."""

from __future__ import annotations

import datetime as dt

import msgspec


class TestEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One test; see `HypothesisResult`."""

    null: str
    statistic: float | None
    p_value: float | None
    dof: int | None
    p_value_simulated: float | None
    p_value_rolling: float | None
    note: str


class ZoneEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A traffic light over some days."""

    period: str
    days: int
    breaches: int
    zone: str
    cumulative_probability: float
    green_to: int
    yellow_to: int


class EProcessEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence against a breach probability of at most 1 - confidence."""

    null: str
    e_value: float
    log_e_value: float
    largest_e_value: float
    anytime_p_value: float
    level: float
    first_rejection: dt.date | None
    expected_log_e_value: float | None
    expected_growth_per_day: float | None
    expected_days_to_rejection: float | None


class BandEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Between which numbers of breaches 99 % of samples of this length lie."""

    independent: tuple[int, int]
    rolling: tuple[int, int] | None


class PowerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Rejection rate of each test at 5 %, if an alternative is the truth."""

    alternative: str
    rejection_rates: dict[str, float]


class AttributionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """P&L by the scenario formula against revaluation."""

    spearman: float | None
    kolmogorov_smirnov: float
    largest_gap: float
    zone: str | None


class SuspectEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A move beyond the bound of its asset class; it counts all the same."""

    instrument: str
    date: dt.date
    move: float
    probable_split: str | None


class CarriedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A close that stands in for a missing one."""

    series: str
    date: dt.date


class RangeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Days in a row of a book's calendar, with the series that are responsible and the reason."""

    first: dt.date
    last: dt.date
    days: int
    cause: str
    series: tuple[str, ...]
    reason: str


class StandInEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An option on a day whose settlement (null: none) implies no volatility.

    ``volatility`` is that of the good settlement of ``settled_on``, or of the option's row where
    that is null. The option is worth its settlement, or else the model's value.
    """

    option: str
    date: dt.date
    settlement: float | None
    worth_settlement: bool
    volatility: float
    settled_on: dt.date | None


class FlatEntry(msgspec.Struct, frozen=True, kw_only=True):
    """When a book held nothing: from a close (null: from the beginning) until another (or null)."""

    since: dt.date | None
    until: dt.date | None


class NotTestedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A book without a backtest: ``kind`` is refused, flat or no fit; ``method`` null for all."""

    portfolio: str
    method: str | None
    kind: str
    reason: str


class MethodEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One portfolio under one method.

    ``held_days`` counts the P&L dates on which the book was held: those tested, ``days``, and
    those in ``untested``. ``left_out`` has the days of its calendar that are no scenario days.
    """

    method: str
    official: bool
    estimator: str
    confidence: str
    window: int
    n: int
    k: int | None
    first_asof: dt.date
    last_pnl_date: dt.date
    days: int
    breaches: int
    rate: float
    promised_rate: float
    expected_rate: float | None
    breach_band_99: BandEntry
    tests: dict[str, TestEntry]
    traffic_light: ZoneEntry
    years: tuple[ZoneEntry, ...]
    e_process: EProcessEntry
    power: tuple[PowerEntry, ...]
    pnl_attribution: AttributionEntry | None
    suspect_moves: tuple[SuspectEntry, ...]
    carried_prices: tuple[CarriedEntry, ...]
    constant_volatility: tuple[str, ...]
    kernel_checked: tuple[dt.date, ...]
    held_days: int
    untested_days: int
    untested: tuple[RangeEntry, ...]
    left_out: tuple[RangeEntry, ...]
    flat: tuple[FlatEntry, ...]
    stand_in_volatilities: tuple[StandInEntry, ...]
    fit_note: str


class InputEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the backtest was made from."""

    file: str
    sha256: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``summary.json``: portfolio -> method -> numbers.

    ``not_tested`` names every book, and method, that has no numbers; a method that has no law for a
    book is null there. ``undated_as_of`` is the close whose shares quantities without a date are
    in.
    """

    format: int
    base_currency: str
    missing: str
    carry_max_sessions: int
    carry_max_share: float
    start: dt.date | None
    end: dt.date | None
    seed: int
    simulations: int
    inputs: dict[str, InputEntry]
    undated_as_of: dt.date | None
    portfolios: dict[str, dict[str, MethodEntry | None]]
    not_tested: tuple[NotTestedEntry, ...]

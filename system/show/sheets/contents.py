"""Contents of the panels that show an answer: tables, heat maps, waterfalls, time series.

All is text and numbers; the panels write text as text, so that a name never becomes markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from system.show import format as text
from system.show.view.base import View

NUMBER: Final = "number"
TEXT: Final = "text"
BAR: Final = "bar"


class Column(View, frozen=True, kw_only=True):
    """Heading of a column, and how its cells are written."""

    name: str
    kind: Literal["number", "text", "bar"] = NUMBER
    hint: str = ""


class Signed(View, frozen=True, kw_only=True):
    """A number whose sign is coloured."""

    text: str
    sign: int


class Share(View, frozen=True, kw_only=True):
    """A bar: part of the widest one, negative for what takes away."""

    share: float


Cell = str | Signed | Share


class Row(View, frozen=True, kw_only=True):
    """One line; ``kind`` is *total*, *bad*, *warn* or *good*, for its style."""

    cells: tuple[Cell, ...]
    kind: str = ""


class Sheet(View, frozen=True, kw_only=True):
    """A table; without rows it says ``empty``."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    words: str = ""
    empty: str = ""


class MapRow(View, frozen=True, kw_only=True):
    """One line of a heat map; None where there is no number."""

    name: str
    cells: tuple[float | None, ...]
    texts: tuple[str, ...] | None = None


class HeatMap(View, frozen=True, kw_only=True):
    """Rows over columns; ``scale`` is the darkest number, ``written`` shows numbers in cells.

    ``positive`` is the colour above zero: *adds* is orange, *hedge* blue.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[MapRow, ...]
    scale: float
    unit: str
    note: str = ""
    words: str = ""
    empty: str = ""
    written: bool = False
    positive: Literal["adds", "hedge"] = "adds"


class Step(View, frozen=True, kw_only=True):
    """One bar of a waterfall, in the unit of the whole; ``kind`` is *total*, *adds* or *hedge*."""

    name: str
    start: float
    end: float
    text: str
    kind: str


class Waterfall(View, frozen=True, kw_only=True):
    """Steps from one total to another; ``words`` say the same to a screen reader."""

    title: str
    steps: tuple[Step, ...]
    note: str = ""
    words: str = ""
    empty: str = ""


class Series(View, frozen=True, kw_only=True):
    """One line of a chart; ``colour`` names a colour of the style sheet."""

    name: str
    colour: str
    values: tuple[float | None, ...]
    dash: bool = False
    steps: bool = False
    points: bool = False


class Chart(View, frozen=True, kw_only=True):
    """Series over the time that all charts of a panel share; ``words`` for a screen reader."""

    title: str
    words: str
    series: tuple[Series, ...]
    log: bool = False


class Lines(View, frozen=True, kw_only=True):
    """Charts over one axis of time, ``x`` in seconds since 1970-01-01 UTC, ascending."""

    title: str
    x: tuple[float, ...]
    charts: tuple[Chart, ...]
    note: str = ""
    words: str = ""
    empty: str = ""


Content = Sheet | HeatMap | Waterfall | Lines


def signed(number: float | None, *, digits: int = 0) -> Signed:
    """Return an amount with its sign, coloured by it."""
    return Signed(text=text.amount(number, digits=digits, signed=True), sign=text.sign(number))


def rising_loss(number: float | None) -> Signed:
    """Return a change of VaR or its kin with its sign, coloured as a gain where it falls."""
    return Signed(text=text.amount(number, signed=True), sign=-text.sign(number))


def share(number: float | None, widest: float) -> Share:
    """Return the bar of a number beside the widest one."""
    return Share(share=(number or 0.0) / widest if widest else 0.0)


def darkest(rows: Sequence[MapRow]) -> float:
    """Return the largest size of a number in a heat map, 0 without any."""
    return max((abs(cell) for row in rows for cell in row.cells if cell is not None), default=0.0)

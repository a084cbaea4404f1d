"""Messages that are valid by their contract, with terms from the ends of every range."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from system.contracts.limits import Limit, LimitMeasure
from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    Dividend,
    ExchangeSessions,
    FxRate,
    Instrument,
    Mark,
    Message,
    OpeningPosition,
    OptionRight,
    OptionTerms,
    Portfolio,
    ReturnType,
    SessionClose,
    Split,
    StressedHistory,
    Tick,
    Trade,
    TradeAction,
    VolatilityShift,
)

DAY: Final = dt.date(2020, 2, 3)
DAY_NS: Final = 86_400_000_000_000
HOUR_NS: Final = 3_600_000_000_000
TINY: Final = 5e-324
BELOW_BOUND: Final = 9.999999999999998e14
SIZES: Final = tuple(
    float(size)
    for size in (
        f"{TINY} 1e-308 1e-200 1e-100 1e-30 1e-9 1e-4 0.01 0.5 1 3.7 100 1e4 1e6 1e9 1e12 "
        f"{BELOW_BOUND}"
    ).split()
)
PRICES: Final = tuple(size for size in SIZES if size >= 1e-9)
RATES: Final = (-1.0, -0.5, -0.1, -0.01, -TINY, 0.0, TINY, 0.01, 0.05, 0.1, 0.5, 1.0)
VOLATILITIES: Final = (1e-4, 1e-3, 0.2, 1.0, 10.0)
FAR_DATES: Final = (
    dt.date.min,
    dt.date(1969, 12, 31),
    dt.date(1970, 1, 1),
    DAY,
    dt.date(2116, 1, 1),
    dt.date(2500, 1, 1),
    dt.date.max,
)
SHARES: Final = ("A", "B", "C")
FUTURES: Final = ("F", "G")
OPTIONS: Final = ("O1", "O2", "O3")
MONEY_NAMES: Final = ("E", "cash:USD", "cash:EUR", "cash:GBp", "cash:JPY")
BOOKS: Final = ("P", "Q")
CURRENCIES: Final = ("USD", "EUR", "GBP", "GBp", "KWF", "JPY")
PLAIN: Final = (*SHARES, *FUTURES, *MONEY_NAMES)
"""Names that every world has; of its options some are refused."""
HELD: Final = (*PLAIN, *OPTIONS)


class World:
    """One world: reference data first, then quotes, trades, adjustments and marks in any order.

    Parameters
    ----------
    seed : int
        The same seed makes the same messages.
    usual : float
        Share of terms that are ordinary, so that what is extreme meets what is valued.
    """

    def __init__(self, seed: int, *, usual: float = 0.6) -> None:
        self._random = Random(seed)  # noqa: S311 - repeatable, and no secret
        self._usual = usual
        self._sequence = 0
        self._trades = 0
        self._day = 0

    def messages(self, count: int) -> Iterator[Message]:
        """Yield the reference data, and ``count`` messages more; each valid by its contract."""
        for make in (self._instruments, self._histories, self._books):
            yield from make()
        makers: tuple[Callable[[], Message], ...] = (
            self._tick,
            self._tick,
            self._tick,
            self._rate,
            self._trade,
            self._trade,
            self._split,
            self._dividend,
            self._book,
            self._option,
            self._history,
            self._stressed,
            self._sessions,
            self._mark,
            self._mark,
        )
        for _ in range(count):
            made = self._made(self._random.choice(makers))
            if made is not None:
                yield made

    @staticmethod
    def _made(make: Callable[[], Message]) -> Message | None:
        """Return a message, None where its terms contradict one another."""
        try:
            return make()
        except ValueError:
            return None

    def _instruments(self) -> Iterator[Message]:
        for name in SHARES:
            yield Instrument(
                instrument=name,
                asset_class=self._random.choice((AssetClass.EQUITY, AssetClass.ETF)),
                currency=self._random.choice(CURRENCIES),
                multiplier=self._size(PRICES, 1.0),
            )
        for name in FUTURES:
            yield Instrument(
                instrument=name,
                asset_class=AssetClass.FUTURE,
                currency=self._random.choice(CURRENCIES),
                multiplier=self._size(PRICES, 50.0),
                return_type=self._random.choice(tuple(ReturnType)),
            )
        yield Instrument(
            instrument="E", asset_class=AssetClass.FX, currency=self._random.choice(CURRENCIES)
        )
        for name in OPTIONS:
            made = self._made(lambda name=name: self._option(name))  # type: ignore[misc]
            if made is not None:
                yield made

    def _option(self, name: str | None = None) -> Message:
        is_usual = self._random.random() < self._usual
        days = self._random.choice((0, 1, 2, 90))
        rates = (0.0, 0.01, -0.01) if is_usual else RATES
        dates = () if is_usual else FAR_DATES
        return Instrument(
            instrument=name or self._random.choice(OPTIONS),
            asset_class=AssetClass.OPTION,
            currency=self._random.choice(CURRENCIES),
            multiplier=self._size(PRICES, 100.0),
            option=OptionTerms(
                underlying=self._random.choice(SHARES),
                right=self._random.choice(tuple(OptionRight)),
                strike=self._size(PRICES, 100.0),
                expiry=self._random.choice((*dates, DAY + dt.timedelta(days=days))),
                volatility=self._random.choice(VOLATILITIES),
                rate=self._random.choice(rates),
                dividend_yield=self._random.choice(rates),
                volatility_series=self._random.choice((None, "VOL")),
                volatility_shift=self._random.choice(tuple(VolatilityShift)),
            ),
        )

    def _histories(self) -> Iterator[Message]:
        series = (*SHARES, *FUTURES, "VOL", "fx:USD", "fx:GBP", "fx:JPY", "fx:KWD")
        for name in series:
            if self._random.random() < 0.9:
                yield self._closes(name)

    def _history(self) -> Message:
        return self._closes(self._random.choice((*SHARES, "VOL", "fx:USD", "new")))

    def _closes(self, name: str) -> CloseHistory:
        first = self._random.choice(
            (DAY - dt.timedelta(days=9), DAY - dt.timedelta(days=9), dt.date.min)
        )
        return CloseHistory(
            series=name,
            closes=tuple(
                ClosePoint(first + dt.timedelta(days=day), self._price(name)) for day in range(8)
            ),
        )

    def _stressed(self) -> Message:
        first, last = DAY - dt.timedelta(days=4_000), DAY - dt.timedelta(days=3_988)
        is_odd = self._random.random() < 0.1
        return StressedHistory(
            window="odd" if is_odd else "crisis",
            first=self._random.choice(FAR_DATES) if is_odd else first,
            last=self._random.choice(FAR_DATES) if is_odd else last,
            version="1",
            series=self._random.choice((*SHARES, *FUTURES, "fx:USD", "fx:GBP", "VOL")),
            closes=tuple(
                ClosePoint(first + dt.timedelta(days=day - 1), self._price("A"))
                for day in range(13)
            ),
        )

    def _sessions(self) -> Message:
        first = self._random.choice((DAY - dt.timedelta(days=30), dt.date.min, dt.date(9999, 1, 1)))
        return ExchangeSessions(
            exchange=self._random.choice(("XNYS", "XLON")),
            first=first,
            last=self._random.choice((first + dt.timedelta(days=60), dt.date.max)),
            version="1",
            sessions=tuple(
                SessionClose(first + dt.timedelta(days=day), self._random.choice((0, 2**62)))
                for day in range(self._random.randrange(40))
            ),
        )

    def _books(self) -> Iterator[Message]:
        for name in BOOKS:
            yield self._book(name)

    def _book(self, name: str | None = None) -> Message:
        names = HELD if self._random.random() < 0.5 else PLAIN
        held = self._random.sample(names, self._random.randrange(len(names)))
        moments: dict[str, Any] = self._random.choice(
            (
                {},
                {},
                {"as_of_ns": self._random.choice((0, 1, self._now_ns(), 2**62))},
                {"as_of_day": self._random.choice(FAR_DATES)},
            )
        )
        return Portfolio(
            portfolio=name or self._random.choice(BOOKS),
            base_currency=self._random.choice(("USD", "EUR", "GBP", "JPY")),
            confidence=self._random.choice(("0.8", "0.8", "0.8", "0.6", "0.999999")),
            window=self._random.choice((5, 5, 5, 5, 2, 1_023)),
            var_limit_fraction=self._random.choice((TINY, 0.02, 1.0)),
            desk=self._random.choice((None, "D")),
            positions=tuple(
                OpeningPosition(
                    instrument=position,
                    quantity=self._signed(10.0),
                    entry_price=self._price(position),
                )
                for position in held
            ),
            limits=tuple(
                Limit(measure=measure, warning=TINY, breach=1e-300)
                for measure in (LimitMeasure.GROSS, LimitMeasure.VEGA)
                if self._random.random() < 0.2
            ),
            carry_max_share=self._random.choice((0.0, TINY, 1.0)),
            **moments,
        )

    def _tick(self) -> Message:
        name = self._random.choice((*SHARES, *FUTURES, *OPTIONS))
        mid = self._price(name)
        return Tick(
            ticker=name,
            bid=mid,
            mid=mid,
            ask=mid,
            volume=0.0,
            event_time_ns=self._time_ns(),
            sequence=self._next(),
        )

    def _rate(self) -> Message:
        return FxRate(
            currency=self._random.choice(("USD", "GBP", "JPY", "KWD")),
            rate=self._size(PRICES, 1.2),
            event_time_ns=self._time_ns(),
            sequence=self._next(),
        )

    def _trade(self) -> Message:
        is_new = self._trades == 0 or self._random.random() < 0.7
        self._trades += is_new
        number = self._trades if is_new else self._random.randint(1, self._trades)
        name = self._random.choice(HELD)
        return Trade(
            trade_id=f"t{number}",
            version=0 if is_new else self._random.choice((1, 2, 2**62)),
            action=(
                TradeAction.NEW
                if is_new
                else self._random.choice((TradeAction.AMEND, TradeAction.CANCEL))
            ),
            portfolio=self._random.choice(BOOKS),
            instrument=name,
            quantity=self._signed(5.0),
            price=self._price(name),
            event_time_ns=self._random.choice((0, self._now_ns(), 2**62)),
        )

    def _split(self) -> Message:
        date = self._adjusted_on()
        return Split(
            instrument=self._random.choice(SHARES),
            date=date,
            last_day=date - dt.timedelta(days=1),
            ratio=self._random.choice((1e-4, 1e-4, 0.5, 4.0, 1e4, 1e4)),
        )

    def _dividend(self) -> Message:
        date = self._adjusted_on()
        return Dividend(
            instrument=self._random.choice(SHARES),
            date=date,
            last_day=date - dt.timedelta(days=1),
            amount=self._random.choice((0.0, *SIZES, 99.99999999999999)),
        )

    def _adjusted_on(self) -> dt.date:
        if self._random.random() < 0.05:
            return self._random.choice(FAR_DATES[1:])
        return DAY + dt.timedelta(days=self._day + 1)

    def _mark(self) -> Message:
        date = DAY + dt.timedelta(days=self._day)
        event_time_ns = self._now_ns() + 23 * HOUR_NS
        if self._random.random() < 0.1:
            return Mark(date=self._random.choice(FAR_DATES), event_time_ns=event_time_ns)
        self._day += 1
        return Mark(date=date, event_time_ns=event_time_ns)

    def _price(self, name: str) -> float:
        size = self._size(PRICES, 100.0)
        if name == "G" and self._random.random() < 0.3:
            return -size
        return size

    def _signed(self, usual: float) -> float:
        return self._size(SIZES, usual) * self._random.choice((1.0, -1.0))

    def _size(self, sizes: tuple[float, ...], usual: float) -> float:
        if self._random.random() < self._usual:
            return usual * (1.0 + self._random.random() / 50.0)
        return self._random.choice(sizes)

    def _now_ns(self) -> int:
        return (DAY - dt.date(1970, 1, 1)).days * DAY_NS + self._day * DAY_NS

    def _time_ns(self) -> int:
        if self._random.random() < 0.02:
            return self._random.choice((0, 1, 2**62))
        self._sequence += 1
        return self._now_ns() + 15 * HOUR_NS + self._sequence * 1_000_000

    def _next(self) -> int:
        return self._random.choice((self._sequence, self._sequence, 0, 2**62))

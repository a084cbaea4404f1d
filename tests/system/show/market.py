"""Snapshots of three portfolios as a stream would publish them: a test double's numbers.

Prices follow a seeded one-factor walk whose volatility rises in the middle (a crisis), and
each snapshot's risk is worked out from its own 30 scenarios, so that components add up, the
tail days are real days of the walk and breaches happen where losses exceed the VaR before.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from system.book.valuation.limits import limit_uses
from system.contracts.messages import (
    AssetClass,
    AssetClassRisk,
    PositionRisk,
    RiskSnapshot,
    SnapshotKind,
    StageTimes,
    TailScenario,
)

WINDOW = 30
RANK = 2
FIRST_DAY = dt.date(2020, 2, 3)
SESSION_OPEN = dt.time(14, 30)
SESSION_SECONDS = 6.5 * 3600
NANO = 1_000_000_000


@dataclass(frozen=True)
class Listing:
    """One instrument of the double: class, currency, first price, multiplier, beta, noise."""

    asset_class: AssetClass
    currency: str
    price: float
    multiplier: float = 1.0
    beta: float = 1.0
    noise: float = 0.012


EQUITIES = {
    "AAPL": 77.4, "MSFT": 174.4, "AMZN": 100.2, "GOOGL": 74.1, "JPM": 133.3, "XOM": 60.7,
    "JNJ": 149.0, "PG": 125.6, "WMT": 38.3, "HD": 230.1, "BA": 316.0, "CAT": 131.0,
}  # fmt: skip
LISTINGS = {
    **{
        name: Listing(AssetClass.EQUITY, "USD", price, beta=0.7 + 0.06 * rank)
        for rank, (name, price) in enumerate(EQUITIES.items())
    },
    "ES": Listing(AssetClass.FUTURE, "USD", 3243.0, multiplier=50.0, noise=0.001),
    "MTUM": Listing(AssetClass.ETF, "USD", 128.9, beta=0.95, noise=0.004),
    "USMV": Listing(AssetClass.ETF, "USD", 66.4, beta=0.7, noise=0.004),
    "fx:EURUSD": Listing(AssetClass.FX, "EUR", 1.106, beta=-0.05, noise=0.004),
    "fx:JPYUSD": Listing(AssetClass.FX, "JPY", 0.0092, beta=-0.2, noise=0.005),
}
BOOKS: Mapping[str, tuple[float, Mapping[str, float]]] = {
    "long-equities": (400_000.0, {name: round(500_000 / p) for name, p in EQUITIES.items()}),
    "long-short": (
        4_000_000.0,
        {"AAPL": 9_000, "MSFT": 5_000, "AMZN": 8_000, "JPM": -6_500, "XOM": -14_000,
         "BA": -2_500, "ES": -14, "MTUM": 11_000, "USMV": 9_000},
    ),
    "eur-jpy-usd": (1_500_000.0, {"fx:EURUSD": 2_000_000, "fx:JPYUSD": -150_000_000, "JNJ": 4_000,
                                  "PG": 5_000, "WMT": 12_000}),
}  # fmt: skip


@dataclass
class Market:
    """The walk: prices now, and the returns of the days before.

    Parameters
    ----------
    seed : int
        Repeats the walk.
    book_count : int
        More than the three are copies of them in other sizes.
    """

    seed: int = 7
    book_count: int = len(BOOKS)
    day_index: int = 0
    epoch: int = 0
    fence: int = 1
    prices: dict[str, float] = field(default_factory=dict)
    closes: dict[str, float] = field(default_factory=dict)
    returns: dict[str, list[float]] = field(default_factory=dict)
    books: dict[str, dict[str, float]] = field(default_factory=dict)
    stated: dict[str, RiskSnapshot] = field(default_factory=dict)
    costs: dict[tuple[str, str], float] = field(default_factory=dict)
    cash: dict[str, float] = field(default_factory=dict)
    pending_trades: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self.prices = {name: listing.price for name, listing in LISTINGS.items()}
        self.closes = dict(self.prices)
        self.returns = {name: [] for name in LISTINGS}
        sized = _books(self.book_count)
        self.books = {name: dict(holdings) for name, (_, holdings) in sized.items()}
        self.cash = {name: cash for name, (cash, _) in sized.items()}
        self.costs = {
            (book, name): LISTINGS[name].price for book, held in self.books.items() for name in held
        }
        for _ in range(WINDOW):
            self._remember(self._day_returns(0.008))

    @property
    def date(self) -> dt.date:
        return _business_day(self.day_index)

    def days(self, steps_per_day: int) -> Iterator[list[RiskSnapshot]]:
        """Yield batches of snapshots for ever, one per step and one at each end of day."""
        while True:
            yield from self.one_day(steps_per_day)

    def one_day(self, steps: int) -> Iterator[list[RiskSnapshot]]:
        """Yield a day's batches: ``steps`` live ones, then its end of day."""
        targets = self._day_returns(self._volatility())
        paths = {name: self._bridge(value, steps) for name, value in targets.items()}
        for step in range(steps):
            for name, path in paths.items():
                self.prices[name] = self.closes[name] * (1 + float(path[step]))
            yield self._batch(SnapshotKind.LIVE, (step + 1) / (steps + 1))
        self._remember(targets)
        batch = self._batch(SnapshotKind.END_OF_DAY, 1.0)
        self.stated = {snapshot.portfolio: snapshot for snapshot in batch}
        self.closes = dict(self.prices)
        self.day_index += 1
        yield batch

    def trade(self, trade_id: str, portfolio: str, instrument: str, quantity: float) -> None:
        """Change a position at the current price; the next batch names the trade."""
        held = self.books[portfolio]
        price = self.prices[instrument]
        old = held.get(instrument, 0.0)
        held[instrument] = old + quantity
        cost = self.costs.get((portfolio, instrument), price)
        if held[instrument]:
            self.costs[portfolio, instrument] = (old * cost + quantity * price) / held[instrument]
        if LISTINGS[instrument].asset_class is not AssetClass.FUTURE:
            self.cash[portfolio] -= quantity * price
        self.pending_trades.append((portfolio, trade_id))

    def _batch(self, kind: SnapshotKind, fraction: float) -> list[RiskSnapshot]:
        self.epoch += 1
        trades, self.pending_trades = self.pending_trades, []
        return [
            self._snapshot(name, kind, fraction, [t for book, t in trades if book == name])
            for name in self.books
        ]

    def _snapshot(
        self, portfolio: str, kind: SnapshotKind, fraction: float, trades: list[str]
    ) -> RiskSnapshot:
        held = self.books[portfolio]
        exposure = {name: self._unit(name) * size for name, size in held.items()}
        matrix = np.array([self.returns[name][-WINDOW:] for name in held])
        losses = -matrix * np.array(list(exposure.values()))[:, None]
        total = losses.sum(axis=0)
        worst = np.argsort(-total, kind="stable")
        at_var = int(worst[RANK - 1])
        tail_loss = (losses[:, worst[0]] + 0.5 * losses[:, at_var]) / 1.5
        cost = {name: self.costs[portfolio, name] for name in held}
        unrealised = {name: exposure[name] * (1 - cost[name] / self.prices[name]) for name in held}
        value = sum(
            unrealised[n] if LISTINGS[n].asset_class is AssetClass.FUTURE else exposure[n]
            for n in held
        )
        nav = self.cash[portfolio] + value
        var = float(total[at_var])
        before = self.stated.get(portfolio)
        at_end = kind is SnapshotKind.END_OF_DAY
        daily = nav - before.nav if before else sum(unrealised.values())
        stated = RiskSnapshot(
            snapshot_id=(
                f"{portfolio}-eod-{self.date}"
                if at_end
                else f"{portfolio}-{self.fence}-{self.epoch}"
            ),
            portfolio=portfolio,
            kind=kind,
            fence=self.fence,
            epoch=self.epoch,
            offsets={
                "market_data:0": self.epoch * 40,
                "market_data:1": self.epoch * 41,
                "trades:0": len(self.stated),
            },
            event_time_ns=self._event_time_ns(fraction),
            asof=self.date if at_end else _business_day(self.day_index - 1),
            base_currency="USD",
            estimator="hs/ceil/simple",
            confidence="0.95",
            window=WINDOW,
            scenario_count=WINDOW,
            tail_rank=RANK,
            nav=nav,
            value=nav,
            var=var,
            expected_shortfall=float(tail_loss.sum()),
            var_fraction=var / nav,
            var_limit_fraction=0.02,
            diversification=self._diversification(held, losses, var),
            scenario_date=self._scenario_date(at_var),
            tail=tuple(
                TailScenario(date=self._scenario_date(int(i)), pnl=-float(total[i]))
                for i in worst[:5]
            ),
            daily_pnl=daily,
            unrealised_pnl=sum(unrealised.values()),
            realised_pnl=0.0,
            positions=tuple(
                PositionRisk(
                    instrument=name,
                    asset_class=LISTINGS[name].asset_class,
                    currency=LISTINGS[name].currency,
                    quantity=size,
                    price=self.prices[name],
                    average_cost=cost[name],
                    value=exposure[name],
                    exposure=exposure[name],
                    delta=size * LISTINGS[name].multiplier,
                    unrealised_pnl=unrealised[name],
                    realised_pnl=0.0,
                    component_var=float(losses[row, at_var]),
                    component_es=float(tail_loss[row]),
                    smoothed_share=_smoothed_share(losses[row], total, worst),
                )
                for row, (name, size) in enumerate(held.items())
            ),
            asset_classes=self._classes(held, exposure, losses),
            stale=(),
            carried=(),
            suspect=(),
            not_available="",
            inputs_hash=f"{self.epoch:016x}{'c0ffee' * 8}",
            previous_var=before.var if at_end and before else None,
            hypothetical_pnl=daily if at_end and before else None,
            breach=(-daily > (before.var or 0.0)) if at_end and before else None,
            trade_ids=tuple(trades),
        )
        return msgspec.structs.replace(stated, limits=limit_uses(stated, ()))

    def _snapshot_id(self, portfolio: str, at_end: bool) -> str:
        end = f"eod-{self.date}" if at_end else f"{self.fence}-{self.epoch}"
        return f"{portfolio}-{end}"

    def _classes(
        self, held: Mapping[str, float], exposure: Mapping[str, float], losses: np.ndarray
    ) -> tuple[AssetClassRisk, ...]:
        rows = []
        for asset_class in AssetClass:
            members = [i for i, n in enumerate(held) if LISTINGS[n].asset_class is asset_class]
            if not members:
                continue
            sizes = [list(exposure.values())[i] for i in members]
            long, short = sum(s for s in sizes if s > 0), sum(s for s in sizes if s < 0)
            own = np.sort(-losses[members].sum(axis=0))
            rows.append(
                AssetClassRisk(
                    asset_class=asset_class,
                    long=long,
                    short=short,
                    gross=long - short,
                    net=long + short,
                    var=-float(own[RANK - 1]),
                    expected_shortfall=-float(own[0] + 0.5 * own[1]) / 1.5,
                )
            )
        return tuple(rows)

    def _diversification(self, held: Mapping[str, float], losses: np.ndarray, var: float) -> float:
        rows = self._classes(held, dict.fromkeys(held, 1.0), losses)
        return sum(row.var or 0.0 for row in rows) - var

    def _unit(self, name: str) -> float:
        return self.prices[name] * LISTINGS[name].multiplier

    def _volatility(self) -> float:
        crisis = math.exp(-(((self.day_index - 27) / 9) ** 2))
        return 0.006 + 0.02 * crisis

    def _day_returns(self, volatility: float) -> dict[str, float]:
        drift = -0.25 * volatility if volatility > 0.02 else 0.0004
        market = float(self._random.normal()) * volatility + drift
        return {
            name: listing.beta * market
            + float(self._random.normal()) * listing.noise * (volatility / 0.012 + 1) / 2
            for name, listing in LISTINGS.items()
        }

    def _bridge(self, end: float, steps: int) -> np.ndarray:
        walk = np.cumsum(self._random.normal(size=steps)) / math.sqrt(steps) * abs(end) * 0.6
        time = np.arange(1, steps + 1) / steps
        return walk - time * walk[-1] + time * end

    def _remember(self, returns: Mapping[str, float]) -> None:
        for name, value in returns.items():
            self.returns[name].append(value)

    def _scenario_date(self, index: int) -> dt.date:
        return _business_day(len(self.returns["ES"]) - 2 * WINDOW + index)

    def _event_time_ns(self, fraction: float) -> int:
        start = dt.datetime.combine(self.date, SESSION_OPEN, tzinfo=dt.UTC)
        return round((start.timestamp() + fraction * SESSION_SECONDS) * NANO)


def _books(count: int) -> Mapping[str, tuple[float, Mapping[str, float]]]:
    """Return the three books, then copies of them in other sizes."""
    sized = dict(BOOKS)
    for index in range(len(BOOKS), count):
        name, (cash, holdings) = list(BOOKS.items())[index % len(BOOKS)]
        size = 0.5 + (index * 37 % 100) / 100
        sized[f"{name}-{index:03}"] = (
            cash * (0.2 + (index * 53 % 100) / 50),
            {instrument: quantity * size for instrument, quantity in holdings.items()},
        )
    return sized


def stamped(snapshot: RiskSnapshot, now_ns: int) -> RiskSnapshot:
    """Return a snapshot whose newest tick was due 84 ms before ``now_ns``."""
    ms = 1_000_000
    return replace_struct(
        snapshot,
        stages=StageTimes(
            intended_ns=now_ns - 84 * ms, batch_started_ns=now_ns - 31 * ms,
            read_ns=now_ns - 14 * ms, folded_ns=now_ns - 9 * ms,
            valued_ns=now_ns - 4 * ms, published_ns=now_ns,
        ),
    )  # fmt: skip


def replace_struct(snapshot: RiskSnapshot, **changes: object) -> RiskSnapshot:
    """Return a snapshot with some fields changed."""
    return msgspec.structs.replace(snapshot, **changes)


def _smoothed_share(own: np.ndarray, total: np.ndarray, worst: np.ndarray) -> float | None:
    band = worst[: RANK + 3]
    whole = float(total[band].sum())
    return float(own[band].sum()) / whole if whole > 0 else None


def _business_day(index: int) -> dt.date:
    weeks, rest = divmod(index + FIRST_DAY.weekday(), 5)
    return FIRST_DAY - dt.timedelta(days=FIRST_DAY.weekday()) + dt.timedelta(weeks=weeks, days=rest)

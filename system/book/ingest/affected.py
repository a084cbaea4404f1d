"""Which portfolios a message changes."""

from __future__ import annotations

from collections import defaultdict

from system.book.valuation.derived import PositionArrays
from system.risk.scenarios.window import fx_series


class AffectedPortfolios:
    """Portfolios that were changed since their last snapshot, and by which trades."""

    def __init__(self) -> None:
        self._holders: defaultdict[str, set[str]] = defaultdict(set)
        self._exposed: defaultdict[str, set[str]] = defaultdict(set)
        self._indexed: dict[str, PositionArrays] = {}
        self._names: set[str] = set()
        self._tickers: set[str] = set()
        """Whose holders, as they are indexed now, are not among the names yet."""
        self._trades: dict[str, list[str]] = {}

    def index(self, portfolio: str, shape: PositionArrays) -> None:
        """Note what a portfolio's value depends on now."""
        self._name_holders()
        before = self._indexed.get(portfolio)
        if before is not None:
            for ticker in before.tickers:
                self._holders[ticker].discard(portfolio)
            for currency in before.currencies:
                self._exposed[currency].discard(portfolio)
        for ticker in shape.tickers:
            self._holders[ticker].add(portfolio)
        for currency in shape.currencies:
            self._exposed[currency].add(portfolio)
        self._indexed[portfolio] = shape

    def touch(self, portfolio: str) -> None:
        """Mark one portfolio as changed."""
        self._names.add(portfolio)

    def by_ticker(self, ticker: str) -> None:
        """Mark the holders of an instrument as changed."""
        self._tickers.add(ticker)

    def by_currency(self, currency: str) -> None:
        """Mark those whose value a rate changes."""
        self._names |= self._exposed.get(currency, set())

    def by_series(self, series: str) -> None:
        """Mark those whose scenarios or marks a history changes."""
        self.by_ticker(series)
        prefix = fx_series("")
        if series.startswith(prefix):
            self.by_currency(series.removeprefix(prefix))

    def by_trade(self, portfolio: str, trade_id: str) -> None:
        """Mark a portfolio as changed by a trade."""
        self.touch(portfolio)
        self._trades.setdefault(portfolio, []).append(trade_id)

    def portfolios(self) -> list[str]:
        """Return the changed portfolios, sorted."""
        self._name_holders()
        return sorted(self._names)

    def trades(self) -> dict[str, tuple[str, ...]]:
        """Return the trades since the last snapshots by portfolio, in the order they came."""
        return {name: tuple(ids) for name, ids in self._trades.items()}

    def clear(self) -> None:
        """Forget all changes: snapshots were taken."""
        self._names.clear()
        self._tickers.clear()
        self._trades.clear()

    def _name_holders(self) -> None:
        """Mark the holders of what has ticked: once for a batch, not for every tick."""
        for ticker in sorted(self._tickers):
            self._names |= self._holders.get(ticker, set())
        self._tickers.clear()

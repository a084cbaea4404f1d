"""Which portfolios and instruments exist: asked of the book state, remembered once found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from system.book.state.positions import cash_currency
from system.book.state.rows import INSTRUMENT_PREFIX, PORTFOLIO_PREFIX
from system.contracts.messages import PRICE_MIN, Instrument, ReturnType
from system.serve.http.errors import (
    UnknownInstrumentError,
    UnknownPortfolioError,
    invalid_field,
    unknown_portfolio,
)
from system.serve.services.connections import Services

MAX_REMEMBERED: Final = 100_000


class Catalogue:
    """Known portfolios and instruments. Names are never removed, so each is looked up once.

    Parameters
    ----------
    services : Services
        The history is asked for what is not remembered.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keys: set[str] = set()

    def remember(self, portfolio: str, instruments: Iterable[str]) -> None:
        """Take as known what was just sent to the stream and is not in its state yet."""
        self._add([PORTFOLIO_PREFIX + portfolio])
        self._add([INSTRUMENT_PREFIX + instrument for instrument in instruments])

    async def check(self, portfolio: str, instrument: str) -> None:
        """Refuse a trade that the stream would reject.

        Raises
        ------
        UnknownPortfolioError
            If nobody imported the portfolio; lists those that are known.
        UnknownInstrumentError
            If the instrument has no reference data.
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        wanted = [PORTFOLIO_PREFIX + portfolio]
        if cash_currency(instrument) is None:
            wanted.append(INSTRUMENT_PREFIX + instrument)
        missing = [key for key in wanted if key not in self._keys]
        if missing:
            states = await self._services.read(self._services.history.state_values, missing)
            self._add(states)
        if wanted[0] not in self._keys:
            raise await self.unknown_portfolio(portfolio)
        if wanted[-1] not in self._keys:
            raise UnknownInstrumentError(
                f"instrument {instrument!r} has no reference data: import it with a portfolio "
                "(POST /v1/portfolios), or see the positions of one for names"
            )

    async def check_price(self, instrument: str, price: float) -> None:
        """Refuse a price that only an instrument of absolute returns can have.

        Raises
        ------
        InvalidRequestError
            If it is below ``PRICE_MIN`` and the instrument has relative returns.
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        if price >= PRICE_MIN:
            return
        key = INSTRUMENT_PREFIX + instrument
        row = (await self._services.read(self._services.history.state_values, [key])).get(key)
        known = None if row is None else msgspec.json.decode(row, type=Instrument)
        if known is None or known.return_type is not ReturnType.ABSOLUTE:
            raise invalid_field(
                "price",
                f"{price:g}: {instrument} needs at least {PRICE_MIN:g}; only an instrument with "
                "return_type absolute can have less",
            )

    async def check_portfolio(self, portfolio: str) -> None:
        """Refuse a portfolio that nobody imported.

        Raises
        ------
        UnknownPortfolioError
            Lists those that are known.
        StoreUnavailableError
            If PostgreSQL or Redis does not answer.
        """
        known = await self.imported() + await self._services.latest.portfolios()
        if portfolio not in known:
            raise unknown_portfolio(portfolio, sorted(set(known)))

    async def imported(self) -> list[str]:
        """Return the portfolios that the stream knows, sorted.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        history = self._services.history
        keys = await self._services.read(history.state_keys, PORTFOLIO_PREFIX)
        remembered = {key for key in self._keys if key.startswith(PORTFOLIO_PREFIX)}
        return sorted(key.removeprefix(PORTFOLIO_PREFIX) for key in remembered.union(keys))

    async def unknown_portfolio(self, portfolio: str) -> UnknownPortfolioError:
        """Return the error for a portfolio without a snapshot: unknown, or not valued yet."""
        imported = await self.imported()
        if portfolio in imported:
            return UnknownPortfolioError(
                f"portfolio {portfolio!r} is imported and has no snapshot yet: the stream makes "
                "its first when it runs (see /v1/health)",
                known=imported,
            )
        valued = await self._services.latest.portfolios()
        return unknown_portfolio(portfolio, sorted({*imported, *valued}))

    def _add(self, keys: Iterable[str]) -> None:
        if len(self._keys) < MAX_REMEMBERED:
            self._keys.update(keys)

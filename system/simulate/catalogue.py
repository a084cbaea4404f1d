"""Reference data of the instruments whose history ships with the locked wheels."""

from __future__ import annotations

from typing import Final

from system.contracts.messages import AssetClass, Instrument

INDEX_FUTURE: Final = "SP500.FUT"
INDEX_FUTURE_MULTIPLIER: Final = 50.0
DOLLAR: Final = "USD"
FX_PREFIX: Final = "fx:"

EQUITY_NAMES: Final = {
    "AAPL": "Apple",
    "AMD": "Advanced Micro Devices",
    "BAC": "Bank of America",
    "BBY": "Best Buy",
    "CVX": "Chevron",
    "GE": "General Electric",
    "HD": "Home Depot",
    "JNJ": "Johnson & Johnson",
    "JPM": "JPMorgan Chase",
    "KO": "Coca-Cola",
    "LLY": "Eli Lilly",
    "MRK": "Merck",
    "MSFT": "Microsoft",
    "PEP": "PepsiCo",
    "PFE": "Pfizer",
    "PG": "Procter & Gamble",
    "RRC": "Range Resources",
    "UNH": "UnitedHealth",
    "WMT": "Walmart",
    "XOM": "Exxon Mobil",
}
ETF_NAMES: Final = {
    "MTUM": "iShares MSCI USA Momentum Factor ETF",
    "QUAL": "iShares MSCI USA Quality Factor ETF",
    "SIZE": "iShares MSCI USA Size Factor ETF",
    "USMV": "iShares MSCI USA Minimum Volatility Factor ETF",
    "VLUE": "iShares MSCI USA Value Factor ETF",
}


def us_equity(ticker: str) -> Instrument:
    """Return the reference data of a US share."""
    return Instrument(
        instrument=ticker,
        asset_class=AssetClass.EQUITY,
        currency=DOLLAR,
        name=EQUITY_NAMES.get(ticker, ticker),
    )


def us_etf(ticker: str) -> Instrument:
    """Return the reference data of a US fund; where it had none, the index's history counts."""
    return Instrument(
        instrument=ticker,
        asset_class=AssetClass.ETF,
        currency=DOLLAR,
        name=ETF_NAMES.get(ticker, ticker),
        proxy=INDEX_FUTURE,
    )


def index_future() -> Instrument:
    """Return the S&P 500 index traded as a future: 50 USD per index point."""
    return Instrument(
        instrument=INDEX_FUTURE,
        asset_class=AssetClass.FUTURE,
        currency=DOLLAR,
        multiplier=INDEX_FUTURE_MULTIPLIER,
        name="S&P 500 index future",
    )


def money(currency: str) -> Instrument:
    """Return the instrument of an amount of one currency; its id is the currency."""
    return Instrument(
        instrument=currency, asset_class=AssetClass.FX, currency=currency, name=f"{currency} amount"
    )


def fx_series(currency: str) -> str:
    """Return the name of a currency's series of closes: units of it per EUR."""
    return FX_PREFIX + currency

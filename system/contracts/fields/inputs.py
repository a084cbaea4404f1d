"""Fields of the messages that the stream reads, by type: meaning, unit, sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EVENT_TIME: Final = "Moment of the event, nanoseconds since 1970-01-01 UTC."
INTENDED: Final = (
    "Moment at which the schedule meant to send it, CLOCK_MONOTONIC nanoseconds of the sending "
    "host; 0 where the sender has no schedule. For latency only."
)
SEQUENCE: Final = (
    "Number of the message at its source; grows by series, and may restart where event_time_ns "
    "grows."
)
INSTRUMENT: Final = "Instrument, as its reference data name it."

INPUT_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "Tick": {
        "ticker": INSTRUMENT,
        "bid": "Bid price, in the instrument's currency; at most mid. That of an option may be 0.",
        "ask": "Ask price, in the instrument's currency; at least mid.",
        "mid": "Price at which positions are marked, in the instrument's currency.",
        "volume": "Traded or quoted size, in units of the instrument; kept, and in no number.",
        "event_time_ns": EVENT_TIME,
        "sequence": SEQUENCE,
        "intended_monotonic_ns": INTENDED,
    },
    "FxRate": {
        "currency": "ISO 4217 code; neither EUR nor a minor unit.",
        "rate": "Units of the currency for 1 EUR.",
        "event_time_ns": EVENT_TIME,
        "sequence": SEQUENCE,
        "intended_monotonic_ns": INTENDED,
    },
    "Mark": {
        "date": "Session date that ends here.",
        "event_time_ns": (
            "Moment up to which prices belong to the day, nanoseconds since 1970-01-01 UTC; within "
            "two days before and one day after the date's end."
        ),
        "scenario": "Name of the scenario that is replayed; empty for a market.",
    },
    "Trade": {
        "trade_id": "Id of the trade; counts once per id and version.",
        "version": "0 for a new trade, one more with each amendment or cancellation.",
        "action": "new, amend (restates quantity and price) or cancel (repeats them).",
        "portfolio": "Book that trades.",
        "instrument": INSTRUMENT,
        "quantity": "Units bought (positive) or sold (negative); not 0.",
        "price": (
            "Price per unit, in the instrument's currency; of fx and cash in the book's base "
            "currency."
        ),
        "event_time_ns": EVENT_TIME,
        "intended_monotonic_ns": INTENDED,
    },
    "OptionTerms": {
        "underlying": "Instrument that the option is on; has a price in the same currency.",
        "right": "call or put.",
        "strike": "Strike, in the option's currency.",
        "expiry": "Last day of the option.",
        "volatility": "Implied volatility per year, 0.25 = 25 %.",
        "rate": "Interest per year, continuously compounded, 0.02 = 2 %.",
        "dividend_yield": "Dividend yield per year, continuously compounded.",
        "volatility_series": "Series whose moves move the volatility in scenarios.",
        "volatility_shift": "relative (times) or absolute (plus) moves of the volatility.",
    },
    "Instrument": {
        "instrument": "Name of the instrument.",
        "asset_class": "Class; decides what counts in NAV and how a scenario moves it.",
        "currency": "ISO 4217 code of its prices, or a minor unit such as GBp.",
        "multiplier": "Units of value per unit of quantity and price: 50 for a future of 50 USD.",
        "name": "Name for people.",
        "option": "Terms of an option; null for anything else.",
        "proxy": "Series whose moves stand in where its own history is too short.",
        "return_type": "absolute where the price can be 0 or negative, else relative.",
        "exchange": "Market identifier code (MIC) whose sessions its closes are of.",
    },
    "CloseHistory": {
        "series": "Instrument, or fx:USD for units of USD for 1 EUR.",
        "closes": "Pairs of date and close, dates growing.",
    },
    "StressedHistory": {
        "window": "Name of the stressed window.",
        "first": "First day of the window's returns.",
        "last": "Last day of the window's returns.",
        "version": "Edition of the data that the closes are taken from.",
        "series": "Instrument, or fx:USD for units of USD for 1 EUR.",
        "closes": "Pairs of date and close, dates growing; one before first is needed.",
    },
    "ExchangeSessions": {
        "exchange": "Market identifier code (MIC).",
        "first": "First day that the table covers.",
        "last": "Last day that the table covers.",
        "version": "Edition of the calendar that the sessions are taken from.",
        "sessions": "Pairs of date and closing time, nanoseconds since 1970-01-01 UTC.",
    },
    "Portfolio": {
        "portfolio": "Name of the book.",
        "base_currency": "ISO 4217 code that its amounts are stated in.",
        "confidence": "Confidence of VaR as decimal text, 0.95.",
        "window": "Number of daily returns.",
        "var_limit_fraction": "Limit of VaR as a fraction of NAV, 0.02 = 2 %.",
        "positions": "Positions as of the moment.",
        "name": "Name for people.",
        "desk": "Desk that the book belongs to.",
        "limits": "Limits besides that of VaR.",
        "as_of_ns": "Moment of the positions, nanoseconds since 1970-01-01 UTC.",
        "as_of_day": "Day at whose end the positions are stated; instead of as_of_ns.",
        "carry_max_sessions": "Sessions that a series may miss within 30 scenario days.",
        "carry_max_share": "Part of gross exposure that series which miss more may move, 0 to 1.",
    },
    "OpeningPosition": {
        "instrument": INSTRUMENT,
        "quantity": "Units held, negative where short.",
        "entry_price": "Average cost per unit, in the instrument's currency.",
    },
    "Limit": {
        "measure": "Measure that is limited.",
        "warning": "Level of the warning, as a fraction of NAV.",
        "breach": "Level of the breach, as a fraction of NAV.",
    },
    "Split": {
        "instrument": INSTRUMENT,
        "date": "First day in new shares.",
        "last_day": "Last day in old shares; takes effect when it is closed.",
        "ratio": "New shares per old share; 1 undoes a split that waits.",
    },
    "Dividend": {
        "instrument": INSTRUMENT,
        "date": "First day without it (ex-date).",
        "last_day": "Last day with it; is paid when it is closed.",
        "amount": "Cash per share, in the instrument's currency; 0 undoes one that waits.",
    },
}

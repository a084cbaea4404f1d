"""Hypothesis strategies for messages: every field anywhere within its bounds."""

from __future__ import annotations

import datetime as dt
import string

from hypothesis import strategies as st

from system.contracts.currencies import MINOR_UNITS
from system.contracts.messages import (
    PRICE_BOUND,
    PRICE_MIN,
    AssetClass,
    CloseHistory,
    ClosePoint,
    Dividend,
    ExchangeSessions,
    FxRate,
    Instrument,
    Mark,
    OpeningPosition,
    OptionRight,
    OptionTerms,
    Portfolio,
    Rejected,
    RejectReason,
    SessionClose,
    Split,
    StressedHistory,
    Tick,
    Trade,
    TradeAction,
    VolatilityShift,
)
from system.contracts.text.checked import TextError
from system.contracts.text.names import MAX_ID_LENGTH, checked_name

FIRST = string.ascii_letters + string.digits
VENDORS_NAMES = (
    *("AAPL", "SP500.FUT", "fx:USD", "cash:EUR", "^GSPC", "M&M.NS", ".SPX", "BRK B", "CARR#"),
    *("AAPL US Equity", "SHEL LN", "ÅF B", "EMEA/EQ", "..", ".", "/", "a/../b", "100%", "A=B@1"),
    *(
        "[/bold]",
        "-x",
        "=1+1",
        "@SUM",
        "A,B;C",
        'say "x"',
        "it's",
        "X/var",
        "?q=1#f",
        "%2F",
        "日経",
    ),
)
"""As vendors and desks write them, and as files, markup, addresses and sheets do not like them."""

counts = st.integers(0, 2**62)
signed = st.floats(-1e15, 1e15, exclude_min=True, exclude_max=True)
positive = st.floats(PRICE_MIN, PRICE_BOUND, exclude_max=True)
volumes = st.floats(0.0, 1e15, exclude_max=True)
free_text = st.text(max_size=40)
dates = st.dates()
iso_currencies = st.text(string.ascii_uppercase, min_size=3, max_size=3).filter(
    lambda code: code not in MINOR_UNITS
)
currencies = iso_currencies | st.sampled_from(sorted(MINOR_UNITS))


def is_name(text: str) -> bool:
    """Return whether a text is a name as it is kept."""
    try:
        return checked_name(text) == text
    except TextError:
        return False


visible_text = st.text(
    st.characters(categories=("L", "N", "P", "S", "M"), include_characters=" "),
    min_size=1,
    max_size=MAX_ID_LENGTH,
)
ascii_names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
identifiers = st.sampled_from(VENDORS_NAMES) | ascii_names | visible_text.filter(is_name)
"""Every name that is legal, also those that no vendor would give."""
labels = st.just("") | identifiers


@st.composite
def ticks(draw: st.DrawFn) -> Tick:
    bid, mid, ask = sorted(draw(st.tuples(positive, positive, positive)))
    return Tick(
        ticker=draw(identifiers),
        bid=bid,
        mid=mid,
        ask=ask,
        volume=draw(volumes),
        event_time_ns=draw(counts),
        sequence=draw(counts),
        intended_monotonic_ns=draw(counts),
    )


rates = st.builds(
    FxRate,
    currency=currencies,
    rate=positive,
    event_time_ns=counts,
    sequence=counts,
    intended_monotonic_ns=counts,
)
marks = st.builds(Mark, date=dates, event_time_ns=counts, scenario=labels)


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    action = draw(st.sampled_from(TradeAction))
    return Trade(
        trade_id=draw(identifiers),
        version=0 if action is TradeAction.NEW else draw(st.integers(1, 2**62)),
        action=action,
        portfolio=draw(identifiers),
        instrument=draw(identifiers),
        quantity=draw(signed.filter(bool)),
        price=draw(positive),
        event_time_ns=draw(counts),
        intended_monotonic_ns=draw(counts),
    )


option_terms = st.builds(
    OptionTerms,
    underlying=identifiers,
    right=st.sampled_from(OptionRight),
    strike=positive,
    expiry=dates,
    volatility=st.floats(1e-4, 10.0),
    rate=st.floats(-1.0, 1.0),
    dividend_yield=st.floats(-1.0, 1.0),
    volatility_series=st.none() | identifiers,
    volatility_shift=st.sampled_from(VolatilityShift),
)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    asset_class = draw(st.sampled_from(AssetClass))
    money = asset_class in (AssetClass.FX, AssetClass.CASH)
    option = asset_class is AssetClass.OPTION
    return Instrument(
        instrument=draw(identifiers),
        asset_class=asset_class,
        currency=draw(currencies),
        multiplier=1.0 if money else draw(positive),
        name=draw(labels),
        option=draw(option_terms) if option else None,
        proxy=None if money or option else draw(st.none() | identifiers),
    )


@st.composite
def stressed_histories(draw: st.DrawFn) -> StressedHistory:
    days = sorted(draw(st.sets(dates, min_size=2, max_size=8)))
    return StressedHistory(
        window=draw(st.text(FIRST + "_.-", min_size=1, max_size=9).map("w{}".format)),
        first=days[0],
        last=days[-1],
        version=draw(identifiers),
        series=draw(identifiers),
        closes=tuple(ClosePoint(date=day, value=draw(positive)) for day in days),
    )


@st.composite
def histories(draw: st.DrawFn) -> CloseHistory:
    days = sorted(draw(st.sets(dates, max_size=8)))
    closes = tuple(ClosePoint(date=day, value=draw(positive)) for day in days)
    return CloseHistory(series=draw(identifiers), closes=closes)


@st.composite
def exchange_sessions(draw: st.DrawFn) -> ExchangeSessions:
    days = sorted(draw(st.sets(dates, min_size=2, max_size=8)))
    return ExchangeSessions(
        exchange=draw(st.text(string.ascii_uppercase + string.digits, min_size=4, max_size=4)),
        first=days[0],
        last=days[-1],
        version=draw(identifiers),
        sessions=tuple(SessionClose(date=day, close_ns=draw(counts)) for day in days),
    )


@st.composite
def adjustments(draw: st.DrawFn) -> Split | Dividend:
    date = draw(st.dates(min_value=dt.date(1900, 1, 1)))
    last_day = date - dt.timedelta(days=draw(st.integers(1, 14)))
    name = draw(identifiers)
    if draw(st.booleans()):
        return Split(
            instrument=name, date=date, last_day=last_day, ratio=draw(st.floats(1e-4, 1e4))
        )
    return Dividend(instrument=name, date=date, last_day=last_day, amount=draw(volumes))


positions = st.builds(
    OpeningPosition, instrument=identifiers, quantity=signed, entry_price=positive
)
portfolios = st.builds(
    Portfolio,
    portfolio=identifiers,
    base_currency=iso_currencies,
    confidence=st.integers(0, 999_999).map("0.{:06}".format),
    window=st.integers(2, 1_023),
    var_limit_fraction=st.floats(0.0, 1.0, exclude_min=True),
    positions=st.lists(positions, max_size=5, unique_by=lambda position: position.instrument).map(
        tuple
    ),
    name=labels,
    desk=st.none() | identifiers,
)
rejected = st.builds(
    Rejected,
    topic=free_text,
    partition=counts,
    offset=counts,
    reason=st.sampled_from(RejectReason),
    detail=free_text,
    value=free_text,
)

market_messages = ticks() | marks
fx_messages = rates | marks
trade_messages = trades() | marks
reference_messages = (
    instruments()
    | histories()
    | stressed_histories()
    | exchange_sessions()
    | portfolios
    | adjustments()
    | marks
)
input_messages = market_messages | fx_messages | trade_messages | reference_messages

"""Currencies, and the minor units that exchanges and vendors quote in: the one table.

A minor unit is a way to write a price, not a currency: rates, cash and base currencies are of
the currency itself. Spellings follow three customs: the last letter is X (GBX, USX), or the
lower-case initial of the unit (GBp, USc, ZAc) or of the currency (ZAr, ILs), or a code of its
own that a vendor has always used (ILA, KWF).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from system.contracts.text.checked import TextError, ruled, shown

EUR: Final = "EUR"
FX_SERIES_PREFIX: Final = "fx:"
"""``fx:USD`` is the series of a currency's daily rates."""


class MinorUnit(NamedTuple):
    """A fraction of a currency that prices are written in."""

    currency: str
    parts: float
    """Minor units in one of the currency."""


_SPELLINGS: Final[Mapping[str, tuple[float, tuple[str, ...]]]] = {
    "GBP": (100.0, ("GBX", "GBp", "GBx")),
    "EUR": (100.0, ("EUX", "EUc", "EUx", "EUC")),
    "USD": (100.0, ("USX", "USc", "USd", "USx", "USC")),
    "ZAR": (100.0, ("ZAX", "ZAc", "ZAr", "ZAx", "ZAC", "ZARc")),
    "ILS": (100.0, ("ILA", "ILa", "ILs", "ILX", "ILx")),
    "AUD": (100.0, ("AUX", "AUc", "AUd", "AUC")),
    "CAD": (100.0, ("CAX", "CAc", "CAd", "CAC")),
    "NZD": (100.0, ("NZX", "NZc", "NZd", "NZC")),
    "BWP": (100.0, ("BWt", "BWp")),
    "NAD": (100.0, ("NAc", "NAd")),
    "SZL": (100.0, ("SZc", "SZl")),
    "MWK": (100.0, ("MWt", "MWk")),
    "KWD": (1_000.0, ("KWF", "KWf", "KWd")),
    "BHD": (1_000.0, ("BHF", "BHf", "BHd")),
    "JOD": (1_000.0, ("JOF", "JOf", "JOd")),
}
"""Currency -> (minor units in one of it, how they are written). LSEG, Bloomberg, Yahoo, EOD
Historical Data and the exchanges differ; every one of these is in use by one of them."""

MINOR_UNITS: Final[Mapping[str, MinorUnit]] = {
    code: MinorUnit(currency, parts)
    for currency, (parts, codes) in _SPELLINGS.items()
    for code in codes
}
"""Code of a minor unit -> its currency, and how many are one."""

KNOWN_MINOR_UNITS: Final = ", ".join(
    f"{' or '.join(codes[:2])} for 1/{parts:g} {currency}"
    for currency, (parts, codes) in _SPELLINGS.items()
)
"""For messages: the usual spellings of each."""
"""For messages: the usual spellings of each."""
_ISO: Final = re.compile("[A-Z]{3}")
_ISO_4217: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES "
    "KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR "
    "MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB "
    "RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD "
    "TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XAG XAU XCD XCG XDR XOF XPD XPF XPT YER "
    "ZAR ZMW ZWG BEF CYP DEM ESP EEK FIM FRF GRD HRK IEP ITL LTL LUF LVL MTL NLG PTE ROL SIT SKK"
)
"""Codes in use, offshore yuan, metals, and what the euro replaced: for advice only.
Any three capital letters are taken as a currency, so that a new one needs no new version."""


def unit_of(currency: str) -> MinorUnit:
    """Return the currency that a code is of, and how many of the code's units are one of it.

    Examples
    --------
    >>> unit_of("GBX")
    MinorUnit(currency='GBP', parts=100.0)
    >>> unit_of("USD")
    MinorUnit(currency='USD', parts=1.0)
    """
    return MINOR_UNITS.get(currency) or MinorUnit(currency, 1.0)


def is_same_unit(one: str, other: str) -> bool:
    """Return whether two codes are of the same unit: GBX and GBp are, GBp and GBP are not."""
    return unit_of(one) == unit_of(other)


def checked_currency(text: str) -> str:
    """Return the code of a currency or of a minor unit.

    Raises
    ------
    TextError
        If it is neither; says which minor units are known.
    """
    if text in MINOR_UNITS or _ISO.fullmatch(text):
        return text
    raise TextError(
        f"{shown(text)} is no currency: {_suggestion(text)}; minor units that are known: "
        f"{KNOWN_MINOR_UNITS}"
    )


def checked_iso_currency(text: str) -> str:
    """Return the code of a currency; a minor unit is none.

    Raises
    ------
    TextError
        If it is no ISO code; names the currency of a minor unit.
    """
    if text in MINOR_UNITS:
        major, parts = MINOR_UNITS[text]
        raise TextError(f"{shown(text)} is a minor unit, 1/{parts:g} {major}: write {major}")
    if _ISO.fullmatch(text):
        return text
    raise TextError(f"{shown(text)} is no currency: {_suggestion(text)}")


def is_iso_4217(currency: str) -> bool:
    """Return whether a code is one of ISO 4217's, or of its predecessors."""
    return currency in _ISO_4217.split()


def missing_rates_remedy(currency: str) -> str:
    """Return what to do where no rates of a currency are known: it may be no currency at all."""
    if is_iso_4217(currency):
        return f"load the daily rates of {currency}, or leave it out"
    return (
        f"load its daily rates; but ISO 4217 has no currency {currency}: minor units that are "
        f"known are {KNOWN_MINOR_UNITS}"
    )


def _suggestion(text: str) -> str:
    """Return what the writer may have meant: the same letters in another case."""
    letters = text.strip().casefold()
    codes = [code for code in (*_SPELLINGS, *MINOR_UNITS) if code.casefold() == letters]
    if not codes and _ISO.fullmatch(letters.upper()):
        codes = [letters.upper()]
    meant = [
        f"{code} for 1/{MINOR_UNITS[code].parts:g} {MINOR_UNITS[code].currency}"
        if code in MINOR_UNITS
        else code
        for code in codes
    ]
    return f"write {' or '.join(meant)}" if meant else "write three capital letters such as USD"


Currency = Annotated[
    str,
    Meta(
        description="ISO 4217 code, or a minor unit such as GBp, ZAc or ILA.",
        examples=["USD", "GBp"],
        extra=ruled(checked_currency),
    ),
]
IsoCurrency = Annotated[
    str,
    Meta(
        description="ISO 4217 code.",
        examples=["USD"],
        extra_json_schema={"pattern": "^[A-Z]{3}$"},
        extra=ruled(checked_iso_currency),
    ),
]

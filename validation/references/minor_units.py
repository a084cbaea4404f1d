"""Units that prices are written in and that are no currencies: a second table, by unit.

Written from what exchanges and vendors state, and not taken from the product: each line names
the unit, its currency, how many are one of it, and the codes that stand for it.
"""

from __future__ import annotations

from typing import Final

_TABLE: Final = """
penny          GBP  100   GBp GBX GBx
euro cent      EUR  100   EUc EUC EUX EUx
US cent        USD  100   USc USC USd USX USx
ZA cent        ZAR  100   ZAc ZAC ZAr ZARc ZAX ZAx
agora          ILS  100   ILA ILa ILs ILX ILx
AU cent        AUD  100   AUc AUC AUd AUX
CA cent        CAD  100   CAc CAC CAd CAX
NZ cent        NZD  100   NZc NZC NZd NZX
thebe          BWP  100   BWp BWt
NA cent        NAD  100   NAc NAd
SZ cent        SZL  100   SZc SZl
tambala        MWK  100   MWk MWt
KW fils        KWD  1000  KWd KWf KWF
BH fils        BHD  1000  BHd BHf BHF
JO fils        JOD  1000  JOd JOf JOF
"""


def _codes() -> dict[str, tuple[str, int]]:
    table = {}
    for line in _TABLE.strip().splitlines():
        currency, parts, *codes = line[15:].split()
        table.update({code: (currency, int(parts)) for code in codes})
    return table


MINOR: Final = _codes()
"""Code of a minor unit -> (its currency, how many are one of that)."""


def in_major(currency: str) -> tuple[str, int]:
    """Return the currency that a code is of, and how many of the code's units are one of it."""
    return MINOR.get(currency, (currency, 1))

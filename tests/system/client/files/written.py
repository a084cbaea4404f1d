"""Portfolio files that a test writes, and the errors that reading them gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.client.files.portfolio_file import read_portfolio
from system.tables.errors import InputFileError

WHOLE = """\
# My book, kept by hand
# portfolio: mine
# base_currency: EUR
# confidence: 0.99
# window: 250
# var_limit_fraction: 0.015
# name: Mine, all mine
instrument,quantity,entry_price,asset_class,currency,multiplier
AAPL,100,75.5,equity,USD,
ES,-2,3300.25,future,USD,50

BMW, 10 ,60,equity,,
KNOWN,-1.5e3,10.,,,
cash:JPY,1000000,1,cash,JPY,
"""


def written(folder: Path, text: str, name: str = "book.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, settings: dict[str, str] | None = None) -> InputFileError:
    with pytest.raises(InputFileError) as caught:
        read_portfolio(path, settings)
    assert str(path) in str(caught.value)
    return caught.value


OPTIONS = """\
# limits: gross=1.5/2, single_name = 0.1 / 0.2
instrument,quantity,entry_price,asset_class,currency,right,underlying,strike,expiry,volatility,rate
N225,,,equity,JPY,,,,,,
PUT,3,480.5,option,JPY,put,N225,23000,2020-06-12,0.19,-0.001
A,1,2,,,,,,,,
"""

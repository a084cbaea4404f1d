"""Answers about reference data: read back as sent."""

from __future__ import annotations

import datetime as dt

import msgspec

from system.contracts.api.reference import Closes, Instruments
from system.contracts.messages import ClosePoint, Instrument

DAY = dt.date(2020, 3, 2)


def test_closes_are_pairs_of_day_and_value():
    answer = Closes(
        series="A", first=DAY, last=DAY, held_count=1, closes=(ClosePoint(date=DAY, value=1.5),)
    )
    content = msgspec.json.encode(answer)
    assert b'"closes":[["2020-03-02",1.5]]' in content
    assert msgspec.json.decode(content, type=Closes) == answer


def test_instruments_are_read_back_as_they_were_sent():
    listed = Instrument(instrument="A", asset_class="equity", currency="USD")
    answer = Instruments(instruments=(listed,), next="A")
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Instruments).next == "A"

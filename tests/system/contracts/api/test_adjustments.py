"""Requests for splits and dividends: bounds, and the same names as the messages."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from system.contracts.api.adjustments import AdjustmentRow, DividendRequest, SplitRequest
from system.contracts.messages import Dividend, Split

DAY = '"date":"2020-08-31"'


@pytest.mark.parametrize("ratio", ["0", "-1", "0.00009", "10001", '"4"', "null"])
def test_a_ratio_out_of_its_bounds_is_refused(ratio: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="ratio"):
        msgspec.json.decode(f'{{"instrument":"A",{DAY},"ratio":{ratio}}}', type=SplitRequest)


def test_a_dividend_of_nothing_undoes_one_that_waits() -> None:
    body = f'{{"instrument":"A",{DAY},"amount":0}}'
    request = msgspec.json.decode(body, type=DividendRequest)
    assert (request.amount, request.date) == (0.0, dt.date(2020, 8, 31))
    with pytest.raises(msgspec.ValidationError, match="amount"):
        msgspec.json.decode(body.replace("0}", "-0.1}"), type=DividendRequest)


@pytest.mark.parametrize(
    ("request_type", "message"), [(SplitRequest, Split), (DividendRequest, Dividend)]
)
def test_a_request_has_the_fields_of_its_message(
    request_type: type[msgspec.Struct], message: type[msgspec.Struct]
) -> None:
    assert set(request_type.__struct_fields__) <= set(message.__struct_fields__)


def test_a_row_that_waits_has_no_day_yet() -> None:
    row = AdjustmentRow(
        type="split", instrument="A", date=dt.date(2020, 8, 31), last_day=dt.date(2020, 8, 28)
    )
    assert row.taken is None

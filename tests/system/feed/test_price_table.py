"""Files of prices: wide and long, in the order of time, every row, and cells refused by name."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pytest

from system.contracts.codec import decode_topic
from system.contracts.messages import Message
from system.contracts.topics import MARKET_DATA
from system.feed.field_map import FieldMap, FieldNames
from system.feed.price_table import read_prices
from system.feed.prices import PriceMessage
from system.feed.rulings import topic_of_bytes
from system.places import PROJECT_DIR
from system.tables.closes import read_close_file
from system.tables.errors import InputFileError

CLOSE_NS = int(dt.datetime(2020, 3, 5, 21, tzinfo=dt.UTC).timestamp()) * 10**9
DAY_NS = 86_400 * 10**9


def read(folder: Path, text: str, field_map: FieldMap | None = None) -> list[PriceMessage]:
    path = folder / "prices.csv"
    path.write_text(text, "utf-8")
    return read_prices(path, field_map or FieldMap())


def message(price: PriceMessage) -> Message:
    topic = topic_of_bytes(price.value)
    assert topic is not None
    return decode_topic(price.value, topic)


def test_a_wide_table_is_a_price_per_cell_at_the_close_of_its_day(tmp_path: Path) -> None:
    prices = read(tmp_path, "date,A,fx:USD\n2020-03-06,11,\n2020-03-05,10,1.1\n")
    assert [(price.place, str(price.date), price.event_time_ns) for price in prices] == [
        ("line 3, column A", "2020-03-05", CLOSE_NS),
        ("line 3, column fx:USD", "2020-03-05", CLOSE_NS),
        ("line 2, column A", "2020-03-06", CLOSE_NS + DAY_NS),
    ]
    assert [type(message(price)).__name__ for price in prices] == ["Tick", "FxRate", "Tick"]


def test_every_close_of_the_shipped_prices_is_there_at_its_value() -> None:
    path = PROJECT_DIR / "docs" / "examples" / "prices.csv"
    closes = read_close_file(path).closes
    prices = read_prices(path, FieldMap())
    read_back = {
        (getattr(made, "ticker", None) or f"fx:{made.currency}", price.date): getattr(
            made, "mid", None
        )
        or made.rate
        for price in prices
        for made in [message(price)]
    }
    expected = {
        (name, date): close
        for name, row in zip(closes.names, closes.closes.tolist(), strict=True)
        for date, close in zip(closes.dates, row, strict=True)
        if not math.isnan(close)
    }
    assert read_back == expected
    assert len(prices) == len(expected)


def test_a_row_per_price_is_read_by_the_usual_names_in_the_order_of_time(tmp_path: Path) -> None:
    prices = read(
        tmp_path,
        "Timestamp;Symbol;Bid;Ask\n"
        "2020-03-05T15:30:02Z;A;9,5;10,5\n"
        "2020-03-05T15:30:01Z;B;1,0;1,0\n"
        "2020-03-05T15:30:02Z;A;9,6;10,4\n",
    )
    made = [message(price) for price in prices]
    assert [(tick.ticker, tick.bid, tick.mid) for tick in made] == [
        ("B", 1.0, 1.0),
        ("A", 9.5, 10.0),
        ("A", 9.6, 10.0),
    ]
    assert [tick.sequence for tick in made] == [1, 1, 2]
    assert [price.place for price in prices] == ["line 3", "line 2", "line 4"]


def test_a_map_names_columns_and_others_are_left_alone(tmp_path: Path) -> None:
    names = FieldNames(time="ts", ticker="ric", mid="last", sequence="seq", volume="qty")
    (price,) = read(
        tmp_path,
        "ts,ric,last,qty,seq,colour\n1583441999123,A.N,9.5,3,17,red\n",
        FieldMap(fields=names, tickers={"A.N": "A"}, time_unit="ms"),
    )
    tick = decode_topic(price.value, MARKET_DATA)
    assert (tick.ticker, tick.mid, tick.volume, tick.sequence) == ("A", 9.5, 3.0, 17)
    assert tick.event_time_ns == 1_583_441_999_123_000_000


HEADER = "time,ticker,mid,sequence\n"
ROW = "2020-03-05T15:30:00Z,A,1,1\n"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("time,ticker\n", "line 1", "no column for mid, nor for bid and ask"),
        ("when,ticker,mid\n", "line 1", "no column 'time' for the field time"),
        (HEADER + ROW + "soon,A,1,1\n", "line 3, column time", "'soon' is not a time"),
        (HEADER + "2020-03-05T15:30:00Z,A,x,1\n", "line 2, column mid", "'x' is not a number"),
        (HEADER + "2020-03-05T15:30:00Z,A,,1\n", "line 2, column mid", "'' is no price"),
        (HEADER + "2020-03-05T15:30:00Z,A,1,1.5\n", "line 2, column sequence", "'1.5'"),
        (HEADER + "2020-03-05T15:30:00Z,A,1\n", "line 2", "3 cells under 4 columns"),
        ("date,A\n2020-03-05,x\n", "line 2, column A", "'x' is not a number"),
    ],
)
def test_a_cell_that_cannot_be_is_refused_with_its_place(tmp_path, text, place, problem) -> None:
    with pytest.raises(InputFileError) as caught:
        read(tmp_path, text)
    assert f"prices.csv, {place}: " in str(caught.value)
    assert problem in str(caught.value)


def test_a_column_that_the_map_names_and_the_file_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no column 'last' for the field mid; name it"):
        read(tmp_path, HEADER + ROW, FieldMap(fields=FieldNames(mid="last")))


def test_no_row_is_lost(tmp_path: Path) -> None:
    rows = [f"2020-03-05T15:30:00Z,T{index % 7},{index + 1},{index}\n" for index in range(500)]
    prices = read(tmp_path, HEADER + "".join(rows))
    assert sorted(message(price).mid for price in prices) == [float(n) for n in range(1, 501)]

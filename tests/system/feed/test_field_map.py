"""Maps of fields: options above a file, and refusals that name file, field and value."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from system.feed.field_map import FieldMap, FieldNames, MapError, chosen_map, read_map, zone_named

WHOLE = """
zone = "Europe/London"
close = "16:30"
time_unit = "ms"
subscribe = ['{"op":"subscribe"}']

[fields]
time = "data.T"
ticker = "data.s"
bid = "data.b"
ask = "data.a"

[tickers]
"VOD.L" = "VOD"

[only]
channel = "quotes"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "MAP.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_whole_map_is_read(tmp_path: Path) -> None:
    read = read_map(written(tmp_path, WHOLE))
    assert read.fields == FieldNames(time="data.T", ticker="data.s", bid="data.b", ask="data.a")
    assert (read.zone, read.close_time, read.time_unit) == ("Europe/London", dt.time(16, 30), "ms")
    assert read.tickers == {"VOD.L": "VOD"}
    assert read.only == {"channel": "quotes"}


def test_an_empty_map_is_the_default(tmp_path: Path) -> None:
    assert read_map(written(tmp_path, "")) == FieldMap()
    assert FieldMap().close_time == dt.time(16)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("zone = ", "is not TOML"),
        ('zone = "Mars"', "zone 'Mars' is not known: write one like America/New_York"),
        ('close = "25:00"', "close '25:00' is not a time of day like 16:00"),
        ('close = "4pm"', "close '4pm' is not a time of day"),
        ('time_unit = "m"', "time_unit"),
        ('colour = "red"', "colour: unknown field"),
        ('[fields]\nprice = "x"', "fields.price: unknown field"),
        ('[fields]\nmid = ""', "fields.mid"),
        ("[tickers]\nA = 1", "tickers"),
    ],
)
def test_a_map_that_cannot_be_is_refused_with_its_file_and_field(tmp_path, text, sentence) -> None:
    path = written(tmp_path, text)
    with pytest.raises(MapError) as caught:
        read_map(path)
    assert str(caught.value).startswith(str(path))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MapError, match=r"none\.toml: No such file"):
        read_map(tmp_path / "none.toml")


def test_options_stand_above_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    chosen = chosen_map(path, columns=["mid=last"], zone="Asia/Tokyo", close="15:30")
    assert chosen.fields is not None
    assert (chosen.fields.mid, chosen.fields.time) == ("last", "data.T")
    assert (chosen.zone, chosen.close, chosen.time_unit) == ("Asia/Tokyo", "15:30", "ms")
    assert chosen_map(None) == FieldMap()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"columns": ["price=last"]}, "--column 'price=last' is not like mid=last_price"),
        ({"columns": ["mid"]}, "--column 'mid' is not like"),
        ({"zone": "Mars"}, "--zone 'Mars' is not known"),
        ({"close": "noon"}, "--close 'noon' is not a time of day"),
    ],
)
def test_an_option_that_cannot_be_is_named(options, sentence) -> None:
    with pytest.raises(MapError, match=sentence):
        chosen_map(None, **options)


@pytest.mark.parametrize("name", ["", "..", "/etc/passwd", "Mars", "a\0b"])
def test_a_name_of_no_zone_is_none(name: str) -> None:
    assert zone_named(name) is None

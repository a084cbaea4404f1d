"""Story with its market: names, days, books, and prices of a file."""

import datetime as dt

import pytest

from system.contracts.messages import CloseHistory
from tests.validation.scenarios.stories import HEAD, story_of
from validation.scenarios.file.errors import ScenarioError

OPTION = """
[[option]]
id = "CALL"
underlying = "{}"
right = "call"
strike = 100
last_day = {}
volatility = 0.2
entry_price = 4.5
"""

WRONG = [
    ('[[timeline]]\ndo = "halt"\nday = 9\nseries = ["SIM001"]', "day: 9: the scenario has 3 days"),
    ('[[timeline]]\ndo = "halt"\nday = 1\nseries = ["XX"]', "'XX' is not there; allowed: SIM001"),
    ('[[timeline]]\ndo = "flip"\nday = 1\nportfolio = "other"', "'other' is not there; allowed: b"),
    (
        '[[timeline]]\ndo = "burst"\nday = 1\nat = 0.5\nuntil = 0.2\nfactor = 2',
        "0.2 does not come after at = 0.5",
    ),
    (
        '[[timeline]]\ndo = "halt"\nday = 2\nuntil_day = 1\nseries = ["SIM001"]',
        "1 is before its day",
    ),
    ('[[portfolio]]\nid = "book"\npositions = { SIM001 = 1 }', "'book' stands twice"),
    ('[[portfolio]]\nid = "b2"', "give either 'file' or 'positions'"),
    ('[[portfolio]]\nid = "b2"\npositions = { NONE = 1 }', "'NONE' is not there"),
    ('[[portfolio]]\nid = "b2"\nfile = "none.json"', "none.json"),
    (
        '[[portfolio]]\nid = "b2"\nbase_currency = "GBP"\npositions = { SIM001 = 1 }',
        "b2 needs rates of GBP as well",
    ),
    (
        '[[portfolio]]\nid = "b2"\npositions = { SIM001 = 1, "cash:JPY" = 1 }',
        "b2 needs rates of JPY as well",
    ),
    (
        '[[timeline]]\ndo = "trade"\nday = 1\nportfolio = "book"\ninstrument = "SIM001"\n'
        "quantity = 0",
        "quantity: 0: a trade buys",
    ),
    ("[expect]\nbreaches = [3, 0]", "breaches: [3, 0]: [least, most]"),
    ("[expect]\nbreaches = [-1, 2]", "neither below 0"),
    ('[expect]\nadjusted = ["SIM001"]', "no split or dividend on the timeline"),
    ('[expect]\nsuspect_ticks = ["SIM009"]', "'SIM009' is not there; allowed: SIM001"),
    (
        '[expect]\nnumbers = [{ portfolio = "nobody", date = 2024-01-02, var = 1 }]',
        "'nobody' is not there; allowed: book",
    ),
    (
        '[expect]\nnumbers = [{ portfolio = "book", date = 2024-01-06, var = 1 }]',
        "2024-01-06 is not played: weekdays from 2024-01-02",
    ),
    ('[[instrument]]\nid = "SIM009"\ncloses = 2', "'SIM009' is not there; allowed: SIM001"),
    ('[[instrument]]\nid = "SIM001"\nproxy = "X"', "'X' is not there; allowed: SIM001"),
    (OPTION.format("SIM009", 2), "'SIM009' is not there; allowed: SIM001"),
    (OPTION.format("SIM001", 9), "last_day: 9: the scenario has 3 days"),
    (OPTION.format("SIM001", 2) + OPTION.format("SIM001", 2), "'CALL' stands twice"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_name_or_day_that_is_not_there_is_refused(tmp_path, text, said):
    with pytest.raises(ScenarioError) as caught:
        story_of(tmp_path, text)
    assert said in str(caught.value)
    assert caught.value.line > 0


def test_books_are_entered_at_the_last_close_before_the_first_day(tmp_path):
    story = story_of(tmp_path, "")
    market, first = story.replay.market, story.days[0]
    assert len(story.days) == 3
    for position in story.books[0].positions:
        assert position.entry_price == market.last_close_before(position.instrument, first)


def test_an_option_is_held_at_its_entry_price_and_expires_on_its_last_day(tmp_path):
    book = '[[portfolio]]\nid = "options"\npositions = { CALL = -2 }'
    story = story_of(tmp_path, OPTION.format("SIM001", 2) + book)
    (option,) = story.options
    assert (option.option.expiry, option.multiplier) == (story.days[1], 100)
    (held,) = story.books[1].positions
    assert (held.instrument, held.entry_price) == ("CALL", 4.5)


def test_a_newcomer_has_few_closes_and_its_proxy_all_of_them(tmp_path):
    text = '[[instrument]]\nid = "SIM002"\ncloses = 3\nproxy = "SIM001"'
    story = story_of(tmp_path, text)
    sent = {
        reference_message.series: len(reference_message.closes)
        for reference_message in story.replay.reference_messages()
        if isinstance(reference_message, CloseHistory)
    }
    assert (sent["SIM001"], sent["SIM002"]) == (35, 3)
    assert story.replay.market.instruments["SIM002"].proxy == "SIM001"


def test_another_seed_is_another_market(tmp_path):
    one, other = (story_of(tmp_path, "", seed=seed) for seed in (1, 2))
    assert one.books != other.books
    assert one.books == story_of(tmp_path, "").books


def test_prices_of_ones_own_drive_a_scenario(tmp_path):
    head = HEAD.replace('kind = "simulated"\ndays = 3\ninstruments = 3\n', 'kind = "prices"\n')
    head = head.replace("SIM001 = 10, SIM002 = -5", "AAA = 1").replace(
        "history = 35", "history = 31"
    )
    head = head.replace('currencies = ["USD"]\n', "")
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(36)]
    rows = "".join(f"{day},{100 + n}\n" for n, day in enumerate(days))
    prices = tmp_path / "own.csv"
    prices.write_text("date,AAA\n" + rows, "utf-8")
    story = story_of(tmp_path, "", head=head, data=prices)
    assert story.days == tuple(days[31:])
    with pytest.raises(ScenarioError, match="give --data"):
        story_of(tmp_path, "", head=head)


def test_data_are_refused_for_a_market_that_has_its_own(tmp_path):
    with pytest.raises(ScenarioError, match="--data is for a market of kind 'prices'"):
        story_of(tmp_path, "", data=tmp_path / "own.csv")

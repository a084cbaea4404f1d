"""What needs the market: names, days, books, prices of one's own."""

import datetime as dt

import pytest

from tests.validation.scenarios.stories import HEAD, story_of
from validation.scenarios.errors import ScenarioError

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
    for one in story.books[0].positions:
        assert one.entry_price == market.last_close_before(one.instrument, first)


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

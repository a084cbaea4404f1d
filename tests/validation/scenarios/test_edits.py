"""Edits of the timeline: pure, in order, and each judged by what must become of its ticks."""

from collections import Counter

import numpy as np
import pytest

from system.contracts.messages import Mark, Tick, Trade
from tests.validation.scenarios.stories import played, story_of
from validation.checkers.ledger import Outcome
from validation.rules.rulings import rulings_of
from validation.scenarios.story.edits.apply import story_days
from validation.scenarios.story.timeline import Cue, Moment, mid_of, series_of

EDITS = {
    "halt": 'series = ["SIM002"]\nat = 0.2\nuntil = 0.8',
    "late": "every = 10",
    "duplicate": "every = 6",
    "out_of_order": "every = 4\nby = 2",
    "clock_jump": "seconds = 1800\nat = 0.2\nuntil = 0.6",
    "renumber": "at = 0.3",
    "burst": "at = 0.2\nuntil = 0.6\nfactor = 10",
    "crossed": "every = 9",
    "zero_quotes": "every = 9",
    "garbage": "count = 30",
    "shock": 'series = ["fx:USD"]\nfactor = 1.1\nat = 0.5',
    "flash_crash": "depth = 0.2\nat = 0.4\nuntil = 0.8",
    "correlation_one": 'leader = "SIM001"',
    "volatility": "factor = 3.0",
    "trade": 'portfolio = "book"\ninstrument = "SIM003"\nquantity = 7',
    "flip": 'portfolio = "book"',
}


def edit(do: str, day: int = 2) -> str:
    return f'[[timeline]]\ndo = "{do}"\nday = {day}\n{EDITS[do]}\n'


def outcomes(story, **options) -> Counter:
    topics = played(story, **options)
    return Counter((ruling.outcome, ruling.reason) for ruling in rulings_of(topics.records))


def closes(day) -> dict[str, float]:
    """Return the last mid of each instrument on a day."""
    ticks = [item.message for item in day.slots() if isinstance(item.message, Tick)]
    return {tick.ticker: tick.mid for tick in ticks}


@pytest.mark.parametrize("do", EDITS)
def test_every_edit_keeps_the_order_and_one_mark_a_day(tmp_path, do):
    for day in story_days(story_of(tmp_path, edit(do))):
        due = [item.due_ns for item in day.slots()]
        assert due == sorted(due)
        assert due[-1] <= day.duration_ns
        assert sum(isinstance(item.message, Mark) for item in day.slots()) == 1


@pytest.mark.parametrize("do", EDITS)
def test_the_same_story_gives_the_same_items(tmp_path, do):
    story = story_of(tmp_path, edit(do))
    assert list(story_days(story)) == list(story_days(story))


@pytest.mark.parametrize("do", EDITS)
def test_an_edit_changes_its_day_and_nothing_before_it(tmp_path, do):
    plain = list(story_days(story_of(tmp_path, "")))
    edited = list(story_days(story_of(tmp_path, edit(do))))
    assert edited[0].items == plain[0].items
    assert edited[1].items != plain[1].items


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("late", {(Outcome.REJECTED, "late"): 12}),
        ("duplicate", {(Outcome.DUPLICATE, ""): 20}),
        ("crossed", {(Outcome.REJECTED, "invalid"): 9}),
        ("zero_quotes", {(Outcome.REJECTED, "invalid"): 9}),
    ],
)
def test_what_an_edit_adds_or_holds_back_meets_its_fate(tmp_path, do, expected):
    counts = outcomes(story_of(tmp_path, edit(do)))
    others = {key: count for key, count in counts.items() if key[0] not in {"applied", "mark"}}
    if do in {"crossed", "zero_quotes"}:
        assert set(others) == set(expected)
    else:
        assert others == expected


def test_restarted_numbers_cost_no_tick_and_repeats_are_still_known(tmp_path):
    text = edit("renumber") + edit("renumber", day=3) + edit("duplicate", day=3)
    counts = outcomes(story_of(tmp_path, text))
    others = {key: count for key, count in counts.items() if key[0] not in {"applied", "mark"}}
    assert others == {(Outcome.DUPLICATE, ""): 20}


def test_disordered_ticks_are_superseded_and_the_close_stays(tmp_path):
    counts = outcomes(story_of(tmp_path, edit("out_of_order")))
    assert counts[Outcome.SUPERSEDED, ""] > 10
    assert not any(outcome is Outcome.REJECTED for outcome, _ in counts)


def test_garbage_is_rejected_for_several_reasons(tmp_path):
    counts = outcomes(story_of(tmp_path, edit("garbage")))
    rejected = {reason: n for (outcome, reason), n in counts.items() if outcome == "rejected"}
    assert set(rejected) == {"invalid", "not_finite", "not_json", "unknown_instrument"}
    assert sum(rejected.values()) == 30


def test_a_halted_series_is_silent_between_its_moments_only(tmp_path):
    _, day, _ = story_days(story_of(tmp_path, edit("halt")))
    moments = [day.moment(slot) for slot in day.slots() if series_of(slot.message) == "SIM002"]
    assert moments
    assert not [moment for moment in moments if 0.2 <= moment < 0.8]


def test_a_flash_crash_is_over_before_the_close(tmp_path):
    plain = list(story_days(story_of(tmp_path, "")))[1]
    crash = list(story_days(story_of(tmp_path, edit("flash_crash"))))[1]
    ratios = [
        (plain.moment(one), mid_of(two.message) / mid_of(one.message))
        for one, two in zip(plain.slots(), crash.slots(), strict=True)
        if series_of(one.message)
    ]
    assert min(ratio for _, ratio in ratios) == pytest.approx(0.8, abs=0.01)
    assert all(ratio == 1 for moment, ratio in ratios if not 0.4 <= moment < 0.8)


def test_correlations_become_one_between_closes(tmp_path):
    first, _, last = map(closes, story_days(story_of(tmp_path, edit("correlation_one"))))
    moves = [last[name] / first[name] for name in sorted(last)]
    assert np.allclose(moves, moves[0], rtol=0.02)


def test_a_book_that_flips_trades_twice_what_it_holds_after_earlier_trades(tmp_path):
    text = edit("trade", day=2) + edit("flip", day=3)
    traded = [
        (item.message.instrument, item.message.quantity)
        for day in story_days(story_of(tmp_path, text))
        for item in day.slots()
        if isinstance(item.message, Trade)
    ]
    assert traded == [("SIM003", 7), ("SIM001", -20), ("SIM002", 10), ("SIM003", -14)]


def test_a_trade_is_priced_at_the_last_mid_before_it(tmp_path):
    _, day, _ = story_days(story_of(tmp_path, edit("trade")))
    messages = [item.message for item in day.slots()]
    place = next(i for i, one in enumerate(messages) if isinstance(one, Trade))
    mids = [
        message.mid
        for message in messages[:place]
        if isinstance(message, Tick) and message.ticker == "SIM003"
    ]
    assert messages[place].price == mids[-1]


def test_faults_are_cues_at_their_moments(tmp_path):
    text = '[[faults]]\ndo = "kill"\nwhat = "redis"\nday = 2\nat = 0.3\n'
    days = list(story_days(story_of(tmp_path, text)))
    cues = [(d.number, d.moment(i)) for d in days for i in d.slots() if isinstance(i.message, Cue)]
    assert [number for number, _ in cues] == [2]
    assert cues[0][1] == pytest.approx(0.3, abs=0.02)
    assert days[1].tick_count == days[0].tick_count


def test_speed_shortens_the_schedule_and_none_leaves_it_out(tmp_path):
    story = story_of(tmp_path, "")
    plain, fast, unpaced = (list(story_days(story, speed=s)) for s in (1.0, 4.0, None))
    assert [day.duration_ns * 4 for day in fast] == [day.duration_ns for day in plain]
    assert {item.due_ns for day in unpaced for item in day.slots()} == {0}
    messages = [[item.message for day in days for item in day.slots()] for days in (plain, unpaced)]
    assert messages[0] == messages[1]


def test_behind_its_last_fault_a_story_keeps_its_schedule_at_any_speed(tmp_path):
    text = '[[faults]]\ndo = "kill"\nwhat = "redis"\nday = 2\nat = 0.3\n'
    plain, unpaced = (list(story_days(story_of(tmp_path, text), speed=s)) for s in (1.0, None))
    assert [day.duration_ns for day in unpaced] == [0, 0, plain[2].duration_ns]
    assert unpaced[2] == plain[2]


@pytest.mark.parametrize(
    ("seconds", "outcome", "reason"),
    [
        (1_800, Outcome.SUPERSEDED, ""),
        (30 * 86_400, Outcome.REJECTED, "time_far_off"),
        (-7 * 86_400, Outcome.REJECTED, "late"),
    ],
)
def test_a_clock_that_jumps_moves_event_times_alone(tmp_path, seconds, outcome, reason):
    jump = f"seconds = {seconds}\nat = 0.2\nuntil = 0.4\n"
    story = story_of(tmp_path, f'[[timeline]]\ndo = "clock_jump"\nday = 2\n{jump}')
    assert outcomes(story)[outcome, reason] > 3
    plain, jumped = (
        list(story_days(told_story))[1].items for told_story in (story_of(tmp_path, ""), story)
    )
    assert [sent.due_ns for sent in plain] == [sent.due_ns for sent in jumped]
    assert [mid_of(sent.message) for sent in plain if series_of(sent.message)] == [
        mid_of(sent.message) for sent in jumped if series_of(sent.message)
    ]


def test_moments_of_ones_own_come_behind_those_of_faults(tmp_path):
    text = '[[faults]]\ndo = "kill"\nwhat = "api"\nday = 2\nat = 0.5\n'
    days = list(story_days(story_of(tmp_path, text), cues=[Moment(1, 0.5), Moment(3, 0.9)]))
    cues = [
        [item.message.index for item in day.items if isinstance(item.message, Cue)] for day in days
    ]
    assert cues == [[1], [0], [2]]

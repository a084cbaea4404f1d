"""Scenario files: what is wrong is said with its line, key, value and what is allowed."""

import pytest

from validation.scenarios.file.errors import ScenarioError
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.file.toml_lines import key_lines, line_of

GOOD = """title = "x"
[market]
kind = "simulated"
days = 3

[[portfolio]]
positions = { SIM001 = 10 }

[[timeline]]
do = "halt"
day = 1
series = ["SIM001"]
"""

PROBLEMS = [
    ("days = 3", "dayss = 3", 4, ["unknown key 'dayss'", "did you mean 'days'", "allowed: kind"]),
    ("days = 3", "days = 0", 4, ["market.days", "'0'", "at least 1, at most 300"]),
    ('"halt"', '"hault"', 10, ["timeline[1].do", "'hault'", "allowed: halt, late"]),
    ('"simulated"', '"sim"', 3, ["market.kind", "simulated, real, prices"]),
    ("SIM001 = 10", 'SIM001 = "a"', 7, ["portfolio[1].positions", "`float`"]),
    ("SIM001 = 10", "SIM001 = 1e300", 7, ["positions.SIM001", "'1e+300'", "below 1e+15"]),
    ("SIM001 = 10", "SIM001 = nan", 7, ["positions.SIM001", "'nan'"]),
    ("[[portfolio]]", '[[portfolio]]\nconfidence = "1.5"', 7, ["'1.5'", "such as 0.95"]),
    ("[[portfolio]]", '[[portfolio]]\nid = "a  b"', 7, ["'a  b'", "two spaces in a row"]),
    ("[[timeline]]", "[expect]\nbreaches = [1]\n[[timeline]]", 10, ["'[1]'", "length >= 2"]),
    ("days = 3", "seed = 3e9", 4, ["3000000000", "2147483648"]),
    ('["SIM001"]', '"SIM001"', 12, ["'SIM001'", "a list: ["]),
    ('"x"', '"a\\u0000b"', 0, ["cannot be printed"]),
    ("title", "\ufefftitle", 1, ["byte order mark"]),
    ('title = "x"', "a = " + "[" * 100_000, 0, ["too deep"]),
    ("day = 1\n", "", 9, ["timeline[1]", "`day`"]),
    ("title", "titel", 1, ["unknown key 'titel'", "did you mean 'title'"]),
    ("title", "[title", 1, ["no TOML"]),
    ("[[portfolio]]", "[portfolio]", 6, ["write [[portfolio]]"]),
    ("[[timeline]]", '[expect]\nrejected = ["lat"]\n[[timeline]]', 10, ["'lat'", "late"]),
    (
        "[[timeline]]",
        '[[faults]]\ndo="kill"\nday=1\nwhat="disk"\n[[timeline]]',
        12,
        ["'disk'", "postgres"],
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "said"), PROBLEMS)
def test_a_problem_names_file_line_key_value_and_what_is_allowed(tmp_path, old, new, line, said):
    path = tmp_path / "story.toml"
    path.write_text(GOOD.replace(old, new, 1), "utf-8")
    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    for part in said:
        assert part in str(caught.value)


def test_a_good_file_is_read_and_its_hash_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "story.toml"
    path.write_text(GOOD, "utf-8")
    first = read_scenario(path)
    path.write_text(GOOD + "\n# another\n", "utf-8")
    assert (first.name, first.file.market.seed) == ("story", 1)
    assert first.file == read_scenario(path).file
    assert first.content_hash != read_scenario(path).content_hash


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_scenario(tmp_path / "none.toml")
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        read_scenario(path)


def test_lines_are_found_behind_long_strings_and_arrays():
    text = 'a = """\nb = 1\n"""\nc = [\n  1,\n]\n[t]\nd = 1\n[[u]]\ne.f = 2\n[[u]]\n"g h" = 3\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("c",): 4,
        ("t",): 7,
        ("t", "d"): 8,
        ("u", 0): 9,
        ("u", 0, "e", "f"): 10,
        ("u", 1): 11,
        ("u", 1, "g h"): 12,
    }


def test_the_line_of_an_unknown_key_is_that_of_its_table():
    lines = {("market",): 3}
    assert line_of(("market", "days"), lines) == 3
    assert line_of(("expect",), lines) == 0

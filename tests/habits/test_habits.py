"""House rules hold, but for a stored list of exceptions that may only shrink."""

from __future__ import annotations

import pytest

from system.places import PROJECT_DIR
from tests.habits.ratchet import COMMAND, grown, read_exceptions, shrunk
from tests.habits.rules import RULES, Rule


@pytest.fixture(scope="module")
def exceptions():
    return read_exceptions()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_new_place_breaks_a_house_rule_and_the_list_of_those_that_do_shrinks(
    rule: Rule, exceptions
):
    now, stored = rule.breaches(PROJECT_DIR), exceptions[rule.name]
    assert grown(now, stored) == {}, f"{rule.sentence}; these do not"
    assert shrunk(now, stored) == {}, f"mended: take them off the list with `{COMMAND}`"


def test_the_list_names_rules_only(exceptions):
    assert list(exceptions) == [rule.name for rule in RULES]

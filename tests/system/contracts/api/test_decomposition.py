"""Answers about the decomposition of VaR: read back as sent, and newer fields passed over."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.api.decomposition import (
    BookRisk,
    Contribution,
    Contributions,
    DeskVar,
    GroupsRequest,
    GroupVar,
    StatedGrouping,
    VarGrouping,
    VarGroups,
)
from tests.struct_strategies import structs

ANSWERS = [BookRisk, Contribution, Contributions, DeskVar, GroupVar, VarGroups]


@pytest.mark.parametrize("kind", ANSWERS)
@given(data=st.data())
def test_an_answer_is_read_back_as_it_was_sent(kind, data):
    answer = data.draw(structs(kind))
    assert msgspec.json.decode(msgspec.json.encode(answer), type=kind) == answer


def test_a_client_reads_the_answer_of_a_newer_api():
    row = {"portfolio": "a", "snapshot_id": "a-1-1", "var": 2.0, "expected_shortfall": 3.0}
    content = msgspec.json.encode({**row, "component_var": 1.0, "added_later": True})
    assert msgspec.json.decode(content, type=BookRisk).component_var == 1.0


@pytest.mark.parametrize("share", ["smoothed_share", "es_share"])
def test_a_share_of_a_sum_that_is_not_above_zero_is_absent(share):
    hint = Contribution.__annotations__[share]
    assert "None" in str(hint)


def test_every_grouping_but_that_by_tags_is_stated_by_reference_data():
    assert {*StatedGrouping} == {*VarGrouping} - {VarGrouping.TAG}


@pytest.mark.parametrize("body", ['{"groups":{"":["A"]}}', '{"groups":["A"]}', '{"others":"x"}'])
def test_groups_that_are_none_are_refused(body):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=GroupsRequest)

"""VaR by group, over the state of a real fold: each group is the book without the others."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from system.contracts.api.decomposition import (
    GroupsRequest,
    StatedGrouping,
    VarGrouping,
    VarGroups,
)
from system.serve.http.errors import InvalidRequestError
from system.serve.questions.var_groups import tags_of
from tests.system.serve.streamed import Streamed, answered, proposed


def groups(streamed: Streamed, by: str, name: str = "P") -> VarGroups:
    response = streamed.world.client.get(f"/v1/portfolios/{name}/var/groups?by={by}")
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=VarGroups)


def tagged(streamed: Streamed, body: dict[str, Any]) -> Any:
    return streamed.world.client.post("/v1/portfolios/P/var/groups", json=body)


def check_sums(answer: VarGroups) -> None:
    """Check that components add up to VaR and expected shortfall, and shares to 1."""
    parts = answer.groups
    size = sum(abs(part.component_var) for part in parts)
    assert math.fsum(part.component_var for part in parts) == pytest.approx(
        answer.var, abs=1e-9 * size
    )
    assert math.fsum(part.component_es for part in parts) == pytest.approx(
        answer.expected_shortfall, abs=1e-9 * size
    )
    assert math.fsum(part.share or 0.0 for part in parts) == pytest.approx(1.0)
    own = math.fsum(part.var for part in parts)
    assert answer.diversification == pytest.approx(own - answer.var)
    components = [part.component_var for part in parts]
    assert components == sorted(components, reverse=True)


@pytest.mark.parametrize("by", StatedGrouping)
@pytest.mark.parametrize("name", ["P", "O"])
def test_components_of_groups_add_up_to_the_stated_var(
    optioned: Streamed, streamed: Streamed, by: StatedGrouping, name: str
) -> None:
    asked = optioned if name == "O" else streamed
    answer = groups(asked, by.value, name)
    check_sums(answer)
    current = asked.world.client.get(f"/v1/portfolios/{name}/var").json()
    assert (answer.var, answer.expected_shortfall) == (
        current["var"],
        current["expected_shortfall"],
    )
    assert (answer.snapshot_id, answer.by) == (current["snapshot_id"], VarGrouping(by.value))


def test_classes_are_those_of_the_snapshot(streamed: Streamed) -> None:
    answer = groups(streamed, "asset_class")
    current = streamed.world.client.get("/v1/portfolios/P/var/asset-classes").json()
    stated = {row["asset_class"]: (row["var"], row["gross"]) for row in current["asset_classes"]}
    assert {part.group: (part.var, part.gross) for part in answer.groups} == stated


def test_a_group_alone_has_the_var_of_the_book_without_the_others(streamed: Streamed) -> None:
    body = {"groups": {"tech": ["A"], "none": ["NOT-HELD"]}}
    response = tagged(streamed, body)
    assert response.status_code == 200, response.text
    answer = msgspec.json.decode(response.content, type=VarGroups)
    check_sums(answer)
    assert [part.group for part in answer.groups if part.position_count] == [
        part.group for part in answer.groups
    ]
    assert answer.unheld == ("NOT-HELD",)
    own = {part.group: part for part in answer.groups}
    alone = answered(streamed, proposed("D", 1.0)).after
    assert own["tech"].var == pytest.approx(alone.var or 0.0)
    assert own["others"].position_count == 2


def test_an_instrument_in_two_groups_is_refused(streamed: Streamed) -> None:
    response = tagged(streamed, {"groups": {"a": ["A"], "b": ["A"]}})
    assert response.status_code == 422
    assert "A is in 'a' and in 'b': leave it in one" in response.json()["detail"]
    with pytest.raises(InvalidRequestError):
        tags_of(GroupsRequest(groups={"a": ("A",), "b": ("A",)}))


@pytest.mark.parametrize("by", ["tag", "sector", ""])
def test_a_property_that_reference_data_do_not_state_is_refused(
    streamed: Streamed, by: str
) -> None:
    response = streamed.world.client.get(f"/v1/portfolios/P/var/groups?by={by}")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("by: ")


def test_a_book_without_a_var_says_why(world: Any) -> None:
    assert world.client.get("/v1/portfolios/none/var/groups?by=currency").status_code == 404

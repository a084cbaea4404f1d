"""The choice of components, in the order of their start."""

from __future__ import annotations

import pytest

from system.runtime.components.registry import COMPONENTS, SERVERS, chosen_components
from system.runtime.errors import StackError


def test_aliases_and_names_can_be_mixed_and_keep_the_order_of_the_start():
    chosen = [each.name for each in chosen_components(["spark", "redis", "redis"])]
    assert chosen == ["redis", "spark-master", "spark-worker"]
    assert [each.name for each in chosen_components(["servers"])] == list(SERVERS)


@pytest.mark.parametrize("names", [["kafak"], []])
def test_an_unknown_component_is_refused_with_those_that_exist(names):
    with pytest.raises(StackError, match="there are kafka, postgres"):
        chosen_components(names)


def test_every_component_is_listed_after_those_it_needs():
    names = list(COMPONENTS)
    for name, component in COMPONENTS.items():
        assert all(names.index(needed) < names.index(name) for needed in component.after)

"""Refusals of a replay or simulation: wrong input, whichever it is."""

from __future__ import annotations

import pytest

from system.errors import InputError, UnavailableError
from system.simulate import errors
from system.simulate.errors import SimulationError

REFUSALS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SimulationError)
]


def test_every_refusal_of_the_tree_is_there():
    drawn = {line.split()[1] for line in errors.__doc__.splitlines() if "──" in line}
    assert drawn == {kind.__name__ for kind in REFUSALS}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_wrong_input_and_no_absent_server(kind):
    assert issubclass(kind, InputError)
    assert not issubclass(kind, UnavailableError)
    assert str(kind("no history before 2020-02-03")) == "no history before 2020-02-03"

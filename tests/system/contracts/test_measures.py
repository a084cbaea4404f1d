"""Measures beside VaR: immutable, strict, read back to the bit."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts import measures
from system.contracts.measures import Greeks, Part, StressedRisk
from tests.struct_strategies import structs

PARTS = [
    kind
    for kind in vars(measures).values()
    if isinstance(kind, type) and issubclass(kind, Part) and kind is not Part
]
GREEKS = {"delta": 0.5, "gamma": 0.01, "vega": 0.1, "theta": -0.02, "rho": 0.03}


@pytest.mark.parametrize("kind", PARTS)
@given(data=st.data())
def test_a_part_is_read_back_to_the_bit(kind, data):
    part = data.draw(structs(kind))
    written = msgspec.json.encode(part)
    again = msgspec.json.decode(written, type=kind)
    assert again == part
    assert msgspec.json.encode(again) == written


@pytest.mark.parametrize("kind", PARTS)
def test_a_part_does_not_change(kind):
    assert kind.__struct_config__.frozen


def test_an_unknown_field_is_refused():
    content = msgspec.json.encode({**GREEKS, "vanna": 0.0})
    with pytest.raises(msgspec.ValidationError, match="vanna"):
        msgspec.json.decode(content, type=Greeks)


@pytest.mark.parametrize("name", GREEKS)
def test_every_greek_is_needed(name):
    content = msgspec.json.encode({key: value for key, value in GREEKS.items() if key != name})
    with pytest.raises(msgspec.ValidationError, match=name):
        msgspec.json.decode(content, type=Greeks)


def test_a_window_without_a_var_says_why_and_has_no_scenario():
    written = (
        b'{"window":"2008","first":"2008-09-01","last":"2008-12-31","version":"1",'
        b'"scenario_count":0,"tail_rank":null,"var":null,"scenario_date":null,'
        b'"not_available":"no history of A"}'
    )
    risk = msgspec.json.decode(written, type=StressedRisk)
    assert (risk.var, risk.not_available, risk.proxied) == (None, "no history of A", ())

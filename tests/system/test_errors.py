"""The error tree says whose fault it is, and its picture is true."""

from __future__ import annotations

import pytest

from system import errors
from system.errors import InputError, InternalError, MessageError, RiskstreamError, UnavailableError


def test_a_rejected_message_keeps_its_reason_for_programs_and_its_detail_for_people():
    error = MessageError("out_of_order", "sequence 3: after 4")
    assert str(error) == "out_of_order: sequence 3: after 4"
    assert (error.reason, error.detail) == ("out_of_order", "sequence 3: after 4")


@pytest.mark.parametrize("kind", [InputError, UnavailableError, InternalError])
def test_the_worlds_fault_the_servers_and_ours_are_told_apart(kind):
    others = {InputError, UnavailableError, InternalError} - {kind}
    assert issubclass(kind, RiskstreamError)
    assert not any(issubclass(kind, other) for other in others)


def test_the_picture_of_the_tree_names_every_error():
    assert errors.__doc__ is not None
    for name, kind in vars(errors).items():
        if isinstance(kind, type):
            assert name in errors.__doc__

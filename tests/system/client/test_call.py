"""One request: refusals are errors of ours, and an answer of another type names the request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.client import calls
from system.client.call import RETRIED_STATUSES, raise_refusal
from system.client.errors import ApiMismatchError, ApiRefusedError, ApiUnavailableError
from system.contracts.api.portfolios import Portfolios
from system.contracts.api.risk import Problem
from system.contracts.codec import encode


@given(st.integers(400, 599), st.binary(max_size=300))
def test_every_status_of_failure_is_an_error_of_ours(status: int, body: bytes) -> None:
    kind = ApiUnavailableError if status in RETRIED_STATUSES else ApiRefusedError
    with pytest.raises(kind):
        raise_refusal(status, body)


def test_a_problem_is_passed_on_and_any_other_text_is_its_detail() -> None:
    problem = Problem(title="Unknown desk", status=404, detail="no desk", known=("rates",))
    with pytest.raises(ApiRefusedError) as caught:
        raise_refusal(404, encode(problem))
    assert caught.value.problem == problem
    with pytest.raises(ApiRefusedError, match=r"Unknown status \(599\): upstream"):
        raise_refusal(599, b"upstream")


def test_an_answer_of_another_type_names_the_request() -> None:
    call = calls.portfolios()
    assert call.kind is Portfolios
    with pytest.raises(ApiMismatchError, match="GET /v1/portfolios"):
        call.answer(200, b'{"other":1}')

"""Says whether the integration tests also ran on servers in containers."""

from __future__ import annotations

import pytest

from tests.integration.containers import why_not


@pytest.mark.integration
@pytest.mark.containers
def test_where_docker_answers_the_stores_and_the_bus_are_tested_in_containers_too(
    request: pytest.FixtureRequest,
) -> None:
    if reason := why_not():
        pytest.skip(f"stores and bus were not tested in containers: {reason}")
    chosen = [item.nodeid for item in request.session.items if "container" in item.nodeid]
    assert any("test_bus" in name for name in chosen) or len(request.session.items) == 1

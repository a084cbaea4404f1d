"""Health: who answers, how far behind the stream is, what the documentation says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import msgspec
import pytest

from system.clock import ManualClock
from system.contracts.api.risk import Health, StreamState
from system.contracts.messages import Trade
from system.errors import UnavailableError
from system.serve.services.health import CHECK_EVERY_NS, HealthBoard
from system.store.sample_snapshots import sample_snapshot

TRADE = Trade(trade_id="t", portfolio="alpha", instrument="EQ000", quantity=1.0, price=1.0)


def health(world: Any) -> Health:
    response = world.client.get("/v1/health")
    assert response.status_code == 200
    return msgspec.json.decode(response.content, type=Health)


def test_servers_that_answer_are_well_and_the_lag_is_counted(world: Any) -> None:
    world.bus.sent += [TRADE] * 5
    world.publish(sample_snapshot())
    world.publish(sample_snapshot(epoch=1))
    report = health(world)
    assert {part.name: part.ok for part in report.components} == {
        "kafka": True,
        "postgresql": True,
        "redis": True,
    }
    assert report.offsets == {"trades:0": 1}
    assert report.lag is not None
    assert report.lag["trades:0"] == 4


def test_a_stream_without_heartbeat_is_not_ok(world: Any) -> None:
    report = health(world)
    assert (report.ok, report.stream.state) == (False, StreamState.STALE)


@pytest.mark.parametrize(
    ("state", "ok"),
    [(StreamState.RUNNING, True), (StreamState.WARMING, True), (StreamState.LAGGING, False)],
)
def test_a_stream_that_lags_is_not_ok(world: Any, state: StreamState, ok: bool) -> None:
    status = msgspec.structs.replace(world.client.app.state.services.hub.status, state=state)
    world.client.app.state.services.hub.status = status
    report = health(world)
    assert (report.ok, report.stream.state) == (ok, state)


def test_a_silent_broker_is_named_and_the_lag_is_unknown(world: Any) -> None:
    world.bus.silent = True
    report = health(world)
    (kafka,) = [part for part in report.components if not part.ok]
    assert kafka.name == "kafka"
    assert "does not answer" in kafka.detail
    assert report.lag is None


def test_servers_are_asked_at_most_once_in_a_while(world: Any) -> None:
    asked = 0

    def committed() -> None:
        nonlocal asked
        asked += 1

    world.history.committed = committed
    clock = ManualClock()
    board = HealthBoard(world.client.app.state.services, clock)
    state = world.client.app.state
    state.desks = replace(state.desks, health=board)
    for _ in range(5):
        health(world)
    assert asked == 1
    clock.advance_ns(CHECK_EVERY_NS)
    health(world)
    assert asked == 2


def test_a_silent_store_makes_a_503_that_says_try_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: str) -> None:
        raise UnavailableError("Redis does not answer within 5 s")

    monkeypatch.setattr(world.client.app.state.services.latest, "current", silent)
    response = world.client.get("/v1/portfolios/alpha/var")
    assert response.status_code == 503
    assert "try again" in response.json()["detail"]


def test_ready_says_whether_every_server_answers_without_the_token(world: Any) -> None:
    headers = {"Authorization": ""}
    answer = world.client.get("/v1/ready", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "state": "stale"})
    world.bus.silent = True
    world.client.app.state.desks = replace(
        world.client.app.state.desks, health=HealthBoard(world.client.app.state.services)
    )
    answer = world.client.get("/v1/ready", headers=headers)
    assert answer.status_code == 503
    assert "1 of 3 servers behind the API do not answer" in answer.json()["detail"]
    assert "kafka" not in answer.text
    assert world.client.get("/v1/live", headers=headers).json() == {"live": True}


def openapi(world: Any) -> dict[str, Any]:
    described: dict[str, Any] = world.client.get("/openapi.json").json()
    return described


def test_every_reference_of_the_documentation_leads_somewhere(world: Any) -> None:
    described = openapi(world)
    schemas = described["components"]["schemas"]
    text = str(described)
    named = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(schemas)
    assert {"CurrentVar", "Problem", "TradeRequest", "RiskSnapshot"} <= named


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/v1/portfolios", "Portfolios"),
        ("/v1/portfolios/alpha/var", "CurrentVar"),
        ("/v1/portfolios/alpha/var/asset-classes", "AssetClassVar"),
        ("/v1/portfolios/alpha/attribution", "Attribution"),
        ("/v1/portfolios/alpha/positions", "Positions"),
        ("/v1/portfolios/alpha/snapshots?components=true", "SnapshotPage"),
        ("/v1/snapshots/alpha-1-0", "RiskSnapshot"),
        ("/v1/rejected", "RejectedPage"),
        ("/v1/health", "Health"),
        ("/v1/health", "HealthState"),
    ],
)
def test_answers_are_as_the_documentation_says(world: Any, path: str, schema: str) -> None:
    world.publish(sample_snapshot())
    described = openapi(world)
    wanted = {"$ref": f"#/components/schemas/{schema}", "components": described["components"]}
    headers = {"Authorization": ""} if schema == "HealthState" else {}
    jsonschema.validate(world.client.get(path, headers=headers).json(), wanted)


def test_every_route_of_the_documentation_names_its_answer(world: Any) -> None:
    for path, methods in openapi(world)["paths"].items():
        for method, route in methods.items():
            success = min(route["responses"])
            content = route["responses"][success]["content"]
            assert content, f"{method} {path}"
            if "application/json" in content:
                assert "$ref" in str(content["application/json"]["schema"]), f"{method} {path}"


def test_writing_routes_describe_their_body(world: Any) -> None:
    paths = openapi(world)["paths"]
    assert "TradeRequest" in str(paths["/v1/trades"]["post"]["requestBody"])
    assert "AmendRequest" in str(paths["/v1/trades/{trade_id}"]["put"]["requestBody"])
    assert "PortfolioImport" in str(paths["/v1/portfolios"]["post"]["requestBody"])


def test_problems_are_as_the_documentation_says(world: Any) -> None:
    schema = {
        "$ref": "#/components/schemas/Problem",
        "components": openapi(world)["components"],
    }
    for response in (
        world.client.get("/v1/portfolios/none/var"),
        world.client.post("/v1/trades", content=b"{}"),
        world.client.get("/v1/nothing"),
    ):
        jsonschema.validate(response.json(), schema)

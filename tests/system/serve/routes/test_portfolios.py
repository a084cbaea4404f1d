"""Answers of the API about portfolios, over fakes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from system.book.state.rows import PortfolioState
from system.contracts.api.portfolios import Portfolios
from system.contracts.api.risk import (
    AssetClassVar,
    Attribution,
    CurrentVar,
    Positions,
    RejectedPage,
    SnapshotPage,
    StreamState,
    current_risk,
)
from system.contracts.codec import encode
from system.contracts.messages import (
    Portfolio,
    Rejected,
    RejectReason,
    RiskSnapshot,
    SnapshotKind,
)
from system.contracts.oracle import NO_ORACLE, OracleCheck, OracleStatus, OracleVerdict
from system.contracts.replay import NO_REPLAY, ReplayFault, ReplayStatus
from system.serve.http.views import oracle_verdict
from system.store.errors import NewerFormatError
from system.store.records import BatchCommit, EmptiedSnapshot
from system.store.redis.keyspace import ORACLE_EXPIRY_MS, REPLAY_EXPIRY_MS
from system.store.sample_snapshots import FIRST_EVENT_NS, sample_snapshot

QUESTIONS = ("var", "var/asset-classes", "attribution", "positions", "snapshots")


def answer(world: Any, path: str, kind: type[Any]) -> Any:
    response = world.client.get(path)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=kind)


def test_current_var_is_the_snapshot_s_with_its_flags(world: Any) -> None:
    snapshot = sample_snapshot(position_count=5)
    world.publish(snapshot)
    current = answer(world, "/v1/portfolios/alpha/var", CurrentVar)
    expected = msgspec.structs.asdict(current_risk(snapshot))
    assert msgspec.structs.asdict(current) == {
        **expected,
        "durable": True,
        "stream": StreamState.STALE,
        "oracle": OracleVerdict.UNCHECKED,
    }


def test_the_oracle_is_asked_what_it_has_found(world: Any) -> None:
    assert answer(world, "/v1/oracle", OracleStatus) == NO_ORACLE
    oracle = OracleStatus(running=True, samples_per_s=2.0, checked=3, agreed=2)
    world.latest.publish_oracle(oracle)
    assert answer(world, "/v1/oracle", OracleStatus) == oracle
    assert oracle.verdict is OracleVerdict.DIFFERS
    world.now_ms[0] += ORACLE_EXPIRY_MS
    assert answer(world, "/v1/oracle", OracleStatus) == NO_ORACLE


def test_a_replay_is_told_while_it_runs(world: Any) -> None:
    assert answer(world, "/v1/replay", ReplayStatus) == NO_REPLAY
    fault = ReplayFault(do="kill", what="kafka", is_over=False)
    replay = ReplayStatus(
        running=True, scenario="s", title="S", speed="2x", day_count=3, faults=(fault,)
    )
    world.latest.publish_replay(replay)
    assert answer(world, "/v1/replay", ReplayStatus) == replay
    world.now_ms[0] += REPLAY_EXPIRY_MS
    assert answer(world, "/v1/replay", ReplayStatus) == NO_REPLAY


def test_a_verdict_belongs_to_its_snapshot_alone() -> None:
    check = OracleCheck(
        snapshot_id="alpha-1-7",
        portfolio="alpha",
        verdict=OracleVerdict.AGREED,
        largest_difference=0.0,
        detail="",
        checked_at_ms=1,
    )
    status = OracleStatus(running=True, samples_per_s=2.0, newest={"alpha": check})
    assert oracle_verdict("alpha-1-7", status) is OracleVerdict.AGREED
    assert oracle_verdict("alpha-1-8", status) is OracleVerdict.UNCHECKED
    assert oracle_verdict("alpha-1-7", None) is OracleVerdict.UNCHECKED


def test_current_var_says_when_it_is_not_durable_yet(world: Any) -> None:
    world.publish(sample_snapshot(), durable=False)
    assert answer(world, "/v1/portfolios/alpha/var", CurrentVar).durable is False


def test_current_var_says_whether_the_stream_still_moves_it(world: Any) -> None:
    world.publish(sample_snapshot())
    world.latest.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
    assert answer(world, "/v1/portfolios/alpha/var", CurrentVar).stream is StreamState.RUNNING
    world.now_ms[0] += 2_000
    assert answer(world, "/v1/portfolios/alpha/var", CurrentVar).stream is StreamState.STALE


def test_a_portfolio_s_name_may_hold_any_letter_that_its_contract_allows(world: Any) -> None:
    world.publish(sample_snapshot("desk/eu:1=a"))
    assert answer(world, "/v1/portfolios/desk/eu:1=a/var", CurrentVar).portfolio == "desk/eu:1=a"
    assert answer(world, "/v1/portfolios/desk%2Feu:1=a/positions", Positions).positions


def test_asset_classes_have_their_own_var(world: Any) -> None:
    snapshot = sample_snapshot()
    world.publish(snapshot)
    classes = answer(world, "/v1/portfolios/alpha/var/asset-classes", AssetClassVar)
    assert classes.asset_classes == snapshot.asset_classes
    assert (classes.var, classes.diversification) == (snapshot.var, snapshot.diversification)


def test_attribution_is_sorted_and_adds_up_to_var(world: Any) -> None:
    snapshot = sample_snapshot(position_count=20)
    world.publish(snapshot)
    attribution = answer(world, "/v1/portfolios/alpha/attribution", Attribution)
    components = [row.component_var for row in attribution.rows]
    assert components == sorted(components, reverse=True)
    assert sum(components) == pytest.approx(snapshot.var, rel=1e-12)
    assert sum(row.share for row in attribution.rows) == pytest.approx(1.0, rel=1e-12)


def test_attribution_without_a_var_has_no_shares(world: Any) -> None:
    positions = tuple(
        msgspec.structs.replace(position, component_var=None)
        for position in sample_snapshot().positions
    )
    world.publish(sample_snapshot(var=None, positions=positions, not_available="too few"))
    attribution = answer(world, "/v1/portfolios/alpha/attribution", Attribution)
    assert {row.share for row in attribution.rows} == {None}


def test_positions_are_the_snapshot_s(world: Any) -> None:
    snapshot = sample_snapshot()
    world.publish(snapshot)
    positions = answer(world, "/v1/portfolios/alpha/positions", Positions)
    assert positions.positions == snapshot.positions


def test_the_list_of_portfolios_tells_valued_from_imported(world: Any) -> None:
    world.publish(sample_snapshot("beta"), sample_snapshot("alpha"))
    world.know(portfolio__gamma=PortfolioState(definition=Portfolio(portfolio="gamma")))
    portfolios = answer(world, "/v1/portfolios", Portfolios)
    assert [line.portfolio for line in portfolios.portfolios] == ["alpha", "beta"]
    assert portfolios.unvalued == ("gamma",)


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_unknown_portfolio_is_a_404_that_lists_the_known_ones(world: Any, question: str) -> None:
    world.publish(sample_snapshot("alpha"), sample_snapshot("beta"))
    response = world.client.get(f"/v1/portfolios/gamma/{question}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["known"] == ["alpha", "beta"]
    assert "'gamma'" in problem["detail"]
    assert "alpha, beta" in problem["detail"]


def test_an_imported_portfolio_without_a_snapshot_is_told_apart(world: Any) -> None:
    world.know(portfolio__gamma=PortfolioState(definition=Portfolio(portfolio="gamma")))
    response = world.client.get("/v1/portfolios/gamma/var")
    assert response.status_code == 404
    assert "is imported and has no snapshot yet" in response.json()["detail"]


def test_the_time_series_is_paged_to_its_end(world: Any) -> None:
    for epoch in range(7):
        world.publish(sample_snapshot(epoch=epoch))
    seen: list[str] = []
    token = ""
    for _ in range(4):
        page = answer(world, f"/v1/portfolios/alpha/snapshots?limit=3{token}", SnapshotPage)
        seen += [point.snapshot_id for point in page.points]
        if page.next is None:
            break
        token = f"&after={page.next}"
    assert seen == [f"alpha-1-{epoch}" for epoch in range(7)]


def test_the_time_series_has_the_last_point_of_each_interval(world: Any) -> None:
    for epoch in range(25):
        world.publish(sample_snapshot(epoch=epoch))
    path = "/v1/portfolios/alpha/snapshots?limit=2&resolution=1s"
    first = answer(world, path, SnapshotPage)
    rest = answer(world, f"{path}&after={first.next}", SnapshotPage)
    shown = [point.snapshot_id for point in (*first.points, *rest.points)]
    assert shown == ["alpha-1-9", "alpha-1-19", "alpha-1-24"]
    assert world.client.get("/v1/portfolios/alpha/snapshots?resolution=2s").status_code == 422


def test_the_time_series_is_chosen_by_kind_time_and_order(world: Any) -> None:
    world.publish(sample_snapshot(epoch=0), sample_snapshot(epoch=1, kind=SnapshotKind.END_OF_DAY))
    world.publish(sample_snapshot(epoch=2))
    path = "/v1/portfolios/alpha/snapshots"
    closes = answer(world, f"{path}?kind=end_of_day", SnapshotPage)
    assert [point.asof for point in closes.points] == [dt.date(2020, 2, 4)]
    later = answer(world, f"{path}?from={FIRST_EVENT_NS + 1}&newest_first=true", SnapshotPage)
    assert [point.epoch for point in later.points] == [2, 1]
    moment = dt.datetime.fromtimestamp(FIRST_EVENT_NS / 1e9, tz=dt.UTC).isoformat()
    until = world.client.get(path, params={"to": moment})
    assert until.json()["points"] == []


def test_points_carry_components_only_when_asked(world: Any) -> None:
    snapshot = sample_snapshot()
    world.publish(snapshot)
    path = "/v1/portfolios/alpha/snapshots"
    assert answer(world, path, SnapshotPage).points[0].component_var is None
    (point,) = answer(world, f"{path}?components=true", SnapshotPage).points
    assert point.component_var == {p.instrument: p.component_var for p in snapshot.positions}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2020-13-01", "to"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("kind=weekly", "kind"),
        ("components=perhaps", "components"),
    ],
)
def test_a_bad_parameter_is_named(world: Any, parameters: str, field: str) -> None:
    world.publish(sample_snapshot())
    response = world.client.get(f"/v1/portfolios/alpha/snapshots?{parameters}")
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_a_page_token_of_nobody_is_refused(world: Any) -> None:
    world.publish(sample_snapshot())
    response = world.client.get("/v1/portfolios/alpha/snapshots?after=abc")
    assert response.status_code == 422
    assert "take `next` of an answer" in response.json()["detail"]


def test_a_whole_snapshot_comes_back_to_the_byte(world: Any) -> None:
    snapshot = sample_snapshot(realised_pnl=-0.0, nav=0.1 + 0.2)
    world.publish(snapshot)
    response = world.client.get("/v1/snapshots/alpha-1-0")
    assert response.content == encode(snapshot)
    assert msgspec.json.decode(response.content, type=RiskSnapshot) == snapshot


def test_a_snapshot_that_is_not_kept_is_a_404(world: Any) -> None:
    response = world.client.get("/v1/snapshots/alpha-9-9")
    assert response.status_code == 404
    assert "thinned out" in response.json()["detail"]


def test_rejected_messages_are_listed_with_reasons_and_counts(world: Any) -> None:
    messages = [
        Rejected(
            topic="market_data", partition=1, offset=offset, reason=reason, detail="d", value="{"
        )
        for offset, reason in enumerate((RejectReason.NOT_JSON, RejectReason.LATE) * 2)
    ]
    world.history.commit(BatchCommit(world.fence, 0, {}, rejected=messages))
    first = answer(world, "/v1/rejected?reason=late&limit=1", RejectedPage)
    assert [row.offset for row in first.rows] == [3]
    assert first.counts == {"late": 2, "not_json": 2}
    second = answer(world, f"/v1/rejected?reason=late&limit=1&after={first.next}", RejectedPage)
    assert [row.offset for row in second.rows] == [1]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer other"}, {"Authorization": "x"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/portfolios"),
        ("GET", "/v1/portfolios/alpha/var"),
        ("GET", "/v1/stream"),
        ("GET", "/v1/rejected"),
        ("POST", "/v1/trades"),
        ("PUT", "/v1/trades/t"),
        ("DELETE", "/v1/trades/t"),
        ("POST", "/v1/portfolios"),
    ],
)
def test_without_the_token_nothing_is_told(
    world: Any, method: str, path: str, header: dict[str, str]
) -> None:
    world.client.headers.pop("Authorization")
    response = world.client.request(method, path, headers=header)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "api-token" in response.json()["detail"]
    assert world.bus.sent == []


@pytest.mark.parametrize("path", ["/v1/health", "/docs", "/openapi.json"])
def test_health_and_documentation_need_no_token(world: Any, path: str) -> None:
    world.client.headers.pop("Authorization")
    assert world.client.get(path).status_code == 200


def test_an_address_that_does_not_exist_says_where_to_look(world: Any) -> None:
    response = world.client.get("/v1/nothing")
    assert (response.status_code, response.headers["content-type"]) == (
        404,
        "application/problem+json",
    )
    assert "/docs" in response.json()["detail"]


def test_a_defect_of_ours_is_a_500_without_its_secrets(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_portfolio: str) -> None:
        raise RuntimeError("password=s3cret")

    monkeypatch.setattr(world.client.app.state.services.latest, "current", broken)
    response = world.client.get("/v1/portfolios/alpha/var")
    assert response.status_code == 500
    assert "s3cret" not in response.text


def test_a_database_of_a_newer_version_is_503_in_one_sentence(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newer(*_: Any, **__: Any) -> Any:
        raise NewerFormatError(2, 1)

    for name in ("snapshot_json", "points", "rejected", "state_keys", "state_values"):
        monkeypatch.setattr(world.history, name, newer)
    for path in ("/v1/snapshots/alpha-1.0", "/v1/portfolios/alpha/snapshots", "/v1/rejected"):
        answered = world.client.get(path)
        assert answered.status_code == 503, path
        assert "written by a newer version of riskstream" in answered.json()["detail"]
        assert "upgrade" in answered.json()["detail"]


def test_a_snapshot_beyond_the_budget_says_what_is_left_of_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = EmptiedSnapshot(tuple(f"t{number}" for number in range(101)), "ab" * 32)
    monkeypatch.setattr(world.history, "emptied_snapshot", lambda _: left)
    answered = world.client.get("/v1/snapshots/alpha-1.0")
    assert answered.status_code == 404
    said = answered.json()["detail"]
    assert "outgrew the budget" in said
    assert "t0, t1, " in said
    assert "and 1 more" in said
    assert "ab" * 32 in said

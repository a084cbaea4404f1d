"""``riskstream measure goals``: what the API owes its users, measured under 1,000 ticks/s.

One stack, one steady pump, and one question after the other, each open loop: a request's latency
runs from the moment it was due, a trade's from its acceptance. Pushes are counted from the moment
that the number was valued. At the end the driver is killed (SIGKILL), and the restart lasts until
what is in Redis covers every tick from before the kill. The exit code is 1 beyond a floor, and 4
where the pump did not keep its schedule: then the figures are of another load.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import httpx
import msgspec
import numpy as np
import redis.asyncio
import typer
from rich.table import Table

from loadtests.run.command import connected, site_of
from loadtests.run.judge import as_unknown
from loadtests.run.load_run import LoadSite, PumpProcess, machine, open_books
from loadtests.source.plan import LoadPlan, load_books, load_plan
from loadtests.source.send_rate import SendRate
from loadtests.studies.api_questions import ANSWER_BOUND_S, ASKERS, ApiConnections
from loadtests.studies.sse_listeners import listened, pushed_trades
from system.bus.consumer import end_offsets
from system.clock import monotonic_ns
from system.console import PlainConsole
from system.contracts.topics import MARKET_DATA
from system.errors import UnavailableError
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.priority import go_first
from system.runtime.running import RunningStack
from system.settings import Connections
from system.store.redis.keyspace import latest_key
from system.store.redis.latest import LatestStore
from system.store.redis.redis_values import Watermark
from validation.checkers.latency import Schedule, check_schedule
from validation.report.shapes import write_json
from validation.run.console import open_console
from validation.verdict import EXIT_CODES, Finding, Verdict, judged, overall

REPORT: Final = REPORTS_DIR / "goals"
READS_PER_S: Final = 200.0
WHAT_IFS_PER_S: Final = 20.0
CLIENTS: Final = 100
RESTART_BOUND_S: Final = 90.0
POLL_S: Final = 0.02
SILENT_NS: Final = 3_000_000_000
"""A pump that has said nothing for so long, three of its seconds, sends no more."""
SHARE: Final = "SIM001"


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One figure beside what it should be; the smaller, the better."""

    what: str
    measured: float
    unit: str
    goal: float
    floor: float
    count: int
    detail: str


class GoalsReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``report.json``; ``load_average`` is the machine's at the start.

    ``findings`` say whether the load was what it should be, and which floors held.
    """

    verdict: Verdict
    machine: str
    load_average: float
    rate: float
    goals: tuple[Goal, ...]
    findings: tuple[Finding, ...]


def goals(
    duration: Annotated[
        float, typer.Option("--duration", "--seconds", help="Seconds measured per question.")
    ] = 30.0,
    warm_up: Annotated[float, typer.Option(help="Seconds of warm-up before.")] = 60.0,
    rate: Annotated[float, typer.Option(help="Ticks per second all the while.")] = 1_000.0,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of report.json.")
    ] = REPORT,
) -> None:
    """Measure reads, what-if, pushes, trades and a restart, under load."""
    console = open_console(stderr=False)
    (report / "report.json").unlink(missing_ok=True)
    site = site_of(report, console, local=False)
    plan = load_plan(rate=rate, seconds=duration * 8 + RESTART_BOUND_S, warm_up_seconds=warm_up)
    load_average = os.getloadavg()[0]
    pulses: list[SendRate] = []
    with connected(site, running=False) as connections:
        open_books(plan, connections, site)
        site.plan_path.write_bytes(msgspec.json.encode(plan))
        with PumpProcess(site, connections, pulses.append) as pump:
            go_first()  # only now: the servers and the pump must not inherit it
            since_ns = monotonic_ns() + round(warm_up * 1e9)
            measured = asyncio.run(_asked(plan, site, connections, duration, warm_up))
            measured.append(_restart(site, connections))
            until_ns = monotonic_ns()
            sent = pulsed_schedule(pulses, rate, since_ns=since_ns, until_ns=until_ns)
            schedule = check_schedule(
                "schedule: the pump was in time", sent if pump.is_running else None
            )
    findings = (as_unknown(schedule), *map(kept, measured))
    whole = GoalsReport(
        verdict=overall(finding.verdict for finding in findings),
        machine=machine(),
        load_average=load_average,
        rate=rate,
        goals=tuple(measured),
        findings=findings,
    )
    write_json(site.folder / "report.json", whole)
    show_goals(console, whole)
    raise typer.Exit(EXIT_CODES[whole.verdict])


def pulsed_schedule(
    pulses: Sequence[SendRate], rate: float, *, since_ns: int, until_ns: int
) -> Schedule | None:
    """Return how a pump kept its rate, from what it said each second; None if it fell silent.

    Parameters
    ----------
    pulses : sequence of SendRate
        In order.
    rate : float
        Ticks per second that were due.
    since_ns, until_ns : int
        What is judged, CLOCK_MONOTONIC; counted from the first pulse in it to the last.

    Notes
    -----
    ``slip_ms_p99`` is of all ticks, rounded up to whole milliseconds.
    """
    judged_pulses = [pulse for pulse in pulses if since_ns <= pulse.at_ns <= until_ns]
    ends = [since_ns, *(judged_pulse.at_ns for judged_pulse in judged_pulses), until_ns]
    silent = ends[1] - ends[0] > SILENT_NS or ends[-1] - ends[-2] > SILENT_NS
    if len(judged_pulses) < 2 or silent:
        return None
    first, *counted = judged_pulses
    seconds = (counted[-1].at_ns - first.at_ns) / 1e9
    sent = sum(window.sent for window in counted)
    return Schedule(
        messages_per_s=sent / seconds,
        achieved_fraction=sent / (seconds * rate),
        slip_ms_p99=_slip_ms_p99(counted),
    )


def _slip_ms_p99(pulses: Sequence[SendRate]) -> float:
    counts: Counter[int] = Counter()
    for pulse in pulses:
        counts.update(pulse.slip_counts)
    within, least = 0, 0.99 * counts.total()
    for whole_ms in sorted(counts):
        within += counts[whole_ms]
        if within >= least:
            return whole_ms + 1.0
    return 0.0


def kept(goal: Goal) -> Finding:
    """Return whether a figure is within its floor; the detail says whether it reached its goal."""
    reached = "goal reached" if goal.measured <= goal.goal else "beyond the goal"
    told = f"{goal.measured:.2f} {goal.unit}, {reached} of {goal.goal:g}"
    beyond = [f"{told}, floor {goal.floor:g}"] if not goal.measured <= goal.floor else []
    return judged(f"floor: {goal.what}", beyond, passed=told, figures={"measured": goal.measured})


async def open_loop(
    ask: Callable[[], Awaitable[object]], *, per_s: float, seconds: float
) -> list[float]:
    """Return how long each answer took from the moment that its question was due, ms.

    Parameters
    ----------
    ask : callable
        Sends one question and returns when it is answered.
    per_s, seconds : float
        How often, and for how long; a slow answer does not hold back the next question.
    """
    began_ns = monotonic_ns()

    async def one(number: int) -> float:
        due_ns = began_ns + round(number / per_s * 1e9)
        await asyncio.sleep(max(due_ns - monotonic_ns(), 0) / 1e9)
        await ask()
        return (monotonic_ns() - due_ns) / 1e6

    return list(await asyncio.gather(*(one(number) for number in range(int(per_s * seconds)))))


def p99(values_ms: Sequence[float]) -> float:
    """Return the 99th percentile: an observed value; infinite where there is none."""
    if not values_ms:
        return float("inf")
    return float(np.quantile(np.array(values_ms), 0.99, method="inverted_cdf"))


def show_goals(console: PlainConsole, report: GoalsReport) -> None:
    """Print each figure beside its goal and its floor."""
    table = Table("what", "measured", "goal", "floor", "count", "detail", box=None)
    for row in report.goals:
        goal, floor = (f"{value:g} {row.unit}" for value in (row.goal, row.floor))
        shown = f"{row.measured:.2f} {row.unit}"
        table.add_row(row.what, shown, goal, floor, str(row.count), row.detail)
    console.print(table)
    for finding in report.findings:
        console.print(f"{finding.verdict:>8}  {finding.check}: {finding.detail}", highlight=False)
    console.print(f"{report.machine}; load average {report.load_average:.1f}", highlight=False)


async def _asked(
    plan: LoadPlan, site: LoadSite, connections: Connections, seconds: float, warm_up: float
) -> list[Goal]:
    await asyncio.sleep(warm_up)
    names = [book.portfolio for book in load_books(plan)]
    goals = [await _pushes(connections, names, seconds)]
    site.say("pushes are measured")
    async with ApiConnections(connections) as askers:
        goals.append(await _reads(askers, connections, names[0], seconds))
        site.say("reads are measured")
        goals.append(await _what_ifs(askers, names[0], seconds))
        site.say("what-ifs are measured")
    headers = {"Authorization": f"Bearer {connections.api_token}"}
    async with httpx.AsyncClient(base_url=connections.api_url, headers=headers) as client:
        late_ms = await pushed_trades(client, connections, names[0], SHARE, seconds=seconds)
    site.say("trades are measured")
    goals.append(
        Goal(
            what="trade accepted -> new VaR pushed, p99",
            measured=p99(late_ms),
            unit="ms",
            goal=200,
            floor=1_000,
            count=len(late_ms),
            detail=f"p50 {np.median(late_ms):.0f} ms, slowest {max(late_ms):.0f} ms",
        )
    )
    return goals


async def _pushes(connections: Connections, names: Sequence[str], seconds: float) -> Goal:
    alone = await listened(connections, names[:1], seconds=seconds)
    crowd = await listened(
        connections, [names[n % len(names)] for n in range(CLIENTS)], seconds=seconds
    )
    return Goal(
        what=f"{CLIENTS} SSE clients against 1, p99 ratio",
        measured=p99(crowd) / p99(alone),
        unit="x",
        goal=1.5,
        floor=3,
        count=len(crowd),
        detail=f"p99 {p99(crowd):.1f} ms against {p99(alone):.1f} ms",
    )


async def _reads(
    askers: ApiConnections, connections: Connections, name: str, seconds: float
) -> Goal:
    path = f"/v1/portfolios/{name}/var"
    through_api = await open_loop(
        lambda: askers.ask("GET", path), per_s=READS_PER_S, seconds=seconds
    )
    pool: redis.asyncio.BlockingConnectionPool = redis.asyncio.BlockingConnectionPool.from_url(
        connections.redis_url, max_connections=ASKERS, timeout=ANSWER_BOUND_S
    )
    async with redis.asyncio.Redis.from_pool(pool) as store:
        raw = await open_loop(
            lambda: store.hget(latest_key(name), "current"), per_s=READS_PER_S, seconds=seconds
        )
    return Goal(
        what="GET current VaR at 200/s, p99 against raw Redis",
        measured=p99(through_api) / p99(raw),
        unit="x",
        goal=10,
        floor=20,
        count=len(through_api),
        detail=f"p99 {p99(through_api):.1f} ms against {p99(raw):.1f} ms",
    )


async def _what_ifs(askers: ApiConnections, name: str, seconds: float) -> Goal:
    body = {"trades": [{"instrument": SHARE, "quantity": -100.0}]}
    path = f"/v1/portfolios/{name}/what-if"
    late_ms = await open_loop(
        lambda: askers.ask("POST", path, body), per_s=WHAT_IFS_PER_S, seconds=seconds
    )
    return Goal(
        what="what-if, p99",
        measured=p99(late_ms),
        unit="ms",
        goal=10,
        floor=50,
        count=len(late_ms),
        detail=f"p50 {np.median(late_ms):.1f} ms",
    )


def _restart(site: LoadSite, connections: Connections) -> Goal:
    """Kill the driver, and time the first snapshot of the next one."""
    with LatestStore(connections.redis_url) as store:
        before = store.watermark()
        assert before is not None, "the stream has published"
        killed_ns = monotonic_ns()
        os.kill(RunningStack(site.settings).pid("stream"), signal.SIGKILL)
        ends = end_offsets(connections.kafka_bootstrap_servers, [MARKET_DATA])
        seconds = asyncio.run(fresh_after(store.watermark, before.fence, ends, killed_ns))
    return Goal(
        what="restart after kill -9 -> first fresh snapshot",
        measured=seconds,
        unit="s",
        goal=10,
        floor=30,
        count=1,
        detail="the driver, by its supervisor; every tick before the kill is covered",
    )


async def fresh_after(
    watermark: Callable[[], Watermark | None],
    fence: int,
    ends: Mapping[str, int],
    killed_ns: int,
) -> float:
    """Return the seconds until a newer driver's numbers cover what was there before the kill.

    Parameters
    ----------
    watermark : callable
        Returns the newest batch in Redis.
    fence : int
        Of the driver that was killed. What its successor publishes first is the restored state:
        that is not fresh.
    ends : mapping of str to int
        Where the topics ended, ``topic:partition`` to the next offset.
    killed_ns : int
        CLOCK_MONOTONIC of the kill.

    Raises
    ------
    UnavailableError
        If that takes longer than ``RESTART_BOUND_S``.
    """
    while (elapsed_s := (monotonic_ns() - killed_ns) / 1e9) < RESTART_BOUND_S:
        mark = watermark()
        if mark is not None and mark.fence > fence and _covers(mark, ends):
            return elapsed_s
        await asyncio.sleep(POLL_S)
    raise UnavailableError(f"no fresh snapshot within {RESTART_BOUND_S:.0f} s of the kill")


def _covers(mark: Watermark, ends: Mapping[str, int]) -> bool:
    return all(mark.offsets.get(place, 0) >= end for place, end in ends.items())

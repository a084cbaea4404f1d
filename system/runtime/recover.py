"""``riskstream recover``: diagnose what keeps the stream from starting, and mend it.

Without ``--case`` nothing is written. With it, a person decides to go on without what is lost.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import msgspec
import typer

from system.bus.admin import create_topics
from system.bus.errors import TopicMissingError
from system.bus.extents import TopicExtents, offsets_since, topic_extents
from system.console import PlainConsole, terminal_json
from system.errors import InputError
from system.exits import ExitCode
from system.runtime.running import RunningStack
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings, load_settings
from system.store.errors import ForeignContentError
from system.store.postgres.history import RiskHistory
from system.store.postgres.identity import RecordedRecovery, Recovery, StateIdentity
from system.store.records import StoredState
from system.store.redis.latest import LatestStore
from system.stream.lifecycle.continuity import Break, BreakKind, breaks, last_offsets
from system.stream.lifecycle.recovery import (
    broken_places,
    identity_notes,
    recovery_of,
    unknown_books,
)

SERVERS: Final = ("kafka", "postgres", "redis")
_CASE_HELP: Final = (
    "What to mend: 'topics' (Kafka's topics are not those of the state), 'gap' (retention let "
    "messages go unread), 'database' (empty database, and Kafka lacks its beginning)."
)


class Problem(msgspec.Struct, frozen=True):
    """Something that keeps the stream from starting.

    ``command`` mends it; empty where the sentence says what to do.
    """

    case: str
    place: str
    sentence: str
    command: str = ""


class Diagnosis(msgspec.Struct, frozen=True):
    """Result of `riskstream recover`.

    ``problems`` keep the stream from starting. ``notes`` are mended by its start. ``unknown`` are
    portfolios whose positions may lack trades, and why.
    """

    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    unknown: dict[str, str] = {}
    recoveries: tuple[RecordedRecovery, ...] = ()


def recover(
    case: Annotated[str, typer.Option(help=_CASE_HELP)] = "",
    actor: Annotated[str, typer.Option("--by", help="Who decides it; default: your login.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be lost; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what keeps the stream from starting and how to mend it; with --case, mend it."""
    chosen = _chosen(case)
    settings = load_settings()
    with _servers(settings) as connections:
        if chosen is None:
            _diagnose(connections, as_json=as_json)
        else:
            name = actor or pwd.getpwuid(os.getuid()).pw_name
            _mend(connections, settings, chosen, name, dry_run=dry_run, as_json=as_json)


def diagnosis(connections: Connections) -> Diagnosis:
    """Return what keeps the stream from starting; only reads.

    Parameters
    ----------
    connections : Connections
        Where the servers are.

    Raises
    ------
    UnavailableError
        If a server does not answer.
    """
    with RiskHistory(connections.database_url) as history:
        if problem := history.schema_problem():
            return Diagnosis((Problem("schema", "PostgreSQL", problem),))
        stored, identity = history.load(), history.identity()
        mismatches, topics = _breaks(connections, stored, identity)
        problems = [
            Problem(each.kind, each.place, each.sentence, each.kind.command) for each in mismatches
        ]
        with LatestStore(connections.redis_url) as latest:
            foreign, notes = _redis(latest, identity)
        problems += foreign
        if topics is not None and not stored.offsets and not mismatches:
            notes.append("the database holds no state: the stream reads Kafka from its beginning")
        return Diagnosis(
            tuple(problems),
            (*identity_notes(identity), *notes),
            unknown_books(stored),
            tuple(history.recoveries()),
        )


def planned(connections: Connections, settings: Settings, kind: BreakKind) -> Recovery:
    """Return what a recovery would change.

    Parameters
    ----------
    connections : Connections
        Where the servers are.
    settings : Settings
        Numbers of partitions of topics that are made again.
    kind : BreakKind
        That a person has asked for.

    Raises
    ------
    InputError
        If there is nothing of that kind to mend, or something else to mend first.
    UnavailableError
        If a server does not answer.
    """
    bootstrap = connections.kafka_bootstrap_servers
    create_topics(bootstrap, settings.partitions)
    with RiskHistory(connections.database_url) as history:
        if problem := history.schema_problem():
            raise InputError(f"{problem}; nothing was changed")
        stored, identity = history.load(), history.identity()
    topics = topic_extents(bootstrap, last_offsets(stored))
    mismatches = breaks(stored, identity, topics)
    kinds = {each.kind for each in mismatches}
    if kind not in kinds:
        there = ", ".join(sorted(kinds)) or "none: the stream can start"
        raise InputError(f"--case {kind}: there is nothing of that case to mend; cases: {there}")
    if kind is BreakKind.GAP and BreakKind.TOPICS in kinds:
        raise InputError("--case gap: topics were lost as well; --case topics mends both")
    broken = broken_places(stored, mismatches, topics)
    moments = {
        place: stored.last_records[place].appended_at_ms
        for place in broken
        if place in stored.last_records and place in topics.ends
    }
    since = offsets_since(bootstrap, moments) if moments else {}
    return recovery_of(stored, topics, broken, since)


def _chosen(case: str) -> BreakKind | None:
    if not case:
        return None
    try:
        return BreakKind(case)
    except ValueError:
        known = ", ".join(BreakKind)
        raise InputError(f"--case {case!r}: no such case; there are {known}") from None


@contextmanager
def _servers(settings: Settings) -> Iterator[Connections]:
    """Give the servers of the stack that runs, or start them for as long as it takes."""
    if RunningStack(settings).is_up():
        yield settings.connections()
        return
    PlainConsole(stderr=True).print("No stack runs: its servers are started for this command.")
    with EmbeddedStack(settings, components=SERVERS) as stack:
        yield stack.connections


def _breaks(
    connections: Connections, stored: StoredState, identity: StateIdentity
) -> tuple[tuple[Break, ...], TopicExtents | None]:
    try:
        topics = topic_extents(connections.kafka_bootstrap_servers, last_offsets(stored))
    except TopicMissingError as error:
        if not stored.offsets:
            return (), None
        return (Break(BreakKind.TOPICS, "topics", str(error)),), None
    return breaks(stored, identity, topics), topics


def _redis(latest: LatestStore, identity: StateIdentity) -> tuple[list[Problem], list[str]]:
    try:
        claimed = latest.claimed_fence()
    except ForeignContentError as error:
        return [Problem("redis", "riskstream:fence", str(error))], []
    notes = []
    owner = latest.identity()
    if owner not in {"", identity.name}:
        notes.append(
            "Redis holds numbers of another database, or of this one before a recovery: the next "
            "driver removes them"
        )
    if claimed > identity.fence:
        notes.append(
            f"Redis has seen fence {claimed}, and PostgreSQL has given out {identity.fence}: the "
            "database is a new one, or an older backup was restored. The next driver takes a "
            "higher fence, and reads what PostgreSQL lacks from Kafka again"
        )
    return [], notes


def _diagnose(connections: Connections, *, as_json: bool) -> None:
    result = diagnosis(connections)
    if as_json:
        typer.echo(terminal_json(result, indent=2))
    else:
        _print_diagnosis(result)
    if result.problems:
        raise typer.Exit(ExitCode.NEEDS_RECOVERY)


def _print_diagnosis(result: Diagnosis) -> None:
    console = PlainConsole()
    for problem in result.problems:
        console.print(f"{problem.sentence}.", soft_wrap=True)
    for command in dict.fromkeys(problem.command for problem in result.problems):
        if command:
            console.print(
                f"To continue without it: {command} (first with --dry-run)", soft_wrap=True
            )
    if not result.problems:
        console.print("State and topics follow one another: the stream can start.")
    for note in result.notes:
        console.print(f"Note: {note}.", soft_wrap=True)
    for name, reason in result.unknown.items():
        console.print(f"Not available: {name}: {reason}.", soft_wrap=True)
    for each in result.recoveries:
        when = each.recorded_at.isoformat(" ", "seconds")
        console.print(f"Recovered {when} by {each.actor}: {each.reason}.", soft_wrap=True)


def _mend(
    connections: Connections,
    settings: Settings,
    kind: BreakKind,
    actor: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    recovery = planned(connections, settings, kind)
    if not dry_run:
        with RiskHistory(connections.database_url) as history:
            history.recover(recovery, actor=actor)
    if as_json:
        answer = {"lost": recovery.lost, "offsets": recovery.offsets, "books": recovery.books}
        sys.stdout.write(terminal_json(answer, indent=2) + "\n")
        return
    console = PlainConsole()
    verb = "would be recorded as lost" if dry_run else "are recorded as lost"
    for each in recovery.lost:
        console.print(f"{each.sentence()}: {verb}", soft_wrap=True)
    for book in recovery.books:
        console.print(f"{book}: no risk until its positions are stated again", soft_wrap=True)
    console.print(
        "Nothing was changed."
        if dry_run
        else "The stream can start: at once by `riskstream up`, or within a minute where it runs.",
        soft_wrap=True,
    )

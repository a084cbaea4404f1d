"""Recovery: the state that continues without lost messages, and the books unknown afterwards.

No position is invented. Offsets move to where Kafka can be read again, the messages in between are
recorded as lost, and every book that may lack a trade of it has no risk until its positions are
stated again (``system.book.ingest.lost``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from system.book.book import Book
from system.book.state.rows import LOST_KEY, PORTFOLIO_PREFIX, LostMessages, PortfolioState
from system.bus.extents import TopicExtents
from system.contracts.topics import REFERENCE, TRADES, split_offset_key
from system.store.postgres.identity import LostRange, Recovery, StateIdentity
from system.store.records import StoredState
from system.stream.lifecycle.continuity import Break, BreakKind

MAX_NAMED_RANGES: Final = 4
STATE_AGAIN: Final = "state the positions again, as of now (`riskstream portfolio import`)"
_POSITIONS_COME_FROM: Final = frozenset({TRADES.name, REFERENCE.name})


def broken_places(
    stored: StoredState, mismatches: Iterable[Break], topics: TopicExtents
) -> frozenset[str]:
    """Return the partitions whose offsets count other messages than those of the state."""
    names = {each.place for each in mismatches if each.kind is BreakKind.TOPICS}
    every = stored.offsets.keys() | topics.ends.keys()
    if "cluster" in names:
        return frozenset(every)
    return frozenset(place for place in every if place in names or _topic(place) in names)


def recovery_of(
    stored: StoredState,
    topics: TopicExtents,
    broken: frozenset[str],
    since: Mapping[str, int | None],
) -> Recovery:
    """Return the changes by which a state continues with the topics that are there.

    Parameters
    ----------
    stored : StoredState
        As PostgreSQL keeps it, with its rows.
    topics : TopicExtents
        The input topics as they are.
    broken : frozenset of str
        As ``broken_places``.
    since : mapping of str to int or None
        Of the broken partitions whose last record is known: the first offset that was appended
        at its time or later, None where there is none. What was appended then is read again: a
        trade counts once by its id, an older tick not at all.
    """
    offsets = {place: _resumed(place, stored, topics, broken, since) for place in topics.ends}
    lost = tuple(_lost(stored, topics, broken, offsets))
    touches = any(_topic(each.place) in _POSITIONS_COME_FROM for each in lost)
    reason = f"{_listed(lost)} lost: {STATE_AGAIN}" if lost else ""
    rows: dict[str, bytes] = {}
    books: tuple[str, ...] = ()
    if touches:
        books = tuple(sorted(_books(stored)))
        rows = _unknown_rows(stored, topics, reason)
    return Recovery(
        dict(stored.offsets),
        offsets,
        lost,
        books,
        reason,
        rows,
        topics.cluster_id,
        topics.topic_ids,
        tuple(sorted({_topic(place) for place in broken})),
    )


def _resumed(
    place: str,
    stored: StoredState,
    topics: TopicExtents,
    broken: frozenset[str],
    since: Mapping[str, int | None],
) -> int:
    beginning, end = topics.beginnings[place], topics.ends[place]
    if place not in stored.offsets:
        return beginning
    if place not in broken:
        return max(beginning, stored.offsets[place])
    if place not in since:
        return beginning
    first = since[place]
    return end if first is None else max(beginning, first)


def _lost(
    stored: StoredState,
    topics: TopicExtents,
    broken: frozenset[str],
    offsets: Mapping[str, int],
) -> Iterable[LostRange]:
    for place in sorted(stored.offsets.keys() | topics.ends.keys()):
        ended = stored.offsets.get(place, 0)
        if place in broken or place not in topics.ends:
            yield LostRange(place, ended)
        elif offsets[place] > ended:
            yield LostRange(place, ended, offsets[place])


def _listed(lost: tuple[LostRange, ...]) -> str:
    named = [each.sentence() for each in lost[:MAX_NAMED_RANGES]]
    more = len(lost) - len(named)
    verb = "are" if len(lost) > 1 or lost[0].is_many else "is"
    return f"{', '.join(named)}{f' and of {more} more partitions' if more else ''} {verb}"


def _books(stored: StoredState) -> Iterable[str]:
    return (
        key.removeprefix(PORTFOLIO_PREFIX)
        for key in stored.state
        if key.startswith(PORTFOLIO_PREFIX)
    )


def _unknown_rows(stored: StoredState, topics: TopicExtents, reason: str) -> dict[str, bytes]:
    """Return the rows that say which books are not known, and since when a statement counts."""
    known = Book(dict.fromkeys(topics.ends, 0), stored.state)
    lost = LostMessages(
        reason=reason,
        until={place: end for place, end in topics.ends.items() if _topic(place) == REFERENCE.name},
        since_ns=known.market.newest_event_ns,
    )
    rows = {LOST_KEY: msgspec.json.encode(lost)}
    for name in _books(stored):
        key = PORTFOLIO_PREFIX + name
        state = msgspec.json.decode(stored.state[key], type=PortfolioState)
        unknown = msgspec.structs.replace(state, positions_unknown=reason)
        rows[key] = msgspec.json.encode(unknown)
    return rows


def unknown_books(stored: StoredState) -> dict[str, str]:
    """Return the portfolios whose positions may lack trades, and why."""
    states = {
        name: msgspec.json.decode(stored.state[PORTFOLIO_PREFIX + name], type=PortfolioState)
        for name in _books(stored)
    }
    return {
        name: state.positions_unknown
        for name, state in sorted(states.items())
        if state.positions_unknown
    }


def identity_notes(identity: StateIdentity) -> list[str]:
    """Return what is worth knowing of a database's identity, and needs nobody."""
    if not identity.is_copy:
        return []
    return [
        f"the database was written by another PostgreSQL server (system identifier "
        f"{identity.system_identifier}, now {identity.server_identifier}): a backup was restored "
        "here. The stream continues with it, and reads what it lacks from Kafka again"
    ]


def _topic(place: str) -> str:
    return split_offset_key(place)[0]

"""A world whose state is the fold's own: what the stream has sent, kept and published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from system.book.ingest.fold import Fold
from system.contracts.api.questions import ProposedTrade, WhatIf, WhatIfRequest
from system.contracts.codec import encode
from system.store.records import BatchCommit
from tests.system.book.feed import Feed, rate, tick


class Streamed:
    """A feed whose every batch reaches the stores of a world.

    ``behind`` keeps batches from PostgreSQL, as the stream's own writer does for one batch.
    """

    def __init__(self, world: Any, feed: Feed) -> None:
        self.world, self.feed = world, feed
        self.behind: list[BatchCommit] = []
        self._commit(dict(feed.rows), (), durable=True)

    def take(self, fold: Fold, *, durable: bool = True) -> Fold:
        """Publish and commit a batch."""
        self._commit(fold.state, fold.snapshots, durable=durable, offsets=fold.offsets)
        return fold

    def catch_up(self) -> None:
        """Commit what is behind."""
        for batch in self.behind:
            self.world.history.commit(batch)
        self.behind.clear()

    def _commit(
        self, state: Any, snapshots: Any, *, durable: bool, offsets: Mapping[str, int] | None = None
    ) -> None:
        world = self.world
        world.epoch += 1
        place = (world.fence, world.epoch)
        if snapshots:
            world.latest.publish(
                snapshots,
                fence=place[0],
                epoch=place[1],
                offsets=dict(offsets or {}),
                published_ns=1,
            )
        self.behind.append(BatchCommit(*place, {}, state, snapshots))
        if durable:
            self.catch_up()
            world.latest.mark_durable(*place)


PRICED = (tick("A", 101.0), tick("B", 41.0), tick("C", 905.0), tick("D", 3010.0))
RATES = (rate("USD", 1.12), rate("GBP", 0.86))


def asked(streamed: Streamed, *trades: ProposedTrade, name: str = "P") -> Any:
    body = encode(WhatIfRequest(trades=trades))
    return streamed.world.client.post(f"/v1/portfolios/{name}/what-if", content=body)


def answered(streamed: Streamed, *trades: ProposedTrade, name: str = "P") -> WhatIf:
    response = asked(streamed, *trades, name=name)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=WhatIf)


def proposed(name: str, quantity: float, price: float | None = None) -> ProposedTrade:
    return ProposedTrade(instrument=name, quantity=quantity, price=price)


def figures(risk: Any) -> tuple[Any, ...]:
    return risk.var, risk.expected_shortfall, risk.nav, risk.inputs_hash, risk.tail

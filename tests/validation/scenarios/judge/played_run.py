"""A story folded in memory, with everything that a judge of it needs."""

from system.contracts.messages import SnapshotKind
from tests.validation.scenarios.folding import folded, observed
from tests.validation.scenarios.stories import played
from validation.checkers.end_of_day import EndOfDay
from validation.measure.record import SeenSnapshot
from validation.rules.rulings import rulings_of
from validation.rules.topic_closes import topic_closes

STORY = """
[[portfolio]]
id = "euro"
base_currency = "EUR"
positions = { SIM001 = 3, SIM003 = 4 }
[[timeline]]
do = "volatility"
day = 2
factor = 3
[[timeline]]
do = "out_of_order"
day = 2
every = 4
[[timeline]]
do = "late"
day = 2
every = 9
[[timeline]]
do = "halt"
day = 3
series = ["SIM002"]
[[timeline]]
do = "trade"
day = 2
portfolio = "book"
instrument = "SIM003"
quantity = 50
[[timeline]]
do = "flip"
day = 3
portfolio = "euro"
"""


class Played:
    """A story, its topics, its snapshots, and what must become of its messages."""

    def __init__(self, story, *, partitions: int = 2, batch: int = 40) -> None:
        self.topics = played(story, partitions=partitions)
        self.snapshots = folded(self.topics, batch=batch)
        self.lines = observed(self.snapshots)
        self.seen = [line for line in self.lines if isinstance(line, SeenSnapshot)]
        self.records = self.topics.records
        self.ruled = rulings_of(self.records)
        self.closes = topic_closes(self.records, self.ruled)
        self.ends = [
            snapshot for snapshot in self.snapshots if snapshot.kind is SnapshotKind.END_OF_DAY
        ]

    @property
    def stated(self) -> dict:
        return {
            (end.portfolio, end.asof): EndOfDay(
                nav=end.nav,
                var=end.var,
                expected_shortfall=end.expected_shortfall,
                hypothetical_pnl=end.hypothetical_pnl,
                breach=end.breach,
                scenario_date=end.scenario_date,
                components={row.instrument: row.component_var for row in end.positions},
            )
            for end in self.ends
        }

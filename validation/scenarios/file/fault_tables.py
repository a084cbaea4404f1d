"""Tables of faults in scenario files: one type per kind, its bounds and defaults."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from validation.scenarios.file.value_types import Begin, DayNumber, Seconds, Strict

Component: TypeAlias = Literal[
    "stream", "executor", "spark-worker", "spark-master", "kafka", "postgres", "redis", "api"
]

HOLDS_S: Final = 30.0
"""Seconds that a recovery must hold before it counts."""
Link: TypeAlias = Literal["kafka", "postgres", "redis"]
KillPoint: TypeAlias = Literal["publish", "announce", "begin", "commit", "mark_durable"]
InputTopic: TypeAlias = Literal["reference", "trades", "fx_rates", "market_data"]


class FaultTable(Strict, frozen=True, kw_only=True, tag_field="do"):
    """Something that breaks at a moment of a day, in the run's own stack.

    ``steady_s``: how long the stream must stay recovered before it counts as recovered.
    ``quiet``: nothing is sent between its beginning and the end of that time.
    """

    day: DayNumber
    at: Begin = 0.5
    recover_within_s: Seconds = 120.0
    steady_s: Annotated[float, Meta(ge=HOLDS_S, le=600)] = HOLDS_S
    quiet: bool = False


class Kill(FaultTable, frozen=True, kw_only=True, tag="kill"):
    """SIGKILL to one component."""

    what: Component


class Pause(FaultTable, frozen=True, kw_only=True, tag="pause"):
    """SIGSTOP to one component and all its children, SIGCONT after ``seconds``."""

    what: Component
    seconds: Annotated[float, Meta(gt=0, le=120)] = 4.0


class SecondDriver(FaultTable, frozen=True, kw_only=True, tag="second_driver"):
    """Another driver of the stream is started, once or under a supervisor that restarts it.

    ``supervised``: by supervisord with the section of the first one, to the end of the story.
    """

    supervised: bool = False


class Delay(FaultTable, frozen=True, kw_only=True, tag="delay"):
    """Bytes between the product and a server take ``milliseconds`` longer, each way."""

    what: Link
    milliseconds: Annotated[int, Meta(ge=1, le=5_000)] = 200
    seconds: Annotated[float, Meta(gt=0, le=60)] = 4.0


class Cut(FaultTable, frozen=True, kw_only=True, tag="cut"):
    """Connections of the product to a server are broken off, and new ones refused."""

    what: Link
    seconds: Annotated[float, Meta(gt=0, le=60)] = 4.0


class DiskFull(FaultTable, frozen=True, kw_only=True, tag="disk_full"):
    """The file system of the stream's checkpoints has no byte left; needs root."""

    seconds: Annotated[float, Meta(gt=0, le=60)] = 4.0


class BlackHole(FaultTable, frozen=True, kw_only=True, tag="black_hole"):
    """Connections of the product to a server stay open, and nothing passes: no reset, no answer.

    What was on its way arrives when it is over, also from a client that has given up.
    """

    what: Link
    seconds: Annotated[float, Meta(gt=0, le=120)] = 20.0


class KillAt(FaultTable, frozen=True, kw_only=True, tag="kill_at"):
    """SIGKILL to the driver when it sends a certain request, which never arrives."""

    point: KillPoint


class Flood(FaultTable, frozen=True, kw_only=True, tag="flood"):
    """Records of NUL bytes, sent to an input topic while the driver stands still."""

    topic: InputTopic = "trades"
    records: Annotated[int, Meta(ge=1, le=100_000)] = 250
    size: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000_000


class StrayMark(FaultTable, frozen=True, kw_only=True, tag="stray_mark"):
    """The end-of-day mark of the day comes to one partition of market data, and to no other."""

    partition: Annotated[int, Meta(ge=0, le=15)] = 0


class EmptyRedis(FaultTable, frozen=True, kw_only=True, tag="empty_redis"):
    """Every key of Redis is gone; the server lives."""


class DamageTable(FaultTable, frozen=True, kw_only=True):
    """Damage to what a store has kept.

    ``refused``: the driver must refuse to start, with this in its sentence, and the `riskstream
    recover` that the sentence names is then run; empty where it must mend itself.
    """

    refused: Annotated[str, Meta(max_length=100)] = ""


class UndoCommit(DamageTable, frozen=True, kw_only=True, tag="undo_commit"):
    """PostgreSQL has the rows of before some commits again, under a driver that runs.

    As after a failover to a replica that had not received them.
    """

    behind_s: Seconds = 1.0


class RestoreDatabase(DamageTable, frozen=True, kw_only=True, tag="restore_database"):
    """PostgreSQL's files of ``behind_s`` ago are put back; everything else lives."""

    behind_s: Seconds = 10.0


class LoseDatabase(DamageTable, frozen=True, kw_only=True, tag="lose_database"):
    """The database is gone, and an empty one has its name; everything else lives."""


class RetentionGap(DamageTable, frozen=True, kw_only=True, tag="retention_gap"):
    """Kafka deletes market data while the stream is down for ``seconds`` and has not read it."""

    seconds: Annotated[float, Meta(gt=0, le=60)] = 5.0


class LetGo(FaultTable, frozen=True, kw_only=True, tag="let_go"):
    """Kafka lets go of all that the stream has read of a topic, as retention does."""

    topic: InputTopic = "trades"


class RecreateTopic(DamageTable, frozen=True, kw_only=True, tag="recreate_topic"):
    """A topic is deleted and made again, empty, while the stream is down for ``seconds``."""

    topic: InputTopic = "trades"
    seconds: Annotated[float, Meta(gt=0, le=60)] = 1.0


AnyFault: TypeAlias = (
    Kill
    | Pause
    | SecondDriver
    | Delay
    | Cut
    | BlackHole
    | DiskFull
    | KillAt
    | Flood
    | StrayMark
    | EmptyRedis
    | UndoCommit
    | RestoreDatabase
    | LoseDatabase
    | RetentionGap
    | LetGo
    | RecreateTopic
)

"""Tables of faults in scenario files: one type per kind, its bounds and defaults."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from validation.scenarios.injection.recovery import HOLDS_S
from validation.scenarios.tables import Begin, DayNumber, Seconds, Strict

Component: TypeAlias = Literal[
    "stream", "executor", "spark-worker", "spark-master", "kafka", "postgres", "redis", "api"
]


Link: TypeAlias = Literal["kafka", "postgres", "redis"]


class FaultTable(Strict, frozen=True, kw_only=True, tag_field="do"):
    """Something that breaks at a moment of a day, in the run's own stack.

    ``steady_s``: how long the stream must stay recovered before it counts as recovered.
    """

    day: DayNumber
    at: Begin = 0.5
    recover_within_s: Seconds = 120.0
    steady_s: Annotated[float, Meta(ge=HOLDS_S, le=600)] = HOLDS_S


class Kill(FaultTable, frozen=True, kw_only=True, tag="kill"):
    """SIGKILL to one component."""

    what: Component


class Pause(FaultTable, frozen=True, kw_only=True, tag="pause"):
    """SIGSTOP to one component and all its children, SIGCONT after ``seconds``."""

    what: Component
    seconds: Annotated[float, Meta(gt=0, le=60)] = 4.0


class SecondDriver(FaultTable, frozen=True, kw_only=True, tag="second_driver"):
    """Another driver of the stream is started: it takes the fence, the first one ends."""


class Delay(FaultTable, frozen=True, kw_only=True, tag="delay"):
    """What goes between the product and a server takes ``milliseconds`` longer, each way."""

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


AnyFault: TypeAlias = Kill | Pause | SecondDriver | Delay | Cut | DiskFull

"""``python -m validation.containers.watch``: looks at the stream, one JSON line each.

Runs in a container on the inner network: the broker, Redis and their secrets are reachable there
only. CLOCK_MONOTONIC is the same in every container of one Linux host.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from system.runtime.interrupts import stop_signals_as_interrupt
from system.settings import load_settings
from validation.scenarios.faults.stream_watch import StreamWatch

FLUSH_S: Final = 0.5
STOP: Final = "stop"
"""File beside the record that ends the watch: not every engine passes a signal through."""


def watch(
    record: Annotated[Path, typer.Option(help="File to append looks to.")],
    seconds: Annotated[float, typer.Option(min=1.0, help="Longest time.")] = 1_800.0,
) -> None:
    """Append looks at the stream to a file until a file `stop` appears beside it."""
    waiting, encoder = threading.Event(), msgspec.json.Encoder()
    with (
        stop_signals_as_interrupt(),
        StreamWatch(load_settings().connections()) as looking,
        record.open("ab") as file,
    ):
        written, turns = 0, round(seconds / FLUSH_S)
        for _ in range(turns):
            waiting.wait(FLUSH_S)
            for look in looking.looks[written:]:
                file.write(encoder.encode(look) + b"\n")
                written += 1
            file.flush()
            if record.with_name(STOP).exists():
                return


if __name__ == "__main__":
    typer.run(watch)

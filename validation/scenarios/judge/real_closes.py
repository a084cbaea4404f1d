"""Closes on the topics against the real ones, read a second time by other code."""

from __future__ import annotations

from typing import Final

from validation.rules.second_reader import Closes
from validation.rules.topic_closes import TopicCloses
from validation.verdict import Finding, judged

CHECK: Final = "closes: each day ends on its real close"


def check_real_closes(closes: TopicCloses, real: Closes) -> Finding:
    """Return whether history and days on the topics are the real closes, bit for bit.

    Parameters
    ----------
    closes : TopicCloses
        As the stream was told.
    real : mapping
        ``validation.run.read_back.real_closes``.
    """
    pairs = [
        (series, day, value)
        for series, own in sorted(closes.closes.items())
        for day, value in sorted(own.items())
    ]
    problems = (
        f"{series} {day}: {value} on the topics, {real.get(series, {}).get(day)} really"
        for series, day, value in pairs
        if real.get(series, {}).get(day) != value
    )
    return judged(CHECK, problems, passed=f"{len(pairs)} closes of {len(closes.closes)} series")

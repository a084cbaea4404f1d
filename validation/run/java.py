"""Java of stacks that live for minutes and whose latency nobody looks at."""

from __future__ import annotations

import os
from typing import Final

OPTIONS_VARIABLE: Final = "JAVA_TOOL_OPTIONS"
FIRST_COMPILER: Final = "-XX:TieredStopAtLevel=1"


def compile_little() -> None:
    """Let the JVMs that this process starts use Java's first compiler only.

    Spark's JVMs have that flag anyway. Kafka's broker has not: its second compiler takes 4 s of
    processor time until the broker answers and 1 s for each story after that, and pays it back in
    a broker that lives for hours. Options that are set already stay as they are.
    """
    os.environ.setdefault(OPTIONS_VARIABLE, FIRST_COMPILER)

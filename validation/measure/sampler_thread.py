"""Thread that samples during a run: started with it, stopped at its end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Background(ABC):
    """A thread for the length of a ``with`` block.

    Parameters
    ----------
    name : str
        Of the thread.
    join_bound_s : float
        How long its end is waited for.
    """

    def __init__(self, name: str, *, join_bound_s: float) -> None:
        self._stopped = threading.Event()
        self._join_bound_s = join_bound_s
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join(self._join_bound_s)

    @abstractmethod
    def _run(self) -> None:
        """Work until ``_stopped`` is set."""

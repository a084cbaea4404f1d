"""Processes of a stack under test: which live, and where they listen."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

GONE_BOUND_S = 30
HANGS_S = 280
"""A program that takes longer hangs, also on a slow machine; pytest ends the test at 300 s."""


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants that live."""
    head = psutil.Process(pid)
    return [each for each in (head, *head.children(recursive=True)) if _lives(each)]


def survivors(processes: Iterable[psutil.Process]) -> list[str]:
    """Return the processes that live after a bounded wait; empty when all have ended."""
    _, alive = psutil.wait_procs(list(processes), timeout=GONE_BOUND_S)
    return [f"{each.pid} {' '.join(each.cmdline()[:3])}" for each in alive if _lives(each)]


def listening_addresses(processes: Iterable[psutil.Process]) -> set[str]:
    """Return the addresses on which some processes listen."""
    return {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

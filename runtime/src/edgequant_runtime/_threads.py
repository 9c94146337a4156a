"""How many threads an engine gets."""

from __future__ import annotations

import os

from ._errors import EngineError


def usable_cores() -> int:
    """Return the number of cores this process may run on: taskset and containers can make it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_threads(threads: int | None) -> int:
    """Return the number of threads to use: `threads`, or every usable core for None; raises EngineError below 1."""
    if threads is None:
        return usable_cores()
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise EngineError(f"threads={threads!r} is no number of threads: give 1 or more, or None for every core.")
    return threads

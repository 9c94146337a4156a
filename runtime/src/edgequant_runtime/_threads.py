"""How many threads an engine gets."""

from __future__ import annotations

import operator
import os
from typing import SupportsIndex

from ._errors import EngineError

# Far more than any board has cores; with 1000, ONNX Runtime hangs while it starts them.
MAX_THREADS = 256


def usable_cores() -> int:
    """Return the number of cores this process may run on: taskset and containers can make it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_threads(threads: SupportsIndex | None) -> int:
    """Return the number of threads to use: `threads`, or every usable core for None (at most MAX_THREADS).

    Raises EngineError unless it is an integer of any type from 1 to MAX_THREADS.
    """
    if threads is None:
        return min(usable_cores(), MAX_THREADS)
    try:
        count = 0 if isinstance(threads, bool) else operator.index(threads)
    except TypeError:
        count = 0
    if not 1 <= count <= MAX_THREADS:
        raise EngineError(
            f"threads={threads!r} is no number of threads: give 1 to {MAX_THREADS}, or None for every core."
        )
    return count

"""One process for all that a command or a conversion opens, without handing it from function to function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ._engine_process import EngineProcess

_shared: ContextVar[EngineProcess | None] = ContextVar("the process that is shared", default=None)


@contextmanager
def engine_process() -> Iterator[EngineProcess]:
    """Have whatever is opened within the block share a process, which gets ready at once and ends with the block.

    Within another such block it is the other's.
    """
    outer = _shared.get()
    if outer is not None:
        yield outer
        return
    with EngineProcess() as process:
        token = _shared.set(process)
        try:
            yield process
        finally:
            _shared.reset(token)


def current_process() -> EngineProcess:
    """Return the process of the block of `engine_process()`, or a new one, which ends with what is opened in it."""
    return _shared.get() or EngineProcess()

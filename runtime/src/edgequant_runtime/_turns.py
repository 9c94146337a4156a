"""One at a time: what keeps the threads of a process apart in a session, and processes that were forked out of it."""

from __future__ import annotations

# The module `threading` has the same lock, and takes as long to import as a small model to open.
from _thread import LockType, allocate_lock
from os import getpid

from ._errors import EngineError


class Turns:
    """A lock on a session; there is none in a forked process unless the session `may_fork`."""

    __slots__ = ("_lock", "_may_fork", "_process")

    def __init__(self, may_fork: bool) -> None:
        self._lock, self._process, self._may_fork = allocate_lock(), getpid(), may_fork

    def lock(self) -> LockType:
        """Return what `with` takes for a turn: the lock itself, which costs the least; raises EngineError."""
        if getpid() != self._process:
            if not self._may_fork:
                raise EngineError(
                    "This session's threads stayed in the process that it was opened in: open a session in each "
                    "process after the fork, or open it with threads=1."
                )
            # Whoever held the old lock when the process was forked is not here to release it.
            self._lock, self._process = allocate_lock(), getpid()
        return self._lock

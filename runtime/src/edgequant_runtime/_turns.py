"""One caller at a time: engines keep inputs, outputs and state in one place, so a session's methods take turns.

Sessions in a forked process have a lock of their own, or a refusal where the engine's threads stayed behind.
"""

from __future__ import annotations

# The module `threading` has the same lock, and takes as long to import as a small model to open; so with `weakref`.
from _thread import LockType, allocate_lock
from _weakref import ReferenceType, ref
from os import register_at_fork

from ._errors import EngineError


class _Refusal:
    """Stands for the lock of a session that a forked process cannot use."""

    def acquire(self) -> None:
        """Raise EngineError."""
        raise EngineError(
            "This session's threads stayed in the process that it was opened in: open a session in each "
            "process after the fork, or open it with threads=1."
        )

    __enter__ = acquire

    def release(self) -> None:
        """Nothing was acquired."""

    def __exit__(self, *error: object) -> None:
        """Nothing was entered."""


class Turns:
    """The lock of a session; none is to be had in a forked process unless the session `may_fork`.

    `lock` is what `with` takes for a turn: an attribute, because a call for it takes as long as a small network.
    """

    __slots__ = ("__weakref__", "_may_fork", "lock")

    def __init__(self, may_fork: bool) -> None:
        self._may_fork = may_fork
        self.lock: LockType | _Refusal = allocate_lock()
        _everyone.add(ref(self, _everyone.discard))

    def forked(self) -> None:
        """Begin anew: whoever held the old lock when the process was forked is not here to release it."""
        self.lock = allocate_lock() if self._may_fork else _Refusal()


_everyone: set[ReferenceType[Turns]] = set()


def _after_fork() -> None:
    for reference in list(_everyone):
        turns = reference()
        if turns is not None:
            turns.forked()


register_at_fork(after_in_child=_after_fork)

"""Keeping an engine's chatter off standard error while letting everything else through."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# "INFO: Created TensorFlow Lite XNNPACK delegate for CPU." and its like, written by C++ straight to descriptor 2.
CHATTER = re.compile(rb"^(INFO|I\d{4}|VERBOSE): .*\n?|^I\d{4} \d\d:\d\d:.*\n?", re.MULTILINE)

_is_kept_elsewhere = False


def keep_elsewhere() -> None:
    """Say that nobody reads this process's standard error but after its death: nothing need be dropped then."""
    global _is_kept_elsewhere
    _is_kept_elsewhere = True


# Descriptor 2 belongs to the whole process, so two threads must not redirect it at the same time.
_redirecting = threading.Lock()


@contextmanager
def without_chatter() -> Iterator[None]:
    """Drop information lines that native code writes to standard error in this block; print the rest after it.

    What other threads write to standard error meanwhile appears after the block too: late, but not lost.
    """
    if _is_kept_elsewhere:
        yield
        return
    with _redirecting, tempfile.TemporaryFile() as captured:
        _flush()
        try:
            original = os.dup(2)
        except OSError:  # a daemon may have closed it; there is nothing to keep clean then
            yield
            return
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            _flush()
            os.dup2(original, 2)
            os.close(original)
            captured.seek(0)
            rest = CHATTER.sub(b"", captured.read())
            if rest:
                os.write(2, rest)


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()

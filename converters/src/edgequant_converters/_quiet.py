"""Keeping the exporters' chatter off the user's terminal."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from pathlib import Path


@contextmanager
def quiet() -> Iterator[None]:
    """Mute warnings, logging, and what native code writes to file descriptor 2; exceptions pass as always.

    The exporters print their progress, deprecations inside their own code and, from C++, log lines that no setting
    turns off. What this process itself prints to `sys.stderr` meanwhile (a progress bar) still appears.
    """
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    # Without any handler, a library's logging.warning() would install one for good, on the stream muted here.
    placeholder = logging.NullHandler()
    logging.root.addHandler(placeholder)
    try:
        with warnings.catch_warnings(), _native_stderr_muted():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.root.removeHandler(placeholder)
        logging.disable(disabled)


@contextmanager
def _native_stderr_muted() -> Iterator[None]:
    python_stderr = sys.stderr
    terminal = os.dup(2)
    with os.fdopen(terminal, "w", buffering=1) as kept, Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 2)
        if _writes_to_descriptor_2(python_stderr):
            sys.stderr = kept
        try:
            yield
        finally:
            sys.stderr = python_stderr
            kept.flush()
            os.dup2(terminal, 2)


def _writes_to_descriptor_2(stream: object) -> bool:
    with suppress(AttributeError, OSError, UnsupportedOperation):
        return bool(stream.fileno() == 2)  # type: ignore[attr-defined]
    return False

"""The worker's side: it answers its parent until there is no more to answer, and never outlives it."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from edgequant_runtime import _errors as errors
from edgequant_runtime._engines._base import first_line
from edgequant_runtime._errors import EngineError, SessionError
from edgequant_runtime._stderr import keep_elsewhere

from ._messages import LIFELINE, Arrays, encoded, read_message

Answer = tuple[dict[str, Any], Arrays]
Notify = Callable[[dict[str, Any]], None]


def serve(answer: Callable[[dict[str, Any], list[Any], Notify], Answer]) -> None:
    """Answer each request on standard input, a document and arrays, with what `answer` makes of it.

    `answer` may tell the parent something first, by its last argument. What it raises is raised by the parent's
    `ask`: a SessionError as it is, anything else as an EngineError.
    """
    _end_with_the_parent()
    keep_elsewhere()
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an engine that aborts leaves no file in the user's folder
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever an engine prints must not get among the replies

    def send(document: dict[str, Any], arrays: Arrays = ()) -> None:
        for part in encoded(document, arrays):
            replies.write(part)
        replies.flush()

    def notify(document: dict[str, Any]) -> None:
        send({**document, "notice": True})

    while True:
        message = read_message(sys.stdin.buffer)
        if message is None:
            return
        try:
            document, arrays = answer(*message, notify)
        except Exception as error:  # engines raise whatever they like, and their tracebacks mean nothing to a user
            document, arrays = {"error": _kind(error), "message": _sentence(error)}, ()
        send(document, arrays)


def _end_with_the_parent() -> None:
    """Have the system end this process when the parent's end of the lifeline closes, whatever an engine does then."""
    lifeline = int(os.environ[LIFELINE])
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    if poll.poll(0):  # it closed before anybody looked
        sys.exit(1)


def _kind(error: Exception) -> str:
    kinds = (kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return next(kinds, EngineError.__name__)


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, SessionError) else f"The engine failed: {first_line(error)}."

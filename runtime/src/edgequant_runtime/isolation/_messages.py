"""What the two sides tell each other: a line of JSON, then the bytes of the arrays that it announces.

Nothing that arrives is executed: a hostile model that takes over the worker gains numbers in the parent, and no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

LIFELINE = "EDGEQUANT_LIFELINE"
"""The environment variable with the number of the pipe that closes when the parent ends."""

Arrays = Sequence[NDArray[Any]]


def encoded(document: dict[str, Any], arrays: Arrays = ()) -> Iterator[memoryview]:
    """Yield the parts of a message; the arrays' bytes are not copied if they lie row by row."""
    announced = [[array.dtype.str, array.shape] for array in arrays]
    yield memoryview(json.dumps({**document, "arrays": announced}).encode() + b"\n")
    for array in arrays:
        if array.size:
            yield _bytes(np.ascontiguousarray(array))


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], list[NDArray[Any]]] | None:
    """Return the next message, None if the other side has closed the pipe or died within one.

    Raises ValueError or KeyError for what is no message.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    document = json.loads(line)
    arrays = []
    for dtype, shape in document.pop("arrays"):
        array = np.empty(shape, np.dtype(dtype))
        if array.size and not _fill(stream, _bytes(array)):
            return None
        arrays.append(array)
    return document, arrays


def _fill(stream: BinaryIO, memory: memoryview) -> bool:
    done = 0
    while done < len(memory):
        count = stream.readinto(memory[done:])  # type: ignore[attr-defined]  # io.BufferedIOBase has it
        if not count:
            return False
        done += count
    return True


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
